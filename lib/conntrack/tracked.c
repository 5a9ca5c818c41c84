/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An entry of the connection tracking table, out of the message that brought it. */
#include "conntrack/attribute.h"
#include "conntrack/conntrack.h"

#include <linux/netfilter/nfnetlink_conntrack.h>

static void take_addresses(const struct nlattr *nest, struct tracked_end *end)
{
	const struct nlattr *attr;

	each_attribute(attr, payload(nest), end_of(nest)) {
		switch (type_of(attr)) {
		case CTA_IP_V4_SRC:
		case CTA_IP_V6_SRC:
			end->source = payload(attr);
			break;
		case CTA_IP_V4_DST:
		case CTA_IP_V6_DST:
			end->destination = payload(attr);
			break;
		}
	}
}

static void take_ports(const struct nlattr *nest, struct tracked_end *end, uint8_t *protocol)
{
	const struct nlattr *attr;

	each_attribute(attr, payload(nest), end_of(nest)) {
		switch (type_of(attr)) {
		case CTA_PROTO_NUM:
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

static void take_tuple(const struct nlattr *nest, struct tracked_end *end, uint8_t *protocol)
{
	const struct nlattr *attr;

	each_attribute(attr, payload(nest), end_of(nest)) {
		switch (type_of(attr)) {
		case CTA_TUPLE_IP:
			take_addresses(attr, end);
			break;
		case CTA_TUPLE_PROTO:
			take_ports(attr, end, protocol);
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

	if (state)
		entry->tcp_state = *(const uint8_t *)payload(state);
}

static void take_helper(const struct nlattr *nest, struct tracked *entry)
{
	const struct nlattr *name = find(nest, CTA_HELP_NAME);

	if (name)
		entry->helper = payload(name);
}

static void take_attribute(const struct nlattr *attr, struct tracked *entry)
{
	switch (type_of(attr)) {
	case CTA_TUPLE_ORIG:
		entry->tuple = attr;
		take_tuple(attr, &entry->original, &entry->protocol);
		break;
	case CTA_TUPLE_REPLY:
		take_tuple(attr, &entry->reply, &entry->protocol);
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

bool tracked_read(struct tracked *entry, const struct nlmsghdr *message, enum conntrack_part part)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	*entry = (struct tracked){ .family = header->nfgen_family == AF_INET6 ? IPV6 : IPV4 };
	each_attribute(attr, attributes(message), mnl_nlmsg_get_payload_tail(message)) {
		take_attribute(attr, entry);
		if (part == CONNTRACK_ORIGINAL && entry->tuple)
			break;		/* which the kernel puts first */
	}
	return entry->original.source && entry->original.destination;
}
