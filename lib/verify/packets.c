/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets of a flow, and their way through the view. */
#include "verify/verify.h"

#include <string.h>

static struct prefix prefix_of(const struct prefix *list, size_t count, enum family family,
			       size_t index)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].family == family && !index--)
			return list[i];
	return (struct prefix){ .family = (uint8_t)family };
}

struct probe verify_probe(const struct verification *all, const struct flow_row *row,
			  const struct variant *variant)
{
	const struct service *service = row->service;
	const struct port_range *ports = &service->ports[variant->ports];
	bool outbound = row->role == OUTBOUND;
	struct prefix local = prefix_of(service->local, service->local_count, row->family,
					variant->local);
	struct prefix peer = outbound ?
			     prefix_of(service->remote, service->remote_count, row->family,
				       variant->remote) :
			     prefix_of(service->from, row->loopback ? 0 : service->from_count,
				       row->family, variant->remote);
	struct port_range client = row->client_ports;
	bool to_local = row->input != row->loopback;
	struct probe probe = {
		.source = to_local ? peer : local,
		.destination = to_local ? local : peer,
		.source_port = row->request ? client : *ports,
		.destination_port = row->request ? *ports : client,
		.family = (uint8_t)row->family,
		.protocol = protocol_numbers[row->protocol],
		.own_source = row->loopback || !row->input,
		.own_destination = row->loopback || row->input,
		.reply = !row->request,
	};

	strcpy(row->input && !row->loopback ? probe.in : probe.out, row->loopback ? "lo" :
	       service->interface_count ? service->interfaces[variant->interface] : "+");
	if (row->loopback)
		return probe;
	*(row->input ? &probe.usual_destination : &probe.usual_source) =
		all->host.address[row->family];
	strcpy(probe.usual_interface, all->host.interface);
	return probe;
}

bool verify_is_among(const char *interface, const char *names)
{
	size_t size = strlen(names);

	return size && names[size - 1] == '+' ? !strncmp(interface, names, size - 1) :
						!strcmp(interface, names);
}

int verify_walk(const struct verification *all, const struct flow_row *row,
		const struct probe *probe, bool as_tracked, struct journey *journey)
{
	struct walk walk = { .view = &all->view };
	int err;

	walk.journeys[as_tracked ? TODAY : WOULD] = journey;
	err = walk_all(&walk, probe, row->loopback ? WAY_LOOPBACK : row->input ? WAY_IN : WAY_OUT);
	walk_free(&walk);
	return err;
}
