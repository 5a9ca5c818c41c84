/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chains of ours: selectors, and what is to be done with what they pick. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/essence.h"
#include "rules/name.h"
#include "support/stream.h"
#include "verify/grafting.h"

/* --- chains of selectors ---------------------------------------------- */

/* What a chain does with what its selectors pick. */
struct action {
	enum target target;
	struct graft_chain *to;
	struct meaning original;
	uint8_t copies;
};

static int add_selector(const struct grafting *grafting, struct graft_chain *chain,
			const struct pick *pick, const struct action *action)
{
	struct match *match = arena_alloc(&grafting->weave->grafts->arena, sizeof(*match));
	struct graft_rule rule = {
		.rule = { .source = pick->rule->source, .target = (uint8_t)action->target,
			  .match = match },
		.to = action->to, .original = action->original, .copies = action->copies,
		.families = (uint8_t)BIT(pick->family),
	};

	if (!match)
		return -ENOMEM;
	*match = grafting_match(grafting, pick);
	/* what is accepted counts for its service */
	if (action->target == TARGET_ACCEPT && pick->service) {
		match->comment = arena_strdup(&grafting->weave->grafts->arena, pick->service->name);
		if (!match->comment)
			return -ENOMEM;
	}
	if (graft_chain_merge(chain, &rule))
		return 0;
	return graft_chain_add(grafting->weave->grafts, chain, &rule) ? 0 : -ENOMEM;
}

/* All packets of some classes that @rule, if there is one, may take. */
static int add_selectors(const struct grafting *grafting, struct graft_chain *chain,
			 unsigned int classes, const struct view_rule *rule,
			 const struct action *action)
{
	struct weave *weave = grafting->weave;
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (enum direction direction = IN; direction < DIRECTIONS; direction++) {
			const struct picks *picks = &weave->picks[family][direction];

			if (!(chain->table->families & BIT(family)) ||
			    !(grafting->directions & BIT(direction)))
				continue;
			for (size_t i = 0; i < picks->count && !err; i++)
				if (classes & BIT(picks->list[i].class) &&
				    (!rule || stance_of(rule, &picks->list[i],
							&weave->setting).takes))
					err = add_selector(grafting, chain, &picks->list[i], action);
		}
	return err;
}

/* --- names ------------------------------------------------------------ */

/* "new-est": the states that packets of the classes would have. */
#define STEM_MAX 16
static void name_classes(unsigned int classes, char stem[STEM_MAX])
{
	const bool new = classes & BIT(CLASS_REQUEST), est = classes & CLASSES_EST;
	const bool rel = classes & CLASSES_REL;

	if (new && est && rel)
		strcpy(stem, "all");
	else
		sprintf(stem, "%s%s%s%s", new ? "new" : "", new && (est || rel) ? "-" : "",
			est ? "est" : rel ? "rel" : "", est && rel ? "-rel" : "");
}

static const char *direction_suffix(const struct grafting *grafting)
{
	return grafting->narrow ? CHAIN_ANY : grafting->directions == BIT(OUT) ? CHAIN_OUT : "";
}

static enum ct_state now_of(const struct grafting *grafting, enum packet_class class)
{
	return class_state_now(class, grafting->weave->setting.options);
}

unsigned int grafting_classes(const struct grafting *grafting, unsigned int classes)
{
	for (enum packet_class class = CLASS_REQUEST; class < CLASSES; class++)
		if (now_of(grafting, class) != grafting->now)
			classes &= ~BIT(class);
	return classes;
}

/* Rules that tell apart what belongs to one state do not share the chain of that state. */
bool grafting_whole_states(const struct grafting *grafting, unsigned int classes)
{
	const unsigned int est = classes & CLASSES_EST;
	const unsigned int rel = classes & CLASSES_REL;

	return (!est || est == CLASSES_EST) &&
	       (!rel || rel == grafting_classes(grafting, CLASSES_REL));
}

/* --- accepting -------------------------------------------------------- */

int grafting_accept(const struct grafting *grafting, enum graft_kind kind,
			  unsigned int classes)
{
	struct grafts *grafts = grafting->weave->grafts;
	struct view_table *table = grafting->meetings->chain->table;
	char name[CHAIN_NAME_MAX + 1], stem[STEM_MAX];
	struct graft_chain *chain;
	struct graft *graft;
	int err = 0;

	name_classes(classes, stem);
	name_accept(name, stem, direction_suffix(grafting));
	chain = grafts_find_chain(grafts, table, name);
	if (!chain) {
		chain = grafts_add_chain(grafts, table, name);
		err = chain ? add_selectors(grafting, chain, classes, NULL, &(struct action){
					    .target = TARGET_ACCEPT }) : -ENOMEM;
	}
	err = err ? err : grafting_lead(grafting, kind, chain);
	if (err)
		return err;
	graft = &grafts->list[grafts->count - 1];
	graft->accepts = kind == GRAFT_TWIN;
	graft->takes_requests = classes & BIT(CLASS_REQUEST);
	return 0;
}

/* --- everything else that can be done from a chain of ours ------------- */

/* By what the rule means; an older one of the same name belongs to another rule. */
static int name_own(const struct grafting *grafting, const char *stem, unsigned int number,
		    char name[CHAIN_NAME_MAX + 1])
{
	struct stream essence;

	if (stream_open(&essence))
		return -ENOMEM;
	essence_of_view_rule(essence.out, grafting_row(grafting));
	fprintf(essence.out, "%s %u %u", direction_suffix(grafting), (unsigned int)grafting->now,
		number);
	if (stream_close(&essence))
		return -ENOMEM;
	name_twin(name, stem, essence.text, essence.size);
	free(essence.text);
	return 0;
}

static struct graft_chain *add_own_chain(const struct grafting *grafting, const char *stem)
{
	struct grafts *grafts = grafting->weave->grafts;
	struct view_table *table = grafting->meetings->chain->table;
	char name[CHAIN_NAME_MAX + 1];
	unsigned int number = 0;

	do {
		if (name_own(grafting, stem, number++, name))
			return NULL;
	} while (grafts_find_chain(grafts, table, name));
	return grafts_add_chain(grafts, table, name);
}

/* Two selectors may pick one packet, which is to be counted, logged and remembered once. */
static bool may_be_done_twice(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	return rule_tail(rule) + 1 < rule->count || !verdict ||
	       (verdict->kind != STEP_ACCEPT && verdict->kind != STEP_DROP &&
		verdict->kind != STEP_REJECT);
}

int grafting_act(const struct grafting *grafting, unsigned int classes, uint8_t copies)
{
	const struct view_rule *rule = grafting_row(grafting);
	struct action action = { .original = *grafting->meetings->meaning, .copies = copies };
	struct graft_chain *chain, *once;
	char stem[STEM_MAX];
	int err;

	name_classes(classes, stem);
	chain = add_own_chain(grafting, stem);
	if (!chain)
		return -ENOMEM;
	if (may_be_done_twice(rule)) {
		once = add_own_chain(grafting, "do");
		if (!once || !graft_chain_add(grafting->weave->grafts, once, &(struct graft_rule){
				.original = action.original, .copies = copies,
				.families = chain->table->families }))
			return -ENOMEM;
		action = (struct action){ .target = TARGET_GOTO, .to = once };
	}
	err = add_selectors(grafting, chain, classes, rule, &action);
	return err ? err : grafting_lead(grafting, GRAFT_TWIN, chain);
}
