/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The intermediate table, from one set of chains to another. */
#ifndef LIB_LEGACY_INTERMEDIATE_H
#define LIB_LEGACY_INTERMEDIATE_H

#include "rules/rule.h"

/*
 * Make before break: @want, and besides what @have accepts and @want does not.
 * Shares memory with both.  Returns 1 if there is any such thing, 0 if @both is
 * no more than @want, or -errno.
 */
int intermediate_make(struct ruleset *both, const struct ruleset *have,
		      const struct ruleset *want);

/*
 * Adds to @want the chains of @have that twins lead to, as they are: for who changes nothing in
 * chains of the host.  Shares memory with @have.
 */
int intermediate_keep_twins(struct ruleset *want, const struct ruleset *have);

#endif
