/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether packets of others pass through a network namespace, and by which switch. */
#ifndef LIB_FORWARDING_H
#define LIB_FORWARDING_H

#include <stdbool.h>
#include <stddef.h>

#include "support/netlink.h"

/*
 * Writes the names of the switches that are on, as sysctl(8) has them, with commas between:
 * for all interfaces, for one, or for what bridges hand to iptables; or that of a bridge of
 * its own, as ip-link(8) has it, "nf_call_iptables of br0".  "" where nothing is
 * forwarded; those that are too many for @size are left out.  Where /proc cannot be read, nobody
 * knows, and FORWARDING_UNKNOWN stands for a name.  Without memory or descriptors, -ENOMEM; else 0.
 * Of the calling thread's network namespace.
 */
#define FORWARDING_UNKNOWN "/proc/sys/net cannot be read"
#define FORWARDING_TEXT 500	/* enough for any one of them */
int forwarding_find(char *names, size_t size);

/* Of which protocols, as bits, or -ENOMEM; what nobody knows may be of each. */
#define FORWARDS_IPV4 (1u << 0)
#define FORWARDS_IPV6 (1u << 1)
#define FORWARDS_ALL (FORWARDS_IPV4 | FORWARDS_IPV6)
int forwarding_protocols(void);

/* 1, 0 or -ENOMEM. */
int forwarding_is_on(void);

/* Of bridges alone: one question to the kernel, however many interfaces there are. */
bool forwarding_of_bridges(void);

/*
 * The kernel tells of switches for interfaces, and for all of them, as they change; not of those
 * for bridges.  In the network namespace of the calling thread; 0 or -errno.
 */
int forwarding_listen(struct netlink *netlink);

#endif
