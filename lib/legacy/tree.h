/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many client prefixes as a tree of chains. */
#ifndef LIB_DISPATCH_H
#define LIB_DISPATCH_H

#include "model/client.h"
#include "rules/rule.h"

/*
 * Fills @root, a chain of @rules, so that each packet that enters it meets the
 * limit of the most specific client that covers its source, and no other.
 * @clients are in the order of prefix_compare(); limit->chain is set.
 */
int tree_build(struct ruleset *rules, struct chain *root, const char *service,
		   const struct client *const *clients, size_t count);

#endif
