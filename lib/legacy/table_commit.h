/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An edited table becomes the one that the kernel has. */
#ifndef LIB_LEGACY_TABLE_COMMIT_H
#define LIB_LEGACY_TABLE_COMMIT_H

#include "legacy/table.h"

/*
 * Commits the edited table to the kernel, and closes it.  -EAGAIN, without a
 * sentence, if the table was changed since it was read.  -ENOTRECOVERABLE: it is what was wanted,
 * but for its counters.  After any other error it is as it was, unless @table->maybe_replaced.
 */
int table_commit(struct table *table, struct error *error);

#endif
