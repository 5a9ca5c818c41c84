/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/host.h"

#include <errno.h>
#include <sys/socket.h>
#include <stdlib.h>
#include <string.h>

#include "support/forwarding.h"
#include "support/interfaces.h"
#include "support/memory.h"
#include "support/netlink.h"

struct looking {
	struct host *host;
	unsigned int interfaces, addresses[FAMILIES];
};

static int add_interface(struct looking *looking, const char *name)
{
	struct host *host = looking->host;
	char (*grown)[IFNAMSIZ] = memory_grow(host->interfaces, host->interface_count,
					      sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	host->interfaces = grown;
	memset(grown[host->interface_count], 0, IFNAMSIZ);
	strncpy(grown[host->interface_count++], name, IFNAMSIZ - 1);
	if (!looking->interfaces++)
		strncpy(host->interface, name, IFNAMSIZ - 1);
	return 0;
}

static struct prefix address_of(const struct interface *at)
{
	struct prefix address = { .family = at->af == AF_INET6 ? IPV6 : IPV4 };

	address.length = (uint8_t)family_bits(address.family);
	memcpy(address.address, at->address, address.length / 8);
	return address;
}

bool host_is_of_link(const struct prefix *address)
{
	return address->family == IPV6 && address->address[0] == 0xfe &&
	       (address->address[1] & 0xc0) == 0x80;
}

/* The addresses of an interface come one behind another, in the order that it has them. */
static int add_outward(struct host *host, const char *interface, const struct prefix *address)
{
	const size_t count = host->outward_count;
	struct host_address *grown = memory_grow(host->outward, count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	host->outward = grown;
	grown[count] = (struct host_address){ .address = *address };
	strncpy(grown[count].interface, interface, IFNAMSIZ - 1);
	grown[count].first = !count || strcmp(grown[count - 1].interface, interface) ||
			     grown[count - 1].address.family != address->family;
	host->outward_count++;
	return 0;
}

static int add_address(struct looking *looking, const struct interface *at, bool outward)
{
	struct host *host = looking->host;
	struct prefix address = address_of(at);
	struct prefix *own = memory_grow(host->own, host->own_count, sizeof(*own));

	if (!own)
		return -ENOMEM;
	host->own = own;
	own[host->own_count++] = address;
	if (!outward || host_is_of_link(&address))
		return 0;
	host->address[address.family] = address;
	looking->addresses[address.family]++;
	return add_outward(host, at->name, &address);
}

static int look_at(const struct interface *at, void *data)
{
	bool outward = !(at->flags & IFF_LOOPBACK) && at->flags & IFF_UP;

	if (at->af)
		return add_address(data, at, outward);
	return outward ? add_interface(data, at->name) : 0;
}

int host_look(struct host *host, struct error *error)
{
	struct looking looking = { .host = host };
	int protocols = forwarding_protocols(), err;
	struct host none = { .forwards = protocols };

	*host = none;
	if (protocols < 0)
		return protocols;
	none.forwards_of[IPV4] = protocols & FORWARDS_IPV4;
	none.forwards_of[IPV6] = protocols & FORWARDS_IPV6;
	*host = none;
	err = interfaces_each(look_at, &looking);
	if (error_of_system(err) == -ENOMEM)
		return -ENOMEM;
	/* it is not without addresses for that: commits look at which it has */
	if (err == -EBUSY)
		return netlink_explain(err, "interfaces and addresses of this host cannot be read", error);
	if (err) {	/* a part would pass for the whole */
		host_release(host);
		*host = none;
		return 0;
	}
	if (looking.interfaces > 1)
		*host->interface = '\0';
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (looking.addresses[family] > 1)
			host->address[family] = (struct prefix){ 0 };
	return err;
}

void host_tell(const struct host *host, struct view *view)
{
	view->own = host->own;
	view->own_count = host->own_count;
	for (enum family family = IPV4; family < FAMILIES; family++)
		view->knows_own[family] = host_knows(host, family);
}

void host_release(struct host *host)
{
	free(host->own);
	free(host->outward);
	free(host->interfaces);
	*host = (struct host){ 0 };
}

bool host_owns(const struct host *host, const struct prefix *address)
{
	for (size_t i = 0; i < host->own_count; i++)
		if (!prefix_compare(&host->own[i], address))
			return true;
	return false;
}

bool host_knows(const struct host *host, enum family family)
{
	for (size_t i = 0; i < host->outward_count; i++)
		if (host->outward[i].address.family == family)
			return true;
	return false;
}

const char *host_reserve(const struct host *host, enum family family)
{
	static const char *const reserves[FAMILIES] = {
		[IPV4] = "; this host has no address of IPv4 yet but on lo, and any may become one: "
			 "commit again once it has",
		[IPV6] = "; this host has no address of IPv6 yet but on lo, and any may become one: "
			 "commit again once it has",
	};

	return host_knows(host, family) ? "" : reserves[family];
}

bool host_may_own(const struct host *host, const struct prefix *prefix)
{
	for (size_t i = 0; i < host->own_count; i++)
		if (prefix_covers(prefix, &host->own[i]))
			return true;
	return !host_is_loopback(prefix) && !host_knows(host, (enum family)prefix->family);
}

bool host_is_loopback(const struct prefix *prefix)
{
	static const struct prefix loopback[FAMILIES] = {
		[IPV4] = { .family = IPV4, .length = 8, .address = { 127 } },
		[IPV6] = { .family = IPV6, .length = 128, .address = { [15] = 1 } },
	};

	return prefix_covers(&loopback[prefix->family], prefix);
}
