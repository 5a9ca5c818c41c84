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

/* By which a condition, or the element of a map that it looks up, is known to decisions. */
uint32_t taking_number(const struct taking *taking, const struct step *condition, uint32_t element);

/*
 * Where one side alone is asked for fields, all but one of which are what an element asks for,
 * that one decides.  A twin asks for it in a rule of its own, on the other
 * side, so that the answer has to be known by the number of that condition as well.  Returns
 * DECISIONS_MAX where it is not one field alone.
 */
uint32_t taking_field_number(const struct taking *taking, const struct progress *progress,
			     const struct step *lookup, size_t element, enum side side);

static inline void taking_decide_field(struct traveller *traveller, uint32_t number, bool met)
{
	if (number != DECISIONS_MAX)
		traveller_decide(traveller, number, met);
}

enum answer { YES, NO, ERROR };
/*
 * walk_condition.c: whether those that are left meet a condition.  Others, which it tells
 * apart from them, are pushed or have passed.
 */
enum answer taking_ask(struct taking *taking, struct progress *progress,
		       const struct step *condition);

#endif
