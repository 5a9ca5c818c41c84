/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole conversations with a kernel that says anything: the table of connections, its
 * totals, routes, interfaces.  Input: which of them, and then what the kernel says.
 */
#include "fuzz.h"
#include "kernel_says.h"

#include <sys/socket.h>

#include "conntrack/conntrack.h"
#include "conntrack/own_addresses.h"
#include "support/interfaces.h"

static int visit_entry(const struct tracked *entry, void *data)
{
	*(size_t *)data += entry->original.source[0] + (entry->helper ? strlen(entry->helper) : 0);
	return 0;
}

static int visit_interface(const struct interface *interface, void *data)
{
	*(size_t *)data += strlen(interface->name);
	if (interface->af)
		*(size_t *)data += ((const uint8_t *)interface->address)[interface->af == AF_INET ? 3 : 15];
	return 0;
}

static void talk(unsigned int about)
{
	struct own_addresses addresses = { 0 };
	struct conntrack_totals totals;
	struct conntrack conntrack;
	struct error error;
	size_t sum = 0;

	promise(!conntrack_open(&conntrack, &error));
	if (about == 0)
		conntrack_dump(&conntrack, CONNTRACK_WHOLE, visit_entry, &sum, &error);
	else if (about == 1)
		conntrack_read_totals(&conntrack, &totals, &error);
	else if (about == 2)
		own_addresses_read(&addresses, &error);
	else
		interfaces_each(visit_interface, &sum);
	own_addresses_free(&addresses);
	conntrack_close(&conntrack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	kernel_says(data + 1, size - 1);
	talk(data[0] & 3);
	return 0;
}
