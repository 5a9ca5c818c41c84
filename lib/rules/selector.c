/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The flows of a service, as rules that select their packets. */
#include "rules/selector.h"

#include <errno.h>
#include <string.h>

/* Whose addresses a flow's end has. */
enum end {
	ANY,
	LOCAL,
	REMOTE,
};

/* The four flows of a service that has both roles. */
struct flow {
	uint8_t role;
	uint8_t direction;
	bool request;			/* to the service's port, not from it */
	uint8_t source, destination;	/* enum end */
};

static const struct flow flows[] = {
	{ INBOUND, IN, true, ANY, LOCAL },
	{ OUTBOUND, IN, false, REMOTE, LOCAL },
	{ INBOUND, OUT, false, LOCAL, ANY },
	{ OUTBOUND, OUT, true, LOCAL, REMOTE },
};
#define FLOWS (sizeof(flows) / sizeof(flows[0]))

/* --- one selector, for each of what lists name ------------------------ */

struct prefix_set {
	const struct prefix *prefixes;
	size_t count;
};

static const struct prefix everybody;

/* Of the family; an empty list is everybody, a list of the other family nobody. */
static struct prefix_set end_prefixes(const struct compiler *compiler, enum end end)
{
	const struct service *service = compiler->service;
	const struct prefix *list = end == LOCAL ? service->local : service->remote;
	size_t count = end == LOCAL ? service->local_count : service->remote_count;
	struct prefix_set set = { &everybody, 1 };

	if (end == ANY || !count)
		return set;
	set = (struct prefix_set){ list, 0 };
	for (size_t i = 0; i < count; i++)	/* in order: IPv4 first */
		if (list[i].family == compiler->family && !set.count++)
			set.prefixes = &list[i];
	return set;
}

/* As many of the ports as one rule holds, from *@next on. */
static void take_ports(const struct service *service, size_t *next, struct ports *ports)
{
	unsigned int slots = PORT_SLOTS;

	memset(ports, 0, sizeof(*ports));
	for (; *next < service->port_count; (*next)++) {
		const struct port_range *range = &service->ports[*next];
		unsigned int needs = range->first == range->last ? 1 : 2;

		if (needs > slots)
			return;
		slots -= needs;
		ports->range[ports->count].first = range->first;
		ports->range[ports->count++].last = range->last;
	}
}

static int add_rules(struct compiler *compiler, const struct match *match,
		     struct prefix_set sources, struct prefix_set destinations)
{
	struct rule rule = { .target = (uint8_t)compiler->target, .to = compiler->to };
	struct match *copies;

	if (!destinations.count)
		return 0;
	copies = arena_alloc(&compiler->rules->arena, destinations.count * sizeof(*copies));
	if (!copies)
		return error_set(compiler->error, -ENOMEM, "out of memory");
	for (size_t j = 0; j < destinations.count; j++) {
		copies[j] = *match;
		copies[j].to = destinations.prefixes[j];
	}
	for (size_t i = 0; i < sources.count; i++) {
		rule.source = sources.prefixes[i];
		for (size_t j = 0; j < destinations.count; j++) {
			rule.match = &copies[j];
			if (!chain_add_rule(compiler->chain, &rule))
				return error_set(compiler->error, -ENOMEM, "out of memory");
		}
	}
	return 0;
}

/*
 * Strict: what comes from a server's port must look like an answer, and what
 * is asked must be such that its answer looks like one; the rest stays tracked.
 */
static void narrow(const struct service *service, bool request, struct match *match)
{
	struct ports *ports = request ? &match->source : &match->destination;

	if (match->protocol == IPPROTO_TCP) {
		if (!request)
			match->syn = SYN_NOT;
		return;
	}
	ports->count = 1;
	ports->range[0].first = service->reply_ports.first;
	ports->range[0].last = service->reply_ports.last;
}

static int add_flow(struct compiler *compiler, const struct flow *flow, enum protocol protocol,
		    enum direction direction, const char *interface)
{
	const struct service *service = compiler->service;
	struct prefix_set sources = end_prefixes(compiler, flow->source);
	struct prefix_set destinations = end_prefixes(compiler, flow->destination);
	int err = 0;

	for (size_t next = 0; next < service->port_count && !err;) {
		struct match match = { .protocol = protocol_numbers[protocol] };

		take_ports(service, &next, flow->request ? &match.destination : &match.source);
		strcpy(direction == IN ? match.in : match.out, interface);
		if (flow->role == OUTBOUND && !service->classic)
			narrow(service, flow->request, &match);
		if (compiler->target == TARGET_JUMP) {	/* a limit: new exchanges only */
			match.syn = protocol == TCP ? SYN_ONLY : SYN_ANY;
			match.sctp_init = protocol == SCTP;
		}
		err = add_rules(compiler, &match, sources, destinations);
	}
	return err;
}

static int add_flow_by_interface(struct compiler *compiler, const struct flow *flow)
{
	const struct service *service = compiler->service;
	int err = 0;

	for (enum protocol protocol = UDP; protocol < PROTOCOLS && !err; protocol++) {
		if (!(service->protocols & 1u << protocol))
			continue;
		if (!service->interface_count)
			err = add_flow(compiler, flow, protocol, flow->direction, "");
		for (size_t i = 0; i < service->interface_count && !err; i++)
			err = add_flow(compiler, flow, protocol, flow->direction,
				       service->interfaces[i]);
	}
	return err;
}

/* --- this host asking itself ------------------------------------------ */

static bool covers_loopback(const struct service *service)
{
	for (size_t i = 0; i < service->interface_count; i++) {
		const char *name = service->interfaces[i];
		size_t size = strlen(name);

		if (!strcmp(name, "lo") || (name[size - 1] == '+' && !strncmp(name, "lo", size - 1)))
			return true;
	}
	return !service->interface_count;
}

/*
 * What leaves over lo comes in over lo, the same packet, tracked or not as it
 * left.  So each flow is let through at the other hook as well.
 */
bool select_has_loopback(const struct service *service, enum role role)
{
	if (service->classic || !(service->roles & role) || !covers_loopback(service))
		return false;
	/* a server for everybody has let these through already */
	return role == INBOUND || !(service->roles & INBOUND) || service->local_count;
}

static int add_loopback(struct compiler *compiler, enum direction direction)
{
	const struct service *service = compiler->service;
	int err = 0;

	for (size_t i = 0; i < FLOWS && !err; i++) {
		if (flows[i].direction == direction ||
		    !select_has_loopback(service, (enum role)flows[i].role))
			continue;
		for (enum protocol protocol = UDP; protocol < PROTOCOLS && !err; protocol++)
			if (service->protocols & 1u << protocol)
				err = add_flow(compiler, &flows[i], protocol, direction, "lo");
	}
	return err;
}

int select_direction(struct compiler *compiler, enum direction direction)
{
	int err = 0;

	for (size_t i = 0; i < FLOWS && !err; i++)
		if (compiler->service->roles & flows[i].role && flows[i].direction == direction)
			err = add_flow_by_interface(compiler, &flows[i]);
	return err ? err : add_loopback(compiler, direction);
}

int select_requests(struct compiler *compiler)
{
	int err = 0;

	for (size_t i = 0; i < FLOWS && !err; i++)
		if (flows[i].role == INBOUND && flows[i].request)
			err = add_flow_by_interface(compiler, &flows[i]);
	return err;
}
