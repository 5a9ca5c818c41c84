/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel that says anything over netlink: the socket calls are those of kernel_says.c.
 * What it says is a row of datagrams, each behind a byte that says who sent it and two
 * with its length.
 */
#ifndef NOTRACK_TESTS_KERNEL_SAYS_H
#define NOTRACK_TESTS_KERNEL_SAYS_H

#include <stddef.h>
#include <stdint.h>

/* From now on; past the end, what failed stays failed. */
void kernel_says(const uint8_t *data, size_t size);

#endif
