/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a rule asks, and the packets that it tells apart. */
#include "verify/walk_taking.h"

#include <errno.h>
#include <stdlib.h>

#include "verify/probe_parts.h"
#include "verify/walk.h"

/* More kinds of packets than these, of one condition, are not followed one by one. */
#define ALTERNATIVES_MAX 16

/* --- numbers ---------------------------------------------------------- */

#define NUMBER_SLOTS (4 * DECISIONS_MAX)

/* A hash table of identities: the number of each is the order in which they came. */
struct condition_numbers {
	uint32_t count;
	uint64_t lasting[DECISION_WORDS];	/* bits: of those that are the same for later packets */
	struct {
		uint32_t identity;
		uint16_t number;	/* from 1 on; 0: the slot is free */
	} slots[NUMBER_SLOTS];
};

/* About addresses and ports, and not about a single packet, its state or chance. */
static bool is_lasting(const struct step *condition)
{
	switch (condition->kind) {
	case STEP_LOOKUP:
	case STEP_MAP:
		return !lookup_is_hidden(condition->lookup) && !condition_depends(condition) &&
		       !(condition->flags & STEP_REMEMBERS);
	case STEP_SET:		/* by no counters or such */
		return condition->count;
	default:
		return false;
	}
}

static void note_number(struct condition_numbers *numbers, const struct step *condition,
			uint32_t number)
{
	if (is_lasting(condition))
		numbers->lasting[number / 64] |= 1ull << number % 64;
}

struct decisions walk_lasting(const struct walk *walk, const struct traveller *traveller)
{
	struct decisions decisions = traveller->decisions;

	for (size_t i = 0; i < DECISION_WORDS; i++) {
		decisions.known[i] &= walk->numbers ? walk->numbers->lasting[i] : 0;
		decisions.met[i] &= decisions.known[i];
	}
	return decisions;
}

uint32_t taking_number(const struct taking *taking, const struct step *condition, uint32_t element)
{
	const uint32_t identity = condition_identity(condition) + element;
	struct condition_numbers **numbers = &taking->way->walk->numbers;
	uint32_t slot = (identity ^ identity >> 16) % NUMBER_SLOTS;

	if (!*numbers)
		*numbers = calloc(1, sizeof(**numbers));
	if (!*numbers)
		return DECISIONS_MAX;
	while ((*numbers)->slots[slot].number && (*numbers)->slots[slot].identity != identity)
		slot = (slot + 1) % NUMBER_SLOTS;
	if (!(*numbers)->slots[slot].number) {
		if ((*numbers)->count == DECISIONS_MAX)
			return DECISIONS_MAX;
		note_number(*numbers, condition, (*numbers)->count);
		(*numbers)->slots[slot].identity = identity;
		(*numbers)->slots[slot].number = (uint16_t)++(*numbers)->count;
	}
	return (*numbers)->slots[slot].number - 1u;
}

/* --- conditions ------------------------------------------------------- */

struct situation taking_situation(const struct way *way, const struct traveller *traveller,
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
	const struct situation situation = taking_situation(way, traveller, side);

	return probe_meets(&traveller->probe, condition, &situation);
}

static enum side one_side(unsigned int sides)
{
	return sides & 1u << TODAY ? TODAY : WOULD;
}

/* So many rules of chains that a rule leads to are looked at before anybody goes there. */
#define AHEAD_MAX 16

/* Whether it lets all packets go on to the next rule as they are. */
static bool passes(const struct way *way, const struct view_rule *rule,
		   const struct traveller *traveller, unsigned int *ahead)
{
	const struct step *step = rule->steps, *end = step + rule->count;
	const struct view_rule *inner;

	for (; step < end && (step_is_condition(step) || step->kind == STEP_COUNT); step++)
		if (step->kind != STEP_COUNT && !condition_depends(step) &&
		    !(meets(way, traveller, step, one_side(traveller->sides)) & ALL_DO))
			return true;
	if (way->walk->meet)	/* it is told of rules that do nothing as well */
		return false;
	if (step < end && step->kind != STEP_JUMP)
		return false;
	for (inner = step < end ? step->chain->rules : NULL; inner && *ahead; inner = inner->next) {
		--*ahead;
		if (!passes(way, inner, traveller, ahead))
			return false;
	}
	return !inner;
}

bool way_passes(const struct way *way, const struct view_rule *rule,
		const struct traveller *traveller)
{
	unsigned int ahead = AHEAD_MAX;

	return passes(way, rule, traveller, &ahead);
}

/* --- those on their way ----------------------------------------------- */

int taking_push(struct taking *taking, const struct progress *progress)
{
	struct way *way = taking->way;

	if (way->pending_count == way->pending_room) {
		size_t room = way->pending_room ? 2 * way->pending_room : 16;
		struct progress *pending = realloc(way->pending, room * sizeof(*pending));

		if (!pending)
			return -ENOMEM;
		way->pending = pending;
		way->pending_room = room;
	}
	way->pending[way->pending_count++] = *progress;
	return 0;
}

int taking_pass(struct taking *taking, const struct traveller *traveller)
{
	return company_add(taking->next, traveller);
}

/* The packets of one alternative go on from the next step, or pass the rule by. */
static int part(struct taking *taking, const struct progress *from, const struct traveller *some,
		bool meet)
{
	struct progress progress = *from;

	if (!meet)
		return taking_pass(taking, some);
	progress.traveller = *some;
	progress.step++;
	return taking_push(taking, &progress);
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
	traveller_decide(traveller, taking_number(taking, condition, 0), met);
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
		traveller_decide(&some, taking_number(taking, condition, 0), !about);
	return part(taking, progress, &some, meet);
}

/*
 * What becomes of the usual packet, or of those that are left.  A decision is
 * about the condition without its inversion.
 */
static enum answer ask(struct taking *taking, struct progress *progress,
		       const struct step *condition, unsigned int does)
{
	bool inverted = condition->flags & STEP_INVERTED, usual = does & USUAL_DOES;
	uint32_t number;
	struct traveller other;
	int decided;

	if (does == ALL_DO)
		return YES;
	if (does == NONE_DOES)
		return NO;
	number = taking_number(taking, condition, 0);
	decided = traveller_decided(&progress->traveller, number);
	if (decided >= 0)
		return (decided ^ inverted) ? YES : NO;
	if (usual && does & USUAL_DOES_NOT) {
		other = progress->traveller;
		traveller_decide(&other, number, inverted);
		traveller_decide(&progress->traveller, number, !inverted);
		return taking_pass(taking, &other) ? ERROR : YES;
	}
	if (part_some(taking, progress, condition, usual ^ inverted, !usual))
		return ERROR;
	if (is_alone(taking, progress))
		decide_alone(taking, &progress->traveller, condition, usual ^ inverted);
	if (usual == inverted)
		probe_narrow_away(&progress->traveller.probe, condition);
	return usual ? YES : NO;
}

/* --- elements --------------------------------------------------------- */

/*
 * Where one side alone is asked for fields, all but one of which are what an element asks for,
 * that one decides.  A twin asks for it in a rule of its own, on the other side, so that the
 * answer has to be known by the number of that condition as well.  Returns DECISIONS_MAX where
 * it is not one field alone.
 */
static uint32_t field_number(const struct taking *taking, const struct progress *progress,
			     const struct step *lookup, size_t element, enum side side)
{
	const struct traveller *traveller = &progress->traveller;
	const struct situation situation = taking_situation(taking->way, traveller, side);
	const struct view_lookup *set = lookup->lookup;
	const struct set_element *asked = element_at(set, element);
	struct step deciding = { 0 };
	size_t count = 0;

	if (!condition_depends(lookup) && !is_alone(taking, progress))
		return DECISIONS_MAX;
	for (size_t i = 0; i < set->field_count; i++) {
		const struct step step = probe_step_of(&set->fields[i], &asked->ranges[i]);

		if (probe_meets(&traveller->probe, &step, &situation) == ALL_DO)
			continue;
		deciding = step;
		count++;
	}
	return count == 1 && !condition_depends(&deciding) ? taking_number(taking, &deciding, 0) :
							     DECISIONS_MAX;
}

static void decide_field(struct traveller *traveller, uint32_t number, bool met)
{
	if (number != DECISIONS_MAX)
		traveller_decide(traveller, number, met);
}

int taking_part_element(struct taking *taking, struct progress *progress,
			const struct step *condition, size_t element, enum side side,
			unsigned int does, uint32_t number)
{
	const uint32_t deciding = field_number(taking, progress, condition, element, side);
	struct progress other = *progress;

	if (traveller_decided(&progress->traveller, deciding) == 0)
		return 0;
	decide_field(&other.traveller, deciding, true);
	decide_field(&progress->traveller, deciding, false);
	other.traveller.usual &= (does & USUAL_DOES) != 0;
	progress->traveller.usual &= (does & USUAL_DOES_NOT) != 0;
	if (!probe_narrow_to_element(&other.traveller.probe, condition->lookup, element) ||
	    (does & USUAL_DOES && does & USUAL_DOES_NOT))
		traveller_decide(&other.traveller, number, true);
	return taking_push(taking, &other);
}

/* More elements than these are not followed one by one. */
#define ELEMENTS_MAX 64

static bool has_elements(const struct step *condition)
{
	return condition->kind == STEP_LOOKUP && condition->lookup->read &&
	       !condition->lookup->named && condition->lookup->count <= ELEMENTS_MAX;
}

/* Those that a set has an element for come to the condition again, on their own. */
static int part_elements(struct taking *taking, struct progress *progress,
			 const struct step *condition, enum side side)
{
	const struct situation situation = taking_situation(taking->way, &progress->traveller, side);
	const uint32_t number = taking_number(taking, condition, 0);
	int err = 0;

	for (size_t i = 0; i < condition->lookup->count && !err; i++) {
		unsigned int does = probe_meets_element(&progress->traveller.probe,
							condition->lookup, i, &situation);

		if (does & ALL_DO)
			err = taking_part_element(taking, progress, condition, i, side, does, number);
	}
	traveller_decide(&progress->traveller, number, false);
	return err;
}

/* --- the sides -------------------------------------------------------- */

/* What nobody can read of conntrack may say one thing of a packet with an entry, and another without. */
static uint32_t side_number(const struct taking *taking, const struct progress *progress,
			    const struct step *condition, enum side side)
{
	const bool apart = step_is_unread(condition) &&
			   progress->traveller.course[side].tracking == UNTRACKED;

	return taking_number(taking, condition, apart);
}

/*
 * What the sides may meet differently.  Where nobody knows, packets go on as two:
 * those that meet it and those that do not, so that both sides get one answer.
 */
static int part_sides(struct taking *taking, struct progress *progress,
		      const struct step *condition, unsigned int does, uint32_t number)
{
	bool inverted = condition->flags & STEP_INVERTED;
	struct progress other = *progress;

	if (number == DECISIONS_MAX) {
		/* as if it met the condition, and as if it passed the rule by */
		taking->way->walk->incomplete = true;
		return taking_pass(taking, &progress->traveller);
	}
	traveller_decide(&progress->traveller, number, true);
	progress->traveller.usual &= (does & (inverted ? USUAL_DOES_NOT : USUAL_DOES)) != 0;
	traveller_decide(&other.traveller, number, false);
	other.traveller.usual &= (does & (inverted ? USUAL_DOES : USUAL_DOES_NOT)) != 0;
	return taking_push(taking, &other);
}

/* Returns NO where the rule has let go of all sides. */
static enum answer ask_sides(struct taking *taking, struct progress *progress,
			     const struct step *condition)
{
	bool inverted = condition->flags & STEP_INVERTED;

	for (enum side side = TODAY; side < SIDES; side++) {
		unsigned int does;
		uint32_t number;
		int decided;

		if (!(progress->active & 1u << side))
			continue;
		does = meets(taking->way, &progress->traveller, condition, side);
		if (does == ALL_DO)
			continue;
		number = side_number(taking, progress, condition, side);
		decided = traveller_decided(&progress->traveller, number);
		if (does != NONE_DOES && decided < 0) {
			if (has_elements(condition) ?
			    part_elements(taking, progress, condition, side) :
			    part_sides(taking, progress, condition, does, number))
				return ERROR;
			decided = traveller_decided(&progress->traveller, number);
			if (decided < 0)
				continue;
		}
		if (does == NONE_DOES || !(decided ^ inverted))
			progress->active &= (uint8_t)~(1u << side);
	}
	return progress->active ? YES : NO;
}

/*
 * Of a mark that packets came with, it is the same for both sides; those that are left need not
 * know that they have none, and go on as one with what is like them.
 */
static bool is_as_it_came(const struct taking *taking, const struct progress *progress,
			  const struct step *condition, unsigned int *does)
{
	*does = 0;
	if (condition->field != FIELD_MARK ||
	    (condition->kind != STEP_NUMBER && condition->kind != STEP_NUMBERS))
		return false;
	for (enum side side = TODAY; side < SIDES; side++) {
		const unsigned int of_side = !(progress->active & 1u << side) ? *does :
			meets(taking->way, &progress->traveller, condition, side);

		if (*does && of_side && of_side != *does)
			return false;
		*does |= of_side;
	}
	return *does == FEW_DO || *does == MOST_DO;
}

enum answer taking_ask(struct taking *taking, struct progress *progress,
		       const struct step *condition)
{
	unsigned int does;

	if (is_as_it_came(taking, progress, condition, &does))
		return ask(taking, progress, condition, does);
	if (condition_depends(condition))
		return ask_sides(taking, progress, condition);
	does = meets(taking->way, &progress->traveller, condition,
		     one_side(progress->traveller.sides));
	return ask(taking, progress, condition, does);
}
