/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps from one set of chains to another, done to the table that libiptc holds. */
#ifndef LIB_LEGACY_EDIT_H
#define LIB_LEGACY_EDIT_H

#include "legacy/features.h"
#include "legacy/table.h"

/*
 * Edits the open table from @found to @want, still in memory.  Returns the number
 * of rules added and removed, also added to @changes, or -errno; unless that is 0,
 * the table is good for table_commit() or table_close() alone.
 */
int table_edit(struct table *table, const struct ruleset *found, const struct ruleset *want,
	       const struct features *features, struct notrack_changes *changes,
	       struct error *error);

#endif
