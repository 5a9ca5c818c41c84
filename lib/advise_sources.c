/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which sources are over-eager: by the requests that arrive while somebody waits, or else
 * by their entries.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "advise.h"
#include "conntrack/requests.h"

/* A source of fewer entries, or requests a second, is no trouble, whatever the others do. */
#define OVER_EAGER_ENTRIES 16
#define OVER_EAGER_RATE 1
#define BURST_MIN 10

/* --- counting --------------------------------------------------------- */

static bool wants_sources(const struct candidate *candidate)
{
	return candidate->kind == NOTRACK_UNTRACK || candidate->in_model;
}

static const struct candidate *find_candidate(const struct advisor *advisor, uint8_t number,
					      uint16_t port)
{
	int protocol = protocol_of(number);
	const struct service *service = catalogue_find(&advisor->known, protocol, port);

	for (size_t i = 0; i < advisor->count; i++) {
		const struct candidate *candidate = &advisor->candidates[i];

		if (service ? candidate->service && !strcmp(candidate->service->name, service->name) :
		    !candidate->service && candidate->protocol == protocol &&
		    candidate->port == port)
			return candidate;
	}
	return NULL;
}

static int count_source(struct advisor *advisor, const struct candidate *candidate,
			enum family family, const uint8_t *source)
{
	static const unsigned int bytes[FAMILIES] = { [IPV4] = 4, [IPV6] = 8 };	/* the usual srcmask */
	struct tally_key key = { .family = (uint8_t)family };

	memcpy(key.address, source, bytes[family]);
	key.port = (uint16_t)(candidate - advisor->candidates);
	return tally_add(&advisor->sources, &key) < 0 ? -ENOMEM : 0;
}

static int count_entry(const struct tracked *entry, void *data)
{
	struct advisor *advisor = data;
	uint16_t port = advise_server_port(advisor, entry);
	const struct candidate *candidate = find_candidate(advisor, entry->protocol, port);
	bool turned = port != entry->original.destination_port;
	struct flow flow;

	if (!candidate || !wants_sources(candidate) || !context_has(advisor->nt, entry->family))
		return 0;
	flow_read(&flow, entry, &advisor->local);
	if (turned ? !flow.from_here || flow.to_here : !flow.to_here || flow.from_here)
		return 0;
	return count_source(advisor, candidate, entry->family, turned ? entry->original.destination :
			    entry->original.source);
}

static bool is_own(const struct advisor *advisor, enum family family, const uint8_t *address)
{
	struct prefix prefix = { .family = (uint8_t)family, .length = (uint8_t)family_bits(family) };

	memcpy(prefix.address, address, family_bits(family) / 8);
	return own_addresses_has(&advisor->local, &prefix);
}

static int count_request(const struct request *request, void *data)
{
	struct advisor *advisor = data;
	const struct candidate *candidate = find_candidate(advisor, request->protocol, request->port);

	if (!candidate || !wants_sources(candidate) || !context_has(advisor->nt, request->family) ||
	    !is_own(advisor, request->family, request->destination) ||
	    is_own(advisor, request->family, request->source))
		return 0;
	return count_source(advisor, candidate, request->family, request->source);
}

static int sample_in_kernel(struct notrack *nt, void *data)
{
	struct advisor *advisor = data;
	double missed;
	int err = requests_sample(advisor->request.seconds, count_request, advisor, &missed, &nt->error);

	advisor->rate = missed / advisor->request.seconds;
	return err;
}

/* --- limits ----------------------------------------------------------- */

/* As many requests as @times median sources make. */
static void make_limit(const struct advisor *advisor, uint64_t median, struct hashlimit *limit,
		       char above[LIMIT_ABOVE_TEXT])
{
	double rate = advisor->request.times * (double)median * advisor->rate;

	if (rate > LIMIT_SCALE)
		rate = LIMIT_SCALE;
	if (rate >= 1)
		snprintf(above, LIMIT_ABOVE_TEXT, "%u/sec", (unsigned int)(rate + 0.999));
	else
		snprintf(above, LIMIT_ABOVE_TEXT, "%u/min", (unsigned int)(60 * rate + 0.999));
	*limit = (struct hashlimit){ .size = sizeof(*limit), .above = above,
				     .burst = rate > BURST_MIN / 2 ? 2 * (uint32_t)rate : BURST_MIN };
	if (limit->burst > LIMIT_BURST_MAX)
		limit->burst = LIMIT_BURST_MAX;
}

static bool is_limited(const struct advisor *advisor, const char *service,
		       const struct prefix *source)
{
	const struct served *served = model_find(&advisor->nt->model.families[source->family],
						 service);

	return served && context_has_client(advisor->nt, served, source) > 0;
}

/* --- reports ---------------------------------------------------------- */

static bool is_over_eager(const struct advisor *advisor, uint64_t count, uint64_t median)
{
	bool matters = advisor->rate > 0 ? (double)count * advisor->rate >= OVER_EAGER_RATE :
					   count >= OVER_EAGER_ENTRIES;

	return matters && (double)count > advisor->request.times * (double)median;
}

static uint64_t find_median(const struct advisor *advisor, size_t number)
{
	size_t count = 0, at = 0;

	for (size_t i = 0; i < advisor->sources.count; i++)
		count += advisor->sources.rows[i].key.port == number;
	for (size_t i = 0; i < advisor->sources.count; i++) {
		const struct tally_row *row = tally_ranked(&advisor->sources, i);

		if (row->key.port == number && at++ == count / 2)
			return row->count;
	}
	return 0;
}

static int report_source(const struct advisor *advisor, const char *service,
			 const struct tally_row *row, struct hashlimit_advice *advice,
			 int (*visit)(const struct hashlimit_advice *, void *), void *data)
{
	struct prefix source = { .family = row->key.family,
				 .length = row->key.family == IPV6 ? 64 : 32 };
	char text[PREFIX_TEXT];

	memcpy(source.address, row->key.address, sizeof(source.address));
	if (is_limited(advisor, service, &source))
		return 0;
	advice->service = service;
	advice->prefix = prefix_format(&source, true, text);
	advice->count = row->count;
	advice->rate = (double)row->count * advisor->rate;
	return visit(advice, data);
}

static int report_sources(const struct advisor *advisor, size_t number,
			  int (*visit)(const struct hashlimit_advice *, void *), void *data)
{
	const struct candidate *candidate = &advisor->candidates[number];
	struct hashlimit limit;
	struct hashlimit_advice advice = { .size = sizeof(advice) };
	char above[LIMIT_ABOVE_TEXT];
	int result = 0;

	advice.median = find_median(advisor, number);
	advice.median_rate = (double)advice.median * advisor->rate;
	if (!advice.median)
		return 0;
	/* one entry may stand for one request a minute, or for a thousand a second */
	if (advisor->rate > 0) {
		make_limit(advisor, advice.median, &limit, above);
		advice.limit = &limit;
	}
	for (size_t i = 0; i < advisor->sources.count && !result; i++) {
		const struct tally_row *row = tally_ranked(&advisor->sources, i);

		if (!is_over_eager(advisor, row->count, advice.median))
			break;		/* most come first */
		if (row->key.port == number)
			result = report_source(advisor, candidate->words.name, row, &advice, visit, data);
	}
	return result;
}

int advise_sources(struct advisor *advisor,
		   int (*visit)(const struct hashlimit_advice *advice, void *data), void *data)
{
	int result = advisor->request.seconds ?
		     context_in_kernel(advisor->nt, sample_in_kernel, advisor) :
		     advise_look(advisor, count_entry);

	tally_rank(&advisor->sources);
	for (size_t i = 0; i < advisor->count && !result; i++)
		result = report_sources(advisor, i, visit, data);
	return result;
}
