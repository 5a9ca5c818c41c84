/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a table is one that libiptc can read. */
#ifndef LIB_LEGACY_CHECK_H
#define LIB_LEGACY_CHECK_H

#include "legacy/xt_family.h"
#include "support/error.h"

/*
 * Whether iptables could have made the table.  The kernel takes others as well,
 * in which libiptc is lost.
 * Returns: 0; 1 with a sentence, which says what is wrong with it; or -errno, as the kernel says.
 */
int table_check(const struct xt_family *family, const char *name, struct error *error);

#endif
