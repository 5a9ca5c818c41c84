/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that make twins share. */
#ifndef LIB_WEAVE_H
#define LIB_WEAVE_H

#include "rules/graft.h"
#include "verify/finding.h"
#include "verify/meaning.h"
#include "verify/picks.h"
#include "verify/stance.h"

/* Twins under way. */
struct weave {
	struct setting setting;
	struct grafts *grafts;
	const struct grafts *openings;		/* jumps that will stand in the same chains */
	struct findings *findings;
	struct meaning_index meanings;
	struct picks picks[FAMILIES][DIRECTIONS];
	/* for each chain a byte for each pick: whether its packets get there */
	uint8_t *reached[FAMILIES][DIRECTIONS];
};

/* A pick at a rule, and how the rule stands to it. */
struct meeting {
	const struct pick *pick;
	struct stance stance;
};

/* All picks that a rule may take, or catches, as far as one of its meanings goes. */
struct meetings {
	struct view_chain *chain;
	struct view_rule *rule;
	const struct meaning *meaning;
	struct meeting *list;
	size_t count;
	bool sees_untracked;		/* the rule may take untracked packets as they are */
};

/*
 * Rules of one chain, in a row, that take none of our untracked packets as they are.  A
 * twin that accepts may as well stand ahead of all of them, if the twins that it passes
 * do no more than accept, either.
 */
struct row {
	struct view_rule *first;	/* NULL: there is none */
	size_t begin;			/* of its twins, in the list of grafts: */
	size_t requests, count;		/* those that take requests, and all of them */
};

static inline uint8_t *weave_reached(const struct weave *weave, enum family family,
				     enum direction direction, const struct view_chain *chain)
{
	return weave->reached[family][direction] +
	       chain->number * weave->picks[family][direction].count;
}

/* Whether what comes in is not all that comes to a chain, so that selectors there have to tell. */
bool twins_share(const struct view_chain *chain, bool forwards);

/* Puts the twins of a rule ahead of it, or says why there are none. */
int twins_graft(struct weave *weave, const struct meetings *meetings);
/* Likewise what leads packets past it. */
int twins_skip(struct weave *weave, const struct meetings *meetings);
/* Brings twins of a rule, which are the grafts from @begin on, to where the row begins. */
void twins_gather(struct grafts *grafts, struct row *row, const struct meetings *meetings,
		  size_t begin);

#endif
