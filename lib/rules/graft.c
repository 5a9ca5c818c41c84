/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/graft.h"

#include <stdlib.h>
#include <string.h>

#include "support/memory.h"

void grafts_free(struct grafts *grafts)
{
	free(grafts->list);
	arena_free(&grafts->arena);
	*grafts = (struct grafts){ 0 };
}

struct graft *grafts_add(struct grafts *grafts, const struct graft *graft)
{
	struct graft *list = memory_grow(grafts->list, grafts->count, sizeof(*list));

	if (!list)
		return NULL;
	grafts->list = list;
	grafts->list[grafts->count] = *graft;
	return &grafts->list[grafts->count++];
}

struct graft_chain *grafts_find_chain(const struct grafts *grafts,
				      const struct view_table *table, const char *name)
{
	struct graft_chain *chain = grafts->chains;

	while (chain && (chain->table != table || strcmp(chain->name, name)))
		chain = chain->next;
	return chain;
}

struct graft_chain *grafts_add_chain(struct grafts *grafts, struct view_table *table,
				     const char *name)
{
	struct graft_chain *chain = arena_alloc(&grafts->arena, sizeof(*chain));

	if (!chain || strlen(name) >= sizeof(chain->name))
		return NULL;
	strcpy(chain->name, name);
	chain->table = table;
	*(grafts->last ? &grafts->last->next : &grafts->chains) = chain;
	grafts->last = chain;
	return chain;
}

/* Old lists stay in the arena: together they are as long as the last one. */
struct graft_rule *graft_chain_add(struct grafts *grafts, struct graft_chain *chain,
				   const struct graft_rule *rule)
{
	struct graft_rule *rules = arena_grow(&grafts->arena, chain->rules, chain->count,
					      sizeof(*rules));

	if (!rules)
		return NULL;
	chain->rules = rules;
	chain->rules[chain->count] = *rule;
	return &chain->rules[chain->count++];
}

bool graft_chain_merge(struct graft_chain *chain, const struct graft_rule *rule)
{
	for (size_t i = 0; i < chain->count; i++) {
		struct graft_rule *other = &chain->rules[i];

		if (!rule_same(&other->rule, &rule->rule) || other->to != rule->to ||
		    other->original.row != rule->original.row || other->copies != rule->copies)
			continue;
		if (other->families == rule->families)
			return true;
		/* what counts for a service counts for each family */
		if (rule->rule.source.length || rule->rule.match->to.length ||
		    rule->rule.match->comment)
			continue;
		other->families |= rule->families;
		return true;
	}
	return false;
}

const struct graft_lead *graft_lead_of(const struct graft_rule *rule, uint8_t verdict,
				       const char *chain)
{
	for (size_t i = 0; i < rule->lead_count; i++)
		if (rule->leads[i].verdict == verdict && !strcmp(rule->leads[i].from->name, chain))
			return &rule->leads[i];
	return NULL;
}

/* --- parts of rules ---------------------------------------------------- */

bool lookup_asks_conntrack(const struct view_lookup *lookup)
{
	for (size_t i = 0; i < lookup->field_count; i++)
		if (lookup->fields[i].field >= FIELD_STATE)
			return true;
	return false;
}

/* Rates count by themselves, even where conntrack counts for them. */
bool step_asks_conntrack(const struct step *step)
{
	if (step->kind == STEP_LOOKUP || step->kind == STEP_MAP)
		return lookup_asks_conntrack(step->lookup);
	return step_is_condition(step) && step->field >= FIELD_STATE &&
	       step->kind != STEP_WITHIN_RATE;
}

bool rule_asks_conntrack(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (step_asks_conntrack(&rule->steps[i]))
			return true;
	return false;
}

bool step_records(const struct step *step)
{
	return step->flags & STEP_REMEMBERS && step->kind != STEP_WITHIN_RATE;
}

/* A counter of the rule's own is no effect: each rule of iptables-nft has one. */
size_t rule_tail(const struct view_rule *rule)
{
	size_t i = 0;

	while (i < rule->count &&
	       (step_is_condition(&rule->steps[i]) || rule->steps[i].flags & STEP_COUNTER) &&
	       !(rule->steps[i].flags & STEP_REMEMBERS))
		i++;
	return i;
}

/* Of a rate of its own, a rule's twin has another one, and uses up nothing of anybody's. */
static bool is_own_rate(const struct step *step)
{
	return step->kind == STEP_WITHIN_RATE && step->flags & STEP_RULES_OWN;
}

bool rule_remembers_first(const struct view_rule *rule)
{
	bool remembers = false;

	for (size_t i = 0; i < rule->count; i++) {
		if (remembers && step_asks_conntrack(&rule->steps[i]))
			return true;
		remembers |= rule->steps[i].flags & STEP_REMEMBERS && !is_own_rate(&rule->steps[i]);
	}
	return false;
}
