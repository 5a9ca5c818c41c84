/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/xt_family.h"

#include <arpa/inet.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

/* --- interfaces: a name, and a mask of the bytes that count ----------- */

static void put_interface(char *name, unsigned char *mask, const char *interface)
{
	size_t size = strlen(interface);

	if (!size)
		return;
	strcpy(name, interface);
	if (interface[size - 1] == '+')
		memset(mask, 0xff, size - 1);
	else
		memset(mask, 0xff, size + 1);
}

/* false: the beginning of a name that leaves no room for the '+' */
static bool get_interface(const char *name, const unsigned char *mask, char *interface)
{
	size_t size = 0;

	while (size < IFNAMSIZ - 1 && mask[size] && name[size]) {
		interface[size] = name[size];
		size++;
	}
	if (size && size < IFNAMSIZ - 1 && !mask[size])
		interface[size++] = '+';
	interface[size] = '\0';
	return size < IFNAMSIZ - 1 || mask[size] || interface[size - 1] == '+';
}

static void put_address(void *address, void *mask, const struct prefix *prefix, size_t bytes)
{
	unsigned char *bits = mask;

	memcpy(address, prefix->address, bytes);
	memset(bits, 0xff, prefix->length / 8);
	if (prefix->length % 8)
		bits[prefix->length / 8] = (unsigned char)(0xff00u >> prefix->length % 8);
}

static bool get_address(const void *address, const void *mask, struct prefix *prefix,
			size_t bytes, enum family family)
{
	const unsigned char *bits = mask;
	size_t full = 0;
	unsigned int part;

	while (full < bytes && bits[full] == 0xff)
		full++;
	/* the byte in which the mask ends: ones, then zeros */
	part = full < bytes && bits[full] ? (unsigned int)__builtin_popcount(bits[full]) : 0;
	memset(prefix, 0, sizeof(*prefix));
	memcpy(prefix->address, address, bytes);
	prefix->length = (uint8_t)(8 * full + part);
	prefix->family = family;
	if (full < bytes && bits[full++] != (unsigned char)(0xff00u >> part))
		return false;
	while (full < bytes && !bits[full])
		full++;
	return full == bytes;
}

/* --- headers ---------------------------------------------------------- */

static void put_header4(void *to, const struct header *header)
{
	struct ipt_entry *entry = to;

	put_address(&entry->ip.src, &entry->ip.smsk, &header->source, 4);
	put_address(&entry->ip.dst, &entry->ip.dmsk, &header->destination, 4);
	put_interface(entry->ip.iniface, entry->ip.iniface_mask, header->in);
	put_interface(entry->ip.outiface, entry->ip.outiface_mask, header->out);
	entry->ip.proto = header->protocol;
	entry->ip.flags = header->go ? IPT_F_GOTO : 0;
	entry->target_offset = header->target_offset;
	entry->next_offset = header->next_offset;
	entry->counters = header->counters;
}

static bool get_header4(const void *from, struct header *header)
{
	const struct ipt_entry *entry = from;
	bool source = get_address(&entry->ip.src, &entry->ip.smsk, &header->source, 4, IPV4);
	bool destination = get_address(&entry->ip.dst, &entry->ip.dmsk, &header->destination, 4,
				       IPV4);
	bool in = get_interface(entry->ip.iniface, entry->ip.iniface_mask, header->in);
	bool out = get_interface(entry->ip.outiface, entry->ip.outiface_mask, header->out);

	header->protocol = (uint8_t)entry->ip.proto;
	header->go = entry->ip.flags & IPT_F_GOTO;
	header->fragments = entry->ip.flags & IPT_F_FRAG;
	header->inverted = entry->ip.invflags;
	header->odd_masks = !source || !destination || !in || !out;
	header->target_offset = entry->target_offset;
	header->next_offset = entry->next_offset;
	header->counters = entry->counters;
	return !(entry->ip.flags & ~IPT_F_GOTO) && !entry->ip.invflags && !header->odd_masks;
}

static void put_header6(void *to, const struct header *header)
{
	struct ip6t_entry *entry = to;

	put_address(&entry->ipv6.src, &entry->ipv6.smsk, &header->source, 16);
	put_address(&entry->ipv6.dst, &entry->ipv6.dmsk, &header->destination, 16);
	put_interface(entry->ipv6.iniface, entry->ipv6.iniface_mask, header->in);
	put_interface(entry->ipv6.outiface, entry->ipv6.outiface_mask, header->out);
	entry->ipv6.proto = header->protocol;
	entry->ipv6.flags = (__u8)((header->protocol ? IP6T_F_PROTO : 0) |
				   (header->go ? IP6T_F_GOTO : 0));
	entry->target_offset = header->target_offset;
	entry->next_offset = header->next_offset;
	entry->counters = header->counters;
}

static bool get_header6(const void *from, struct header *header)
{
	const struct ip6t_entry *entry = from;
	bool source = get_address(&entry->ipv6.src, &entry->ipv6.smsk, &header->source, 16, IPV6);
	bool destination = get_address(&entry->ipv6.dst, &entry->ipv6.dmsk, &header->destination,
				       16, IPV6);
	bool in = get_interface(entry->ipv6.iniface, entry->ipv6.iniface_mask, header->in);
	bool out = get_interface(entry->ipv6.outiface, entry->ipv6.outiface_mask, header->out);

	header->protocol = (uint8_t)entry->ipv6.proto;
	header->go = entry->ipv6.flags & IP6T_F_GOTO;
	header->fragments = false;
	header->inverted = entry->ipv6.invflags;
	header->odd_masks = !source || !destination || !in || !out;
	header->target_offset = entry->target_offset;
	header->next_offset = entry->next_offset;
	header->counters = entry->counters;
	return !(entry->ipv6.flags & ~(IP6T_F_GOTO | IP6T_F_PROTO)) && !entry->ipv6.invflags &&
	       !header->odd_masks;
}

#define HEADER_LAYOUT(type, ip, prefix) {					\
	.source = offsetof(type, ip.src), .source_mask = offsetof(type, ip.smsk),	\
	.destination = offsetof(type, ip.dst),					\
	.destination_mask = offsetof(type, ip.dmsk),				\
	.in = offsetof(type, ip.iniface), .in_mask = offsetof(type, ip.iniface_mask), \
	.out = offsetof(type, ip.outiface),					\
	.out_mask = offsetof(type, ip.outiface_mask),				\
	.protocol = offsetof(type, ip.proto), .flags = offsetof(type, ip.flags), \
	.inverted = offsetof(type, ip.invflags),				\
	.address_size = sizeof(((type *)0)->ip.src), .goto_flag = prefix##_F_GOTO,

const struct xt_family xt_families[FAMILIES] = {
	[IPV4] = {
		.family = IPV4,
		.name = "IPv4",
		.domain = AF_INET,
		.level = IPPROTO_IP,
		.get_match_revision = IPT_SO_GET_REVISION_MATCH,
		.get_target_revision = IPT_SO_GET_REVISION_TARGET,
		.module = "ip_tables",
		.table_module = "iptable",
		.icmp_match = "icmp",
		.entry_size = XT_ALIGN(sizeof(struct ipt_entry)),
		.mark_offset = offsetof(struct ipt_entry, nfcache),
		.lengths_offset = offsetof(struct ipt_entry, target_offset),
		.counters_offset = offsetof(struct ipt_entry, counters),
		.header = HEADER_LAYOUT(struct ipt_entry, ip, IPT)
		},
		.put_header = put_header4,
		.get_header = get_header4,
	},
	[IPV6] = {
		.family = IPV6,
		.name = "IPv6",
		.domain = AF_INET6,
		.level = IPPROTO_IPV6,
		.get_match_revision = IP6T_SO_GET_REVISION_MATCH,
		.get_target_revision = IP6T_SO_GET_REVISION_TARGET,
		.module = "ip6_tables",
		.table_module = "ip6table",
		.icmp_match = "icmp6",
		.entry_size = XT_ALIGN(sizeof(struct ip6t_entry)),
		.mark_offset = offsetof(struct ip6t_entry, nfcache),
		.lengths_offset = offsetof(struct ip6t_entry, target_offset),
		.counters_offset = offsetof(struct ip6t_entry, counters),
		.header = HEADER_LAYOUT(struct ip6t_entry, ipv6, IP6T)
			.protocol_flag = IP6T_F_PROTO,
		},
		.put_header = put_header6,
		.get_header = get_header6,
	},
};
