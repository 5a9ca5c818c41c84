/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of a service that this host asks others from: the answers look like questions to the
 * service.  Of TCP, the flags tell them apart.
 */
#include <stdio.h>
#include <stdlib.h>

#include "verify/verify.h"

/* /proc/sys/net is that of the calling thread's namespace; both families have these. */
#define SETTINGS "/proc/sys/net/ipv4/"

enum { PORTS = UINT16_MAX + 1 };

static bool read_range(unsigned int *first, unsigned int *last)
{
	FILE *file = fopen(SETTINGS "ip_local_port_range", "re");
	bool read = file && fscanf(file, "%u %u", first, last) == 2 && *last < PORTS;

	if (file)
		fclose(file);
	return read;
}

/* "8080,50000-51000" */
static void leave_out_reserved(bool *asks_from)
{
	FILE *file = fopen(SETTINGS "ip_local_reserved_ports", "re");
	unsigned int first, last;

	while (file && fscanf(file, "%u", &first) == 1) {
		if (fscanf(file, "-%u", &last) != 1)
			last = first;
		for (unsigned int port = first; port <= last && port < PORTS; port++)
			asks_from[port] = false;
		if (fgetc(file) != ',')
			break;
	}
	if (file)
		fclose(file);
}

/* The first run of such ports in a range; false: there is none. */
static bool find_run(const struct port_range *range, const bool *asks_from, struct port_range *run)
{
	unsigned int port = range->first;

	while (port <= range->last && !asks_from[port])
		port++;
	if (port > range->last)
		return false;
	run->first = (uint16_t)port;
	while (port <= range->last && asks_from[port])
		port++;
	run->last = (uint16_t)(port - 1);
	return true;
}

static int find_overlap(struct verification *all, const struct flow_row *row, const bool *asks_from)
{
	for (size_t i = 0; i < row->service->port_count; i++) {
		const struct port_range *range = &row->service->ports[i];
		struct port_range run;

		/* its server holds a single port, which the kernel gives to nobody else then */
		if (range->first == range->last || !find_run(range, asks_from, &run))
			continue;
		return findings_add(&all->findings, "ephemeral", NOTRACK_WARNING,
				    "this host may ask others from ports %u to %u of service %s "
				    "(net.ipv4.ip_local_port_range), and answers over %s would look like "
				    "questions to the service: name those ports in "
				    "net.ipv4.ip_local_reserved_ports",
				    run.first, run.last, row->service->name,
				    protocol_names[row->protocol]);
	}
	return 0;
}

int verify_own_ports(struct verification *all, enum family family)
{
	unsigned int first, last;
	bool *asks_from;
	int err = 0;

	if (!read_range(&first, &last))
		return 0;
	asks_from = calloc(PORTS, sizeof(*asks_from));	/* too many for the caller's stack */
	if (!asks_from)
		return -ENOMEM;
	for (unsigned int port = first; port <= last; port++)
		asks_from[port] = true;
	leave_out_reserved(asks_from);
	for (size_t i = 0; i < all->row_count && !err; i++) {
		const struct flow_row *row = &all->rows[i];

		if (row->family == family && row->role == INBOUND && row->request &&
		    !row->loopback && row->protocol != TCP)
			err = find_overlap(all, row, asks_from);
	}
	free(asks_from);
	return err;
}
