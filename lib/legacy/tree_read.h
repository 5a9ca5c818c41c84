/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clients of a service, found in the chains of a table. */
#ifndef LIB_WALK_H
#define LIB_WALK_H

#include "rules/rule.h"

struct tree_client {
	struct prefix prefix;
	const struct limit_rate *rate;
	struct notrack_count seen, passed;
};

/* @rules were read or compiled.  Returns 0, or what @visit returned other than 0. */
int tree_read_clients(const struct ruleset *rules, const char *service,
		 int (*visit)(const struct tree_client *client, void *data), void *data);

#endif
