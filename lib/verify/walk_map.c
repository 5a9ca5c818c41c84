/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps with verdicts: which packets take which of them. */
#include "verify/walk_taking.h"

#include <errno.h>

/*
 * Elements of a map that others fill are followed one by one, each with the packets that have it.
 * Where packets may have more of them than that, it is what they lead to that is followed.
 */
enum { FOLLOWED_MAX = 64 };

/* What is remembered of a map has numbers of its own; see taking_number(). */
enum {
	NUMBER_IS_IN,		/* in an element that may come */
	NUMBER_LETS_IN,		/* ... which accepts it */
	NUMBER_TARGETS,	/* a chain, or a verdict that ends the rule: one for each */
	NUMBER_ELEMENTS = 1 << 24,
};

static int deliver_element(struct taking *taking, struct traveller *traveller, unsigned int sides,
			   const struct set_element *element)
{
	return taking_deliver(taking, traveller, sides, (enum step_kind)element->verdict,
			      element->chain);
}

static bool is_here(const struct progress *progress, enum side side)
{
	return progress->traveller.sides & 1u << side;
}

static unsigned int meets_element(const struct taking *taking, const struct progress *progress,
				  const struct step *step, size_t index, enum side side)
{
	const struct situation situation = taking_situation(taking->way, &progress->traveller,
							    side);

	return probe_meets_element(&progress->traveller.probe, step->lookup, index, &situation);
}

/* --- one by one --------------------------------------------------------- */

/* One element: its packets, if there are any among them. */
static int take_element(struct taking *taking, struct progress *progress, const struct step *step,
			size_t index, enum side side)
{
	const struct set_element *element = element_at(step->lookup, index);
	const unsigned int does = meets_element(taking, progress, step, index, side);
	uint32_t number;
	int err;

	if (does == ALL_DO)
		return deliver_element(taking, &progress->traveller, 1u << side, element);
	if (!(does & ALL_DO))
		return 0;
	number = taking_number(taking, step, NUMBER_ELEMENTS + (uint32_t)index);
	if (number == DECISIONS_MAX) {
		taking->way->walk->incomplete = true;
		return 0;
	}
	if (traveller_decided(&progress->traveller, number) == 0)
		return 0;
	if (traveller_decided(&progress->traveller, number) > 0)
		return deliver_element(taking, &progress->traveller, 1u << side, element);
	/* some do, or nobody knows */
	err = taking_part_element(taking, progress, step, index, side, does, number);
	traveller_decide(&progress->traveller, number, false);
	return err;
}

static int take_elements(struct taking *taking, struct progress *progress, const struct step *step,
			 enum side side)
{
	int err = 0;

	for (size_t i = 0; i < step->lookup->count && !err && is_here(progress, side); i++)
		err = take_element(taking, progress, step, i, side);
	return err;
}

/* --- by what they lead to ----------------------------------------------- */

/*
 * What some elements say, and who has one of these.  Of a map of ours they are the same packets as
 * of the one that it is a copy of, by which they are known.
 */
struct target {
	const struct set_element *element, *original;
	unsigned int does;
};

struct targets {
	struct target list[FOLLOWED_MAX];
	size_t count;
	bool more;
};

/* So many rules are looked at for whether they are of any consequence. */
enum { RULES_MAX = 256 };

/*
 * Whether packets that are not tracked may fare differently in a chain, or in one that it
 * leads to: where something is translated, or a state is asked for.
 */
static bool matters(const struct view_chain *chain, unsigned int *rules)
{
	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
		const struct step *verdict = rule_verdict(rule);

		if (!*rules)
			return true;
		--*rules;
		if (rule->flags & RULE_ASKS_STATE || (verdict && (verdict->kind == STEP_TRANSLATE ||
								  verdict->kind == STEP_MAP)))
			return true;
		if (verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO) &&
		    matters(verdict->chain, rules))
			return true;
	}
	return false;
}

static bool same_target(const struct set_element *a, const struct set_element *b)
{
	return a->verdict == b->verdict && a->chain == b->chain;
}

static void add_target(struct targets *targets, const struct set_element *element,
			const struct set_element *original, unsigned int does, bool all)
{
	unsigned int rules = RULES_MAX;
	size_t i = 0;

	while (i < targets->count && !same_target(targets->list[i].original, original))
		i++;
	if (i < targets->count) {
		struct target *same = &targets->list[i];

		same->does = ((same->does | does) & ALL_DO) | (same->does & does & NONE_DOES);
	} else if (all || (original->chain && matters(original->chain, &rules))) {
		targets->more |= i == FOLLOWED_MAX;
		if (i < FOLLOWED_MAX)
			targets->list[targets->count++] = (struct target){ element, original, does };
	}
}

/* @all: also those that are the same for what is tracked and what is not. */
static void find_targets(const struct taking *taking, const struct progress *progress,
			  const struct step *step, enum side side, bool all,
			  struct targets *targets)
{
	const struct view_lookup *map = step->lookup;
	const struct view_lookup *original = map->original ? map->original : map;

	targets->count = 0;
	targets->more = false;
	for (size_t i = 0; i < map->count && !targets->more; i++) {
		const unsigned int does = meets_element(taking, progress, step, i, side);

		if (does & ALL_DO)
			add_target(targets, element_at(map, i), element_at(original, i), does, all);
	}
}

/* Who has which of the elements, nobody knows, but it is the same for both sides. */
static int take_target(struct taking *taking, struct progress *progress, const struct step *step,
			const struct target *target, enum side side)
{
	const struct set_element *original = target->original;
	const uint32_t which = original->chain ? (uint32_t)original->chain->number + 1 : 0;
	const uint32_t number = taking_number(taking, step, NUMBER_TARGETS + 32 * which +
							    original->verdict);
	struct progress some = *progress;

	if (target->does != ALL_DO && number == DECISIONS_MAX) {
		taking->way->walk->incomplete = true;
		return 0;
	}
	if (target->does == ALL_DO || traveller_decided(&progress->traveller, number) > 0)
		return deliver_element(taking, &progress->traveller, 1u << side, target->element);
	if (traveller_decided(&progress->traveller, number) == 0)
		return 0;
	some.traveller.usual &= (target->does & USUAL_DOES) != 0;
	traveller_decide(&some.traveller, number, true);
	progress->traveller.usual &= (target->does & USUAL_DOES_NOT) != 0;
	traveller_decide(&progress->traveller, number, false);
	return taking_push(taking, &some);
}

static int take_targets(struct taking *taking, struct progress *progress, const struct step *step,
			 enum side side)
{
	struct targets targets;
	int err = 0;

	find_targets(taking, progress, step, side, true, &targets);
	if (targets.more) {
		taking->way->walk->incomplete = true;
		find_targets(taking, progress, step, side, false, &targets);
	}
	for (size_t i = 0; i < targets.count && !err && is_here(progress, side); i++)
		err = take_target(taking, progress, step, &targets.list[i], side);
	return err;
}

/* --- what others fill ---------------------------------------------------- */

/* Whether there are more elements among those that the packets may have than are followed. */
static bool has_many(const struct taking *taking, const struct progress *progress,
		     const struct step *step, enum side side)
{
	size_t many = 0;

	for (size_t i = 0; i < step->lookup->count && many <= FOLLOWED_MAX; i++)
		many += (meets_element(taking, progress, step, i, side) & ALL_DO) != 0;
	return many > FOLLOWED_MAX;
}

/* The elements that are there now. */
static int take_those_there(struct taking *taking, struct progress *progress,
			    const struct step *step, enum side side)
{
	if (step->lookup->more)
		taking->way->walk->incomplete = true;
	return lookup_is_hidden(step->lookup) || has_many(taking, progress, step, side) ?
	       take_targets(taking, progress, step, side) :
	       take_elements(taking, progress, step, side);
}

/* What is in none of the elements. */
static int take_rest(struct taking *taking, struct progress *progress, const struct step *step,
		     enum side side)
{
	return !step->lookup->has_rest || !is_here(progress, side) ? 0 :
	       taking_deliver(taking, &progress->traveller, 1u << side,
			      (enum step_kind)step->lookup->rest_verdict,
			      step->lookup->rest_chain);
}

/*
 * Those that a map may have an element for, or may get one: nobody knows, but it is the same for
 * both sides.  NAT translates, and drops nothing.
 */
static int part_in_map(struct taking *taking, struct progress *progress, bool usual,
		       uint32_t is_in, uint32_t lets_in)
{
	struct progress some = *progress;
	int err = 0;

	some.traveller.usual &= usual;
	traveller_decide(&some.traveller, is_in, true);
	for (int lets = taking->way->base->type == CHAIN_NAT; lets < 2 && !err; lets++) {
		traveller_decide(&some.traveller, lets_in, lets);
		err = taking_push(taking, &some);
	}
	traveller_decide(&progress->traveller, is_in, false);
	return err;
}

static int take_those_to_come(struct taking *taking, struct progress *progress,
			      const struct step *step, enum side side, bool usual)
{
	const uint32_t is_in = taking_number(taking, step, NUMBER_IS_IN);
	const uint32_t lets_in = taking_number(taking, step, NUMBER_LETS_IN);
	enum step_kind kind;

	if (is_in == DECISIONS_MAX || lets_in == DECISIONS_MAX) {
		taking->way->walk->incomplete = true;
		return 0;
	}
	switch (traveller_decided(&progress->traveller, is_in)) {
	case 0:
		return 0;
	case 1:
		kind = traveller_decided(&progress->traveller, lets_in) > 0 ? STEP_ACCEPT : STEP_DROP;
		return taking_deliver(taking, &progress->traveller, 1u << side, kind, NULL);
	default:
		return part_in_map(taking, progress, usual, is_in, lets_in);
	}
}

/*
 * A map with a name is asked.  Where its key is not known, the usual packet is in no element
 * that may come, and the others may be in any.  A key that nobody can tell may have any element.
 */
static int take_named_map(struct taking *taking, struct progress *progress, const struct step *step,
			  enum side side)
{
	const struct view_lookup *map = step->lookup;
	const struct situation situation = taking_situation(taking->way, &progress->traveller,
							    side);
	const bool hidden = lookup_is_hidden(map);
	struct set_element found = { 0 };
	int there = hidden ? -EAGAIN : probe_ask(&progress->traveller.probe, map, &situation, &found);
	int err = 0;

	if (there > 0)
		return deliver_element(taking, &progress->traveller, 1u << side, &found);
	if (there)
		err = take_those_there(taking, progress, step, side);
	if (there && !err && is_here(progress, side) && !map->read)
		err = take_those_to_come(taking, progress, step, side, hidden || there != -EAGAIN);
	return err ? err : take_rest(taking, progress, step, side);
}

/* Of a map of the rule's own, all elements are there. */
static int take_own_map(struct taking *taking, struct progress *progress, const struct step *step,
			enum side side)
{
	int err;

	if (!step->lookup->read && !step->lookup->has_rest)
		return taking_end_either_way(taking, &progress->traveller);
	err = take_elements(taking, progress, step, side);
	return err ? err : take_rest(taking, progress, step, side);
}

int taking_take_map(struct taking *taking, struct progress *progress, const struct step *step)
{
	const bool named = step->lookup->named || lookup_is_hidden(step->lookup);
	int err = 0;

	for (enum side side = TODAY; side < SIDES && !err; side++)
		if (progress->active & 1u << side && is_here(progress, side))
			err = named ? take_named_map(taking, progress, step, side) :
				      take_own_map(taking, progress, step, side);
	return err || !progress->traveller.sides ? err : taking_pass(taking, &progress->traveller);
}
