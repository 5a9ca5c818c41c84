/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters that go on.  A client that comes or goes can move others to another
 * chain of the tree, or change whether more is said of them; what they sent and
 * what made it through is counted on all the same.
 */
#ifndef LIB_CARRY_H
#define LIB_CARRY_H

#include "rules/rule.h"

/* Rules of clients that may go from their places, by client and limit. */
struct inheritance {
	struct carried *list;
	size_t count, room;
	struct inherit_slot *slots;	/* a hash table of places in the list */
	size_t slot_count;	/* a power of two */
};

/* Room for @rules; 0 or -ENOMEM, and carry_free() is fine with either. */
int inherit_begin(struct inheritance *carry, size_t rules);
void inherit_free(struct inheritance *carry);

/* @rule, which has to last, is entry @number of the table; of no client: passed over. */
void inherit_note(struct inheritance *carry, const struct rule *rule, uint32_t number);

/* The number of the entry that @rule, a new one, goes on with; or -1. */
long inherit_find(const struct inheritance *carry, const struct rule *rule);

#endif
