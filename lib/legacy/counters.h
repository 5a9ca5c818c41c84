/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters that libiptc does not keep: of policies, and of a table that got none. */
#ifndef LIB_LEGACY_COUNTERS_H
#define LIB_LEGACY_COUNTERS_H

#include "legacy/table.h"

/*
 * Adds the counters that the handle of @from has to the same rules of @to, which
 * somebody may have added rules to or taken rules from since.  0 or -errno.
 */
int counters_add(const struct table *from, const struct table *to);
/* The same for policies, which else lose them; @from may be @to, and nothing is added. */
int counters_keep_policies(const struct table *from, const struct table *to);

#endif
