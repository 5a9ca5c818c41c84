/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One kernel table, opened by libiptc. */
#ifndef LIB_LEGACY_TABLE_H
#define LIB_LEGACY_TABLE_H

#include "legacy/table_info.h"
#include "legacy/xtc.h"
#include "rules/rule.h"
#include "support/error.h"

struct table {
	const struct xt_family *family;
	const char *name;		/* "raw", "filter" */
	bool check;			/* whenever it is opened */
	struct xtc_handle *handle;	/* NULL: not open */
	/* something failed while libiptc read, which goes on without what it has no memory for */
	bool doubtful;
	size_t user_chains;		/* as read */
	const struct ruleset *want;	/* what it was edited to, for table_commit() */
	bool maybe_replaced;		/* table_commit() failed, and nobody knows what it is now */
};

/*
 * Hands the table to libiptc.  With @check, table_check() looks at it first.
 * What libiptc allocates is several times as large as the table.
 */
int table_open(struct table *table, const struct xt_family *family, const char *name, bool check,
	       struct error *error);
void table_close(struct table *table);
/* What an error of the kernel or of libiptc means; sets the sentence. */
int table_explain(const struct table *table, int err, struct error *error);

#endif
