/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules about other servers than that of a service: those that this host asks, and others of
 * its own.  A host that filters by ports alone has them, and they meet packets of the service
 * that come from, or go to, a port which no client has.
 */
#ifndef LIB_OTHER_SERVERS_H
#define LIB_OTHER_SERVERS_H

#include "verify/probe.h"

/* The ports of whoever is not the service. */
static inline struct port_range *probe_client_ports(struct probe *probe)
{
	return probe->reply ? &probe->destination_port : &probe->source_port;
}

/* Whether a rule that packets of the probe meet says nothing of whom the service is for. */
bool rule_is_of_other_server(const struct view_rule *rule, const struct probe *probe);

#endif
