/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This host's own addresses, apart from what tests call a family. */
#ifndef NOTRACK_TESTS_ADDRESSES_H
#define NOTRACK_TESTS_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes the kernel sent; @old: it is one before 4.20, which sends all routes. */
size_t addresses_read(bool old);
bool addresses_has(const char *word);
bool addresses_hears(const char *word);

#endif
