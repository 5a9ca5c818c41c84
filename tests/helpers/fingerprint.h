/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NOTRACK_TESTS_FINGERPRINT_H
#define NOTRACK_TESTS_FINGERPRINT_H

#include <stdint.h>

/*
 * No program is run for any of these, in the namespace that the caller is in.
 *
 * Of all legacy tables that there are, and raw and filter, of both families, counters and all:
 * where it is the same, so are they.
 */
uint64_t fingerprint_tables(void);

/* Of the last change of nftables' rules. What their counters counted is no change. */
uint64_t fingerprint_ruleset(void);

/* Of both: the same as long as nobody changes anything. */
uint64_t fingerprint(void);

#endif
