/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of ours in a view, as they would stand there after a commit. */
#ifndef LIB_OVERLAY_H
#define LIB_OVERLAY_H

#include "rules/graft.h"

/* The chains of ours, and the grafts in chains of the host; 0, or -ENOMEM. */
int overlay_grafts(struct view *view, const struct grafts *grafts);

/*
 * The chains of a table of ours that @tops, ended by NULL, lead to, each of which
 * becomes a base chain, or is led to from one that stands: what table raw is to be.
 */
struct overlay_top {
	const char *chain;
	enum hook hook;
	struct view_chain *within;		/* whose first rule leads there; NULL: a base chain */
	const struct view_chain *ahead;		/* a base chain that it comes directly ahead of, or NULL */
};
int overlay_ruleset(struct view *view, const struct ruleset *rules, enum family family,
		    const struct overlay_top *tops, int priority);

/*
 * Adds to the rule that is being built what one of ours in @table asks beside states and
 * what it repeats of another one.  -ENOMEM
 */
int overlay_asks(struct view *view, const struct view_table *table, const struct graft_rule *rule);

/* Makes a step that looks up a map look up a copy of it, with what leads to chains of ours. */
int overlay_leads(struct view *view, const struct view_table *table, const struct graft_rule *graft,
		  struct step *step);

#endif
