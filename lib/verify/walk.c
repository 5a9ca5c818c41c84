/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As the kernel takes a packet through the chains of a hook, but with a set of
 * states instead of one packet: where nobody knows whether a rule takes it,
 * packets go both ways.  What becomes of a state that enters a chain does not
 * depend on how it got there, so that each chain is walked once a state, however
 * many rules lead to it.
 */
#include "verify/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rule.h"

/* Deeper than any table one meets; what lies below, nobody knows. */
#define DEPTH_MAX 1024

#define CONNTRACK_PRIORITY (-200)

#define WALKED 0x8000		/* beside the states in which packets come back */

/* A walk through the chains of one hook. */
struct way {
	const struct walk *walk;
	struct journey *journey;
	const struct view_chain *base;
	enum hook hook;
	bool ahead;			/* of conntrack */
	uint16_t *walked;		/* for each chain, and each state */
	unsigned int depth;
	unsigned int accepted;		/* the states that the base chain lets pass */
};

bool chain_is_ours(const struct view_chain *chain)
{
	return name_is_ours(chain->name);
}

/* --- endings ---------------------------------------------------------- */

static void put_ending(struct ending *ending, struct place place, unsigned int time)
{
	if (!ending->first_time) {
		ending->first = place;
		ending->first_time = time;
	}
	ending->last = place;
	ending->last_time = time;
}

static unsigned int distance(const struct view_chain *chain)
{
	return (unsigned int)abs(chain->priority);
}

/* The chain at the priority of filters is the one that is told of, where many accept. */
static bool says_more(const struct way *way, const struct ending *ending)
{
	const struct view_chain *told;

	if (!ending->first_time)
		return true;
	told = ending->base;
	return distance(way->base) < distance(told) ||
	       (distance(way->base) == distance(told) && (!ending->last.rule || way->base == told));
}

static void end(struct way *way, enum fate fate, unsigned int states, struct place place)
{
	struct journey *journey = way->journey;

	if (states)
		journey->time++;
	for (unsigned int state = 0; state < STATES; state++) {
		struct ending *ending = &journey->endings[fate][state];

		if (!(states & 1u << state))
			continue;
		if (fate == ACCEPTED && way->ahead)
			put_ending(&journey->untracking[state], place, journey->time);
		if (fate == ACCEPTED && !says_more(way, ending))
			continue;
		if (fate == ACCEPTED && ending->base != way->base)
			*ending = (struct ending){ 0 };
		ending->base = way->base;
		put_ending(ending, place, journey->time);
	}
}

/* A program decides, or something else that we cannot see. */
static void end_either_way(struct way *way, unsigned int states, struct place place)
{
	end(way, DROPPED, states, place);
	end(way, ACCEPTED, states, place);
	way->accepted |= states;
}

static void end_accepted(struct way *way, unsigned int states, struct place place)
{
	end(way, ACCEPTED, states, place);
	way->accepted |= states;
}

unsigned int journey_states(const struct journey *journey, enum fate fate)
{
	unsigned int states = 0;

	for (unsigned int state = 0; state < STATES; state++)
		if (journey->endings[fate][state].first_time)
			states |= 1u << state;
	return states;
}

const struct ending *endings_first(const struct ending endings[STATES], unsigned int states)
{
	const struct ending *first = NULL;

	for (unsigned int state = 0; state < STATES; state++)
		if (states & 1u << state && endings[state].first_time &&
		    (!first || endings[state].first_time < first->first_time))
			first = &endings[state];
	return first;
}

const struct ending *endings_last(const struct ending endings[STATES], unsigned int states)
{
	const struct ending *last = NULL;

	for (unsigned int state = 0; state < STATES; state++)
		if (states & 1u << state && endings[state].last_time > (last ? last->last_time : 0))
			last = &endings[state];
	return last;
}

/* --- conditions ------------------------------------------------------- */

static struct situation situation_of(const struct way *way, unsigned int state)
{
	struct situation situation = {
		.states = way->walk->probe->tracked_states,
		.marked = state >= 2 * TRACKINGS,
		.connection_marked = state >= 2 * TRACKINGS,
	};

	switch (state % TRACKINGS) {
	case UNTRACKED:
		situation.states = CT_UNTRACKED;
		break;
	case TEMPLATE:
		if (way->ahead)
			situation.states = CT_NEW;
		break;
	default:
		if (way->ahead)		/* it has not been seen yet */
			situation.states = CT_INVALID;
	}
	return situation;
}

/* Which of the states meet some conditions, and which go on to the next rule. */
struct split {
	unsigned int taken, passed;
};

static void split_state(struct split *split, unsigned int state, unsigned int meets)
{
	unsigned int one = 1u << state;
	unsigned int picked = one & ANY_USUAL ? one << TRACKINGS : one;

	if (one & ANY_USUAL) {
		split->taken |= meets & USUAL_DOES ? one : 0;
		split->passed |= meets & USUAL_DOES_NOT ? one : 0;
		/* only some of the packets meet it: from here on they are followed separately */
		split->taken |= meets & SOME_DO && !(meets & USUAL_DOES) ? picked : 0;
		split->passed |= meets & SOME_DO_NOT && !(meets & USUAL_DOES_NOT) ? picked : 0;
	} else {
		split->taken |= meets & SOME_DO ? picked : 0;
		split->passed |= meets & SOME_DO_NOT ? picked : 0;
	}
}

static struct split split_states(const struct way *way, const struct step *conditions,
				 size_t count, unsigned int states)
{
	struct split split = { 0 };

	for (unsigned int state = 0; state < STATES; state++) {
		struct situation situation;
		unsigned int meets = ALL_DO;

		if (!(states & 1u << state))
			continue;
		situation = situation_of(way, state);
		for (size_t i = 0; i < count && meets & ALL_DO; i++)
			meets = meets_both(meets, probe_meets(way->walk->probe, &conditions[i],
							      &situation));
		split_state(&split, state, meets);
	}
	return split;
}

unsigned int walk_could_meet(const struct probe *probe, const struct view_rule *rule)
{
	const struct situation situation = { .states = CT_NEW };
	unsigned int meets = ALL_DO;

	for (size_t i = 0; i < rule->count; i++)
		if (step_is_condition(&rule->steps[i]) && rule->steps[i].field < FIELD_STATE)
			meets = meets_both(meets, probe_meets(probe, &rule->steps[i], &situation));
	return meets;
}

/* --- effects ---------------------------------------------------------- */

/* The first of NOTRACK and CT wins: the kernel leaves alone what another has set. */
static unsigned int set_tracking(unsigned int states, enum tracking to)
{
	return (states & ~WITH(TRACKED)) | (states & WITH(TRACKED)) << to;
}

static unsigned int set_mark(unsigned int states)
{
	unsigned int unmarked = MARKED(1u) - 1;

	return (states & ~unmarked) | MARKED(states & unmarked);
}

static unsigned int take_effect(const struct way *way, const struct place *place,
				const struct step *step, unsigned int states)
{
	switch (step->kind) {
	case STEP_NOTRACK:		/* behind conntrack, it comes too late */
		if (!way->ahead || (way->walk->as_tracked && chain_is_ours(place->chain)))
			return states;
		return set_tracking(states, UNTRACKED);
	case STEP_TEMPLATE:
		return way->ahead ? set_tracking(states, TEMPLATE) : states;
	case STEP_MARK:
		return step->mask || step->value || step->flags & STEP_ANY_VALUE ?
		       set_mark(states) : states;
	case STEP_CT_MARK:
	case STEP_RESTORE_MARK:		/* a packet without an entry is left as it is */
		return (states & ANY_UNTRACKED) | set_mark(states & ~ANY_UNTRACKED);
	default:
		return states;
	}
}

/* --- verdicts and chains ---------------------------------------------- */

static unsigned int walk_chain(struct way *way, const struct view_chain *chain,
			       unsigned int states, struct place place);

static void translate(struct way *way, unsigned int states, struct place place)
{
	struct journey *journey = way->journey;
	struct translated *of = states & ANY_USUAL ? &journey->usual : &journey->picked;

	if (!of->place.chain)
		*of = (struct translated){ .place = place, .hook = way->hook };
	end_accepted(way, states, place);
}

/* Returns the states that go on to the next rule; @back: those that leave the chain. */
static unsigned int take_verdict(struct way *way, const struct place *place,
				 const struct step *step, unsigned int states,
				 unsigned int *back)
{
	switch (step->kind) {
	case STEP_ACCEPT:
		end_accepted(way, states, *place);
		return 0;
	case STEP_DROP:
	case STEP_REJECT:
	case STEP_SYNPROXY:
		end(way, DROPPED, states, *place);
		return 0;
	case STEP_RETURN:
		*back |= states;
		return 0;
	case STEP_JUMP:
		return walk_chain(way, step->chain, states, *place);
	case STEP_GOTO:
		*back |= walk_chain(way, step->chain, states, *place);
		return 0;
	case STEP_TRANSLATE:
		translate(way, states, *place);
		return 0;
	case STEP_QUEUE:
	case STEP_DIVERT:
		end_either_way(way, states, *place);
		return 0;
	default:
		end_either_way(way, states, *place);
		return states;
	}
}

/* How many conditions there are in a row. */
static size_t count_conditions(const struct view_rule *rule, size_t from)
{
	size_t to = from;

	while (to < rule->count && step_is_condition(&rule->steps[to]))
		to++;
	return to - from;
}

/* Returns the states that go on to the next rule. */
static unsigned int walk_rule(struct way *way, const struct place *place, unsigned int states,
			      unsigned int *back)
{
	const struct view_rule *rule = place->rule;
	unsigned int passed = 0;

	for (size_t i = 0; i < rule->count && states; i++) {
		const struct step *step = &rule->steps[i];
		size_t conditions = count_conditions(rule, i);
		struct split split;

		if (conditions) {
			split = split_states(way, step, conditions, states);
			states = split.taken;
			passed |= split.passed;
			i += conditions - 1;
		} else if (step_is_verdict(step)) {
			return passed | take_verdict(way, place, step, states, back);
		} else {
			states = take_effect(way, place, step, states);
		}
	}
	return passed | states;
}

static unsigned int walk_rules(struct way *way, const struct view_chain *chain,
			       unsigned int states)
{
	struct place place = { .chain = chain };
	unsigned int back = 0;

	for (place.rule = chain->rules; place.rule && states; place.rule = place.rule->next)
		states = walk_rule(way, &place, states, &back);
	return states | back;
}

/* Through a chain that rules lead to, each state once; returns those that come back. */
static unsigned int walk_chain(struct way *way, const struct view_chain *chain,
			       unsigned int states, struct place place)
{
	uint16_t *walked = way->walked + chain->number * STATES;
	unsigned int back = 0;

	if (way->depth == DEPTH_MAX) {
		end_either_way(way, states, place);
		return states;
	}
	way->depth++;
	for (unsigned int state = 0; state < STATES; state++) {
		if (!(states & 1u << state))
			continue;
		if (!walked[state]) {
			walked[state] = WALKED;
			walked[state] |= (uint16_t)walk_rules(way, chain, 1u << state);
		}
		back |= walked[state] & ~(unsigned int)WALKED;
	}
	way->depth--;
	return back;
}

/* --- hooks ------------------------------------------------------------ */

/* Only the first packet of a tracked connection meets NAT. */
static unsigned int meets_chain(const struct walk *walk, const struct view_chain *base,
				unsigned int states)
{
	if (!(base->table->families & 1u << walk->probe->family))
		return 0;
	if (base->type != CHAIN_NAT)
		return states;
	return walk->probe->tracked_states & CT_NEW ? states & ANY_TRACKED : 0;
}

/* Returns the states that go on to the next base chain. */
static int walk_base(struct way *way, unsigned int states)
{
	const struct walk *walk = way->walk;
	const struct view_chain *base = way->base;
	unsigned int meets = meets_chain(walk, base, states), end_of_chain;
	unsigned int passes = states & ~meets;
	struct place policy = { .chain = base };

	if (!meets)
		return (int)states;
	if (base->type == CHAIN_NAT && walk->probe->tracked_states & ~CT_NEW)
		passes = states;
	way->walked = calloc(walk->view->chain_count, STATES * sizeof(*way->walked));
	if (!way->walked)
		return -ENOMEM;
	way->accepted = 0;
	end_of_chain = walk_rules(way, base, meets);
	if (base->drops)
		end(way, DROPPED, end_of_chain, policy);
	else
		end_accepted(way, end_of_chain, policy);
	free(way->walked);
	return (int)(way->accepted | passes);
}

int walk_hook(const struct walk *walk, enum hook hook, unsigned int states)
{
	const bool conntrack = hook == HOOK_PREROUTING || hook == HOOK_OUTPUT;
	struct way way = { .walk = walk, .journey = walk->journey, .hook = hook };
	bool met = !conntrack;
	int on = (int)states;

	for (way.base = walk->view->hooks[hook]; way.base && on >= 0;
	     way.base = way.base->next_at_hook) {
		way.ahead = conntrack && way.base->priority <= CONNTRACK_PRIORITY;
		if (!way.ahead && !met) {
			walk->journey->at_conntrack |= (unsigned int)on;
			met = true;
		}
		on = walk_base(&way, (unsigned int)on);
	}
	if (!met && on >= 0)
		walk->journey->at_conntrack |= (unsigned int)on;
	return on;
}
