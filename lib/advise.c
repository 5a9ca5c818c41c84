/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What to untrack, and whom to limit, from what fills the connection tracking
 * table: first the ports are counted, then the sources of those that matter.
 */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/candidate.h"
#include "conntrack/conntrack.h"
#include "context.h"
#include "layout.h"
#include "conntrack/catalogue.h"
#include "support/memory.h"
#include "conntrack/tally.h"

#define THRESHOLD_DEFAULT 0.05
#define TIMES_DEFAULT 10
#define TIMES_MAX 1000000
/* A source of fewer entries is no trouble, whatever the others do. */
#define OVER_EAGER_MIN 16

struct advisor {
	struct notrack *nt;
	struct notrack_advise_request request;
	struct catalogue known;
	struct own_addresses local;
	uint64_t read;
	struct tally ports;
	struct flows *flows;		/* beside the rows of @ports */
	size_t room;
	struct candidate *candidates;
	size_t count;
	struct tally sources;		/* by address; the port is the candidate's number */
};

/* --- ports ------------------------------------------------------------ */

static bool is_covered(const struct advisor *advisor, const struct flow *flow, enum family family)
{
	const struct family_model *model = &advisor->nt->model.families[family];

	for (size_t i = 0; i < model->count; i++)
		/* by which interface it came is not known */
		if (!model->served[i].service->interface_count &&
		    flow_is_untracked(flow, model->served[i].service))
			return true;
	return false;
}

static struct flows *flows_of(struct advisor *advisor, long row)
{
	if ((size_t)row >= advisor->room) {
		size_t room = advisor->room ? 2 * advisor->room : 64;
		struct flows *grown = realloc(advisor->flows, room * sizeof(*grown));

		if (!grown)
			return NULL;
		memset(grown + advisor->room, 0, (room - advisor->room) * sizeof(*grown));
		advisor->flows = grown;
		advisor->room = room;
	}
	return &advisor->flows[row];
}

static struct flows *flows_at(struct advisor *advisor, uint8_t protocol, uint16_t port)
{
	struct tally_key key = { .port = port, .protocol = protocol };
	long row = tally_add(&advisor->ports, &key);

	return row < 0 ? NULL : flows_of(advisor, row);
}

static int count_port(const struct tracked *entry, void *data)
{
	uint16_t port = entry->original.destination_port, answers = entry->reply.source_port;
	struct advisor *advisor = data;
	struct flows *flows;
	struct flow flow;

	advisor->read++;
	if (!context_has(advisor->nt, entry->family))
		return 0;
	flows = flows_at(advisor, entry->protocol, port);
	if (!flows)
		return -ENOMEM;
	flow_read(&flow, entry, &advisor->local);
	flows_note(flows, entry, &flow, is_covered(advisor, &flow, entry->family));
	if (!(entry->status & IPS_DST_NAT) || answers == port)
		return 0;
	flows = flows_at(advisor, entry->protocol, answers);
	if (!flows)
		return -ENOMEM;
	flows_note_translated(flows, entry);
	return 0;
}

/* --- candidates ------------------------------------------------------- */

static struct candidate *add_candidate(struct advisor *advisor, struct service *service)
{
	struct candidate *grown;

	for (size_t i = 0; service && i < advisor->count; i++)
		if (advisor->candidates[i].service &&
		    !strcmp(advisor->candidates[i].service->name, service->name))
			return &advisor->candidates[i];
	grown = memory_grow(advisor->candidates, advisor->count, sizeof(*grown));
	if (!grown)
		return NULL;
	advisor->candidates = grown;
	grown += advisor->count++;
	*grown = (struct candidate){ .service = service };
	for (size_t i = 0; i < advisor->known.model_count; i++)
		grown->in_model |= advisor->known.services[i] == service;
	return grown;
}

static double share(const struct advisor *advisor, uint64_t count)
{
	return advisor->read ? (double)count / (double)advisor->read : 0;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *one = a, *other = b;

	if (one->flows.count != other->flows.count)
		return one->flows.count > other->flows.count ? -1 : 1;
	return (int)one->port - other->port;
}

/* The services that have entries, and the ports of none that have many. */
static int find_candidates(struct advisor *advisor)
{
	for (size_t i = 0; i < advisor->ports.count; i++) {
		const struct tally_key *key = &advisor->ports.rows[i].key;
		int protocol = protocol_of(key->protocol);
		struct service *service = catalogue_find(&advisor->known, protocol, key->port);
		struct candidate *candidate;

		if (protocol < 0 || !key->port || !advisor->flows[i].count || (!service &&
		    share(advisor, advisor->flows[i].count) < advisor->request.threshold))
			continue;
		candidate = add_candidate(advisor, service);
		if (!candidate)
			return -ENOMEM;
		candidate->protocol = protocol;
		candidate->port = key->port;
		flows_add(&candidate->flows, &advisor->flows[i]);
	}
	if (advisor->count)
		qsort(advisor->candidates, advisor->count, sizeof(*advisor->candidates),
		      compare_candidates);
	return 0;
}

static int report_service(const struct advisor *advisor, const struct candidate *candidate,
			int (*visit)(const struct notrack_advice *, void *), void *data)
{
	return visit(&(struct notrack_advice){
		.size = sizeof(struct notrack_advice),
		.kind = candidate->kind,
		.service = &candidate->words,
		.count = candidate->flows.count,
		.share = share(advisor, candidate->flows.count),
		.text = candidate->text,
	}, data);
}

/* --- sources ---------------------------------------------------------- */

static bool wants_sources(const struct candidate *candidate)
{
	return candidate->kind == NOTRACK_UNTRACK || candidate->in_model;
}

static const struct candidate *find_candidate(const struct advisor *advisor,
					      const struct tracked *entry)
{
	int protocol = protocol_of(entry->protocol);
	const struct service *service = catalogue_find(&advisor->known, protocol,
						   entry->original.destination_port);

	for (size_t i = 0; i < advisor->count; i++) {
		const struct candidate *candidate = &advisor->candidates[i];

		if (service ? candidate->service && !strcmp(candidate->service->name, service->name) :
		    !candidate->service && candidate->protocol == protocol &&
		    candidate->port == entry->original.destination_port)
			return candidate;
	}
	return NULL;
}

static int count_source(const struct tracked *entry, void *data)
{
	static const unsigned int bytes[FAMILIES] = { [IPV4] = 4, [IPV6] = 8 };	/* the usual srcmask */
	struct advisor *advisor = data;
	const struct candidate *candidate = find_candidate(advisor, entry);
	struct tally_key key = { .family = (uint8_t)entry->family };
	struct flow flow;

	if (!candidate || !wants_sources(candidate) || !context_has(advisor->nt, entry->family))
		return 0;
	flow_read(&flow, entry, &advisor->local);
	if (!flow.to_here || flow.from_here)
		return 0;
	memcpy(key.address, entry->original.source, bytes[entry->family]);
	key.port = (uint16_t)(candidate - advisor->candidates);
	return tally_add(&advisor->sources, &key) < 0 ? -ENOMEM : 0;
}

/*
 * As many requests as entries of @times median sources in the time for which
 * an entry of one request lasts: nf_conntrack_udp_timeout, ..._tcp_timeout_time_wait.
 */
static void make_limit(const struct advisor *advisor, const struct candidate *candidate,
		       uint64_t median, struct hashlimit *limit, char above[LIMIT_ABOVE_TEXT])
{
	unsigned int seconds = candidate_has_datagrams(candidate) ? 30 : 120;
	double rate = advisor->request.times * (double)median / seconds;

	if (rate > LIMIT_SCALE)
		rate = LIMIT_SCALE;
	if (rate >= 1)
		snprintf(above, LIMIT_ABOVE_TEXT, "%u/sec", (unsigned int)(rate + 0.999));
	else
		snprintf(above, LIMIT_ABOVE_TEXT, "%u/min", (unsigned int)(60 * rate + 0.999));
	*limit = (struct hashlimit){ .size = sizeof(*limit), .above = above,
				     .burst = rate > 5 ? 2 * (uint32_t)rate : 10 };
	if (limit->burst > LIMIT_BURST_MAX)
		limit->burst = LIMIT_BURST_MAX;
}

static bool is_limited(const struct advisor *advisor, const char *service,
		       const struct prefix *source)
{
	const struct served *served = model_find(&advisor->nt->model.families[source->family],
						 service);

	return served && clients_has(&served->clients, source);
}

static int report_sources(const struct advisor *advisor, size_t number,
			int (*visit)(const struct hashlimit_advice *, void *), void *data)
{
	const struct candidate *candidate = &advisor->candidates[number];
	char above[LIMIT_ABOVE_TEXT], text[PREFIX_TEXT];
	struct hashlimit limit;
	uint64_t median = 0;
	size_t count = 0, at = 0;
	int result = 0;

	for (size_t i = 0; i < advisor->sources.count; i++)
		count += advisor->sources.rows[i].key.port == number;
	for (size_t i = 0; i < advisor->sources.count && at <= count / 2; i++) {
		const struct tally_row *row = tally_ranked(&advisor->sources, i);

		if (row->key.port == number && at++ == count / 2)
			median = row->count;
	}
	if (!median)
		return 0;
	make_limit(advisor, candidate, median, &limit, above);
	for (size_t i = 0; i < advisor->sources.count && !result; i++) {
		const struct tally_row *row = tally_ranked(&advisor->sources, i);
		struct prefix source = { .family = row->key.family,
					 .length = row->key.family == IPV6 ? 64 : 32 };

		if (row->count < OVER_EAGER_MIN ||
		    (double)row->count <= advisor->request.times * (double)median)
			break;		/* most come first */
		if (row->key.port != number)
			continue;
		memcpy(source.address, row->key.address, sizeof(source.address));
		if (is_limited(advisor, candidate->words.name, &source))
			continue;
		result = visit(&(struct hashlimit_advice){
			.size = sizeof(struct hashlimit_advice),
			.service = candidate->words.name,
			.prefix = prefix_format(&source, true, text),
			.count = row->count, .median = median, .limit = &limit }, data);
	}
	return result;
}

/* --- all of it -------------------------------------------------------- */

struct look {
	struct advisor *advisor;
	int (*count)(const struct tracked *entry, void *data);
};

static int look_in_kernel(struct notrack *nt, void *data)
{
	struct look *look = data;
	struct conntrack conntrack;
	int err = conntrack_open(&conntrack, &nt->error);

	if (err)
		return err;
	if (!look->advisor->local.group_count)
		err = own_addresses_read(&look->advisor->local, &nt->error);
	if (!err)
		err = conntrack_dump(&conntrack, CONNTRACK_WHOLE, look->count, look->advisor, &nt->error);
	conntrack_close(&conntrack);
	return err;
}

static int look(struct advisor *advisor, int (*count)(const struct tracked *entry, void *data))
{
	return context_in_kernel(advisor->nt, look_in_kernel, &(struct look){ advisor, count });
}

static int take_request(struct notrack *nt, struct notrack_advise_request *to,
			const struct notrack_advise_request *from)
{
	int err = 0;

	*to = (struct notrack_advise_request){ .size = sizeof(*to) };
	if (from)
		err = layout_take(&layout_advise_request, to, from, &nt->error);
	to->threshold = to->threshold != 0 ? to->threshold : THRESHOLD_DEFAULT;
	to->times = to->times != 0 ? to->times : TIMES_DEFAULT;
	if (!err && !(to->threshold >= 0.001 && to->threshold <= 1))
		err = error_set(&nt->error, -EINVAL, "threshold %g: must be a share of 0.001 to 1",
			   to->threshold);
	if (!err && !(to->times >= 1 && to->times <= TIMES_MAX))
		err = error_set(&nt->error, -EINVAL, "times %.10g: must be 1 to %d", to->times, TIMES_MAX);
	return err;
}

static bool in_model(const struct advisor *advisor, const char *name)
{
	return model_find(&advisor->nt->model.families[IPV4], name) ||
	       model_find(&advisor->nt->model.families[IPV6], name);
}

static int advise(struct advisor *advisor,
		  int (*service)(const struct notrack_advice *advice, void *data),
		  int (*client)(const struct hashlimit_advice *advice, void *data), void *data)
{
	int result = look(advisor, count_port);

	if (!result)
		result = find_candidates(advisor);
	for (size_t i = 0; i < advisor->count && !result; i++) {
		struct candidate *candidate = &advisor->candidates[i];

		candidate->kind = NOTRACK_LEAVE;
		candidate_name(candidate);
		if (!candidate->service && in_model(advisor, candidate->words.name)) {
			candidate->name_taken = true;
			candidate_name(candidate);
		}
		if (share(advisor, candidate->flows.count) < advisor->request.threshold)
			continue;
		candidate_judge(candidate, share(advisor, candidate->flows.count -
						 candidate->flows.covered), advisor->request.threshold);
		if (service)
			result = report_service(advisor, candidate, service, data);
	}
	if (!result && client && advisor->count) {
		result = look(advisor, count_source);
		tally_rank(&advisor->sources);
	}
	for (size_t i = 0; i < advisor->count && client && !result; i++)
		result = report_sources(advisor, i, client, data);
	return result;
}

int notrack_advise(struct notrack *nt, const struct notrack_advise_request *request,
		   int (*service)(const struct notrack_advice *advice, void *data),
		   int (*client)(const struct hashlimit_advice *advice, void *data),
		   void *data)
{
	struct advisor advisor = { .nt = nt };
	int result = context_begin(nt);

	if (result)
		return result;
	result = take_request(nt, &advisor.request, request);
	if (!result)
		result = catalogue_make(&advisor.known, &nt->model, &nt->error);
	if (!result)
		result = advise(&advisor, service, client, data);
	if (result == -ENOMEM)
		error_set(&nt->error, result, "out of memory");
	catalogue_free(&advisor.known);
	own_addresses_free(&advisor.local);
	tally_free(&advisor.ports);
	tally_free(&advisor.sources);
	free(advisor.flows);
	free(advisor.candidates);
	return result;
}
