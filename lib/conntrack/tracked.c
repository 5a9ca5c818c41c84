/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An entry of the connection tracking table, out of the message that brought it. */
#include "support/attribute.h"
#include "conntrack/conntrack.h"

#include <linux/netfilter/nfnetlink_conntrack.h>

/* Addresses of the entry's own family: what is 4 bytes long is not read as 16. */
static const struct {
	int source, destination;
	size_t size;
} addresses[FAMILIES] = {
	[IPV4] = { CTA_IP_V4_SRC, CTA_IP_V4_DST, 4 },
	[IPV6] = { CTA_IP_V6_SRC, CTA_IP_V6_DST, 16 },
};

static void take_addresses(const struct nlattr *nest, struct tracked_end *end, enum family family)
{
	const struct nlattr *attr;

	each_attribute(attr, payload(nest), end_of(nest)) {
		if (!holds(attr, addresses[family].size))
			continue;
		if (type_of(attr) == addresses[family].source)
			end->source = payload(attr);
		else if (type_of(attr) == addresses[family].destination)
			end->destination = payload(attr);
	}
}

static void take_ports(const struct nlattr *nest, struct tracked_end *end, uint8_t *protocol)
{
	const struct nlattr *attr;

	each_attribute(attr, payload(nest), end_of(nest)) {
		switch (type_of(attr)) {
		case CTA_PROTO_NUM:
			if (holds(attr, sizeof(*protocol)))
				*protocol = *(const uint8_t *)payload(attr);
			break;
		case CTA_PROTO_SRC_PORT:
			end->source_port = port_in(attr);
			break;
		case CTA_PROTO_DST_PORT:
			end->destination_port = port_in(attr);
			break;
		}
	}
}

static void take_tuple(const struct nlattr *nest, struct tracked_end *end, struct tracked *entry)
{
	const struct nlattr *attr;

	each_attribute(attr, payload(nest), end_of(nest)) {
		switch (type_of(attr)) {
		case CTA_TUPLE_IP:
			take_addresses(attr, end, entry->family);
			break;
		case CTA_TUPLE_PROTO:
			take_ports(attr, end, &entry->protocol);
			break;
		}
	}
}

static const struct nlattr *find(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;

	each_attribute(attr, payload(nest), end_of(nest))
		if (type_of(attr) == type)
			return attr;
	return NULL;
}

static void take_state(const struct nlattr *nest, struct tracked *entry)
{
	const struct nlattr *tcp = find(nest, CTA_PROTOINFO_TCP);
	const struct nlattr *state = tcp ? find(tcp, CTA_PROTOINFO_TCP_STATE) : NULL;

	if (state && holds(state, sizeof(entry->tcp_state)))
		entry->tcp_state = *(const uint8_t *)payload(state);
}

static void take_helper(const struct nlattr *nest, struct tracked *entry)
{
	const struct nlattr *name = find(nest, CTA_HELP_NAME);

	if (name)
		entry->helper = string_in(name);
}

static void take_attribute(const struct nlattr *attr, struct tracked *entry)
{
	switch (type_of(attr)) {
	case CTA_TUPLE_ORIG:
		entry->tuple = attr;
		take_tuple(attr, &entry->original, entry);
		break;
	case CTA_TUPLE_REPLY:
		take_tuple(attr, &entry->reply, entry);
		break;
	case CTA_STATUS:
		entry->status = number_in(attr);
		break;
	case CTA_PROTOINFO:
		take_state(attr, entry);
		break;
	case CTA_HELP:
		take_helper(attr, entry);
		break;
	case CTA_ZONE:
		entry->zone = attr;
		break;
	case CTA_ID:
		entry->id = attr;
		break;
	}
}

static bool is_entry(const struct nlmsghdr *message)
{
	return message->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) &&
	       mnl_nlmsg_get_payload_len(message) >= sizeof(struct nfgenmsg);
}

bool tracked_read(struct tracked *entry, const struct nlmsghdr *message, enum conntrack_part part)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (!is_entry(message))
		return false;
	*entry = (struct tracked){ .family = header->nfgen_family == AF_INET6 ? IPV6 : IPV4 };
	each_attribute(attr, attributes(message), message_end(message)) {
		take_attribute(attr, entry);
		if (part == CONNTRACK_ORIGINAL && entry->tuple)
			break;		/* which the kernel puts first */
	}
	return entry->original.source && entry->original.destination;
}
