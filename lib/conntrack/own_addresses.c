/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/own_addresses.h"
#include "support/memory.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_SIZE (32 * 1024)
#define TRIES 5

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

static int take_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct prefix prefix = { .length = route->rtm_dst_len };
	const struct nlattr *attr;

	if ((!is_own(route->rtm_type) && !is_group(route->rtm_type)) ||
	    (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
		return MNL_CB_OK;
	prefix.family = route->rtm_family == AF_INET6 ? IPV6 : IPV4;
	mnl_attr_for_each(attr, message, sizeof(*route))
		if (mnl_attr_get_type(attr) == RTA_DST &&
		    mnl_attr_get_payload_len(attr) <= sizeof(prefix.address))
			memcpy(prefix.address, mnl_attr_get_payload(attr),
			       mnl_attr_get_payload_len(attr));
	return add_prefix(data, &prefix, is_group(route->rtm_type)) ? MNL_CB_ERROR : MNL_CB_OK;
}

static int ask(struct mnl_socket *socket, char *buffer, struct own_addresses *local)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	uint32_t sequence = (uint32_t)time(NULL);
	int result = MNL_CB_OK;

	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = sequence;
	route->rtm_family = AF_UNSPEC;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (result > MNL_CB_STOP) {
		ssize_t size = mnl_socket_recvfrom(socket, buffer, BUFFER_SIZE);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		result = mnl_cb_run(buffer, (size_t)size, sequence, mnl_socket_get_portid(socket),
				    take_route, local);
	}
	return result < 0 ? -errno : 0;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

int own_addresses_read(struct own_addresses *local, struct error *error)
{
	static const struct prefix groups = { .address = { 224 }, .length = 4, .family = IPV4 };
	char *buffer = malloc(BUFFER_SIZE);
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err = !buffer ? -ENOMEM : !socket ? -errno : add_prefix(local, &groups, true);

	if (!err && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID))
		err = -errno;
	for (int i = 0; !err && i < TRIES; i++) {
		local->host_count = local->network_count = 0;
		local->group_count = 1;
		err = ask(socket, buffer, local);
		if (err != -EINTR)
			break;
		if (i + 1 < TRIES)
			err = 0;	/* routes changed meanwhile: once more */
	}
	if (!err && local->host_count)
		qsort(local->hosts, local->host_count, sizeof(*local->hosts), compare);
	if (socket)
		mnl_socket_close(socket);
	free(buffer);
	if (err == -ENOMEM)
		return error_set(error, err, "out of memory");
	errno = -err;
	return err ? error_set(error, -EIO, "this host's addresses cannot be read: %m") : 0;
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
	if (local->host_count && bsearch(address, local->hosts, local->host_count,
					 sizeof(*local->hosts), compare))
		return true;
	return covers(local->networks, local->network_count, address);
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
