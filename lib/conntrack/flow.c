/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/flow.h"

#include <string.h>

int protocol_of(uint8_t number)
{
	for (int protocol = 0; protocol < PROTOCOLS; protocol++)
		if (protocol_numbers[protocol] == number)
			return protocol;
	return -1;
}

static struct prefix single(const uint8_t *address, enum family family)
{
	struct prefix prefix = { .family = (uint8_t)family, .length = (uint8_t)family_bits(family) };

	memcpy(prefix.address, address, family_bits(family) / 8);
	return prefix;
}

void flow_read(struct flow *flow, const struct tracked *entry, const struct own_addresses *local)
{
	*flow = (struct flow){
		.source = single(entry->original.source, entry->family),
		.destination = single(entry->original.destination, entry->family),
		.source_port = entry->original.source_port,
		.destination_port = entry->original.destination_port,
		.protocol = protocol_of(entry->protocol),
	};
	flow->from_here = own_addresses_has(local, &flow->source);
	flow->to_here = own_addresses_has(local, &flow->destination);
	flow->to_group = !flow->to_here && !flow->from_here &&
			 own_addresses_hears(local, &flow->destination);
	flow->to_here |= flow->to_group;
}

/* An empty list is everybody. */
static bool covers(const struct prefix *list, size_t count, const struct prefix *address)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_covers(&list[i], address))
			return true;
	return !count;
}

static bool is_reply_port(const struct service *service, const struct flow *flow, uint16_t port)
{
	return service->classic || flow->protocol == TCP ||
	       (port >= service->reply_ports.first && port <= service->reply_ports.last);
}

/* A request to this host, or this host's own to itself. */
static bool is_inbound(const struct flow *flow, const struct service *service)
{
	/* in classic mode its way out is a matter of the outbound role */
	if (!(service->roles & INBOUND) || !flow->to_here || (flow->from_here && service->classic))
		return false;
	return service_has_port(service, flow->destination_port) &&
	       (flow->from_here || covers(service->from, service->from_count, &flow->source)) &&
	       covers(service->local, service->local_count, &flow->destination);
}

static bool is_outbound(const struct flow *flow, const struct service *service)
{
	if (!(service->roles & OUTBOUND) || !flow->from_here)
		return false;
	return service_has_port(service, flow->destination_port) &&
	       is_reply_port(service, flow, flow->source_port) &&
	       covers(service->local, service->local_count, &flow->source) &&
	       covers(service->remote, service->remote_count, &flow->destination);
}

/* An answer that came to be tracked first: its entry has the ends the other way round. */
static bool is_answer(const struct flow *flow, const struct service *service)
{
	if (!service_has_port(service, flow->source_port))
		return false;
	if (service->roles & INBOUND && flow->from_here &&
	    (flow->to_here || covers(service->from, service->from_count, &flow->destination)) &&
	    covers(service->local, service->local_count, &flow->source))
		return true;
	if (flow->from_here && service->classic)	/* as above */
		return false;
	return service->roles & OUTBOUND && flow->to_here &&
	       is_reply_port(service, flow, flow->destination_port) &&
	       covers(service->local, service->local_count, &flow->destination) &&
	       covers(service->remote, service->remote_count, &flow->source);
}

/*
 * Nobody can know who asks whom, so that rules leave it to conntrack; nor, of a server on a host
 * that forwards, whether what comes to its port is for this host.
 */
static bool is_ambiguous(const struct flow *flow, const struct service *service, bool local_only)
{
	return !service->classic && service->roles & INBOUND &&
	       (service->roles & OUTBOUND || local_only) &&
	       service_has_port(service, flow->source_port) && service_has_port(service, flow->destination_port);
}

bool flow_is_untracked(const struct flow *flow, const struct service *service, bool local_only)
{
	if (flow->protocol < 0 || !(service->protocols & 1u << flow->protocol) ||
	    (local_only && flow->to_group) || is_ambiguous(flow, service, local_only))
		return false;
	return is_inbound(flow, service) || is_outbound(flow, service) || is_answer(flow, service);
}
