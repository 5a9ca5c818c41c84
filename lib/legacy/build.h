/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table's block under construction. */
#ifndef LIB_BUILD_H
#define LIB_BUILD_H

#include "legacy/blob.h"

struct build {
	struct blob *blob;
	struct blob_edit *edits;
	size_t edit_count;
	struct blob_edit **chains;	/* those that stay, in their new order */
	size_t count, builtin_count;
	const struct inheritance *carry;
	const struct features *revisions;
	struct error *error;
	struct ipt_replace *replace;
	uint32_t *origin;		/* by new number: old number + 1; 0 counts anew */
	struct xt_counters_info *counters;	/* by new number: of new entries, then of all */
	struct xt_counters *old_counters;	/* by old number, read as the table is replaced */
	uint32_t offset, number;	/* where the next entry goes */
	uint64_t *scratch;		/* for one entry */
	struct arena arena;		/* that has all of these */
};

/* Replaces the table; with -errno it is as it was, but see blob_replace(). */
int build_hand_over(struct build *build);

#endif
