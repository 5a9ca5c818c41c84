/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs: rules one behind another that each drop what some prefix names, and ask the same
 * beside it.  Bans are like that, and there are hosts with 100,000 of them.  To packets whose
 * address may be any, and that are followed as a set, all of them together mean one thing: a
 * few are dropped, and the others go on as they were.
 */
#include <errno.h>
#include <string.h>

#include "rules/view.h"

/* Of one rule: the condition by which it is part of a run. */
struct ban {
	const struct step *named;	/* NULL: it is none */
};

/* Whether packets meet it depends on nothing but what they are. */
static bool is_plain(const struct step *step)
{
	return step->kind <= STEP_INTERFACE && step->field < FIELD_STATE &&
	       step->field != FIELD_MARK && !(step->flags & STEP_REMEMBERS);
}

static bool names_some(const struct step *step)
{
	return step->kind == STEP_PREFIX && step->length && !(step->flags & STEP_INVERTED);
}

static bool is_count(const struct step *step)
{
	return step->kind == STEP_COUNT && !(step->flags & STEP_REMEMBERS);
}

/* Whoever gets there is dropped, or comes back as he was. */
static bool drops_or_returns(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (step_is_condition(step) ? !is_plain(step) :
		    !is_count(step) && step->kind != STEP_DROP && step->kind != STEP_REJECT &&
		    step->kind != STEP_RETURN)
			return false;
	}
	return !(rule->flags & (RULE_ADDED | RULE_REMOVED | RULE_OURS));
}

static bool only_drops(const struct view_chain *chain)
{
	const struct view_rule *rule = chain->rules;

	if (chain->hook != HOOK_NONE || chain_is_ours(chain))
		return false;
	while (rule && drops_or_returns(rule))
		rule = rule->next;
	return !rule;
}

static bool leads_to_drops(const struct step *verdict)
{
	return verdict->kind == STEP_DROP || verdict->kind == STEP_REJECT ||
	       (verdict->kind == STEP_JUMP && verdict->chain->only_drops);
}

static struct ban ban_of(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);
	struct ban ban = { .named = NULL };

	if (!verdict || !leads_to_drops(verdict) ||
	    rule->flags & (RULE_ADDED | RULE_REMOVED | RULE_OURS))
		return ban;
	for (const struct step *step = rule->steps; step < verdict; step++) {
		if (!is_count(step) && !(step_is_condition(step) && is_plain(step)))
			return (struct ban){ .named = NULL };
		if (!ban.named && names_some(step))
			ban.named = step;
	}
	return ban;
}

/* Whether two ask the same, but for the prefix that each of them names. */
static bool is_alike(const struct view_rule *one, const struct ban *ban,
		     const struct view_rule *other, const struct ban *other_ban)
{
	size_t named = (size_t)(ban->named - one->steps);

	if ((rule_verdict(one)->kind == STEP_JUMP) != (rule_verdict(other)->kind == STEP_JUMP))
		return false;
	if (one->count != other->count || named != (size_t)(other_ban->named - other->steps) ||
	    ban->named->field != other_ban->named->field)
		return false;
	for (size_t i = 0; i + 1 < one->count; i++) {
		const struct step *a = &one->steps[i], *b = &other->steps[i];

		if (i != named && (a->kind != b->kind ||
				   (a->kind != STEP_COUNT && memcmp(a, b, sizeof(*a)))))
			return false;
	}
	return true;
}

static int find_in_chain(struct view *view, struct view_chain *chain)
{
	struct view_rule *first = NULL;
	struct ban first_ban = { .named = NULL };

	for (struct view_rule *rule = chain->rules; rule; rule = rule->next) {
		const struct ban ban = ban_of(rule);

		rule->run = NULL;
		if (!ban.named) {
			first = NULL;
			continue;
		}
		if (!first || !is_alike(first, &first_ban, rule, &ban)) {
			first = rule;
			first_ban = ban;
			rule->run = arena_alloc(&view->arena, sizeof(*rule->run));
			if (!rule->run)
				return -ENOMEM;
			*rule->run = (struct view_run){ .first = rule, .field = ban.named->field,
							.named = (uint32_t)(ban.named - rule->steps),
							.length = ban.named->length };
		}
		first->run->last = rule;
		if (ban.named->length < first->run->length)
			first->run->length = ban.named->length;
		rule->run = first->run;
	}
	return 0;
}

int view_find_runs(struct view *view)
{
	int err = 0;

	for (struct view_table *table = view->tables; table; table = table->next)
		for (struct view_chain *chain = table->chains; chain; chain = chain->next)
			chain->only_drops = only_drops(chain);
	for (struct view_table *table = view->tables; table && !err; table = table->next)
		for (struct view_chain *chain = table->chains; chain && !err; chain = chain->next)
			err = find_in_chain(view, chain);
	return err ? err : view_index_rules(view);
}
