/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The least edit from the chains that are there to those that are wanted. */
#ifndef LIB_DIFF_H
#define LIB_DIFF_H

#include "rules/rule.h"

/*
 * Called in an order in which each step can be done: chains before the rules that
 * jump to them, rules away before their chains.  Other than 0 ends the edit.
 */
struct edit_ops {
	/*
	 * These two come first, and only announce: @chain will lose or get rules; @chain
	 * will be removed, unless the editor renames it for one that comes.  May be NULL.
	 */
	int (*will_change)(void *data, const struct chain *chain);
	int (*will_go)(void *data, const struct chain *chain);

	int (*add_chain)(void *data, const struct chain *chain);
	int (*add_rule)(void *data, const struct chain *chain, const struct rule *rule,
			unsigned int position);
	int (*remove_rule)(void *data, const struct chain *chain, const struct rule *rule,
			   unsigned int position);
	int (*add_jump)(void *data, const struct jump *jump);
	int (*remove_jump)(void *data, const struct jump *jump);
	/* next come rules in chains of others, which the editor knows; may be NULL */
	int (*edit_others)(void *data);
	/* all rules of @chain go */
	int (*flush_chain)(void *data, const struct chain *chain);
	int (*remove_chain)(void *data, const struct chain *chain);
};

/*
 * Adds to @changes how many rules the edit adds and removes; a chain without rules
 * counts as one.  @ops may be NULL, which counts alone.
 */
int ruleset_edit(const struct ruleset *have, const struct ruleset *want,
		 const struct edit_ops *ops, void *data, struct notrack_changes *changes);

#endif
