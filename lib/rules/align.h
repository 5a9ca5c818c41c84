/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which rules of two chains are the same ones, so that they keep their counters. */
#ifndef LIB_ALIGN_H
#define LIB_ALIGN_H

#include "rules/rule.h"

/* Most chains of a tree of clients are as short as a leaf, and need no allocation. */
#define RULES_AT_HAND 34u

/*
 * For each rule of @have, the index in @want of the one that it is, or -1: a
 * longest common subsequence, so that as many as can be stay.  Returns whether
 * any does, or -ENOMEM.
 */
int chain_align(const struct chain *have, const struct chain *want, long *kept);

#endif
