/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of each flow through the tables, rule by rule, and where tracked packets part from it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "rules/view_words.h"
#include "support/memory.h"

/* A rule that the usual packet of a flow meets. */
struct met {
	struct place place;
	enum hook hook;
	int kind;			/* enum step_kind: what it does */
	bool unsure;
};

struct trail {
	struct met *list;
	size_t count;
};

struct told {
	struct flow_row row;
	struct trail trails[2];		/* enum notrack_way */
};

struct explanation {
	struct told *list;
	size_t count;
};

/* --- walking ---------------------------------------------------------- */

static int add_met(void *data, enum hook hook, const struct place *place, int kind, bool unsure)
{
	struct trail *trail = data;
	struct met *grown = memory_grow(trail->list, trail->count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	trail->list = grown;
	grown[trail->count++] = (struct met){ *place, hook, kind, unsure };
	return 0;
}

/* One side alone: the other one must not decide in which order rules are told. */
static int follow(const struct verification *all, const struct flow_row *row,
		  const struct probe *probe, enum side side, struct trail *trail)
{
	struct journey journey = { 0 };
	struct walk walk = { .view = &all->view, .meet = add_met, .data = trail };
	int err;

	walk.journeys[side] = &journey;
	err = walk_all(&walk, probe, row->loopback ? WAY_LOOPBACK : row->input ? WAY_IN : WAY_OUT);
	walk_free(&walk);
	return err;
}

static int explain_row(struct verification *all, const struct flow_row *row,
		       const struct probe *probe)
{
	struct explanation *explanation = all->data;
	struct told *grown = memory_grow(explanation->list, explanation->count, sizeof(*grown));
	struct probe tracked = *probe;
	struct told *told;
	int err;

	if (!grown)
		return -ENOMEM;
	explanation->list = grown;
	told = &grown[explanation->count++];
	*told = (struct told){ .row = *row };
	/* what it would be, where all goes well: a request begins a connection, and an answer is of it */
	tracked.tracked_states = row->request ? CT_NEW : CT_ESTABLISHED;
	err = follow(all, row, &tracked, TODAY, &told->trails[NOTRACK_WAY_TRACKED]);
	return err ? err : follow(all, row, probe, WOULD, &told->trails[NOTRACK_WAY_UNTRACKED]);
}

/* --- telling ---------------------------------------------------------- */

/* Rules of ours are there for untracked packets: that the others pass them by is no parting. */
static bool is_ours(const struct met *met)
{
	return chain_is_ours(met->place.chain) ||
	       (met->place.rule && met->place.rule->flags & RULE_OURS);
}

static bool is_same(const struct met *a, const struct met *b)
{
	return a->place.chain == b->place.chain && a->place.rule == b->place.rule &&
	       a->kind == b->kind;
}

/* How many rules of a trail are met on the other one as well, rules of ours aside. */
static size_t count_common(const struct trail *trail, const struct trail *other)
{
	size_t at = 0;

	for (size_t i = 0; i < trail->count; i++) {
		if (is_ours(&trail->list[i]))
			continue;
		while (at < other->count && is_ours(&other->list[at]))
			at++;
		if (at == other->count || !is_same(&trail->list[i], &other->list[at++]))
			return i;
	}
	return trail->count;
}

static const char *outcome_word(const struct met *met)
{
	if (met->unsure && met->kind != STEP_COUNT)
		return "perhaps";
	switch (met->kind) {
	case STEP_ACCEPT:
	case STEP_TRANSLATE:
		return "accept";
	case STEP_DROP:
	case STEP_REJECT:
	case STEP_SYNPROXY:
		return "drop";
	case STEP_RETURN:
		return "return";
	case STEP_JUMP:
	case STEP_GOTO:
		return "enter";
	case STEP_COUNT:
		return "go on";
	default:
		return "perhaps";
	}
}

static int report_trail(const struct told *told, enum notrack_way way,
			int (*visit)(const struct notrack_step *step, void *data), void *data)
{
	const struct trail *trail = &told->trails[way];
	size_t common = count_common(trail, &told->trails[!way]);
	const struct notrack_flow flow = verify_flow_of(&told->row);
	int result = 0;

	for (size_t i = 0; i < trail->count && !result; i++) {
		const struct met *met = &trail->list[i];
		char place[PLACE_TEXT], rule[RULE_WORDS] = "";

		view_format_place(&met->place, place);
		if (met->place.rule)
			view_rule_words(met->place.chain, met->place.rule, rule);
		result = visit(&(struct notrack_step){
			.size = sizeof(struct notrack_step), .flow = &flow, .way = way,
			.place = place, .rule = rule, .outcome = outcome_word(met),
			.parts = i == common }, data);
	}
	return result;
}

static int compare_told(const void *a, const void *b)
{
	const struct flow_row *one = &((const struct told *)a)->row;
	const struct flow_row *other = &((const struct told *)b)->row;

	return verify_compare_rows(one, other);
}

int notrack_explain(struct notrack *nt, const char *service,
		    int (*visit)(const struct notrack_step *step, void *data), void *data)
{
	UNCANCELLED;
	struct explanation explanation = { 0 };
	struct verification all = { .name = service, .explain = explain_row, .data = &explanation };
	int result = context_begin(nt, ARGUMENT(visit));

	if (result)
		return result;
	result = verify_collect(nt, &all);
	if (!result && explanation.count)
		qsort(explanation.list, explanation.count, sizeof(*explanation.list), compare_told);
	for (size_t i = 0; i < explanation.count && !result; i++)
		for (int way = NOTRACK_WAY_TRACKED; way <= NOTRACK_WAY_UNTRACKED && !result; way++)
			result = report_trail(&explanation.list[i], (enum notrack_way)way, visit, data);
	for (size_t i = 0; i < explanation.count; i++) {
		free(explanation.list[i].trails[NOTRACK_WAY_TRACKED].list);
		free(explanation.list[i].trails[NOTRACK_WAY_UNTRACKED].list);
	}
	free(explanation.list);
	verify_release(&all);
	return result;
}
