/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 *	PREROUTING, INPUT -> NOTRACK-PREROUTING, NOTRACK-INPUT -> NOTRACK-dns-in
 *	OUTPUT            -> NOTRACK-OUTPUT                    -> NOTRACK-dns-out
 *	INPUT             -> NOTRACK-LIMITS                    -> NOTRACK-dns-limit
 *
 * Both tables have the same selectors.  In filter they stand in the service's
 * chains, with ACCEPT, for the flows that the host lets nobody in by; a service
 * that is not opened has empty chains there, and its description.  Limits come first,
 * by a jump of their own: they only drop.  In raw the selectors go (-g) to the service's
 * chain, which has NOTRACK alone: unlike ACCEPT it lets a packet go on, and the
 * end of a chain that was gone to takes it past the selectors that are left.
 * The classic rules are those of the textbook, in raw as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "rules/name.h"

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
static int add_service_limits(struct compiler *compiler, struct chain *top)
{
	int err;

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

/* The chain of all limits, with its jump; none where there are no limits. */
static int add_limits(struct compiler *compiler)
{
	const struct family_model *model = compiler->model;
	struct chain *top = NULL;
	int err = 0;

	for (size_t i = 0; i < model->count && !err; i++) {
		if (!clients_any(&model->served[i].clients))
			continue;
		if (!top) {
			top = ruleset_add_chain(compiler->rules, CHAIN_LIMITS);
			if (!top || ruleset_add_jump(compiler->rules, &(struct jump){
					.chain = builtins[FILTER][IN], .to = top }))
				return out_of_memory(compiler->error);
		}
		compiler->service = model->served[i].service;
		err = add_service_limits(compiler, top);
	}
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

/*
 * What untracks; segments of TCP with flags that none has stay tracked, so that they are INVALID
 * as they were.  Few rules in one place: the selectors are many.
 */
static int add_untracked(struct compiler *compiler)
{
	const struct service *service = compiler->service;

	compiler->target = TARGET_NOTRACK;
	if (service->protocols & 1u << TCP)
		return select_segments(compiler, service->protocols);
	return chain_add_rule(compiler->chain, &(struct rule){ .target = TARGET_NOTRACK }) ?
	       0 : -ENOMEM;
}

/* The selectors in @top lead to the service's chain, which ends the way through ours. */
static int add_untracking(struct compiler *compiler, struct chain *top, enum direction direction)
{
	struct chain *chain = add_chain(compiler, suffixes[direction], direction);
	int err;

	compiler->chain = chain;
	if (!chain || add_untracked(compiler))
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

/* The chain that the built-in one leads to. */
static struct chain *add_top(struct compiler *compiler, enum table_id table,
			     enum direction direction)
{
	char name[CHAIN_NAME_MAX + 1];
	struct chain *top;

	chain_top_name(name, builtins[table][direction]);
	top = ruleset_add_chain(compiler->rules, name);
	if (!top || ruleset_add_jump(compiler->rules, &(struct jump){
			.chain = builtins[table][direction], .to = top }))
		return NULL;
	top->direction = direction;
	return top;
}

static int compile_service(struct compiler *compiler, struct chain *top, enum table_id table,
			   enum direction direction)
{
	int err;

	if (table == RAW && !compiler->service->classic)
		return add_untracking(compiler, top, direction);
	err = add_service_chain(compiler, table, direction);
	return err ? err : add_entrance(compiler, top, table == FILTER && direction == IN);
}

static int compile_direction(struct compiler *compiler, const struct opened *opened,
			     enum table_id table, enum direction direction)
{
	const struct family_model *model = compiler->model;
	struct chain *top = add_top(compiler, table, direction);
	bool icmp = false;
	int err = top ? 0 : out_of_memory(compiler->error);

	for (size_t i = 0; i < model->count && !err; i++) {
		compiler->service = model->served[i].service;
		icmp |= compiler->service->icmp_errors;
		compiler->skipped = table == FILTER && opened ? ~opened->flows[i] : 0;
		err = compile_service(compiler, top, table, direction);
	}
	icmp &= table == FILTER && direction == IN && (!opened || opened->errors);
	return !err && icmp ? add_icmp_errors(compiler, top) : err;
}

static int compile_table(struct compiler *compiler, const struct opened *opened,
			 enum table_id table)
{
	int err = table == FILTER ? add_limits(compiler) : 0;

	for (enum direction direction = IN; direction < DIRECTIONS && !err; direction++)
		err = compile_direction(compiler, opened, table, direction);
	return err ? err : ruleset_sort(compiler->rules);
}

int compile(const struct family_model *model, enum family family, const struct opened *opened,
	    bool local_only, struct ruleset rules[TABLES], struct error *error)
{
	struct compiler compiler = { .model = model, .family = family, .local_only = local_only,
				     .error = error };
	int err = 0;

	for (enum table_id table = RAW; table < TABLES && model->count && !err; table++) {
		compiler.rules = &rules[table];
		err = compile_table(&compiler, opened, table);
		if (err == -ENOMEM && !*error->text)
			out_of_memory(error);
	}
	return err;
}

/* --- what leaves -------------------------------------------------------- */

static bool leaves(const struct service *service, const struct family_model *wanted)
{
	const struct served *served = model_find(wanted, service->name);

	return !served || !service_same(service, served->service);
}

static int add_answers(struct compiler *compiler, const struct family_model *wanted,
		       enum direction direction)
{
	const struct family_model *had = compiler->model;
	int err = 0;

	compiler->chain = NULL;
	for (size_t i = 0; i < had->count && !err; i++) {
		compiler->service = had->served[i].service;
		if (!leaves(compiler->service, wanted))
			continue;
		if (!compiler->chain)
			compiler->chain = add_top(compiler, RAW, direction);
		err = compiler->chain ? select_direction(compiler, direction) :
					out_of_memory(compiler->error);
	}
	return err;
}

int compile_leaving(const struct family_model *had, const struct family_model *wanted,
		    enum family family, bool local_only, struct ruleset *leaving,
		    struct error *error)
{
	struct compiler compiler = { .model = had, .family = family, .local_only = local_only,
				     .rules = leaving, .target = TARGET_NOTRACK,
				     .class = CLASS_ANSWER, .error = error };
	int err = 0;

	for (enum direction direction = IN; direction < DIRECTIONS && !err; direction++)
		err = add_answers(&compiler, wanted, direction);
	if (!err)
		err = ruleset_sort(leaving);
	return err == -ENOMEM ? out_of_memory(error) : err;
}
