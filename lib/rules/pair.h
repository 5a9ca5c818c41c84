/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chains of two rulesets side by side. */
#ifndef LIB_PAIR_H
#define LIB_PAIR_H

#include "rules/rule.h"

/* Of one name: one of the two may be missing. */
struct pair {
	struct chain *have, *want;
	bool differs;
	bool entered;		/* a rule of others leads to @have */
};

struct pairs {
	struct pair *list;	/* by name */
	size_t count, room;
};

/* 0 or -ENOMEM; pairs_free() is fine with either. */
int pairs_make(struct pairs *pairs, const struct ruleset *have, const struct ruleset *want);
struct pair *pairs_find(struct pairs *pairs, const char *name);
void pairs_free(struct pairs *pairs);

#endif
