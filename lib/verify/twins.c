/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which rules need twins.  A pick spreads from the base chains of its hooks through all
 * chains that its packets could have got to when they were tracked; a rule there that
 * asks conntrack is looked at with each pick that could have met it.
 */
#include "verify/twins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verify/walk.h"
#include "verify/walk_way.h"
#include "verify/weave.h"

/* --- where picks get to ------------------------------------------------ */

/* Chains whose rules are still to be looked at. */
struct pending {
	const struct view_chain **chains;
	size_t count;
	uint8_t *waits;			/* for each chain of the view */
};

/* One pick after another on its way through a chain. */
struct spread {
	struct weave *weave;
	enum family family;
	enum direction direction;
	struct pending pending;
};

static void enter(struct spread *spread, const struct view_chain *chain, size_t pick)
{
	uint8_t *reached = weave_reached(spread->weave, spread->family, spread->direction, chain);

	if (reached[pick])
		return;
	reached[pick] = true;
	if (!spread->pending.waits[chain->number]) {
		spread->pending.waits[chain->number] = true;
		spread->pending.chains[spread->pending.count++] = chain;
	}
}

/* NAT sees tracked packets alone; what conntrack says is known behind it only. */
static bool is_judged_by_state(const struct view_chain *base, enum family family)
{
	return base->type != CHAIN_NAT && base->table->families & 1u << family &&
	       !chain_is_ours(base) &&
	       (base->hook == HOOK_INPUT || base->hook == HOOK_POSTROUTING ||
		base->priority > CONNTRACK_PRIORITY);
}

static void enter_hook(struct spread *spread, enum hook hook)
{
	const size_t count = spread->weave->picks[spread->family][spread->direction].count;

	for (const struct view_chain *base = spread->weave->setting.view->hooks[hook]; base;
	     base = base->next_at_hook)
		for (size_t i = 0; i < count && is_judged_by_state(base, spread->family); i++)
			enter(spread, base, i);
}

static bool leads_on(const struct step *verdict)
{
	return verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO);
}

/* A rule without a verdict, and without a question to conntrack, changes nothing here. */
static bool is_of_interest(const struct view_rule *rule)
{
	return rule_verdict(rule) || rule_asks_conntrack(rule);
}

/*
 * A map with a name may lead to any chain of its table; one of the rule's own does not lead to a
 * chain that no packet comes to (chain.hooks), of which nobody could say what comes there.
 */
static void enter_map(struct spread *spread, const struct view_table *table,
		      const struct view_lookup *map, size_t pick)
{
	for (size_t i = 0; i < map->count; i++)
		if (element_at(map, i)->chain)
			enter(spread, element_at(map, i)->chain, pick);
	for (const struct view_chain *chain = table->chains; chain && !map->read; chain = chain->next)
		if (chain->hook == HOOK_NONE)
			enter(spread, chain, pick);
}

/* Returns whether none of the packets goes on to the next rule. */
static bool spread_rule(struct spread *spread, const struct view_chain *chain,
			const struct view_rule *rule, size_t index)
{
	const struct weave *weave = spread->weave;
	const struct pick *pick = &weave->picks[spread->family][spread->direction].list[index];
	struct meanings room;
	const struct meanings *meanings = meanings_of(&weave->meanings, rule, &room);
	bool ends = false;

	for (size_t i = 0; i < meanings->count; i++) {
		const struct view_rule *row = meanings->list[i].row;
		const struct step *verdict = rule_verdict(row);
		const struct stance stance = stance_of(row, pick, &weave->setting);

		if (stance.takes && leads_on(verdict) && !chain_is_ours(verdict->chain))
			enter(spread, verdict->chain, index);
		if (stance.takes && verdict && verdict->kind == STEP_MAP)
			enter_map(spread, chain->table, verdict->lookup, index);
		ends |= stance.ends;
	}
	return ends;
}

static bool spares(const struct view_run *run, const struct pick *pick)
{
	for (size_t i = 0; i < pick->count; i++)
		if (!run_spares(run, &pick->probes[i]))
			return false;
	return true;
}

/* One pick through a chain, as far as its packets come. */
static void spread_pick(struct spread *spread, const struct view_chain *chain, size_t index)
{
	const struct pick *pick = &spread->weave->picks[spread->family][spread->direction].list[index];

	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
		if (rule->run && rule->run->first == rule && spares(rule->run, pick))
			rule = rule->run->last;		/* leads nowhere, and ends nothing */
		else if (is_of_interest(rule) && spread_rule(spread, chain, rule, index))
			return;
	}
}

static void spread_all(struct spread *spread)
{
	const size_t count = spread->weave->picks[spread->family][spread->direction].count;

	while (spread->pending.count) {
		const struct view_chain *chain =
			spread->pending.chains[--spread->pending.count];
		const uint8_t *reached = weave_reached(spread->weave, spread->family,
						       spread->direction, chain);

		spread->pending.waits[chain->number] = false;
		for (size_t i = 0; i < count; i++)
			if (reached[i])
				spread_pick(spread, chain, i);
	}
}

static int spread_direction(struct weave *weave, enum family family, enum direction direction)
{
	const size_t chains = weave->setting.view->chain_count;
	struct spread spread = { .weave = weave, .family = family, .direction = direction };
	int err = -ENOMEM;

	weave->reached[family][direction] = calloc(chains + 1,
						   weave->picks[family][direction].count + 1);
	spread.pending.chains = calloc(chains + 1, sizeof(struct view_chain *));
	spread.pending.waits = calloc(chains + 1, 1);
	if (weave->reached[family][direction] && spread.pending.chains && spread.pending.waits) {
		enter_hook(&spread, direction == IN ? HOOK_PREROUTING : HOOK_OUTPUT);
		enter_hook(&spread, direction == IN ? HOOK_INPUT : HOOK_POSTROUTING);
		spread_all(&spread);
		err = 0;
	}
	free(spread.pending.chains);
	free(spread.pending.waits);
	return err;
}

/* --- what picks meet there -------------------------------------------- */

/* All picks that get to a chain, and how far they come in it. */
struct crowd {
	const struct pick **picks;
	struct meeting *list;		/* room for as many, as for what follows */
	uint8_t *ended;			/* bits of enum ended */
	size_t count;
};

enum ended {
	ENDED = 1 << 0,			/* none of the packets goes on to the next rule */
	ENDED_TAKEN = 1 << 1,		/* ... as the rule takes them all */
};

static void gather_crowd(const struct weave *weave, const struct view_chain *chain,
			struct crowd *crowd)
{
	crowd->count = 0;
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (enum direction direction = IN; direction < DIRECTIONS; direction++) {
			const struct picks *picks = &weave->picks[family][direction];
			const uint8_t *reached;

			if (!picks->count || !(chain->table->families & 1u << family))
				continue;
			reached = weave_reached(weave, family, direction, chain);
			for (size_t i = 0; i < picks->count; i++)
				if (reached[i])
					crowd->picks[crowd->count++] = &picks->list[i];
		}
}

static bool is_untracked(const struct weave *weave, const struct pick *pick)
{
	return class_state_now((enum packet_class)pick->class, weave->setting.options) ==
	       CT_UNTRACKED;
}

static void meet(const struct weave *weave, struct crowd *crowd, struct meetings *meetings)
{
	meetings->count = 0;
	for (size_t i = 0; i < crowd->count; i++) {
		const struct pick *pick = crowd->picks[i];
		struct stance stance = stance_of(meetings->meaning->row, pick, &weave->setting);

		if (stance.sees || stance.unsure)
			meetings->sees_untracked |= is_untracked(weave, pick);
		/* what an element has taken, no other one catches */
		if (stance.takes || stance.unsure ||
		    (stance.catches && !(crowd->ended[i] & ENDED_TAKEN)))
			meetings->list[meetings->count++] = (struct meeting){ pick, stance };
		if (stance.ends)
			crowd->ended[i] |= ENDED;
		if (stance.takes_all && rule_ends_chain(meetings->meaning->row))
			crowd->ended[i] |= ENDED_TAKEN;
	}
}

/* Those whose packets end here go no further. */
static void leave(struct crowd *crowd)
{
	size_t kept = 0;

	for (size_t i = 0; i < crowd->count; i++)
		if (!crowd->ended[i])
			crowd->picks[kept++] = crowd->picks[i];
	memset(crowd->ended, 0, crowd->count * sizeof(*crowd->ended));
	crowd->count = kept;
}

/*
 * What one element of a map should do with a packet comes ahead of leading it past what
 * another one would do with it, as it is untracked.
 */
static int weave_rule(struct weave *weave, struct crowd *crowd, struct meetings *meetings)
{
	static int (*const graft[])(struct weave *weave, const struct meetings *meetings) = {
		twins_graft, twins_skip,
	};
	struct meanings room;
	const struct meanings *all = meanings_of(&weave->meanings, meetings->rule, &room);
	bool asks = rule_asks_conntrack(meetings->rule);
	int err = 0;

	meetings->sees_untracked = false;
	/* a rule that asks for no state takes no twins, and is met once */
	for (size_t pass = 0; pass < (asks ? 2 : 1) && !err; pass++)
		for (size_t i = 0; i < all->count && !err; i++) {
			meetings->meaning = &all->list[i];
			meet(weave, crowd, meetings);
			if (asks && meetings->count)
				err = graft[pass](weave, meetings);
		}
	leave(crowd);
	return err;
}

/* What the first rule of a run is to the crowd, each of its rules is, and takes no twins. */
static struct view_rule *past_run(struct view_rule *rule, const struct crowd *crowd)
{
	if (!rule->run || rule->run->first != rule)
		return rule;
	for (size_t i = 0; i < crowd->count; i++)
		if (!spares(rule->run, crowd->picks[i]))
			return rule;
	return rule->run->last;
}

static int weave_chain(struct weave *weave, struct view_chain *chain, struct crowd *crowd)
{
	struct meetings meetings = { .chain = chain, .list = crowd->list };
	struct row row = { .first = NULL };
	int err = 0;

	gather_crowd(weave, chain, crowd);
	for (meetings.rule = chain->rules; meetings.rule && crowd->count && !err;
	     meetings.rule = meetings.rule->next) {
		const size_t begin = weave->grafts->count;

		if (!is_of_interest(meetings.rule)) {
			row.first = NULL;
			continue;
		}
		err = weave_rule(weave, crowd, &meetings);
		twins_gather(weave->grafts, &row, &meetings, begin);
		meetings.rule = past_run(meetings.rule, crowd);
	}
	return err;
}

static int weave_all(struct weave *weave)
{
	struct crowd crowd = { 0 };
	size_t room = 1;
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (enum direction direction = IN; direction < DIRECTIONS; direction++)
			room += weave->picks[family][direction].count;
	crowd.picks = calloc(room, sizeof(struct pick *));
	crowd.list = calloc(room, sizeof(*crowd.list));
	crowd.ended = calloc(room, sizeof(*crowd.ended));
	if (!crowd.picks || !crowd.list || !crowd.ended)
		err = -ENOMEM;
	for (struct view_table *table = weave->setting.view->tables; table && !err; table = table->next)
		for (struct view_chain *chain = table->chains; chain && !err; chain = chain->next)
			err = weave_chain(weave, chain, &crowd);
	free(crowd.picks);
	free(crowd.list);
	free(crowd.ended);
	return err;
}

/* --- all -------------------------------------------------------------- */

static int pick_family(struct weave *weave, const struct family_model *model, enum family family)
{
	int err = 0;

	for (enum direction direction = IN; direction < DIRECTIONS && !err; direction++) {
		err = picks_make(&weave->picks[family][direction], model, family, direction,
				 weave->setting.options);
		if (!err && weave->picks[family][direction].count)
			err = spread_direction(weave, family, direction);
	}
	return err;
}

int twins_make(const struct view *view, const struct twins_options *options,
	       struct grafts *grafts, struct findings *findings)
{
	struct weave weave = { .setting = { view, &options->host }, .grafts = grafts,
			       .openings = options->openings, .findings = findings };
	int err = meanings_find(&weave.meanings, view, &grafts->arena);

	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (options->families & 1u << family)
			err = pick_family(&weave, &options->model->families[family], family);
	if (!err)
		err = weave_all(&weave);
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (enum direction direction = IN; direction < DIRECTIONS; direction++) {
			picks_free(&weave.picks[family][direction]);
			free(weave.reached[family][direction]);
		}
	meanings_free(&weave.meanings);
	return err;
}
