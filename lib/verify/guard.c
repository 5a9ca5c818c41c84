/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/guard.h"

#include <string.h>

#include "rules/name.h"
#include "verify/half_open.h"
#include "verify/regions.h"
#include "verify/walk.h"

/* So many probes of a class are remembered, so that others that are like them are not walked. */
enum { WALKED_MAX = 512 };

/* The packets of a flow that are walked through the host, today and as they would be. */
struct watching {
	const struct guard *guard;
	struct findings *findings;
	enum family family;
	struct flow_key flow;
	enum packet_class class;
	struct port_regions regions;
	const struct probe *walked[WALKED_MAX];	/* of the class */
	size_t walked_count;
	bool usual_passes;			/* of those walked last, today and as it would be */
	struct half_open halves[2];		/* of the protocol: of the inbound role, and the other */
};

static const char *packets_of(const struct flow_key *flow)
{
	return flow->request ? "requests" : "answers";
}

/*
 * Of a table that nobody else may edit there are no twins.  Where it lets the usual packets
 * through, those that it singles out are told, and no reason to refuse; where it does not, these
 * may be all that it serves.
 */
static enum notrack_status severity_of(const struct watching *watching,
				       const struct traveller *traveller)
{
	return traveller->dropped.chain->table->locked && !traveller->usual && watching->usual_passes ?
	       NOTRACK_WARNING : NOTRACK_FAILED;
}

/* What a few packets of this host to itself may do in addition lets nobody else in. */
static enum notrack_status severity_of_widened(const struct watching *watching,
					       const struct traveller *traveller)
{
	bool over_lo = !strcmp(traveller->probe.in, "lo") || !strcmp(traveller->probe.out, "lo");

	return over_lo && !traveller->usual ? NOTRACK_WARNING : severity_of(watching, traveller);
}

/* A rule that leads to a chain; false: there is none. */
static bool find_way_to(const struct view *view, const struct view_chain *to, struct place *place)
{
	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
				const struct step *verdict = rule_verdict(rule);

				if (!verdict || (verdict->kind != STEP_JUMP && verdict->kind != STEP_GOTO) ||
				    verdict->chain != to)
					continue;
				*place = (struct place){ chain, rule };
				return true;
			}
	return false;
}

/* Ours lead to ours, and are as long a way as that. */
enum { WAY_MAX = 4 };

/* A rule of a chain of ours does what one of the host does, ahead of which it is led to. */
static struct place place_of_theirs(const struct view *view, struct place place)
{
	const struct place ours = place;

	for (unsigned int i = 0; i < WAY_MAX && chain_is_ours(place.chain); i++)
		if (!find_way_to(view, place.chain, &place))
			return ours;
	while (place.rule && place.rule->flags & (RULE_OURS | RULE_ADDED))
		place.rule = place.rule->next;
	return chain_is_ours(place.chain) ? ours : place;
}

/* Today they go on, and would be dropped. */
static int tell_dropped(const struct watching *watching, const struct traveller *traveller)
{
	const struct flow_key *flow = &watching->flow;
	const struct place dropped = place_of_theirs(watching->guard->view, traveller->dropped);
	char place[PLACE_TEXT];

	return findings_add_compared(watching->findings, flow->service->name, "dropped",
			    severity_of(watching, traveller),
			    "%s (%s) would drop %s of service %s over %s that are let through today, as "
			    "they would no longer be tracked: let that chain accept them by port, without "
			    "asking for a state, or leave the service tracked",
			    view_format_place(&dropped, place),
			    family_name(watching->family), packets_of(flow), flow->service->name,
			    protocol_names[flow->protocol]);
}

static int tell_widened(const struct watching *watching, const struct traveller *traveller)
{
	const struct flow_key *flow = &watching->flow;
	char place[PLACE_TEXT];

	return findings_add_compared(watching->findings, flow->service->name, "widened",
			    severity_of_widened(watching, traveller),
			    "%s (%s) drops %s of service %s over %s today, and would no longer, as they "
			    "would not be tracked: let it drop them without asking for a state, or leave "
			    "the service tracked",
			    view_format_place(&traveller->dropped, place),
			    family_name(watching->family), packets_of(flow), flow->service->name,
			    protocol_names[flow->protocol]);
}

/* A chain that lets in whom the host lets in by no rule of its own: on purpose. */
static bool is_opening(const struct place *place)
{
	return place->chain && chain_is_opening(place->chain->name);
}

/* Whether some service of the model, over the same protocol, has @port. */
static bool is_served(const struct watching *watching, uint16_t port)
{
	const struct family_model *model = &watching->guard->model->families[watching->family];

	for (size_t i = 0; i < model->count; i++)
		if (model->served[i].service->protocols & 1u << watching->flow.protocol &&
		    service_has_port(model->served[i].service, port))
			return true;
	return false;
}

/* Over lo, with a service's port at both ends: nobody can know who asks whom. */
static bool is_ambiguous(const struct watching *watching, const struct probe *probe)
{
	return (!strcmp(probe->in, "lo") || !strcmp(probe->out, "lo")) &&
	       is_served(watching, probe->source_port.first) &&
	       is_served(watching, probe->destination_port.first);
}

/*
 * Over lo, from or to an address that a rule names, and that this host does not have; or out by
 * another interface, to one that it has.
 */
static bool is_nobody(const struct watching *watching, const struct probe *probe)
{
	const struct host *host = watching->guard->host;

	if (strcmp(probe->in, "lo") && strcmp(probe->out, "lo"))
		return *probe->out && host_owns(host, &probe->destination);
	return !host_may_own(host, &probe->source) || !host_may_own(host, &probe->destination);
}

/*
 * A rule of the host's own untracks them today, and they come from a service's port: whether
 * they are answers of that service, or requests of ours, nobody can know.
 */
static bool is_of_two_services(const struct traveller *traveller)
{
	return !traveller->usual && traveller->course[TODAY].tracking == UNTRACKED &&
	       !traveller->probe.reply &&
	       traveller->probe.source_port.last < CLIENT_PORT_MIN;
}

static int tell_two_services(const struct watching *watching, const struct traveller *traveller)
{
	const struct flow_key *flow = &watching->flow;
	char place[PLACE_TEXT];

	return findings_add(watching->findings, "unsure", NOTRACK_WARNING, "%s (%s) would drop packets from "
			    "port %u to service %s over %s that another rule of the host untracks "
			    "already, and nobody knows whether they are answers of one service or "
			    "requests to the other", view_format_place(&traveller->dropped, place),
			    family_name(watching->family), traveller->probe.source_port.first,
			    flow->service->name, protocol_names[flow->protocol]);
}

static enum whole_way way_of(const struct probe *probe)
{
	return !strcmp(probe->out, "lo") ? WAY_LOOPBACK : *probe->in ? WAY_IN : WAY_OUT;
}

/* More kinds of connections than that, which rules single out, are not followed one by one. */
enum { BEGUN_MAX = 16 };

/* The later packets of connections of which @begun is a first one. */
static struct probe later_of(const struct probe *later, const struct probe *begun)
{
	struct probe probe = *begun;

	probe.tcp_flags = later->tcp_flags;
	probe.chunk = later->chunk;
	probe.tracked_states = later->tracked_states;
	return probe;
}

/* Whether later packets of connections that have begun would be dropped; @first: the walk of these. */
static int would_lose_later(const struct watching *watching, const struct probe *later,
			    struct walk *first, const struct traveller *begun, bool *loses)
{
	const struct probe probe = later_of(later, &begun->probe);
	const struct decisions known = walk_lasting(first, begun);
	struct journey today = { 0 }, would = { 0 };
	struct walk walk = { .view = watching->guard->view, .numbers = first->numbers, .begin = &known,
			     .journeys = { [TODAY] = &today, [WOULD] = &would } };
	int err = walk_all(&walk, &probe, way_of(&probe));

	*loses = walk.incomplete;
	for (size_t i = 0; i < walk.parted.count; i++)
		*loses |= walk.parted.list[i].sides == 1u << TODAY;
	first->numbers = walk.numbers;
	walk.numbers = NULL;
	walk_free(&walk);
	return err;
}

/* The usual one does not begin, but some do that rules single out. */
static int some_would_lose(const struct watching *watching, const struct probe *later,
			   struct walk *first, bool *lose)
{
	int err = 0;

	*lose = first->passed->count > BEGUN_MAX;
	for (size_t i = 0; i < first->passed->count && !*lose && !err; i++)
		err = would_lose_later(watching, later, first, &first->passed->list[i], lose);
	return err;
}

/*
 * Whether there are such packets: of a connection whose first one the host lets nobody send, there
 * are no later ones.
 */
static int may_have_begun(const struct watching *watching, const struct traveller *traveller, bool *may)
{
	struct probe first = traveller->probe;
	struct journey today = { 0 };
	struct company passed = { 0 };
	struct walk walk = { .view = watching->guard->view, .passed = &passed,
			     .journeys = { [TODAY] = &today } };
	int err;

	*may = true;
	if (watching->class != CLASS_LATER)
		return 0;
	first.tcp_flags = watching->flow.protocol == TCP ? TCP_SYN : 0;
	first.chunk = watching->flow.protocol == SCTP ? SCTP_INIT : 0;
	first.tracked_states = CT_NEW;
	err = walk_all(&walk, &first, way_of(&first));
	*may = today.through || walk.incomplete;
	if (!err && traveller->usual && !(today.through & ANY_USUAL) && !walk.incomplete)
		err = some_would_lose(watching, &traveller->probe, &walk, may);
	walk_free(&walk);
	company_free(&passed);
	return err;
}

/*
 * A program that a queue leads to decides on each packet by itself, and as before where the
 * packet comes to it by a rule of ours instead.
 */
static bool is_for_a_program(const struct place *place)
{
	const struct step *verdict = place->rule ? rule_verdict(place->rule) : NULL;

	return verdict && verdict->kind == STEP_QUEUE;
}

static int compare(const struct watching *watching, const struct walk *walk)
{
	bool incomplete = walk->incomplete;
	int err = 0;

	for (size_t i = 0; i < walk->parted.count && !err; i++) {
		const struct traveller *traveller = &walk->parted.list[i];
		bool may_be = true;

		/* there may be no such packets */
		if (traveller->forgot && !traveller->usual) {
			incomplete = true;
			continue;
		}
		if (is_ambiguous(watching, &traveller->probe) ||
		    is_nobody(watching, &traveller->probe) ||
		    (is_for_a_program(&traveller->passed) && is_for_a_program(&traveller->dropped)))
			continue;
		if (traveller->sides == 1u << TODAY && is_of_two_services(traveller)) {
			err = tell_two_services(watching, traveller);
		} else if (traveller->sides == 1u << TODAY) {
			err = may_have_begun(watching, traveller, &may_be);
			if (!err && may_be)
				err = tell_dropped(watching, traveller);
		} else if (!is_opening(&traveller->passed)) {
			err = tell_widened(watching, traveller);
		}
	}
	if (incomplete && !err)
		err = findings_add(watching->findings, "unsure", NOTRACK_WARNING, "service %s: the host's "
				   "rules tell too many kinds of packets apart to follow them all",
				   watching->flow.service->name);
	return err;
}

/* What comes over lo was walked as it went out. */
static bool comes_back(const struct probe *probe)
{
	return !strcmp(probe->in, "lo");
}

static int walk_probe(const struct probe *usual, void *data)
{
	struct watching *watching = data;
	struct probe probe = *usual;
	const struct host *host = watching->guard->host;
	struct journey today = { 0 }, would = { 0 };
	struct walk walk = { .view = watching->guard->view,
			     .journeys = { [TODAY] = &today, [WOULD] = &would } };
	const enum whole_way way = way_of(&probe);
	int err;

	if (way != WAY_LOOPBACK)
		*(way == WAY_IN ? &probe.usual_destination : &probe.usual_source) =
			host->address[watching->family];
	err = walk_all(&walk, &probe, way);
	watching->usual_passes = today.through & ANY_USUAL && would.through & ANY_USUAL;
	if (!err && watching->class != CLASS_LATER)
		half_open_note(&watching->halves[watching->flow.role == OUTBOUND], &probe, &walk);
	if (!err)
		err = compare(watching, &walk);
	walk_free(&walk);
	return err;
}

/* Of one flow and class, to ports between which no rule of the host tells. */
static bool is_like(const struct watching *watching, const struct probe *one,
		    const struct probe *other)
{
	return one->tcp_flags == other->tcp_flags && one->chunk == other->chunk &&
	       one->own_source == other->own_source &&
	       one->own_destination == other->own_destination &&
	       one->local_destination == other->local_destination &&
	       !strcmp(one->in, other->in) && !strcmp(one->out, other->out) &&
	       !prefix_compare(&one->source, &other->source) &&
	       !prefix_compare(&one->destination, &other->destination) &&
	       is_ambiguous(watching, one) == is_ambiguous(watching, other) &&
	       regions_alike(&watching->regions, &one->source_port, &other->source_port) &&
	       regions_alike(&watching->regions, &one->destination_port, &other->destination_port);
}

static bool was_walked(struct watching *watching, const struct probe *probe)
{
	for (size_t i = 0; i < watching->walked_count; i++)
		if (is_like(watching, watching->walked[i], probe))
			return true;
	if (watching->walked_count < WALKED_MAX)
		watching->walked[watching->walked_count++] = probe;
	return false;
}

static int walk_class(struct watching *watching, enum packet_class class)
{
	const struct guard *guard = watching->guard;
	struct picks picks = { 0 };
	int err = picks_add_flow(&picks, &guard->model->families[watching->family], watching->family,
				 &watching->flow, class, guard->picks);

	watching->class = class;
	watching->walked_count = 0;
	for (size_t i = 0; i < picks.count && !err; i++)
		for (size_t j = 0; j < picks.list[i].count && !err; j++)
			if (!comes_back(&picks.list[i].probes[j]) &&
			    !was_walked(watching, &picks.list[i].probes[j]))
				err = entrances_each(guard->entrances, &picks.list[i].probes[j],
						     walk_probe, watching);
	picks_free(&picks);
	return err;
}

static int walk_flow(struct watching *watching)
{
	int err;

	if (!watching->flow.request)
		return walk_class(watching, CLASS_ANSWER);
	err = walk_class(watching, CLASS_REQUEST);
	return err ? err : walk_class(watching, CLASS_LATER);
}

static int walk_protocol(struct watching *watching)
{
	struct flow_key *flow = &watching->flow;
	int err = 0;

	memset(watching->halves, 0, sizeof(watching->halves));
	for (unsigned int i = 0; i < 8 && !err; i++) {
		flow->direction = i & 1 ? OUT : IN;
		flow->role = i & 2 ? OUTBOUND : INBOUND;
		flow->request = i & 4;
		if (flow->service->roles & flow->role)
			err = walk_flow(watching);
	}
	for (unsigned int i = 0; i < 2 && !err; i++) {
		flow->role = i ? OUTBOUND : INBOUND;
		err = half_open_tell(&watching->halves[i], watching->family, flow,
				     watching->findings);
	}
	return err;
}

static int walk_service(struct watching *watching)
{
	struct flow_key *flow = &watching->flow;
	int err = 0;

	for (flow->protocol = UDP; flow->protocol < PROTOCOLS && !err; flow->protocol++)
		if (flow->service->protocols & 1u << flow->protocol)
			err = walk_protocol(watching);
	return err;
}

int guard_walk(const struct guard *guard, struct findings *findings)
{
	struct watching watching = { .guard = guard, .findings = findings };
	int err = 0;

	regions_find(&watching.regions, guard->view);
	for (; watching.family < FAMILIES && !err; watching.family++) {
		const struct family_model *model = &guard->model->families[watching.family];

		for (size_t i = 0; i < model->count && !err; i++) {
			if (!(guard->families & 1u << watching.family))
				break;
			watching.flow.service = model->served[i].service;
			err = walk_service(&watching);
		}
	}
	return err;
}
