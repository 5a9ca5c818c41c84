/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What to untrack, and whom to limit, from what fills the connection tracking
 * table: first the ports are counted, then the sources of those that matter.
 */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdlib.h>
#include <string.h>

#include "advise.h"
#include "conntrack/conntrack.h"
#include "layout.h"
#include "support/memory.h"

#define THRESHOLD_DEFAULT 0.05
#define TIMES_DEFAULT 10
#define TIMES_MAX 1000000
#define SECONDS_MAX 3600

/* --- ports ------------------------------------------------------------ */

static bool is_covered(const struct advisor *advisor, const struct flow *flow, enum family family)
{
	const struct family_model *model = &advisor->nt->model.families[family];

	for (size_t i = 0; i < model->count; i++)
		/* by which interface it came is not known */
		if (!model->served[i].service->interface_count &&
		    flow_is_untracked(flow, model->served[i].service,
				      advisor->nt->local_only))
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

/*
 * Where somebody's rules untrack the requests and not the answers, entries begin with an
 * answer, which nothing follows: its source is the server, and each client port is one.
 */
static bool begins_at_server(const struct advisor *advisor, const struct tracked *entry)
{
	int protocol = protocol_of(entry->protocol);

	return !(entry->status & IPS_SEEN_REPLY) && protocol >= 0 &&
	       !catalogue_find(&advisor->known, protocol, entry->original.destination_port) &&
	       catalogue_find(&advisor->known, protocol, entry->original.source_port);
}

uint16_t advise_server_port(const struct advisor *advisor, const struct tracked *entry)
{
	return begins_at_server(advisor, entry) ? entry->original.source_port :
						   entry->original.destination_port;
}

/* As the request was, which is in no entry. */
static void turn(struct flow *flow)
{
	const struct flow answer = *flow;

	*flow = (struct flow){ .source = answer.destination, .destination = answer.source,
			       .source_port = answer.destination_port,
			       .destination_port = answer.source_port, .protocol = answer.protocol,
			       .from_here = answer.to_here, .to_here = answer.from_here };
}

static int count_port(const struct tracked *entry, void *data)
{
	struct advisor *advisor = data;
	bool turned = begins_at_server(advisor, entry), covered;
	uint16_t port = advise_server_port(advisor, entry), answers = entry->reply.source_port;
	struct flows *flows;
	struct flow flow;

	advisor->read++;
	if (!context_has(advisor->nt, entry->family))
		return 0;
	flows = flows_at(advisor, entry->protocol, port);
	if (!flows)
		return -ENOMEM;
	flow_read(&flow, entry, &advisor->local);
	covered = is_covered(advisor, &flow, entry->family);
	if (turned)
		turn(&flow);
	flows->halves += turned;
	flows_note(flows, entry, &flow, covered);
	if (!(entry->status & IPS_DST_NAT) || answers == port || turned)
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

int advise_look(struct advisor *advisor, int (*count)(const struct tracked *entry, void *data))
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
	if (!err && to->seconds > SECONDS_MAX)
		err = error_set(&nt->error, -EINVAL, "seconds %u: must be at most %d", to->seconds,
				SECONDS_MAX);
	return err;
}

static bool in_model(const struct advisor *advisor, const char *name)
{
	return model_find(&advisor->nt->model.families[IPV4], name) ||
	       model_find(&advisor->nt->model.families[IPV6], name);
}

/* Why a commit refuses the service, beside those that are there; "": it does not. */
static const char *try_service(struct notrack *nt, const struct notrack_service *words)
{
	int result = notrack_add_service(nt, words);

	if (!result)
		result = notrack_diff(nt, NULL, NULL);
	/* kept, as the next call has a sentence of its own */
	switch (result) {
	case -EPERM:		/* what says nothing about the service */
	case -ENOMEM:
	case -EBUSY:
	case -EPROTONOSUPPORT:
		return "";
	}
	return result < 0 ? nt->error.text : "";
}

/* What would do harm is not advised; and the caller's next commit knows nothing of the attempt. */
static void heed_refusal(struct advisor *advisor, struct candidate *candidate)
{
	struct notrack *nt = advisor->nt;
	const struct findings findings = nt->findings;
	const bool clients_only = nt->clients_only;
	const char *why;

	nt->findings = (struct findings){ 0 };
	why = try_service(nt, &candidate->words);
	if (*why) {
		candidate->kind = NOTRACK_LEAVE;
		snprintf(candidate->text, sizeof(candidate->text), "it would be refused: %.900s",
			 why);
	}
	notrack_remove_service(nt, candidate->words.name);
	context_begin(nt);	/* it is no error of this call */
	findings_free(&nt->findings);
	nt->findings = findings;
	nt->clients_only = clients_only;
}

static int advise(struct advisor *advisor,
		  int (*service)(const struct notrack_advice *advice, void *data),
		  int (*client)(const struct hashlimit_advice *advice, void *data), void *data)
{
	int result = advise_look(advisor, count_port);

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
		candidate_judge(candidate, &(struct shares){
				.uncovered = share(advisor, candidate->flows.count -
						   candidate->flows.covered),
				.own = share(advisor, candidate->flows.count -
					     candidate->flows.forwarded),
				.threshold = advisor->request.threshold });
		if (candidate->kind == NOTRACK_UNTRACK)
			heed_refusal(advisor, candidate);
		if (service)
			result = report_service(advisor, candidate, service, data);
	}
	if (!result && client && advisor->count)
		result = advise_sources(advisor, client, data);
	return result;
}

int notrack_advise(struct notrack *nt, const struct notrack_advise_request *request,
		   int (*service)(const struct notrack_advice *advice, void *data),
		   int (*client)(const struct hashlimit_advice *advice, void *data),
		   void *data)
{
	UNCANCELLED;
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
