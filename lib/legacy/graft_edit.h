/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the grafts that are there to those that are wanted; no rule of the host is touched. */
#ifndef LIB_LEGACY_GRAFT_EDIT_H
#define LIB_LEGACY_GRAFT_EDIT_H

#include "legacy/grafted.h"

struct grafted_ops {
	int (*keep)(void *data, const struct grafted_chain *chain, const struct grafted_rule *have);
	/* @at: ahead of this one, as found; NULL: behind all that are at that place */
	int (*add)(void *data, const struct grafted_chain *chain, const struct grafted_rule *want,
		   const struct grafted_rule *at);
	int (*remove)(void *data, const struct grafted_chain *chain,
		      const struct grafted_rule *have);
};

/* Adds to @changes how many grafts differ.  @ops may be NULL, as may @have or @want. */
int grafted_compare(const struct grafted *have, const struct grafted *want,
		    const struct xt_family *family, const struct grafted_ops *ops, void *data,
		    struct notrack_changes *changes);

/* Whether the grafts of @want, and no others, are there, wherever in their chains. */
bool grafted_has(const struct grafted *have, const struct grafted *want,
		 const struct xt_family *family);

/* Those of @want, and those of @have that are not wanted, into @both.  1 if there are such. */
int grafted_merge(struct ruleset *both, const struct grafted *have, const struct grafted *want);

/*
 * Edits the open table, still in memory: @have and the chains of @want are looked at
 * anew.  GRAFT_OUTDATED if somebody changed the rules that a graft was made for.
 */
int grafted_edit(const struct table *table, const struct grafted *have, const struct grafted *want,
		 struct notrack_changes *changes, struct error *error);

#endif
