/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One rule, and the packets that it takes. */
#include "verify/walk_taking.h"

#include <errno.h>
#include <stdlib.h>

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
	mark->as_it_came &= ~step->mask;
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

static void take_effect(struct walk *walk, const struct place *place, const struct step *step,
			struct course *course, enum side side)
{
	bool entry = course->tracking != UNTRACKED && course->seen;

	switch (step->kind) {
	case STEP_NOTRACK:
	case STEP_TEMPLATE:
		set_tracking(place, step, course, side);
		if (course->tracking == TEMPLATE && !walk->template.rule)
			walk->template = *place;
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

int taking_end_either_way(struct taking *taking, const struct traveller *traveller)
{
	int err = way_drop(taking->way, traveller, *taking->place);

	return err ? err : way_accept(taking->way, traveller, *taking->place);
}

static void note_translation(struct journey *journey, const struct translated *translated,
			     bool usual)
{
	if (usual && !journey->usual.place.chain)
		journey->usual = *translated;
	else if (!usual && journey->picked_count < PICKED_TRANSLATED)
		journey->picked[journey->picked_count++] = *translated;
}

static int translate(struct taking *taking, const struct traveller *traveller)
{
	const struct translated translated = { *taking->place, taking->way->hook,
					       traveller->probe.destination };

	for (enum side side = TODAY; side < SIDES; side++)
		if (traveller->sides & 1u << side && taking->way->walk->journeys[side])
			note_translation(taking->way->walk->journeys[side], &translated,
					 traveller->usual);
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
		return taking_end_either_way(taking, traveller);
	case STEP_COUNT:	/* of a map: "continue" */
		return taking_pass(taking, traveller);
	default:
		err = taking_end_either_way(taking, traveller);
		return err ? err : taking_pass(taking, traveller);
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

/* Of its own, as the copy is large: sides part once on a way, and chains lie in chains. */
static __attribute__((noinline))
int deliver_part(struct taking *taking, struct traveller *traveller, unsigned int sides,
		 enum step_kind kind, const struct view_chain *chain)
{
	struct traveller taken = *traveller;

	*traveller = part_from(taking, &taken, sides);
	return take_verdict(taking, &taken, kind, chain);
}

int taking_deliver(struct taking *taking, struct traveller *traveller, unsigned int sides,
		   enum step_kind kind, const struct view_chain *chain)
{
	int err;

	if (sides != traveller->sides)
		return deliver_part(taking, traveller, sides, kind, chain);
	err = take_verdict(taking, traveller, kind, chain);
	traveller->sides = 0;
	return err;
}

/* --- all steps -------------------------------------------------------- */

static int take_steps(struct taking *taking, struct progress *progress)
{
	const struct view_rule *rule = taking->place->rule;
	enum answer answer;
	int err;

	for (; progress->step < rule->count; progress->step++) {
		const struct step *step = &rule->steps[progress->step];

		if (step_is_condition(step)) {
			answer = taking_ask(taking, progress, step);
			if (answer == ERROR)
				return -ENOMEM;
			if (answer == NO)
				return taking_pass(taking, &progress->traveller);
		} else if (step->kind == STEP_MAP) {
			return taking_take_map(taking, progress, step);
		} else if (step_is_verdict(step)) {
			err = taking_deliver(taking, &progress->traveller, progress->active,
					     (enum step_kind)step->kind, step->chain);
			return err || !progress->traveller.sides ? err :
			       taking_pass(taking, &progress->traveller);
		} else {
			for (enum side side = TODAY; side < SIDES; side++)
				if (progress->active & 1u << side)
					take_effect(taking->way->walk, taking->place, step,
						    &progress->traveller.course[side], side);
		}
	}
	err = progress->active ? way_tell(taking->way, &progress->traveller, taking->place, STEP_COUNT) :
				 0;
	return err ? err : taking_pass(taking, &progress->traveller);
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
	struct taking taking = { .way = way, .place = place, .next = next, .back = back,
				 .base = way->pending_count };
	struct progress progress;	/* one copy: chains lie in chains, and the stack is the caller's */
	int err;

	progress.traveller = *traveller;
	progress.active = traveller->sides & sides_of(place->rule);
	progress.step = 0;
	err = progress.active ? taking_push(&taking, &progress) : taking_pass(&taking, traveller);
	while (!err && way->pending_count > taking.base) {
		progress = way->pending[--way->pending_count];
		err = take_steps(&taking, &progress);
	}
	return err;
}
