/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets of ipset, which others fill at any time and with any number of elements: they are asked
 * for one address, and never dumped.
 */
#include <errno.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_set.h>
#include <string.h>
#include <sys/socket.h>

#include "legacy/extensions/match.h"
#include "support/attribute.h"
#include "support/netlink.h"

enum { MESSAGE_BYTES = 512 };

/* --- questions -------------------------------------------------------- */

/* A set, as far as a question takes it. */
struct asked_set {
	char name[IPSET_MAXNAMELEN];
	bool of_addresses;		/* nothing else is in its key */
	uint8_t family;			/* AF_INET, AF_INET6 */
};

static bool is_of_addresses(const char *type)
{
	return !strcmp(type, "hash:ip") || !strcmp(type, "hash:net") || !strcmp(type, "bitmap:ip");
}

static int take_set(const struct nlmsghdr *message, void *data)
{
	const void *first = (const char *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	struct asked_set *set = data;
	const struct nlattr *attr;
	const char *text;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct nfgenmsg)))
		return 0;
	each_attribute(attr, first, message_end(message)) {
		text = string_in(attr);
		if (type_of(attr) == IPSET_ATTR_SETNAME && text)
			strncpy(set->name, text, sizeof(set->name) - 1);
		else if (type_of(attr) == IPSET_ATTR_TYPENAME && text)
			set->of_addresses = is_of_addresses(text);
		else if (type_of(attr) == IPSET_ATTR_FAMILY && holds(attr, sizeof(uint8_t)))
			set->family = *(const uint8_t *)payload(attr);
	}
	return 0;
}

static struct nlmsghdr *begin(void *buffer, int command, const struct asked_set *set)
{
	struct nlmsghdr *message = netlink_message(buffer, NFNL_SUBSYS_IPSET << 8 | command, 0, AF_INET);

	mnl_attr_put_u8(message, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	if (*set->name)
		mnl_attr_put_strz(message, IPSET_ATTR_SETNAME, set->name);
	return message;
}

static int ask_name(struct netlink *netlink, uint32_t index, struct asked_set *set)
{
	char buffer[MESSAGE_BYTES] = { 0 };
	struct nlmsghdr *message = begin(buffer, IPSET_CMD_GET_BYINDEX, set);

	mnl_attr_put_u16(message, IPSET_ATTR_INDEX | NLA_F_NET_BYTEORDER, htons((uint16_t)index));
	return netlink_ask(netlink, message, take_set, set);
}

static int ask_type(struct netlink *netlink, struct asked_set *set)
{
	char buffer[MESSAGE_BYTES] = { 0 };
	struct nlmsghdr *message = begin(buffer, IPSET_CMD_HEADER, set);

	return netlink_ask(netlink, message, take_set, set);
}

static int ask_address(struct netlink *netlink, const struct asked_set *set, const uint8_t *address)
{
	const bool six = set->family == AF_INET6;
	char buffer[MESSAGE_BYTES] = { 0 };
	struct nlmsghdr *message = begin(buffer, IPSET_CMD_TEST, set);
	struct nlattr *element = mnl_attr_nest_start(message, IPSET_ATTR_DATA);
	struct nlattr *ip = mnl_attr_nest_start(message, IPSET_ATTR_IP);

	mnl_attr_put(message, (six ? IPSET_ATTR_IPADDR_IPV6 : IPSET_ATTR_IPADDR_IPV4) |
		     NLA_F_NET_BYTEORDER, six ? 16 : 4, address);
	mnl_attr_nest_end(message, ip);
	mnl_attr_nest_end(message, element);
	return netlink_ask(netlink, message, NULL, NULL);
}

/* An element that says "nomatch" is an exception: who has it is not in the set. */
static int has(struct netlink *netlink, uint32_t index, enum family family, const uint8_t *address)
{
	struct asked_set set = { .name = "" };
	int err = ask_name(netlink, index, &set);

	if (!err && *set.name)
		err = ask_type(netlink, &set);
	if (err || !set.of_addresses || set.family != (family == IPV6 ? AF_INET6 : AF_INET))
		return -EAGAIN;
	err = ask_address(netlink, &set, address);
	return !err ? 1 : err == -IPSET_ERR_EXIST ? 0 : -EAGAIN;
}

static int set_has(const struct step *step, enum family family, const uint8_t *address)
{
	struct netlink netlink = { .fd = -1 };
	int there = netlink_open(&netlink, NETLINK_NETFILTER);

	if (!there)
		there = has(&netlink, step->index, family, address);
	netlink_close(&netlink);
	return there;
}

/* --- matches ---------------------------------------------------------- */

/*
 * @more: the match asks for more than who is in it, which an answer to a question does not say.
 * What tells it from others that look up the same set is how it does so.
 */
static int add(const struct match_data *match, const struct xt_set_info *set, bool more)
{
	struct step *step = view_add_step(match->view, STEP_SET);

	if (!step)
		return -ENOMEM;
	/* a bit for each dimension of the set, from 1 on: whether it is of the source */
	step->field = set->flags & ~IPSET_INV_MATCH ? FIELD_SOURCE : FIELD_DESTINATION;
	step->index = set->index;
	step->mask = (uint32_t)(set->flags & ~IPSET_INV_MATCH) << 8 | set->dim;
	step->count = set->dim == 1 && !more;
	view_invert(step, set->flags & IPSET_INV_MATCH);
	match->view->ask_set = set_has;
	return 0;
}

int match_set(const struct match_data *match)
{
	return add(match, match->data, false);
}

int match_set3(const struct match_data *match)
{
	const struct xt_set_info_match_v3 *set = match->data;

	return add(match, &set->match_set, set->packets.op || set->bytes.op || set->flags);
}

int match_set4(const struct match_data *match)
{
	const struct xt_set_info_match_v4 *set = match->data;

	return add(match, &set->match_set, set->packets.op || set->bytes.op || set->flags);
}
