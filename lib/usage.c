/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who fills the connection tracking table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/conntrack.h"
#include "context.h"
#include "layout.h"
#include "conntrack/flow.h"
#include "conntrack/catalogue.h"
#include "conntrack/tally.h"

struct usage {
	struct notrack_usage_request request;
	bool wanted;			/* the entries, and not the totals alone */
	struct conntrack_totals totals;
	uint64_t read;			/* entries, of both families */
	struct catalogue known;
	struct tally tally;
};

/* --- counting --------------------------------------------------------- */

static void key_of_port(struct tally_key *key, const struct tracked *entry)
{
	key->protocol = entry->protocol;
	if (protocol_of(entry->protocol) >= 0 || entry->protocol == IPPROTO_DCCP)
		key->port = entry->original.destination_port;	/* GRE has a key there */
}

/*
 * Where somebody's rules untrack the requests of a service and not the answers, an entry
 * begins with an answer, and the service is known by the port that it comes from.
 */
static void key_of_service(struct tally_key *key, const struct tracked *entry,
			   const struct catalogue *known)
{
	int protocol = protocol_of(entry->protocol);

	key_of_port(key, entry);
	if (protocol >= 0 && !catalogue_find(known, protocol, key->port) &&
	    catalogue_find(known, protocol, entry->original.source_port))
		key->port = entry->original.source_port;
}

static void key_of_source(struct tally_key *key, const struct tracked *entry, unsigned int length)
{
	unsigned int bytes = length / 8;

	key->family = (uint8_t)entry->family;
	memcpy(key->address, entry->original.source, bytes);
	if (length % 8)
		key->address[bytes] = entry->original.source[bytes] & (uint8_t)(0xff00u >> length % 8);
}

struct counter {
	struct notrack *nt;
	struct usage *usage;
	const struct catalogue *known;
	unsigned int lengths[FAMILIES];
};

static int count_entry(const struct tracked *entry, void *data)
{
	const struct counter *counter = data;
	struct tally_key key = { .port = 0 };

	counter->usage->read++;
	if (!context_has(counter->nt, entry->family))
		return 0;
	if (counter->usage->request.by == NOTRACK_BY_SOURCE)
		key_of_source(&key, entry, counter->lengths[entry->family]);
	else if (counter->usage->request.by == NOTRACK_BY_SERVICE)
		key_of_service(&key, entry, counter->known);
	else
		key_of_port(&key, entry);
	return tally_add(&counter->usage->tally, &key) < 0 ? -ENOMEM : 0;
}

static int count_in_kernel(struct notrack *nt, void *data)
{
	struct usage *usage = data;
	struct counter counter = { nt, usage, &usage->known, { [IPV4] = usage->request.srcmask4,
						[IPV6] = usage->request.srcmask6 } };
	struct conntrack conntrack;
	int err = conntrack_open(&conntrack, &nt->error);

	if (err)
		return err;
	err = conntrack_read_totals(&conntrack, &usage->totals, &nt->error);
	if (!err && usage->wanted)
		err = conntrack_dump(&conntrack, CONNTRACK_ORIGINAL, count_entry, &counter, &nt->error);
	conntrack_close(&conntrack);
	if (err == -ENOMEM)
		error_set(&nt->error, err, "out of memory");
	return err;
}

/* --- telling ---------------------------------------------------------- */

static int report(const struct usage *usage, struct notrack_usage *row,
		int (*visit)(const struct notrack_usage *, void *), void *data)
{
	row->size = sizeof(*row);
	row->share = usage->read ? (double)row->count / (double)usage->read : 0;
	return visit(row, data);
}

static int report_sources(const struct usage *usage,
			int (*visit)(const struct notrack_usage *, void *), void *data)
{
	int result = 0;

	for (size_t i = 0; i < usage->tally.count && !result; i++) {
		const struct tally_row *row = tally_ranked(&usage->tally, i);
		struct prefix prefix = { .family = row->key.family, .length = (uint8_t)
			(row->key.family == IPV4 ? usage->request.srcmask4 : usage->request.srcmask6) };
		char text[PREFIX_TEXT];

		memcpy(prefix.address, row->key.address, sizeof(prefix.address));
		result = report(usage, &(struct notrack_usage){
				.source = prefix_format(&prefix, true, text), .count = row->count },
			      visit, data);
	}
	return result;
}

static int report_ports(const struct usage *usage,
			int (*visit)(const struct notrack_usage *, void *), void *data)
{
	const struct catalogue *known = &usage->known;
	int result = 0;

	for (size_t i = 0; i < usage->tally.count && !result; i++) {
		const struct tally_row *row = tally_ranked(&usage->tally, i);
		const struct service *service = catalogue_find(known, protocol_of(row->key.protocol),
							   row->key.port);

		result = report(usage, &(struct notrack_usage){
				.protocol = row->key.protocol, .port = row->key.port,
				.service = service ? service->name : NULL, .count = row->count },
			      visit, data);
	}
	return result;
}

struct service_count {
	const char *name;		/* NULL: all that is of no service */
	uint64_t count;
};

static int compare_counts(const void *a, const void *b)
{
	const struct service_count *one = a, *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	if (!one->name || !other->name)
		return !one->name - !other->name;
	return strcmp(one->name, other->name);
}

/* The ports of each service together; services of both families by one name, too. */
static void fold(const struct usage *usage, struct service_count *counts)
{
	const struct catalogue *known = &usage->known;

	for (size_t i = 0; i < usage->tally.count; i++) {
		const struct tally_row *row = &usage->tally.rows[i];
		const struct service *service = catalogue_find(known, protocol_of(row->key.protocol),
							   row->key.port);
		size_t at = known->count;

		for (size_t j = known->count; service && j-- > 0;)
			if (!strcmp(known->services[j]->name, service->name))
				at = j;
		counts[at].name = service ? service->name : NULL;
		counts[at].count += row->count;
	}
	qsort(counts, known->count + 1, sizeof(*counts), compare_counts);
}

static int report_services(struct notrack *nt, const struct usage *usage,
			   int (*visit)(const struct notrack_usage *, void *), void *data)
{
	size_t names = usage->known.count;
	struct service_count *counts = calloc(names + 1, sizeof(*counts));
	int result = 0;

	if (!counts)
		return error_set(&nt->error, -ENOMEM, "out of memory");
	fold(usage, counts);
	for (size_t i = 0; i <= names && counts[i].count && !result; i++)
		result = report(usage, &(struct notrack_usage){
				.service = counts[i].name, .count = counts[i].count }, visit, data);
	free(counts);
	return result;
}

static void give_totals(struct notrack_conntrack *to, const struct usage *usage)
{
	const struct notrack_conntrack totals = {
		.count = usage->totals.count,
		.max = usage->totals.max,
		.read = usage->read,
		.dropped = usage->totals.dropped,
		.early_dropped = usage->totals.early_dropped,
		.insert_failed = usage->totals.insert_failed,
		.invalid = usage->totals.invalid,
	};

	layout_give(&layout_conntrack, to, &totals);
}

static int check_request(struct notrack *nt, struct notrack_usage_request *request)
{
	if (request->by > NOTRACK_BY_SERVICE)
		return error_set(&nt->error, -EINVAL, "usage: by port, source or service");
	for (enum family family = IPV4; family < FAMILIES; family++) {
		unsigned int *srcmask = family == IPV6 ? &request->srcmask6 : &request->srcmask4;

		if (*srcmask > family_bits(family))
			return error_set(&nt->error, -EINVAL, "srcmask %u: must be 1 to %u", *srcmask,
					 family_bits(family));
		if (!*srcmask)
			*srcmask = limit_usual_srcmask[family];
	}
	return 0;
}

int notrack_usage(struct notrack *nt, const struct notrack_usage_request *request,
		  struct notrack_conntrack *totals,
		  int (*visit)(const struct notrack_usage *row, void *data), void *data)
{
	UNCANCELLED;
	struct usage usage = { .wanted = visit };
	int result = context_begin(nt, ARGUMENT(request));

	if (!result)
		result = layout_take(&layout_usage_request, &usage.request, request, &nt->error);
	if (!result && totals)
		result = layout_check(&layout_conntrack, totals, &nt->error);
	if (!result)
		result = check_request(nt, &usage.request);
	if (!result)
		result = catalogue_make(&usage.known, &nt->model, &nt->error);
	if (!result)
		result = context_in_kernel(nt, count_in_kernel, &usage);
	if (!result)
		give_totals(totals, &usage);
	if (!result && visit) {
		tally_rank(&usage.tally);
		result = usage.request.by == NOTRACK_BY_SOURCE ? report_sources(&usage, visit, data) :
			 usage.request.by == NOTRACK_BY_PORT ? report_ports(&usage, visit, data) :
			 report_services(nt, &usage, visit, data);
	}
	catalogue_free(&usage.known);
	tally_free(&usage.tally);
	return result;
}
