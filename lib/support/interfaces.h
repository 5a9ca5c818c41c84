/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces and their addresses.  getifaddrs(3) would do, but for those who may
 * send to our sockets: glibc ends the process where a datagram of theirs is shorter
 * than a header.
 */
#ifndef LIB_INTERFACES_H
#define LIB_INTERFACES_H

#include <stdbool.h>
#include <stdint.h>

#include "support/netlink.h"

struct interface {
	const char *name;
	unsigned int flags;	/* IFF_* */
	int af;			/* AF_INET or AF_INET6; 0: the interface itself, not an address */
	const void *address;	/* of 4 or 16 bytes */
};

/*
 * Visits the interfaces of the calling thread's network namespace, and then the
 * addresses.  Returns what @visit returned, where it is not 0, or -errno: -EBUSY where
 * they kept changing.
 */
int interfaces_each(int (*visit)(const struct interface *interface, void *data), void *data);

/* The kernel tells of both as they come, go and change, in that namespace; 0 or -errno. */
int interfaces_listen(struct netlink *netlink);
/* The same number as long as the same are there, in the same order, and up or down; 0 or -errno. */
int interfaces_mark(uint64_t *mark);

#endif
