/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rest of a chain of the host, in a copy that packets of one class go through as if
 * they were tracked: without the rules that do not take them, and without the state that
 * the others ask for.
 */
#ifndef LIB_REST_H
#define LIB_REST_H

#include "verify/grafting.h"

enum rest_kind {
	REST_EMPTY,		/* no rule takes them: they come to the end of the chain */
	REST_ACCEPT,		/* the first one that takes any accepts all of them */
	REST_CHAIN,
	REST_NONE,		/* there is no such copy */
};

struct rest {
	enum rest_kind kind;
	struct graft_chain *chain;		/* REST_CHAIN */
	struct place obstacle;			/* REST_NONE: what cannot be copied */
	bool unsure;			/* nobody knows whether the obstacle would have taken them */
	bool disagree;				/* ... since it takes some of the classes alone */
};

/* The rules of @chain from @rule on, for picks that are in one state; 0, or -ENOMEM. */
int rest_make(struct weave *weave, const struct view_chain *chain, const struct view_rule *rule,
	      const struct pick_list *picks, struct rest *rest);

#endif
