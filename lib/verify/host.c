/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/host.h"

#include <ifaddrs.h>
#include <string.h>
#include <sys/socket.h>

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

static void add_address(struct host *host, struct counts *counts, const struct sockaddr *from)
{
	enum family family = from->sa_family == AF_INET6 ? IPV6 : IPV4;
	struct prefix *address = &host->address[family];
	const struct sockaddr_in6 *from6 = (const void *)from;
	const struct sockaddr_in *from4 = (const void *)from;

	if (family == IPV6 && IN6_IS_ADDR_LINKLOCAL(&from6->sin6_addr))
		return;
	counts->addresses[family]++;
	address->length = (uint8_t)family_bits(family);
	address->family = (uint8_t)family;
	if (family == IPV6)
		memcpy(address->address, &from6->sin6_addr, sizeof(from6->sin6_addr));
	else
		memcpy(address->address, &from4->sin_addr, sizeof(from4->sin_addr));
}

void host_look(struct host *host)
{
	struct counts counts = { 0 };
	struct ifaddrs *all;

	*host = (struct host){ 0 };
	if (getifaddrs(&all))
		return;
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		if (at->ifa_flags & IFF_LOOPBACK || !(at->ifa_flags & IFF_UP))
			continue;
		add_interface(host, &counts, at->ifa_name);
		if (at->ifa_addr && (at->ifa_addr->sa_family == AF_INET ||
				     at->ifa_addr->sa_family == AF_INET6))
			add_address(host, &counts, at->ifa_addr);
	}
	freeifaddrs(all);
	if (counts.interfaces > 1)
		*host->interface = '\0';
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (counts.addresses[family] > 1)
			host->address[family] = (struct prefix){ 0 };
}
