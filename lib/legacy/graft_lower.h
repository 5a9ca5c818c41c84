/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Grafts of one table as its chains and entries. */
#ifndef LIB_LEGACY_GRAFT_LOWER_H
#define LIB_LEGACY_GRAFT_LOWER_H

#include "legacy/features.h"
#include "legacy/table.h"
#include "rules/graft.h"

/*
 * Adds the graft chains of @table to @want, and what is to stand in chains of the host.
 * @table is open, or is not there yet; @found are the chains of the host that have grafts in
 * it now, and are to live as long as @want.  A graft chain of a name that
 * @want has already is that chain.  GRAFT_OUTDATED if the table is another than the view's.
 */
int graft_lower(const struct grafts *grafts, const struct table *table,
		const struct grafted *found, const struct features *features, struct ruleset *want, struct error *error);

/* Whether any of the grafts is in that table. */
bool grafts_touch(const struct grafts *grafts, enum family family, const char *table);

#endif
