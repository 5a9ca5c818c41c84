/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets on their way through one rule: what the files that take rules share. */
#ifndef LIB_WALK_TAKING_H
#define LIB_WALK_TAKING_H

#include "verify/walk_way.h"

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
	size_t base;			/* of the way's pending ones, how many are of rules further out */
};

/* Puts one on the list of those to be taken on from their step; or it passes the rule by. */
int taking_push(struct taking *taking, const struct progress *progress);
int taking_pass(struct taking *taking, const struct traveller *traveller);

/* What conntrack, and rules before, have made of a side. */
struct situation taking_situation(const struct way *way, const struct traveller *traveller,
				  enum side side);

/*
 * The number under which a traveller remembers what was decided of a condition, or of an element
 * of the map that it looks up.
 */
uint32_t taking_number(const struct taking *taking, const struct step *condition, uint32_t element);

/*
 * walk_condition.c: of packets of which some may have an element of a set, as @does says, those
 * that have it come to the condition again, on their own, and remember under @number that
 * they have it.
 */
int taking_part_element(struct taking *taking, struct progress *progress,
			const struct step *condition, size_t element, enum side side,
			unsigned int does, uint32_t number);

/* walk_rule.c: @sides take a verdict, the others are left with the traveller. */
int taking_deliver(struct taking *taking, struct traveller *traveller, unsigned int sides,
		   enum step_kind kind, const struct view_chain *chain);
/* Accepted or dropped: up to somebody else, or beyond us. */
int taking_end_either_way(struct taking *taking, const struct traveller *traveller);

/* walk_map.c: those who come to a map, which is the rule's last step. */
int taking_take_map(struct taking *taking, struct progress *progress, const struct step *step);

enum answer { YES, NO, ERROR };
/*
 * walk_condition.c: whether those that are left meet a condition.  Others, which it tells
 * apart from them, are pushed or have passed.
 */
enum answer taking_ask(struct taking *taking, struct progress *progress,
		       const struct step *condition);

#endif
