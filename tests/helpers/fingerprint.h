/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NOTRACK_TESTS_FINGERPRINT_H
#define NOTRACK_TESTS_FINGERPRINT_H

#include <stdint.h>

/*
 * Of the tables raw and filter of both families, counters and all, and of the last change of
 * nftables' rules, in the namespace that the caller is in: the same as long as nobody changes
 * anything.  No program is run for it.
 */
uint64_t fingerprint(void);

#endif
