/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grafts: the rules of ours that stand in chains of the host, and the chains of
 * ours that they lead to.  Plain data: who computes them knows no backend, and a
 * backend that writes them needs nothing but a graft and the rule it was made for,
 * which the backend itself has read (view_rule.handle).
 *
 * A graft chain belongs to the table of the rules that lead to it.  Our chains never
 * refer to a chain of the host, since its owner could not delete it any more.
 */
#ifndef LIB_GRAFT_H
#define LIB_GRAFT_H

#include "rules/rule.h"
#include "rules/view.h"

/* Which parts of a rule of the host one of ours repeats; what asks conntrack never is. */
enum graft_copy {
	/* the conditions ahead of the first step that remembers or has an effect */
	COPY_HEAD = 1 << 0,
	/* everything from that step on, in the rule's own order, and the verdict */
	COPY_TAIL = 1 << 1,
	/* of the tail neither steps that remember nor the conditions among them */
	COPY_FORGETFUL = 1 << 2,
};

/*
 * A rule of ours.  It asks, in this order: rule.match->states (first, so that only
 * packets of ours meet what follows), the head of @original, what else rule.source
 * and rule.match ask, the tail of @original.  With COPY_TAIL its verdict is that of
 * @original, and rule.target is TARGET_NONE; else it is rule.target.
 */
struct graft_rule {
	struct rule rule;
	const struct view_rule *original;	/* NULL: nothing is copied */
	uint8_t copies;				/* bits of enum graft_copy */
	uint8_t families;			/* bits, 1 << enum family: those that it is
						   for, of those that the table has */
};

struct graft_chain {
	struct graft_chain *next;
	const struct view_table *table;
	char name[CHAIN_NAME_MAX + 1];
	struct graft_rule *rules;
	size_t count, room;
};

enum graft_kind {
	GRAFT_LIMITS,		/* at the top of the chain: the jump to the limits */
	GRAFT_OPENING,		/* the jump to the chain that accepts a service */
	GRAFT_TWIN,		/* does what @before does, with packets that it no longer takes */
	GRAFT_SKIP,		/* leads past @before packets that it should not take */
};

/* In a chain of the host. */
struct graft {
	uint8_t kind;				/* enum graft_kind */
	struct view_chain *chain;		/* that it stands in */
	struct view_rule *before;		/* directly ahead of this rule of the host, behind
						   grafts that come earlier in the list; NULL: at
						   the end of the chain */
	struct graft_rule rule;
	/* where it leads to (TARGET_JUMP, TARGET_GOTO); NULL: the rule has GRAFT_COMMENT, by
	   which it is known again, and the verdict of @before */
	struct graft_chain *to;
};

/* In the comment of grafts that lead to no chain of ours. */
#define GRAFT_COMMENT CHAIN_PREFIX "twin"

/* In the order of the view: tables, chains, rules. */
struct grafts {
	struct graft *list;
	size_t count, room;
	struct graft_chain *chains, *last;	/* those that are led to come first */
	struct arena arena;
};

void grafts_free(struct grafts *grafts);

/* All return NULL if out of memory. */
struct graft *grafts_add(struct grafts *grafts, const struct graft *graft);
struct graft_chain *grafts_add_chain(struct grafts *grafts, const struct view_table *table,
				     const char *name);
struct graft_chain *grafts_find_chain(const struct grafts *grafts,
				      const struct view_table *table, const char *name);
struct graft_rule *graft_chain_add(struct grafts *grafts, struct graft_chain *chain,
				   const struct graft_rule *rule);

#endif
