/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One rule, and the packets that it takes. */
#include "verify/walk_way.h"

#include <errno.h>
#include <stdlib.h>

/* A traveller on its way through a rule's steps. */
struct progress {
	struct traveller traveller;
	uint8_t active;			/* bits: the sides that the rule has not let go of */
	uint32_t step;
};

/* A rule, and those that are on their way through it. */
struct taking {
	struct way *way;
	const struct place *place;
	struct company *next, *back;
	struct progress *list;
	size_t count, room;
};

/* More kinds of packets than these, of one condition, are not followed one by one. */
#define ALTERNATIVES_MAX 16

/* --- conditions ------------------------------------------------------- */

static struct situation situation_of(const struct way *way, const struct traveller *traveller,
				     enum side side)
{
	const struct course *course = &traveller->course[side];
	struct situation situation = {
		.view = way->walk->view,
		.states = traveller->probe.tracked_states,
		.confirmed = course->confirmed,
		.mark = course->mark,
		.connection_mark = course->connection_mark,
	};

	if (course->tracking == UNTRACKED)
		situation.states = CT_UNTRACKED;
	else if (side == WOULD && way->walk->would_be)
		situation.states = way->walk->would_be;
	else if (!course->seen)
		situation.states = course->tracking == TEMPLATE ? CT_NEW : CT_INVALID;
	return situation;
}

static unsigned int meets(const struct way *way, const struct traveller *traveller,
			  const struct step *condition, enum side side)
{
	const struct situation situation = situation_of(way, traveller, side);

	return probe_meets(&traveller->probe, condition, &situation);
}

static enum side one_side(unsigned int sides)
{
	return sides & 1u << TODAY ? TODAY : WOULD;
}

bool way_passes(const struct way *way, const struct view_rule *rule,
		const struct traveller *traveller)
{
	for (size_t i = 0; i < rule->count && step_is_condition(&rule->steps[i]); i++)
		if (!condition_depends(&rule->steps[i]) &&
		    !(meets(way, traveller, &rule->steps[i], one_side(traveller->sides)) & ALL_DO))
			return true;
	return false;
}

/* --- those on their way ----------------------------------------------- */

static int push(struct taking *taking, const struct progress *progress)
{
	if (taking->count == taking->room) {
		size_t room = taking->room ? 2 * taking->room : 4;
		struct progress *list = realloc(taking->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		taking->list = list;
		taking->room = room;
	}
	taking->list[taking->count++] = *progress;
	return 0;
}

static int pass(struct taking *taking, const struct traveller *traveller)
{
	return company_add(taking->next, traveller);
}

/* The packets of one alternative go on from the next step, or pass the rule by. */
static int part(struct taking *taking, const struct progress *from, const struct traveller *some,
		bool meet)
{
	struct progress progress = *from;

	if (!meet)
		return pass(taking, some);
	progress.traveller = *some;
	progress.step++;
	return push(taking, &progress);
}

/* Those that a condition is about, as far as a probe can say it; false: it cannot. */
static bool narrow(struct probe *probe, const struct step *condition, size_t index, bool *more)
{
	const struct view_lookup *lookup = condition->lookup;

	if (condition->kind == STEP_LOOKUP && !lookup->named) {
		*more = index < lookup->count;
		return *more && probe_narrow_to_element(probe, lookup, index);
	}
	*more = probe_narrow(probe, condition, index);
	return *more;
}

/*
 * Where a rule is about one of two sides, and tells packets apart, the other side meets what
 * it tells at another rule.  That each of them is, or is not, what the condition is about
 * has to be known there, and where the sides are compared.
 */
static bool is_alone(const struct taking *taking, const struct progress *progress)
{
	const struct walk *walk = taking->way->walk;

	return walk->journeys[TODAY] && walk->journeys[WOULD] && progress->active != BOTH_SIDES;
}

static void decide_alone(const struct taking *taking, struct traveller *traveller,
			 const struct step *condition, bool met)
{
	if (traveller->decision_count == DECISIONS_MAX)
		taking->way->walk->incomplete = true;
	traveller_decide(traveller, condition_identity(condition), met);
}

/*
 * Some of the packets are what a condition is about, inverted or not, and the
 * usual one is not; or the other way round (@about: the usual one is).  They part
 * from the others here.
 */
static int part_some(struct taking *taking, const struct progress *progress,
		     const struct step *condition, bool about, bool meet)
{
	struct traveller some = progress->traveller;
	bool narrowed = false, more = !about;
	int err = 0;

	some.usual = false;
	some.probe.usual_source.length = some.probe.usual_destination.length = 0;
	some.probe.usual_interface[0] = '\0';
	if (is_alone(taking, progress))
		decide_alone(taking, &some, condition, !about);
	for (size_t i = 0; i < ALTERNATIVES_MAX && more && !err; i++) {
		struct traveller one = some;

		if (!narrow(&one.probe, condition, i, &more))
			continue;
		narrowed = true;
		err = part(taking, progress, &one, meet);
	}
	if (err || narrowed)
		return err;
	if (!is_alone(taking, progress))
		traveller_decide(&some, condition_identity(condition), !about);
	return part(taking, progress, &some, meet);
}

enum answer { YES, NO, ERROR };

/*
 * What becomes of the usual packet, or of those that are left.  A decision is
 * about the condition without its inversion.
 */
static enum answer ask(struct taking *taking, struct progress *progress,
		       const struct step *condition, unsigned int does)
{
	bool inverted = condition->flags & STEP_INVERTED, usual = does & USUAL_DOES;
	uint32_t identity;
	struct traveller other;
	int decided;

	if (does == ALL_DO)
		return YES;
	if (does == NONE_DOES)
		return NO;
	identity = condition_identity(condition);
	decided = traveller_decided(&progress->traveller, identity);
	if (decided >= 0)
		return (decided ^ inverted) ? YES : NO;
	if (usual && does & USUAL_DOES_NOT) {
		other = progress->traveller;
		traveller_decide(&other, identity, inverted);
		traveller_decide(&progress->traveller, identity, !inverted);
		return pass(taking, &other) ? ERROR : YES;
	}
	if (part_some(taking, progress, condition, usual ^ inverted, !usual))
		return ERROR;
	if (is_alone(taking, progress))
		decide_alone(taking, &progress->traveller, condition, usual ^ inverted);
	if (usual == inverted)
		probe_narrow_away(&progress->traveller.probe, condition);
	return usual ? YES : NO;
}

/*
 * What the sides may meet differently.  Where nobody knows, packets go on as two:
 * those that meet it and those that do not, so that both sides get one answer.
 */
static int part_sides(struct taking *taking, struct progress *progress,
		      const struct step *condition, unsigned int does)
{
	bool inverted = condition->flags & STEP_INVERTED;
	struct progress other = *progress;

	if (progress->traveller.decision_count == DECISIONS_MAX) {
		/* as if it met the condition, and as if it passed the rule by */
		taking->way->walk->incomplete = true;
		return pass(taking, &progress->traveller);
	}
	traveller_decide(&progress->traveller, condition_identity(condition), true);
	progress->traveller.usual &= (does & (inverted ? USUAL_DOES_NOT : USUAL_DOES)) != 0;
	traveller_decide(&other.traveller, condition_identity(condition), false);
	other.traveller.usual &= (does & (inverted ? USUAL_DOES : USUAL_DOES_NOT)) != 0;
	return push(taking, &other);
}

/* Returns NO where the rule has let go of all sides. */
static enum answer ask_sides(struct taking *taking, struct progress *progress,
			     const struct step *condition)
{
	bool inverted = condition->flags & STEP_INVERTED;

	for (enum side side = TODAY; side < SIDES; side++) {
		unsigned int does;
		int decided;

		if (!(progress->active & 1u << side))
			continue;
		does = meets(taking->way, &progress->traveller, condition, side);
		if (does == ALL_DO)
			continue;
		decided = traveller_decided(&progress->traveller, condition_identity(condition));
		if (does != NONE_DOES && decided < 0) {
			if (part_sides(taking, progress, condition, does))
				return ERROR;
			decided = traveller_decided(&progress->traveller,
						    condition_identity(condition));
			if (decided < 0)
				continue;
		}
		if (does == NONE_DOES || !(decided ^ inverted))
			progress->active &= (uint8_t)~(1u << side);
	}
	return progress->active ? YES : NO;
}

/* --- effects ---------------------------------------------------------- */

/* Sets a mark as (mark & ~mask) ^ value. */
static void set_mark(struct mark *mark, const struct step *step)
{
	if (step->flags & STEP_ANY_VALUE) {
		mark->unknown = UINT32_MAX;
		return;
	}
	mark->value = (mark->value & ~step->mask) ^ step->value;
	mark->unknown &= ~step->mask;
}

/* The first of NOTRACK and CT wins: the kernel leaves alone what another has set. */
static void set_tracking(const struct place *place, const struct step *step,
			 struct course *course, enum side side)
{
	if (course->seen)
		return;
	if (step->kind == STEP_NOTRACK && side == TODAY && chain_is_ours(place->chain))
		return;
	if (course->tracking == TRACKED)
		course->tracking = step->kind == STEP_NOTRACK ? UNTRACKED : TEMPLATE;
	else if (course->tracking == UNTRACKED && step->kind == STEP_TEMPLATE &&
		 step->flags & STEP_WITHOUT_ENTRY)
		course->tracking = TEMPLATE;
}

static void take_effect(const struct place *place, const struct step *step,
			struct course *course, enum side side)
{
	bool entry = course->tracking != UNTRACKED && course->seen;

	switch (step->kind) {
	case STEP_NOTRACK:
	case STEP_TEMPLATE:
		set_tracking(place, step, course, side);
		break;
	case STEP_MARK:
		set_mark(&course->mark, step);
		break;
	case STEP_CT_MARK:
		if (entry)
			course->connection_mark.unknown = UINT32_MAX;
		break;
	case STEP_RESTORE_MARK:		/* a packet without an entry is left as it is */
		if (entry && (course->connection_mark.unknown || course->connection_mark.value))
			course->mark.unknown = UINT32_MAX;
		break;
	default:
		break;
	}
}

/* --- verdicts --------------------------------------------------------- */

/* Up to somebody else, or beyond us. */
static int end_either_way(struct taking *taking, const struct traveller *traveller)
{
	int err = way_drop(taking->way, traveller, *taking->place);

	return err ? err : way_accept(taking->way, traveller, *taking->place);
}

static int translate(struct taking *taking, const struct traveller *traveller)
{
	for (enum side side = TODAY; side < SIDES; side++) {
		struct journey *journey = taking->way->walk->journeys[side];
		struct translated *translated;

		if (!(traveller->sides & 1u << side) || !journey)
			continue;
		translated = traveller->usual ? &journey->usual : &journey->picked;
		if (!translated->place.chain)
			*translated = (struct translated){ *taking->place, taking->way->hook };
	}
	return way_accept(taking->way, traveller, *taking->place);
}

static int take_verdict(struct taking *taking, const struct traveller *traveller,
			enum step_kind kind, const struct view_chain *chain)
{
	int err = way_tell(taking->way, traveller, taking->place, kind);

	if (err)
		return err;
	switch (kind) {
	case STEP_ACCEPT:
		return way_accept(taking->way, traveller, *taking->place);
	case STEP_DROP:
	case STEP_REJECT:
	case STEP_SYNPROXY:
		return way_drop(taking->way, traveller, *taking->place);
	case STEP_RETURN:
		return company_add(taking->back, traveller);
	case STEP_JUMP:
		return way_enter(taking->way, chain, traveller, *taking->place, taking->next);
	case STEP_GOTO:
		return way_enter(taking->way, chain, traveller, *taking->place, taking->back);
	case STEP_TRANSLATE:
		return translate(taking, traveller);
	case STEP_QUEUE:
	case STEP_DIVERT:
		return end_either_way(taking, traveller);
	case STEP_COUNT:	/* of a map: "continue" */
		return pass(taking, traveller);
	default:
		err = end_either_way(taking, traveller);
		return err ? err : pass(taking, traveller);
	}
}

/* From here on, the sides that the rule took and those that it did not are two travellers. */
static struct traveller part_from(struct taking *taking, struct traveller *traveller,
				  unsigned int sides)
{
	struct traveller rest = *traveller;

	if (!traveller->split)
		traveller->split = ++taking->way->splits;
	rest.split = traveller->split;
	traveller->sides = (uint8_t)sides;
	rest.sides &= (uint8_t)~sides;
	return rest;
}

/* @sides take a verdict, the others are left with the traveller. */
static int deliver(struct taking *taking, struct traveller *traveller, unsigned int sides,
		   enum step_kind kind, const struct view_chain *chain)
{
	struct traveller taken = *traveller, rest;

	if (sides == traveller->sides) {
		traveller->sides = 0;
		return take_verdict(taking, &taken, kind, chain);
	}
	rest = part_from(taking, &taken, sides);
	*traveller = rest;
	return take_verdict(taking, &taken, kind, chain);
}

/* --- maps ------------------------------------------------------------- */

static int deliver_element(struct taking *taking, struct traveller *traveller, unsigned int sides,
			   const struct set_element *element)
{
	return deliver(taking, traveller, sides, (enum step_kind)element->verdict, element->chain);
}

/* A map with a name is asked; where its key is not known, the usual packet is not in it. */
static int take_named_map(struct taking *taking, struct progress *progress, const struct step *step,
			  enum side side)
{
	const struct situation situation = situation_of(taking->way, &progress->traveller, side);
	struct traveller some = progress->traveller;
	struct set_element found = { 0 };
	int there = probe_ask(&some.probe, step->lookup, &situation, &found);
	uint32_t identity = condition_identity(step);

	if (there > 0)
		return deliver_element(taking, &progress->traveller, 1u << side, &found);
	if (!there || traveller_decided(&some, identity) >= 0)
		return 0;
	/* who is in it may fare in any way */
	some.usual &= there != -EAGAIN;
	traveller_decide(&some, identity, true);
	traveller_decide(&progress->traveller, identity, false);
	return end_either_way(taking, &some);
}

/* One element: its packets, if there are any among them. */
static int take_element(struct taking *taking, struct progress *progress, const struct step *step,
			size_t index, enum side side)
{
	const struct situation situation = situation_of(taking->way, &progress->traveller, side);
	const struct set_element *element = element_at(step->lookup, index);
	unsigned int does = probe_meets_element(&progress->traveller.probe, step->lookup, index,
						&situation);
	uint32_t identity = condition_identity(step) + (uint32_t)index;
	struct progress other;

	if (does == ALL_DO)
		return deliver_element(taking, &progress->traveller, 1u << side, element);
	if (!(does & ALL_DO) || traveller_decided(&progress->traveller, identity) == 0)
		return 0;
	if (traveller_decided(&progress->traveller, identity) > 0)
		return deliver_element(taking, &progress->traveller, 1u << side, element);
	/* some do, or nobody knows: they come to this map again, on their own */
	other = *progress;
	other.traveller.usual &= (does & USUAL_DOES) != 0;
	progress->traveller.usual &= (does & USUAL_DOES_NOT) != 0;
	if (!probe_narrow_to_element(&other.traveller.probe, step->lookup, index) ||
	    (does & USUAL_DOES && does & USUAL_DOES_NOT))
		traveller_decide(&other.traveller, identity, true);
	traveller_decide(&progress->traveller, identity, false);
	return push(taking, &other);
}

static int take_map(struct taking *taking, struct progress *progress, const struct step *step)
{
	int err = 0;

	for (enum side side = TODAY; side < SIDES; side++) {
		if (!(progress->active & 1u << side))
			continue;
		if (step->lookup->named) {
			err = take_named_map(taking, progress, step, side);
		} else if (!step->lookup->read) {
			err = end_either_way(taking, &progress->traveller);
		} else {
			for (size_t i = 0; i < step->lookup->count && !err &&
			     progress->traveller.sides & 1u << side; i++)
				err = take_element(taking, progress, step, i, side);
		}
		if (err)
			return err;
	}
	return progress->traveller.sides ? pass(taking, &progress->traveller) : 0;
}

/* --- all steps -------------------------------------------------------- */

static enum answer take_condition(struct taking *taking, struct progress *progress,
				  const struct step *condition)
{
	unsigned int does;

	if (condition_depends(condition))
		return ask_sides(taking, progress, condition);
	does = meets(taking->way, &progress->traveller, condition,
		     one_side(progress->traveller.sides));
	return ask(taking, progress, condition, does);
}

static int take_steps(struct taking *taking, struct progress *progress)
{
	const struct view_rule *rule = taking->place->rule;
	enum answer answer;
	int err;

	for (; progress->step < rule->count; progress->step++) {
		const struct step *step = &rule->steps[progress->step];

		if (step_is_condition(step)) {
			answer = take_condition(taking, progress, step);
			if (answer == ERROR)
				return -ENOMEM;
			if (answer == NO)
				return pass(taking, &progress->traveller);
		} else if (step->kind == STEP_MAP) {
			return take_map(taking, progress, step);
		} else if (step_is_verdict(step)) {
			err = deliver(taking, &progress->traveller, progress->active,
				      (enum step_kind)step->kind, step->chain);
			return err || !progress->traveller.sides ? err :
			       pass(taking, &progress->traveller);
		} else {
			for (enum side side = TODAY; side < SIDES; side++)
				if (progress->active & 1u << side)
					take_effect(taking->place, step,
						    &progress->traveller.course[side], side);
		}
	}
	err = progress->active ? way_tell(taking->way, &progress->traveller, taking->place, STEP_COUNT) :
				 0;
	return err ? err : pass(taking, &progress->traveller);
}

/* A rule that a change would add, or take away, is there for one side alone. */
static uint8_t sides_of(const struct view_rule *rule)
{
	return rule->flags & RULE_ADDED ? 1u << WOULD :
	       rule->flags & RULE_REMOVED ? 1u << TODAY : BOTH_SIDES;
}

int way_take_rule(struct way *way, const struct place *place, const struct traveller *traveller,
		  struct company *next, struct company *back)
{
	struct taking taking = { .way = way, .place = place, .next = next, .back = back };
	struct progress progress = { .traveller = *traveller,
				     .active = traveller->sides & sides_of(place->rule) };
	int err = progress.active ? push(&taking, &progress) : pass(&taking, traveller);

	while (!err && taking.count) {
		progress = taking.list[--taking.count];
		err = take_steps(&taking, &progress);
	}
	free(taking.list);
	return err;
}
