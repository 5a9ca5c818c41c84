/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/picks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum ct_state class_state(enum packet_class class)
{
	static const enum ct_state states[CLASSES] = {
		[CLASS_ANY] = CT_NEW,
		[CLASS_REQUEST] = CT_NEW,
		[CLASS_LATER] = CT_ESTABLISHED,
		[CLASS_ANSWER] = CT_ESTABLISHED,
		[CLASS_RESET] = CT_RELATED,
		[CLASS_ERROR] = CT_RELATED,
	};

	return states[class];
}

/*
 * NOTRACK of the legacy tables leaves two kinds alone, so that conntrack looks for
 * a connection of theirs and finds none: ICMP errors, and what a REJECT of this host
 * sends, which has been given the (absent) entry of the packet that was rejected.
 */
enum ct_state class_state_now(enum packet_class class, const struct pick_options *options)
{
	return class >= CLASS_RESET && !options->errors_untracked ? CT_INVALID : CT_UNTRACKED;
}

/* --- probes ----------------------------------------------------------- */

/* The ranges of ports that a selector picks. */
struct port_ranges {
	struct port_range list[PORT_SLOTS + 1];
	size_t count;
};

static struct port_ranges ranges_of(const struct ports *ports)
{
	struct port_ranges ranges = { .count = ports->count };
	uint32_t from = 0;

	if (!ports->count)
		return (struct port_ranges){ { { 0, UINT16_MAX } }, 1 };
	for (size_t i = 0; i < ports->count && !ports->inverted; i++)
		ranges.list[i] = (struct port_range){ ports->range[i].first, ports->range[i].last };
	if (!ports->inverted)
		return ranges;
	ranges.count = 0;
	for (size_t i = 0; i < ports->count; i++) {
		if (ports->range[i].first > from)
			ranges.list[ranges.count++] = (struct port_range){
				(uint16_t)from, (uint16_t)(ports->range[i].first - 1) };
		from = ports->range[i].last + 1u;
	}
	if (from <= UINT16_MAX)
		ranges.list[ranges.count++] = (struct port_range){ (uint16_t)from, UINT16_MAX };
	return ranges;
}

/* What segments of a class say of themselves; rules single these out. */
struct flag_list {
	uint8_t count, list[5];
};

static const struct flag_list tcp_flags[CLASSES] = {
	[CLASS_REQUEST] = { 1, { TCP_SYN } },
	[CLASS_LATER] = { 4, { TCP_ACK, TCP_ACK | TCP_PSH, TCP_FIN | TCP_ACK, TCP_RST } },
	[CLASS_ANSWER] = { 5, { TCP_SYN | TCP_ACK, TCP_ACK, TCP_ACK | TCP_PSH, TCP_FIN | TCP_ACK,
				TCP_RST | TCP_ACK } },
	[CLASS_RESET] = { 1, { TCP_RST | TCP_ACK } },
};
static const struct flag_list no_flags = { 1, { 0 } };

static struct probe probe_of(const struct pick *pick)
{
	const struct match *match = pick->rule->match;
	bool in = pick->direction == IN;
	struct probe probe = {
		.source = pick->rule->source,
		.destination = match->to,
		.family = pick->family,
		.protocol = match->protocol,
		.icmp_type = match->icmp_type,
		.tracked_states = class_state((enum packet_class)pick->class),
		.own_source = !in || !strcmp(match->in, "lo"),
		.own_destination = in || !strcmp(match->out, "lo"),
		.local_destination = match->to_local,
		.reply = pick->class == CLASS_ANSWER || pick->class == CLASS_RESET,
	};

	probe.source.family = pick->family;
	probe.destination.family = pick->family;
	strcpy(in ? probe.in : probe.out, in ? match->in : match->out);
	if (!*(in ? probe.in : probe.out))
		strcpy(in ? probe.in : probe.out, "+");
	return probe;
}

static int add_probes(struct pick *pick, struct arena *arena)
{
	const struct match *match = pick->rule->match;
	const struct port_ranges sources = ranges_of(&match->source);
	const struct port_ranges destinations = ranges_of(&match->destination);
	const struct flag_list *flags = match->protocol == IPPROTO_TCP ? &tcp_flags[pick->class] :
								       &no_flags;
	/* the first chunk of an association, of what comes later, and of an answer */
	static const uint8_t chunks[CLASSES] = {
		[CLASS_REQUEST] = SCTP_INIT, [CLASS_LATER] = SCTP_DATA, [CLASS_ANSWER] = SCTP_INIT_ACK,
	};
	struct probe probe = probe_of(pick);

	probe.chunk = chunks[pick->class];
	pick->probes = arena_alloc(arena, sources.count * destinations.count * flags->count *
				   sizeof(*pick->probes));
	if (!pick->probes)
		return -ENOMEM;
	for (size_t i = 0; i < sources.count; i++)
		for (size_t j = 0; j < destinations.count; j++)
			for (size_t k = 0; k < flags->count; k++) {
				if ((flags->list[k] & match->tcp_mask) != match->tcp_flags)
					continue;
				probe.source_port = sources.list[i];
				probe.destination_port = destinations.list[j];
				probe.tcp_flags = flags->list[k];
				pick->probes[pick->count++] = probe;
			}
	return 0;
}

/* --- picks ------------------------------------------------------------ */

static int take_rules(struct picks *picks, struct pick *pick, const struct chain *chain)
{
	struct pick *grown = realloc(picks->list, (picks->count + chain->count) * sizeof(*grown));

	if (!grown && picks->count + chain->count)
		return -ENOMEM;
	picks->list = grown;
	for (size_t i = 0; i < chain->count; i++) {
		pick->rule = &chain->rules[i];
		pick->probes = NULL;
		pick->count = 0;
		if (add_probes(pick, &picks->rules.arena))
			return -ENOMEM;
		picks->list[picks->count++] = *pick;
	}
	return 0;
}

/* Each in a chain of its own, where its rules stay at their place. */
static int begin_chain(struct compiler *compiler)
{
	compiler->chain = ruleset_add_chain(compiler->rules, "");
	return compiler->chain ? 0 : -ENOMEM;
}

static int add_class(struct picks *picks, struct compiler *compiler, enum direction direction,
		     enum packet_class class)
{
	struct pick pick = { .service = compiler->service, .family = (uint8_t)compiler->family,
			     .direction = (uint8_t)direction, .class = (uint8_t)class };
	int err = begin_chain(compiler);

	compiler->class = class;
	if (!err)
		err = class == CLASS_ERROR ? select_errors(compiler) :
					     select_direction(compiler, direction);
	return err ? err : take_rules(picks, &pick, compiler->chain);
}

static bool has_class(enum packet_class class, enum direction direction,
		      const struct pick_options *options)
{
	return class != CLASS_RESET || (direction == OUT && !options->errors_untracked);
}

/* What is made of picks stands in their order: most of what leaves a server is answers. */
static const enum packet_class in_order[DIRECTIONS][CLASS_ERROR - CLASS_REQUEST] = {
	[IN] = { CLASS_REQUEST, CLASS_ANSWER, CLASS_LATER, CLASS_RESET },
	[OUT] = { CLASS_ANSWER, CLASS_REQUEST, CLASS_LATER, CLASS_RESET },
};

int picks_make(struct picks *picks, const struct family_model *model, enum family family,
	       enum direction direction, const struct pick_options *options)
{
	struct error error;
	struct compiler compiler = { .model = model, .family = family, .rules = &picks->rules,
				     .local_only = options->local_only, .error = &error };
	bool errors = false;
	int err = 0;

	for (size_t next = 0; next < CLASS_ERROR - CLASS_REQUEST && !err; next++) {
		const enum packet_class class = in_order[direction][next];

		for (size_t i = 0; i < model->count && !err; i++) {
			compiler.service = model->served[i].service;
			if (compiler.service->classic || compiler.service->no_twins)
				continue;
			errors |= compiler.service->icmp_errors;
			if (has_class(class, direction, options))
				err = add_class(picks, &compiler, direction, class);
		}
	}
	compiler.service = NULL;
	return err || !errors ? err : add_class(picks, &compiler, direction, CLASS_ERROR);
}

int picks_add_flow(struct picks *picks, const struct family_model *model, enum family family,
		   const struct flow_key *flow, enum packet_class class,
		   const struct pick_options *options)
{
	struct error error;
	struct compiler compiler = {
		.service = flow->service, .model = model, .family = family,
		.rules = &picks->rules, .local_only = options->local_only, .error = &error,
		.skipped = ~flow_bit(flow->direction, flow->role, flow->request, flow->protocol),
	};

	return add_class(picks, &compiler, flow->direction, class);
}

int picks_add_errors(struct picks *picks, enum family family, enum direction direction)
{
	struct error error;
	struct compiler compiler = { .family = family, .rules = &picks->rules, .error = &error };

	return add_class(picks, &compiler, direction, CLASS_ERROR);
}

void picks_free(struct picks *picks)
{
	free(picks->list);
	ruleset_free(&picks->rules);
	*picks = (struct picks){ 0 };
}
