/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model as the rules that the legacy backend makes of it, in one family. */
#ifndef NOTRACK_TESTS_LOWERED_H
#define NOTRACK_TESTS_LOWERED_H

#include <context.h>

#include "rules/rule.h"

struct lowered {
	struct ruleset compiled[TABLES];	/* as meant, for every backend */
	struct ruleset rules[TABLES];		/* with a tree of clients; shares memory with it */
};

struct lowered lower_model(const struct notrack *nt, enum family family);
void lowered_free(struct lowered *lowered);

#endif
