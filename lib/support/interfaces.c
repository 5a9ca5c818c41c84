/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/interfaces.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "support/attribute.h"
#include "support/hash.h"
#include "support/memory.h"

struct link {
	int index;
	unsigned int flags;
	char name[IFNAMSIZ];
};

struct address {
	int index;			/* of its link */
	int af;
	uint8_t bytes[16];
};

struct reading {
	struct link *links;
	struct address *addresses;
	size_t count, address_count;
};

static void begin_links(void *data)
{
	((struct reading *)data)->count = 0;
}

static void begin_addresses(void *data)
{
	((struct reading *)data)->address_count = 0;
}

static int take_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	struct reading *reading = data;
	const struct nlattr *attr;
	struct link *links;

	if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return 0;
	links = memory_grow(reading->links, reading->count, sizeof(*links));
	if (!links)
		return -ENOMEM;
	reading->links = links;
	links += reading->count++;
	*links = (struct link){ .index = info->ifi_index, .flags = info->ifi_flags };
	each_attribute(attr, (const void *)(info + 1), message_end(message))
		if (type_of(attr) == IFLA_IFNAME && string_in(attr))
			strncpy(links->name, string_in(attr), sizeof(links->name) - 1);
	return 0;
}

static int compare_links(const void *a, const void *b)
{
	const int left = ((const struct link *)a)->index, right = ((const struct link *)b)->index;

	return (left > right) - (left < right);
}

/* The local end, where the address is that of a link between two. */
static const void *address_in(const struct nlmsghdr *message, const struct ifaddrmsg *info,
			      size_t size)
{
	const void *address = NULL, *local = NULL;
	const struct nlattr *attr;

	each_attribute(attr, (const void *)(info + 1), message_end(message)) {
		if (type_of(attr) == IFA_ADDRESS && holds(attr, size))
			address = payload(attr);
		else if (type_of(attr) == IFA_LOCAL && holds(attr, size))
			local = payload(attr);
	}
	return local ? local : address;
}

static int take_address(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *info = NLMSG_DATA(message);
	struct reading *reading = data;
	struct address *addresses;
	const void *bytes;
	size_t size;

	if (message->nlmsg_type != RTM_NEWADDR || message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return 0;
	size = info->ifa_family == AF_INET ? 4 : 16;
	bytes = address_in(message, info, size);
	if (!bytes)
		return 0;
	addresses = memory_grow(reading->addresses, reading->address_count, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	reading->addresses = addresses;
	addresses += reading->address_count++;
	*addresses = (struct address){ .index = (int)info->ifa_index, .af = info->ifa_family };
	memcpy(addresses->bytes, bytes, size);
	return 0;
}

static int ask(struct netlink *netlink, uint16_t type, netlink_take *take,
	       void (*begin)(void *data), struct reading *reading)
{
	struct {
		struct nlmsghdr message;
		struct ifinfomsg info;	/* as long as any, and all zeros mean all families */
	} request = {
		.message = { .nlmsg_len = sizeof(request), .nlmsg_type = type,
			     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};

	return netlink_ask_whole(netlink, &request.message, take, begin, reading);
}

/* Addresses of links that came after the links were read are left out. */
static int visit_all(const struct reading *reading,
		     int (*visit)(const struct interface *interface, void *data), void *data)
{
	int err = 0;

	for (size_t i = 0; i < reading->count && !err; i++)
		err = visit(&(struct interface){ .name = reading->links[i].name,
						 .flags = reading->links[i].flags }, data);
	if (reading->count)
		qsort(reading->links, reading->count, sizeof(*reading->links), compare_links);
	for (size_t i = 0; i < reading->address_count && !err; i++) {
		const struct address *address = &reading->addresses[i];
		const struct link key = { .index = address->index };
		const struct link *link = reading->count ?
			bsearch(&key, reading->links, reading->count, sizeof(key), compare_links) :
			NULL;

		if (link)
			err = visit(&(struct interface){ .name = link->name, .flags = link->flags,
							 .af = address->af,
							 .address = address->bytes }, data);
	}
	return err;
}

int interfaces_each(int (*visit)(const struct interface *interface, void *data), void *data)
{
	struct reading reading = { .count = 0 };
	struct netlink netlink;
	int err = netlink_open(&netlink, NETLINK_ROUTE);

	if (!err)
		err = ask(&netlink, RTM_GETLINK, take_link, begin_links, &reading);
	if (!err)
		err = ask(&netlink, RTM_GETADDR, take_address, begin_addresses, &reading);
	netlink_close(&netlink);
	if (!err)
		err = visit_all(&reading, visit, data);
	free(reading.links);
	free(reading.addresses);
	return err;
}

/* --- news --------------------------------------------------------------- */

int interfaces_listen(struct netlink *netlink)
{
	static const unsigned int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };

	return netlink_listen(netlink, NETLINK_ROUTE, groups, sizeof(groups) / sizeof(groups[0]));
}

static int mix(const struct interface *interface, void *data)
{
	const unsigned int flags = interface->flags & (IFF_UP | IFF_LOOPBACK);
	uint64_t *mark = data;

	*mark = hash_text(*mark, interface->name);
	*mark = hash_bytes(*mark, &flags, sizeof(flags));
	*mark = hash_bytes(*mark, &interface->af, sizeof(interface->af));
	if (interface->af)
		*mark = hash_bytes(*mark, interface->address, interface->af == AF_INET ? 4 : 16);
	return 0;
}

int interfaces_mark(uint64_t *mark)
{
	*mark = HASH_BEGIN;
	return interfaces_each(mix, mark);
}
