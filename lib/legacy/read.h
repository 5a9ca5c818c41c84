/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is ours in a table: our chains, and the rules of others that lead to them. */
#ifndef LIB_LEGACY_READ_H
#define LIB_LEGACY_READ_H

#include "legacy/table.h"

/* Our chains, and who enters them; @found is to be freed also on error. */
int table_read(struct table *table, struct ruleset *found, struct error *error);

#endif
