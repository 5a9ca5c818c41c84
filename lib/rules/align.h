/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which rules of two chains are the same ones, so that they keep their counters. */
#ifndef LIB_ALIGN_H
#define LIB_ALIGN_H

#include <stdbool.h>

#include "rules/rule.h"

/* Most chains of a tree of clients are as short as a leaf, and need no allocation. */
#define RULES_AT_HAND 34u

/* Some rules of each of two chains, whatever a rule is to the caller: from @have and @want on. */
struct alignment {
	size_t have, have_end, want, want_end;
	bool (*same)(const void *data, size_t have, size_t want);
	const void *data;
};

/*
 * For each of these rules that are there, by its index, the index of the wanted one that it is,
 * or -1: a longest common subsequence, so that as many as can be stay.  Returns whether any
 * does, or -ENOMEM.
 */
int align(struct alignment rules, long *kept);

/* All rules of two chains. */
int chain_align(const struct chain *have, const struct chain *want, long *kept);

#endif
