/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One kernel table: what is ours in it, read and edited. */
#ifndef LIB_TABLE_H
#define LIB_TABLE_H

#include "legacy/blob.h"
#include "rules/rule.h"

struct table {
	const struct xt_family *kernel;
	enum table_id id;
	bool open;
	struct blob blob;
	/* edits: one for each chain of the blob, then the new ones */
	struct blob_edit *edits;
	size_t edit_count, edit_room;
	struct inheritance carry;
};

/*
 * Whether the network namespace has the table already; reading one that is not
 * there would make it.
 */
bool table_exists(const struct xt_family *kernel, enum table_id id);

int table_open(struct table *table, const struct xt_family *kernel, enum table_id id,
	       struct error *error);
void table_close(struct table *table);

/* Our chains, and who enters them; @found is to be freed also on error. */
int table_read(struct table *table, struct ruleset *found, struct error *error);

/*
 * Edits the open table from @found to @want, still in memory, and refers to
 * rules of both until it is closed.  Returns the number of rules added and
 * removed, also added to @changes, or -errno.
 */
int table_edit(struct table *table, const struct ruleset *found, const struct ruleset *want,
	       struct notrack_changes *changes, struct error *error);

/* Forgets them; table_close() does, too. */
void table_drop_edits(struct table *table);

/*
 * Hands the edited table to the kernel, and closes it.  -EAGAIN, without a
 * sentence, if the table was changed since it was read.
 */
int table_commit(struct table *table, const struct features *revisions, struct error *error);

#endif
