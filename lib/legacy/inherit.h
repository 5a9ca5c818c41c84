/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters that go on.  A client that comes or goes can move others to another
 * chain of the tree, or change whether more is said of them; what they sent and
 * what made it through is counted on, from the counters as they were read.
 */
#ifndef LIB_LEGACY_INHERIT_H
#define LIB_LEGACY_INHERIT_H

#include "rules/rule.h"

/* Rules of clients that may go from their places, by client and limit. */
struct inheritance {
	const struct rule **list;
	size_t count, room;
	struct inherit_slot *slots;	/* a hash table of places in the list */
	size_t slot_count;		/* a power of two */
};

/* @rule, which has to last, is in a chain that changes.  0 or -ENOMEM. */
int inherit_note(struct inheritance *inheritance, const struct rule *rule);
/* Puts into @count what @rule, a new one, goes on from, if anything.  0 or -ENOMEM. */
int inherit_find(struct inheritance *inheritance, const struct rule *rule,
		 struct notrack_count *count);
void inherit_free(struct inheritance *inheritance);

#endif
