/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which addresses are this host's own, as its routing tables have it. */
#ifndef LIB_LOCAL_H
#define LIB_LOCAL_H

#include "error.h"
#include "prefix.h"

struct local {
	struct prefix *hosts;		/* single addresses, in order */
	size_t host_count;
	struct prefix *networks;	/* 127.0.0.0/8, and what AnyIP routes name */
	size_t network_count;
	struct prefix *groups;		/* broadcast and multicast: heard here, and elsewhere */
	size_t group_count;
};

/* In the network namespace of the calling thread. */
int local_read(struct local *local, struct error *error);
bool local_has(const struct local *local, const struct prefix *address);
bool local_hears(const struct local *local, const struct prefix *address);
void local_free(struct local *local);

#endif
