/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether packets of others pass through a network namespace, and by which switch. */
#ifndef LIB_FORWARDING_H
#define LIB_FORWARDING_H

#include <stddef.h>

/*
 * Writes the names of the switches that are on, as sysctl(8) has them, with commas between:
 * for all interfaces, for one, or for what bridges hand to iptables.  "" where nothing is
 * forwarded; those that are too many for @size are left out.  Of the calling thread's network
 * namespace.
 */
#define FORWARDING_TEXT 500	/* enough for any one of them */
void forwarding_find(char *names, size_t size);

#endif
