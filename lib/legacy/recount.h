/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters find their rules again, in a table that somebody changed since. */
#ifndef LIB_RECOUNT_H
#define LIB_RECOUNT_H

#include "legacy/blob.h"

/*
 * Adds @counters, one for each entry of the table that @replace made, to the
 * same entries of the table as it stands by now.  Returns 0 or -errno; entries
 * that are gone, or have moved among others that are not known, go without.
 */
int recount(const struct blob *blob, struct ipt_replace *replace,
	    const struct xt_counters *counters);

#endif
