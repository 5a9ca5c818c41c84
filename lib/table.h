/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One kernel table through libiptc: what is ours in it, read and edited. */
#ifndef LIB_TABLE_H
#define LIB_TABLE_H

#include "entry.h"
#include "kernel.h"
#include "rule.h"

/*
 * libiptc and this file keep no lock: one thread of a process at a time may be
 * in here (see context.c).
 */
struct table {
	const struct kernel *kernel;
	enum table_id id;
	struct xtc_handle *handle;	/* NULL: not open */
};

/*
 * Whether the network namespace has the table already; reading one that is not
 * there would make it.
 */
bool table_exists(const struct kernel *kernel, enum table_id id);

int table_open(struct table *table, const struct kernel *kernel, enum table_id id,
	       struct error *error);
void table_close(struct table *table);

/* Our chains, and who enters them; @found is to be freed also on error. */
int table_read(struct table *table, struct ruleset *found, struct error *error);

/*
 * Edits the open table from @found to @want, still in memory.  Returns the
 * number of rules added and removed, also added to @changes, or -errno.
 */
int table_edit(struct table *table, const struct ruleset *found, const struct ruleset *want,
	       const struct revisions *revisions, struct notrack_changes *changes,
	       struct error *error);

/*
 * Hands the edited table to the kernel, and closes it.  *@replaced tells
 * whether the kernel took it, which may be so even where the call fails: then
 * counters have been put back as far as they were known.
 */
int table_commit(struct table *table, bool *replaced, struct error *error);

#endif
