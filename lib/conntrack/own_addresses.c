/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/own_addresses.h"

#include "support/attribute.h"
#include "support/memory.h"
#include "support/netlink.h"
#include "support/search.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

static int add(struct prefix **list, size_t *count, const struct prefix *prefix)
{
	struct prefix *grown = memory_grow(*list, *count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[(*count)++] = *prefix;
	return 0;
}

static int add_prefix(struct own_addresses *local, const struct prefix *prefix, bool group)
{
	if (group)
		return add(&local->groups, &local->group_count, prefix);
	if (prefix->length == family_bits((enum family)prefix->family))
		return add(&local->hosts, &local->host_count, prefix);
	return add(&local->networks, &local->network_count, prefix);
}

static bool is_own(uint8_t type)
{
	return type == RTN_LOCAL || type == RTN_ANYCAST;
}

static bool is_group(uint8_t type)
{
	return type == RTN_BROADCAST || type == RTN_MULTICAST;
}

/* The destination of a route; all zeros is the default route's. */
static bool take_destination(struct prefix *prefix, const struct nlmsghdr *message,
			     const struct rtmsg *route)
{
	unsigned int bits = family_bits((enum family)prefix->family);
	const struct nlattr *attr;

	if (route->rtm_dst_len > bits)
		return false;
	prefix->length = route->rtm_dst_len;
	each_attribute(attr, (const void *)(route + 1), message_end(message))
		if (type_of(attr) == RTA_DST && holds(attr, bits / 8))
			memcpy(prefix->address, payload(attr), bits / 8);
	return true;
}

/* One dump, and what there was before it. */
struct dump {
	struct own_addresses *local;
	size_t host_count, network_count, group_count;
};

static void begin(void *data)
{
	const struct dump *dump = data;

	dump->local->host_count = dump->host_count;
	dump->local->network_count = dump->network_count;
	dump->local->group_count = dump->group_count;
}

static int take_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct dump *dump = data;
	struct prefix prefix = { .length = 0 };

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*route) ||
	    (!is_own(route->rtm_type) && !is_group(route->rtm_type)) ||
	    (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
		return 0;
	prefix.family = route->rtm_family == AF_INET6 ? IPV6 : IPV4;
	if (!take_destination(&prefix, message, route))
		return 0;
	return add_prefix(dump->local, &prefix, is_group(route->rtm_type));
}

static int ask(struct netlink *netlink, uint8_t family, uint8_t type, struct own_addresses *local)
{
	struct {
		struct nlmsghdr message;
		struct rtmsg route;
	} request = {
		.message = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETROUTE,
			     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.route = { .rtm_family = family, .rtm_type = type },
	};
	struct dump dump = { local, local->host_count, local->network_count, local->group_count };

	return netlink_ask_whole(netlink, &request.message, take_route, begin, &dump);
}

/*
 * A router of the internet has a million other routes.  By their types, and not by the table
 * "local", as each VRF has its own table; and by family, as others than these two refuse a type.
 */
static int ask_types(struct netlink *netlink, struct own_addresses *local)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	static const uint8_t types[] = { RTN_LOCAL, RTN_ANYCAST, RTN_BROADCAST, RTN_MULTICAST };
	int err = 0;

	if (!netlink_be_strict(netlink))
		return ask(netlink, AF_UNSPEC, RTN_UNSPEC, local);
	for (size_t i = 0; i < sizeof(families) && !err; i++)
		for (size_t j = 0; j < sizeof(types) && !err; j++)
			err = ask(netlink, families[i], types[j], local);
	return err;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

int own_addresses_read(struct own_addresses *local, struct error *error)
{
	static const struct prefix groups = { .address = { 224 }, .length = 4, .family = IPV4 };
	struct netlink netlink;
	int err = netlink_open(&netlink, NETLINK_ROUTE);

	if (!err)
		err = add_prefix(local, &groups, true);
	if (!err)
		err = ask_types(&netlink, local);
	netlink_close(&netlink);
	if (!err && local->host_count)
		qsort(local->hosts, local->host_count, sizeof(*local->hosts), compare);
	return err ? netlink_explain(err, "this host's addresses cannot be read", error) : 0;
}

static bool covers(const struct prefix *list, size_t count, const struct prefix *address)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_covers(&list[i], address))
			return true;
	return false;
}

bool own_addresses_has(const struct own_addresses *local, const struct prefix *address)
{
	return search(address, local->hosts, local->host_count, sizeof(*local->hosts), compare) ||
	       covers(local->networks, local->network_count, address);
}

bool own_addresses_hears(const struct own_addresses *local, const struct prefix *address)
{
	return covers(local->groups, local->group_count, address);
}

void own_addresses_free(struct own_addresses *local)
{
	free(local->hosts);
	free(local->networks);
	free(local->groups);
	*local = (struct own_addresses){ 0 };
}
