/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many client prefixes as a tree of chains, built and read back. */
#ifndef LIB_LEGACY_TREE_H
#define LIB_LEGACY_TREE_H

#include "model/client.h"
#include "rules/rule.h"

/* Begins the comment of a limit's rule; the service's name follows. */
#define LIMIT_COMMENT "drop_overly_frequent_"

/*
 * Fills @root, a chain of @rules, so that each packet that enters it meets the
 * limit of the most specific client that covers its source, and no other.  Adds the
 * chains of the tree and of the limits, which refer to @clients.  0 or -ENOMEM.
 */
int tree_build(struct ruleset *rules, struct chain *root, const char *service,
	       const struct clients *clients);

struct tree_client {
	struct prefix prefix;
	const struct limit_rate *rate;
	struct notrack_count seen, passed;
};

/* The clients of a service.  Returns 0, what @visit returned other than 0, or -ENOMEM. */
int tree_read(const struct ruleset *rules, const char *service,
	      int (*visit)(const struct tree_client *client, void *data), void *data);

#endif
