/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All rules of a host as the host's own programs save them, without what they count. */
#ifndef NOTRACK_TESTS_SAVED_H
#define NOTRACK_TESTS_SAVED_H

/* Lives as long as the test. */
const char *saved_rules(void);

/* The first line that differs, or NULL.  A table that is empty is as good as none. */
const char *saved_difference(const char *found, const char *expected);

#endif
