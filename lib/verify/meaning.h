/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a rule means: to a walk, one rule is one row of steps; one that looks up a map,
 * or the state together with something else, means a row for each element.
 */
#ifndef LIB_MEANING_H
#define LIB_MEANING_H

#include "rules/graft.h"

/* All that one rule means; plain rules mean themselves. */
struct meanings {
	const struct view_rule *rule;
	const struct meaning *list;
	size_t count;
	struct meaning plain;		/* for @list to point to */
};

/* The rules of a view that do not mean themselves. */
struct meaning_index {
	struct meanings *list;		/* in order of the rules' addresses */
	size_t count;
};

/* Finds them; rows of steps that are made go to @arena. 0, or -ENOMEM. */
int meanings_find(struct meaning_index *index, const struct view *view, struct arena *arena);
void meanings_free(struct meaning_index *index);

/* @meanings: room for the answer, where it is a plain rule. */
const struct meanings *meanings_of(const struct meaning_index *index,
				   const struct view_rule *rule, struct meanings *meanings);

/* Whether a rule asks a set or map, which others fill at any time, for a state. */
bool rule_asks_others(const struct view_rule *rule);

#endif
