/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of ours that stand in chains of the host. */
#include <errno.h>
#include <stdlib.h>

#include "rules/apart.h"
#include "verify/grafting.h"

static struct match *new_match(const struct grafting *grafting)
{
	return arena_alloc(&grafting->weave->grafts->arena, sizeof(struct match));
}

/* What a selector asks. */
struct match grafting_match(const struct grafting *grafting, const struct pick *pick)
{
	struct match match = *pick->rule->match;

	if (grafting->narrow) {
		match.to_local |= pick->direction == IN;
		match.from_local |= pick->direction == OUT;
	}
	return match;
}

static int add_graft(const struct grafting *grafting, enum graft_kind kind,
		     const struct graft_rule *rule)
{
	const struct graft graft = { .kind = (uint8_t)kind, .chain = grafting->meetings->chain,
				     .before = grafting->meetings->rule, .rule = *rule };

	return grafts_add(grafting->weave->grafts, &graft) ? 0 : -ENOMEM;
}

/* Asks for the state, and what the rule asks; the chain picks. */
int grafting_lead(const struct grafting *grafting, enum graft_kind kind,
		       struct graft_chain *to)
{
	struct match *match = new_match(grafting);
	struct graft_rule rule = {
		.rule = { .target = TARGET_JUMP, .match = match }, .to = to,
		.original = *grafting->meetings->meaning, .copies = COPY_HEAD,
		.families = grafting->meetings->chain->table->families,
	};

	if (!match)
		return -ENOMEM;
	match->states = (uint8_t)grafting->now;
	return add_graft(grafting, kind, &rule);
}

/* Asks for the state, what the rule asks, and what one selector asks. */
static int add_picking(const struct grafting *grafting, enum graft_kind kind,
		       const struct selector *selector, struct graft_rule rule)
{
	struct match *match = new_match(grafting);

	if (!match)
		return -ENOMEM;
	*match = selector->match;
	match->states = (uint8_t)grafting->now;
	match->comment = rule.to ? NULL : GRAFT_COMMENT;
	rule.rule.source = selector->source;
	rule.rule.match = match;
	rule.original = *grafting->meetings->meaning;
	rule.families = selector->families;
	return add_graft(grafting, kind, &rule);
}

int grafting_pick(const struct grafting *grafting, enum graft_kind kind,
		  const struct pick_list *picks, const struct graft_rule *rule)
{
	struct selector *selectors = calloc(picks->count + 1, sizeof(*selectors));
	size_t count = picks->count;
	int err = selectors ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !err; i++)
		selectors[i] = (struct selector){
			.source = picks->list[i]->rule->source,
			.match = grafting_match(grafting, picks->list[i]),
			.families = (uint8_t)BIT(picks->list[i]->family) };
	if (!err) {
		count = selectors_merge(selectors, count);
		selectors_part(selectors, count);
	}
	for (size_t i = 0; i < count && !err; i++)
		if (!selectors[i].covered)
			err = add_picking(grafting, kind, &selectors[i], *rule);
	free(selectors);
	return err;
}
