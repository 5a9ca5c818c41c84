/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which addresses are this host's own, as its routing tables have it. */
#ifndef LIB_LOCAL_H
#define LIB_LOCAL_H

#include "support/error.h"
#include "model/prefix.h"

struct own_addresses {
	struct prefix *hosts;		/* single addresses, in order */
	size_t host_count;
	struct prefix *networks;	/* 127.0.0.0/8, and what AnyIP routes name */
	size_t network_count;
	struct prefix *groups;		/* broadcast and multicast: heard here, and elsewhere */
	size_t group_count;
};

/* In the network namespace of the calling thread. */
int own_addresses_read(struct own_addresses *local, struct error *error);
bool own_addresses_has(const struct own_addresses *local, const struct prefix *address);
bool own_addresses_hears(const struct own_addresses *local, const struct prefix *address);
void own_addresses_free(struct own_addresses *local);

#endif
