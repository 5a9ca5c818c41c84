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
#include "legacy/tree.h"
#include "rules/name.h"
#include "rules/selector.h"

static const char *const hooks[TABLES][DIRECTIONS] = {
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

void service_chain_name(char name[CHAIN_NAME_MAX + 1], const char *service, const char *suffix)
{
	snprintf(name, CHAIN_NAME_MAX + 1, CHAIN_PREFIX "%s%s", service, suffix);
}

/* --- limits ----------------------------------------------------------- */

static int add_limit_chain(struct compiler *compiler, struct limit *limit)
{
	const char *service = compiler->service->name;
	struct arena *arena = &compiler->rules->arena;
	struct match *match = arena_alloc(arena, sizeof(*match));
	char name[CHAIN_NAME_MAX + 1], table[HASHLIMIT_NAME_MAX + 1];
	char comment[sizeof("drop_overly_frequent_") + SERVICE_NAME_MAX];
	struct chain *chain;

	name_hashlimit(table, service, &limit->rate);
	name_chain(name, service, 'l', table, strlen(table));
	sprintf(comment, "drop_overly_frequent_%s", service);
	chain = ruleset_add_chain(compiler->rules, name);
	if (!match || !chain)
		return out_of_memory(compiler->error);
	limit->chain = chain->name;
	match->above = &limit->rate;
	match->table_name = arena_strdup(arena, table);
	match->comment = arena_strdup(arena, comment);
	if (!match->table_name || !match->comment ||
	    !chain_add_rule(chain, &(struct rule){ .target = TARGET_DROP, .match = match }))
		return out_of_memory(compiler->error);
	return 0;
}

static int add_clients(struct compiler *compiler, const struct clients *clients)
{
	const struct client **list = clients_list(clients);
	char name[CHAIN_NAME_MAX + 1];
	struct chain *root;
	int err;

	service_chain_name(name, compiler->service->name, CHAIN_LIMIT);
	root = ruleset_add_chain(compiler->rules, name);
	if (!list || !root) {
		free(list);
		return out_of_memory(compiler->error);
	}
	compiler->to = root->name;
	err = tree_build(compiler->rules, root, compiler->service->name, list,
			     clients->count);
	free(list);
	return err ? out_of_memory(compiler->error) : 0;
}

/* Requests of inbound services go through the limits. */
static int add_limits(struct compiler *compiler, struct chain *top, const struct clients *clients)
{
	int err = 0;

	if (!clients->count)
		return 0;
	for (struct limit *limit = clients->limits; limit && !err; limit = limit->next)
		err = add_limit_chain(compiler, limit);
	if (!err)
		err = add_clients(compiler, clients);
	compiler->chain = top;
	compiler->target = TARGET_JUMP;
	if (!err)
		err = select_requests(compiler);
	compiler->to = NULL;
	return err;
}

/* --- tables ----------------------------------------------------------- */

static int add_service_chain(struct compiler *compiler, enum table_id table,
			     enum direction direction)
{
	char name[CHAIN_NAME_MAX + 1];

	service_chain_name(name, compiler->service->name, suffixes[direction]);
	compiler->chain = ruleset_add_chain(compiler->rules, name);
	if (!compiler->chain)
		return out_of_memory(compiler->error);
	compiler->target = table == RAW ? TARGET_NOTRACK : TARGET_ACCEPT;
	return select_direction(compiler, direction);
}

/* The selectors in @top lead to one rule, which ends the way through our chains. */
static int add_untracking(struct compiler *compiler, struct chain *top, enum direction direction)
{
	char name[CHAIN_NAME_MAX + 1];
	struct chain *chain;
	int err;

	service_chain_name(name, compiler->service->name, suffixes[direction]);
	chain = ruleset_add_chain(compiler->rules, name);
	if (!chain || !chain_add_rule(chain, &(struct rule){ .target = TARGET_NOTRACK }))
		return out_of_memory(compiler->error);
	compiler->chain = top;
	compiler->target = TARGET_GOTO;
	compiler->to = chain->name;
	err = select_direction(compiler, direction);
	compiler->to = NULL;
	return err;
}

/* The rule that enters a service's chain; in INPUT it carries the description. */
static int add_entrance(struct compiler *compiler, struct chain *top, bool described)
{
	struct arena *arena = &compiler->rules->arena;
	struct rule rule = { .target = TARGET_JUMP, .chain = compiler->chain->name };
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

	service_chain_name(name, hooks[table][direction], "");
	top = ruleset_add_chain(compiler->rules, name);
	if (!top || ruleset_add_jump(compiler->rules, &(struct jump){
			.chain = hooks[table][direction], .target = top->name }))
		return out_of_memory(compiler->error);
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
	struct compiler compiler = { .family = family, .error = error };
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
		if (err == -EEXIST)
			err = error_set(error, -EINVAL, "two chains of table %s would have the same "
				   "name; change one of the clients' limits", table_name(table));
	}
	return err;
}
