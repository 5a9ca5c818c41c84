/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters that go on.  A client that comes or goes can move others to another
 * chain of the tree, or change whether more is said of them, and a client may get
 * another limit; what they sent and what made it through is counted on, from the
 * counters as they were read.
 */
#ifndef LIB_LEGACY_INHERIT_H
#define LIB_LEGACY_INHERIT_H

#include "rules/rule.h"

struct inheritance {
	const struct rule **list;	/* rules of clients in chains that change */
	size_t count;
	bool sorted;
};

/* @rule, which has to last, is in a chain that changes.  0 or -ENOMEM. */
int inherit_note(struct inheritance *inheritance, const struct rule *rule);
/* What @rule, a new one, begins with. */
struct notrack_count inherit_find(struct inheritance *inheritance, const struct rule *rule);
void inherit_free(struct inheritance *inheritance);

#endif
