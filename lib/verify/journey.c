/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/journey.h"

#include <stdlib.h>

unsigned int journey_state(const struct traveller *traveller, enum side side)
{
	unsigned int tracking = traveller->course[side].tracking;

	return traveller->usual ? USUAL(tracking) : PICKED(tracking);
}

static void put_ending(struct ending *ending, const struct view_chain *base, struct place place,
		       unsigned int time)
{
	if (!ending->first_time) {
		ending->first = place;
		ending->first_time = time;
	}
	ending->base = base;
	ending->last = place;
	ending->last_time = time;
}

static unsigned int distance(const struct view_chain *chain)
{
	const unsigned int priority = (unsigned int)chain->priority;

	return chain->priority < 0 ? 0 - priority : priority;	/* INT_MIN has one, too */
}

/* The chain at the priority of filters is the one that is told of, where many accept. */
static bool says_more(const struct view_chain *base, const struct ending *told)
{
	if (!told->first_time || base == told->base)
		return true;
	return distance(base) < distance(told->base) ||
	       (distance(base) == distance(told->base) && !told->last.rule);
}

void journey_end(struct journey *journey, enum fate fate, unsigned int state,
		 const struct view_chain *base, bool ahead, struct place place)
{
	unsigned int index = (unsigned int)__builtin_ctz(state);
	struct ending *ending = &journey->endings[fate][index];

	journey->time++;
	if (fate == ACCEPTED && ahead)
		put_ending(&journey->untracking[index], base, place, journey->time);
	if (fate == ACCEPTED && !says_more(base, ending))
		return;
	if (fate == ACCEPTED && ending->base != base)
		*ending = (struct ending){ 0 };
	put_ending(ending, base, place, journey->time);
}

unsigned int journey_states(const struct journey *journey, enum fate fate)
{
	unsigned int states = 0;

	for (unsigned int state = 0; state < STATES; state++)
		if (journey->endings[fate][state].first_time)
			states |= 1u << state;
	return states;
}

bool journey_meets_translation(const struct journey *journey, const struct view_rule *rule)
{
	for (unsigned int i = 0; i < journey->picked_count; i++)
		if (journey->picked[i].place.rule == rule)
			return true;
	return journey->usual.place.rule == rule;
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
