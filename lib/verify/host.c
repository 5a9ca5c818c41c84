/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/host.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/memory.h"

struct counts {
	unsigned int interfaces, addresses[FAMILIES];
};

static void add_interface(struct host *host, struct counts *counts, const char *name)
{
	if (!strcmp(host->interface, name))
		return;
	if (!counts->interfaces++)
		strncpy(host->interface, name, IFNAMSIZ - 1);
}

static struct prefix address_of(const struct sockaddr *from)
{
	struct prefix address = { .family = from->sa_family == AF_INET6 ? IPV6 : IPV4 };
	const struct sockaddr_in6 *from6 = (const void *)from;
	const struct sockaddr_in *from4 = (const void *)from;

	address.length = (uint8_t)family_bits(address.family);
	if (address.family == IPV6)
		memcpy(address.address, &from6->sin6_addr, sizeof(from6->sin6_addr));
	else
		memcpy(address.address, &from4->sin_addr, sizeof(from4->sin_addr));
	return address;
}

static int add_address(struct host *host, struct counts *counts, const struct ifaddrs *at)
{
	struct prefix address = address_of(at->ifa_addr);
	struct prefix *own = memory_grow(host->own, host->own_count, sizeof(*own));

	if (!own)
		return -ENOMEM;
	host->own = own;
	own[host->own_count++] = address;
	if (at->ifa_flags & IFF_LOOPBACK || !(at->ifa_flags & IFF_UP) ||
	    IN6_IS_ADDR_LINKLOCAL((struct in6_addr *)(void *)address.address))
		return 0;
	host->address[address.family] = address;
	counts->addresses[address.family]++;
	return 0;
}

int host_look(struct host *host)
{
	struct counts counts = { 0 };
	struct ifaddrs *all;
	int err = 0;

	*host = (struct host){ 0 };
	if (getifaddrs(&all))
		return 0;
	for (const struct ifaddrs *at = all; at && !err; at = at->ifa_next) {
		if (!(at->ifa_flags & IFF_LOOPBACK) && at->ifa_flags & IFF_UP)
			add_interface(host, &counts, at->ifa_name);
		if (at->ifa_addr && (at->ifa_addr->sa_family == AF_INET ||
				     at->ifa_addr->sa_family == AF_INET6))
			err = add_address(host, &counts, at);
	}
	freeifaddrs(all);
	if (counts.interfaces > 1)
		*host->interface = '\0';
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (counts.addresses[family] > 1)
			host->address[family] = (struct prefix){ 0 };
	return err;
}

void host_free(struct host *host)
{
	free(host->own);
	*host = (struct host){ 0 };
}

bool host_owns(const struct host *host, const struct prefix *address)
{
	for (size_t i = 0; i < host->own_count; i++)
		if (!prefix_compare(&host->own[i], address))
			return true;
	return false;
}
