/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 *	PREROUTING, INPUT -> NOTRACK-PREROUTING, NOTRACK-INPUT -> NOTRACK-dns-in
 *	OUTPUT            -> NOTRACK-OUTPUT                    -> NOTRACK-dns-out
 *
 * Both tables have the same selectors.  In filter they stand in the service's
 * chains, with ACCEPT; limits come first, those of all services, in NOTRACK-INPUT:
 * what one accepts, such as answers by their source port, may be what another
 * limits.  In raw they go (-g) to the service's
 * chain, whose one rule is NOTRACK: unlike ACCEPT it lets a packet go on, and the
 * end of a chain that was gone to takes it past the selectors that are left.
 * The classic rules are those of the textbook, in raw as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "rules/name.h"
#include "rules/selector.h"

static const char *const builtins[TABLES][DIRECTIONS] = {
	[RAW] = { "PREROUTING", "OUTPUT" },
	[FILTER] = { "INPUT", "OUTPUT" },
};
static const char *const suffixes[DIRECTIONS] = { CHAIN_IN, CHAIN_OUT };

/* ICMP errors: RFC 792 and RFC 4443, section 2.1. */
static const uint8_t icmp4_errors[] = { 3, 11, 12 }, icmp6_errors[] = { 1, 2, 3, 4 };
static const struct {
	uint8_t protocol;
	const uint8_t *types;
	size_t count;
} icmp_errors[FAMILIES] = {
	[IPV4] = { IPPROTO_ICMP, icmp4_errors, sizeof(icmp4_errors) },
	[IPV6] = { IPPROTO_ICMPV6, icmp6_errors, sizeof(icmp6_errors) },
};

static int out_of_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "out of memory");
}

static struct chain *add_chain(struct compiler *compiler, const char *suffix,
			       enum direction direction)
{
	char name[CHAIN_NAME_MAX + 1];
	struct chain *chain;

	service_chain_name(name, compiler->service->name, suffix);
	chain = ruleset_add_chain(compiler->rules, name);
	if (!chain)
		return NULL;
	chain->service = compiler->service->name;
	chain->direction = direction;
	return chain;
}

/* Requests of inbound services go through the limits. */
static int add_limits(struct compiler *compiler, struct chain *top, const struct clients *clients)
{
	int err;

	if (!clients->count)
		return 0;
	compiler->to = add_chain(compiler, CHAIN_LIMIT, IN);
	if (!compiler->to ||
	    !chain_add_rule(compiler->to, &(struct rule){ .target = TARGET_LIMITS }))
		return out_of_memory(compiler->error);
	compiler->chain = top;
	compiler->target = TARGET_JUMP;
	err = select_requests(compiler);
	compiler->to = NULL;
	return err;
}

/* --- tables ----------------------------------------------------------- */

static int add_service_chain(struct compiler *compiler, enum table_id table,
			     enum direction direction)
{
	compiler->chain = add_chain(compiler, suffixes[direction], direction);
	if (!compiler->chain)
		return out_of_memory(compiler->error);
	compiler->target = table == RAW ? TARGET_NOTRACK : TARGET_ACCEPT;
	return select_direction(compiler, direction);
}

/* The selectors in @top lead to one rule, which ends the way through our chains. */
static int add_untracking(struct compiler *compiler, struct chain *top, enum direction direction)
{
	struct chain *chain = add_chain(compiler, suffixes[direction], direction);
	int err;

	if (!chain || !chain_add_rule(chain, &(struct rule){ .target = TARGET_NOTRACK }))
		return out_of_memory(compiler->error);
	compiler->chain = top;
	compiler->target = TARGET_GOTO;
	compiler->to = chain;
	err = select_direction(compiler, direction);
	compiler->to = NULL;
	return err;
}

/* The rule that enters a service's chain; in INPUT it carries the description. */
static int add_entrance(struct compiler *compiler, struct chain *top, bool described)
{
	struct arena *arena = &compiler->rules->arena;
	struct rule rule = { .target = TARGET_JUMP, .to = compiler->chain };
	struct match *match;
	char *line;

	if (described) {
		match = arena_alloc(arena, sizeof(*match));
		if (!match || service_describe(compiler->service, &line, arena))
			return out_of_memory(compiler->error);
		match->comment = line;
		rule.match = match;
	}
	return chain_add_rule(top, &rule) ? 0 : out_of_memory(compiler->error);
}

static int add_icmp_errors(struct compiler *compiler, struct chain *top)
{
	enum family family = compiler->family;

	for (size_t i = 0; i < icmp_errors[family].count; i++) {
		struct match *match = arena_alloc(&compiler->rules->arena, sizeof(*match));

		if (!match)
			return out_of_memory(compiler->error);
		match->protocol = icmp_errors[family].protocol;
		match->icmp = true;
		match->icmp_type = icmp_errors[family].types[i];
		if (!chain_add_rule(top, &(struct rule){ .target = TARGET_ACCEPT, .match = match }))
			return out_of_memory(compiler->error);
	}
	return 0;
}

static int compile_direction(struct compiler *compiler, const struct family_model *model,
			     enum table_id table, enum direction direction)
{
	bool described = table == FILTER && direction == IN, icmp = false;
	char name[CHAIN_NAME_MAX + 1];
	struct chain *top;
	int err = 0;

	chain_top_name(name, builtins[table][direction]);
	top = ruleset_add_chain(compiler->rules, name);
	if (!top || ruleset_add_jump(compiler->rules, &(struct jump){
			.chain = builtins[table][direction], .to = top }))
		return out_of_memory(compiler->error);
	top->direction = direction;
	for (size_t i = 0; i < model->count && described && !err; i++) {
		compiler->service = model->served[i].service;
		err = add_limits(compiler, top, &model->served[i].clients);
	}
	for (size_t i = 0; i < model->count && !err; i++) {
		compiler->service = model->served[i].service;
		icmp |= compiler->service->icmp_errors;
		if (table == RAW && !compiler->service->classic) {
			err = add_untracking(compiler, top, direction);
			continue;
		}
		err = add_service_chain(compiler, table, direction);
		if (!err)
			err = add_entrance(compiler, top, described);
	}
	return !err && described && icmp ? add_icmp_errors(compiler, top) : err;
}

int compile(const struct family_model *model, enum family family,
	    struct ruleset rules[TABLES], struct error *error)
{
	struct compiler compiler = { .model = model, .family = family, .error = error };
	int err = 0;

	if (!model->count)
		return 0;
	for (enum table_id table = RAW; table < TABLES && !err; table++) {
		compiler.rules = &rules[table];
		for (enum direction direction = IN; direction < DIRECTIONS && !err; direction++)
			err = compile_direction(&compiler, model, table, direction);
		if (!err)
			err = ruleset_sort(&rules[table]);
		if (err == -ENOMEM && !*error->text)
			out_of_memory(error);
	}
	return err;
}
