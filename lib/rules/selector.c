/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The flows of a service, as rules that select their packets. */
#include "rules/selector.h"

#include <errno.h>
#include <string.h>

#include "rules/port_list.h"
#include "rules/segment.h"

/* Whose addresses a flow's end has. */
enum end {
	ASKER,
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
	{ INBOUND, IN, true, ASKER, LOCAL },
	{ OUTBOUND, IN, false, REMOTE, LOCAL },
	{ INBOUND, OUT, false, LOCAL, ASKER },
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
static struct prefix_set end_prefixes(const struct compiler *compiler, enum end end,
				      bool loopback)
{
	const struct service *service = compiler->service;
	const struct prefix_set lists[] = {
		[ASKER] = { service->from, loopback ? 0 : service->from_count },
		[LOCAL] = { service->local, service->local_count },
		[REMOTE] = { service->remote, service->remote_count },
	};
	const struct prefix_set *all = &lists[end];
	struct prefix_set set = { all->prefixes, 0 };

	if (!all->count)
		return (struct prefix_set){ &everybody, 1 };
	for (size_t i = 0; i < all->count; i++)	/* in order: IPv4 first */
		if (all->prefixes[i].family == compiler->family && !set.count++)
			set.prefixes = &all->prefixes[i];
	return set;
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

/* --- ports ------------------------------------------------------------ */

static const struct port_range all_ports = { 0, UINT16_MAX };

static bool serves(const struct service *service, enum protocol protocol)
{
	return service->roles & INBOUND && service->protocols & 1u << protocol;
}

static size_t count_served_ports(const struct compiler *compiler, enum protocol protocol)
{
	const struct family_model *model = compiler->model;
	size_t count = 0;

	for (size_t i = 0; model && i < model->count; i++)
		if (serves(model->served[i].service, protocol))
			count += model->served[i].service->port_count;
	return count;
}

/* The ports that this host is asked at. */
static int list_served_ports(const struct compiler *compiler, enum protocol protocol,
			     struct port_list *served)
{
	size_t count = count_served_ports(compiler, protocol), filled = 0;
	struct port_range *ranges = arena_alloc(&compiler->rules->arena, count * sizeof(*ranges));

	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; filled < count; i++) {
		const struct service *service = compiler->model->served[i].service;

		if (!serves(service, protocol))
			continue;
		memcpy(&ranges[filled], service->ports, service->port_count * sizeof(*ranges));
		filled += service->port_count;
	}
	*served = port_list_merge(ranges, count);
	return 0;
}

/* A limit's jump counts all that is asked; see select_requests(). */
static bool is_limit(const struct compiler *compiler)
{
	return compiler->target == TARGET_JUMP;
}

/*
 * The ports of whoever is not the server.  Strict: what comes from a server's port must
 * look like an answer, so it comes to a port that this host asks from, and nobody asks
 * it at; what is asked must be such that its answer looks like one.  Of a service with
 * both roles, nobody can know who asks whom where both ends have its port; nor where this
 * host may have given its address to what it forwards, and kept the port.
 */
static int list_client_ports(const struct compiler *compiler, const struct flow *flow,
			     enum protocol protocol, struct port_list *left)
{
	const struct service *service = compiler->service;
	struct port_list without = { 0 };
	int err = 0;

	if (service->classic || is_limit(compiler)) {
		*left = (struct port_list){ .inverted = true };
		return 0;
	}
	if (flow->role == OUTBOUND)
		err = list_served_ports(compiler, protocol, &without);
	else if (service->roles & OUTBOUND || compiler->local_only)
		without = (struct port_list){ service->ports, service->port_count, false };
	if (err)
		return err;
	return port_list_without(flow->role == OUTBOUND && protocol != TCP ?
				 &service->reply_ports : &all_ports, &without,
				 &compiler->rules->arena, left);
}

static void take_wider(struct port_range *widest, unsigned int first, unsigned int last)
{
	if (last - first >= (unsigned int)widest->last - widest->first)
		*widest = (struct port_range){ (uint16_t)first, (uint16_t)last };
}

int select_client_ports(const struct family_model *model, const struct service *service,
			enum role role, enum protocol protocol, bool local_only,
			struct port_range *widest)
{
	const struct flow flow = { .role = (uint8_t)role };
	struct ruleset scratch = { 0 };
	const struct compiler compiler = { .model = model, .service = service, .rules = &scratch,
					   .local_only = local_only };
	struct port_list left;
	int err = list_client_ports(&compiler, &flow, protocol, &left);
	unsigned int next = 0;

	*widest = (struct port_range){ 0, 0 };
	for (size_t i = 0; i < left.count && !err; i++) {
		const struct port_range *range = &left.ranges[i];

		if (!left.inverted)
			take_wider(widest, range->first, range->last);
		else if (range->first > next)
			take_wider(widest, next, range->first - 1u);
		next = range->last + 1u;
	}
	if (!err && left.inverted && next <= UINT16_MAX)
		take_wider(widest, next, UINT16_MAX);
	ruleset_free(&scratch);
	return err ? err : !left.count && !left.inverted ? -ENOENT : 0;
}

/* --- classes ---------------------------------------------------------- */

/* What tells the first packet of a connection from the others, where anything does. */
static bool has_first_packet(enum protocol protocol)
{
	return protocol == TCP || protocol == SCTP;
}

static void ask_for_first(struct match *match, enum protocol protocol)
{
	match->syn = protocol == TCP ? SYN_ONLY : SYN_ANY;
	match->sctp_init = protocol == SCTP;
}

static void ask_for_later(struct match *match, enum protocol protocol)
{
	match->syn = protocol == TCP ? SYN_NOT : SYN_ANY;
	match->sctp_not_init = protocol == SCTP;
}

/*
 * A server's first answer is no request: it is of a connection that was made from the service's
 * port to another one, the SYN of which was tracked.
 */
static void ask_for_asked(struct match *match, enum protocol protocol)
{
	match->syn = protocol == TCP ? SYN_ACK_NOT : SYN_ANY;
}

/*
 * Whose segments rules ask for; 0: they do not look at flags.  Selectors that lead to another
 * rule of ours pick by ports, and that one looks at flags.
 */
static unsigned int list_senders(const struct compiler *compiler, const struct flow *flow,
				 enum protocol protocol)
{
	static const uint8_t senders[CLASSES] = {
		[CLASS_LATER] = SENT_LATER, [CLASS_ANSWER] = SENT_IN_ANSWER,
	};

	if (protocol != TCP)
		return 0;
	if (compiler->class != CLASS_ANY)
		return senders[compiler->class];
	if (compiler->service->classic || compiler->target != TARGET_ACCEPT)
		return 0;
	return flow->request ? SENT_FIRST | SENT_LATER : SENT_IN_ANSWER;
}

int select_segments(struct compiler *compiler, unsigned int protocols)
{
	const struct prefix_set any = { &everybody, 1 };
	int err = 0;

	for (enum protocol protocol = UDP; protocol < PROTOCOLS && !err; protocol++) {
		struct match match = { .protocol = protocol_numbers[protocol] };

		if (!(protocols & 1u << protocol))
			continue;
		if (protocol != TCP)
			err = add_rules(compiler, &match, any, any);
		for (size_t i = 0; protocol == TCP && i < SEGMENTS && !err; i++) {
			segment_match(&match, &segments[i]);
			err = add_rules(compiler, &match, any, any);
		}
	}
	return err;
}

/* Returns whether packets of a flow can be of the class. */
static bool take_class(const struct compiler *compiler, const struct flow *flow,
		       enum protocol protocol, struct match *match)
{
	switch (compiler->class) {
	case CLASS_ANY:
		if (is_limit(compiler))		/* new exchanges only */
			ask_for_first(match, protocol);
		else if (flow->request && !compiler->service->classic)
			ask_for_asked(match, protocol);
		else if (!compiler->service->classic)
			ask_for_later(match, protocol);
		return true;
	case CLASS_REQUEST:
		ask_for_first(match, protocol);
		return flow->request;
	case CLASS_LATER:
		ask_for_later(match, protocol);
		return flow->request && has_first_packet(protocol);
	case CLASS_ANSWER:
		ask_for_later(match, protocol);
		return !flow->request;
	case CLASS_RESET:
		segment_match(match, &segments[SEGMENT_RESET]);
		return !flow->request && flow->role == INBOUND && protocol == TCP;
	default:
		return false;
	}
}

/* --- flows ------------------------------------------------------------ */

static int add_segments(struct compiler *compiler, struct match *match, unsigned int senders,
			struct prefix_set sources, struct prefix_set destinations)
{
	int err = 0;

	if (!senders)
		return add_rules(compiler, match, sources, destinations);
	for (size_t i = 0; i < SEGMENTS && !err; i++) {
		if (!(segments[i].senders & senders))
			continue;
		segment_match(match, &segments[i]);
		err = add_rules(compiler, match, sources, destinations);
	}
	return err;
}

static int add_flow(struct compiler *compiler, const struct flow *flow, enum protocol protocol,
		    enum direction direction, const char *interface)
{
	const struct service *service = compiler->service;
	const struct port_list served = { service->ports, service->port_count, false };
	const bool loopback = !strcmp(interface, "lo");
	struct prefix_set sources = end_prefixes(compiler, flow->source, loopback);
	struct prefix_set destinations = end_prefixes(compiler, flow->destination, loopback);
	const unsigned int senders = list_senders(compiler, flow, protocol);
	struct match match = { .protocol = protocol_numbers[protocol] };
	struct ports *server = flow->request ? &match.destination : &match.source;
	struct ports *client = flow->request ? &match.source : &match.destination;
	struct port_list clients;
	int err;

	if (compiler->skipped & flow_bit(direction, (enum role)flow->role, flow->request, protocol) ||
	    !take_class(compiler, flow, protocol, &match))
		return 0;
	strcpy(direction == IN ? match.in : match.out, interface);
	match.to_local = compiler->local_only && direction == IN;
	match.from_local = compiler->local_only && direction == OUT;
	err = list_client_ports(compiler, flow, protocol, &clients);
	if (err)
		return error_set(compiler->error, err, "out of memory");
	for (size_t next = 0; !err && port_list_take(&served, &next, server);)
		for (size_t other = 0; !err && port_list_take(&clients, &other, client);)
			err = add_segments(compiler, &match, senders, sources, destinations);
	return err;
}

static int add_flow_by_interface(struct compiler *compiler, const struct flow *flow,
				 enum protocol protocol)
{
	const struct service *service = compiler->service;
	int err = 0;

	if (!service->interface_count)
		err = add_flow(compiler, flow, protocol, flow->direction, "");
	for (size_t i = 0; i < service->interface_count && !err; i++)
		err = add_flow(compiler, flow, protocol, flow->direction, service->interfaces[i]);
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

static int add_loopback(struct compiler *compiler, enum protocol protocol,
			enum direction direction)
{
	const struct service *service = compiler->service;
	int err = 0;

	for (size_t i = 0; i < FLOWS && !err; i++) {
		/* who may ask is no question over lo, at either hook */
		bool exempt = flows[i].role == INBOUND && service->from_count;

		if ((flows[i].direction == direction && !exempt) ||
		    !select_has_loopback(service, (enum role)flows[i].role))
			continue;
		err = add_flow(compiler, &flows[i], protocol, direction, "lo");
	}
	return err;
}

static int select_protocol(struct compiler *compiler, enum protocol protocol,
			   enum direction direction)
{
	int err = 0;

	for (size_t i = 0; i < FLOWS && !err; i++)
		if (compiler->service->roles & flows[i].role && flows[i].direction == direction)
			err = add_flow_by_interface(compiler, &flows[i], protocol);
	return err ? err : add_loopback(compiler, protocol, direction);
}

/* UDP comes first: its exchanges are the shortest, and TCP has the most rules. */
int select_direction(struct compiler *compiler, enum direction direction)
{
	int err = 0;

	for (enum protocol protocol = UDP; protocol < PROTOCOLS && !err; protocol++)
		if (compiler->service->protocols & 1u << protocol)
			err = select_protocol(compiler, protocol, direction);
	return err;
}

static const struct {
	uint8_t protocol;
	uint8_t count, types[4];
} errors[FAMILIES] = {
	[IPV4] = { IPPROTO_ICMP, 3, { 3, 11, 12 } },		/* RFC 792 */
	[IPV6] = { IPPROTO_ICMPV6, 4, { 1, 2, 3, 4 } },		/* RFC 4443, section 2.1 */
};

int select_errors(struct compiler *compiler)
{
	const struct prefix_set any = { &everybody, 1 };
	int err = 0;

	for (size_t i = 0; i < errors[compiler->family].count && !err; i++)
		err = add_rules(compiler, &(struct match){
				.protocol = errors[compiler->family].protocol, .icmp = true,
				.icmp_type = errors[compiler->family].types[i] }, any, any);
	return err;
}

int select_requests(struct compiler *compiler)
{
	int err = 0;

	for (size_t i = 0; i < FLOWS; i++)
		for (enum protocol protocol = UDP; protocol < PROTOCOLS && !err; protocol++)
			if (flows[i].role == INBOUND && flows[i].request &&
			    compiler->service->protocols & 1u << protocol)
				err = add_flow_by_interface(compiler, &flows[i], protocol);
	return err;
}
