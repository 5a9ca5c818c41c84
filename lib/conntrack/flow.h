/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tracked flows, and the services they are of. */
#ifndef LIB_FLOW_H
#define LIB_FLOW_H

#include "conntrack/conntrack.h"
#include "conntrack/own_addresses.h"
#include "model/service.h"

/* An entry's original direction, and whose addresses it has. */
struct flow {
	struct prefix source, destination;
	uint16_t source_port, destination_port;
	int protocol;			/* enum protocol, or -1 */
	bool from_here, to_here;	/* neither: it is forwarded */
	bool to_group;			/* ... here as to all who listen */
};

void flow_read(struct flow *flow, const struct tracked *entry, const struct own_addresses *local);

/* UDP, ...; -1 for one that no service has. */
int protocol_of(uint8_t number);

/*
 * Whether the rules of @service untrack the packets that such an entry is made by.  @local_only:
 * what is for this host alone, as in struct compiler.
 */
bool flow_is_untracked(const struct flow *flow, const struct service *service, bool local_only);

#endif
