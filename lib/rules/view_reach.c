/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which chains packets get to, from which hooks. */
#include "rules/view.h"

#include <errno.h>
#include <stdlib.h>

/* Chains that have been reached, and whose rules are still to be looked at. */
struct reach {
	struct view_chain **chains;
	size_t count;
};

static void reach_chain(struct reach *reach, struct view_chain *chain, uint8_t hook)
{
	if (chain->hooks & hook)
		return;
	chain->hooks |= hook;
	reach->chains[reach->count++] = chain;
}

/* Once for a hook: as many rules may refer to such maps as the table has chains. */
static void reach_table(struct reach *reach, struct view_table *table, uint8_t hook)
{
	if (table->hooks & hook)
		return;
	table->hooks |= hook;
	for (struct view_chain *chain = table->chains; chain; chain = chain->next)
		if (chain->hook == HOOK_NONE)
			reach_chain(reach, chain, hook);
}

/* A map with a name may lead to any chain of its table, which is that of the rule. */
static void reach_map(struct reach *reach, const struct view_lookup *map,
		      struct view_table *table, uint8_t hook)
{
	for (size_t i = 0; i < map->count; i++)
		if (element_at(map, i)->chain)
			reach_chain(reach, element_at(map, i)->chain, hook);
	if (!map->read)
		reach_table(reach, table, hook);
}

static void reach_hook(const struct view *view, struct reach *reach, enum hook hook)
{
	const uint8_t bit = (uint8_t)(1u << hook);

	for (struct view_chain *base = view->hooks[hook]; base; base = base->next_at_hook)
		reach_chain(reach, base, bit);
	while (reach->count) {
		const struct view_chain *chain = reach->chains[--reach->count];

		for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
			const struct step *verdict = rule_verdict(rule);

			if (verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO))
				reach_chain(reach, verdict->chain, bit);
			else if (verdict && verdict->kind == STEP_MAP)
				reach_map(reach, verdict->lookup, chain->table, bit);
		}
	}
}

static void forget_reach(struct view *view)
{
	for (struct view_table *table = view->tables; table; table = table->next) {
		table->hooks = 0;
		for (struct view_chain *chain = table->chains; chain; chain = chain->next)
			chain->hooks = 0;
	}
}

int view_reach(struct view *view)
{
	/* a chain is put here once a hook, and taken out before the next one */
	struct reach reach = { .chains = calloc(view->chain_count + 1,
						sizeof(struct view_chain *)) };

	if (!reach.chains)
		return -ENOMEM;
	forget_reach(view);
	for (enum hook hook = HOOK_PREROUTING; hook < HOOKS; hook++)
		reach_hook(view, &reach, hook);
	free(reach.chains);
	return view_find_runs(view);
}
