/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/xt_family.h"

#include <arpa/inet.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

/* --- interfaces: a name, and a mask of the bytes that count ----------- */

static void put_interface(char *name, char *mask, const char *interface)
{
	size_t size = strlen(interface);

	if (!size)
		return;
	strcpy(name, interface);
	memset(mask, 0xff, interface[size - 1] == '+' ? size - 1 : size + 1);
}

/* false: the beginning of a name that leaves no room for the '+' */
static bool get_interface(const char *name, const char *mask, char *interface)
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

/* --- addresses -------------------------------------------------------- */

static void put_address(char *address, char *mask, const struct prefix *prefix, size_t bytes)
{
	memcpy(address, prefix->address, bytes);
	memset(mask, 0xff, prefix->length / 8);
	if (prefix->length % 8)
		mask[prefix->length / 8] = (char)(0xff00u >> prefix->length % 8);
}

int mask_length(const void *mask, size_t size)
{
	const uint8_t *bits = mask;
	size_t full = 0;
	unsigned int part;
	int length;

	while (full < size && bits[full] == 0xff)
		full++;
	/* the byte in which the mask ends: ones, then zeros */
	part = full < size ? (unsigned int)__builtin_popcount(bits[full]) : 0;
	length = (int)(8 * full + part);
	if (full < size && bits[full++] != (uint8_t)(0xff00u >> part))
		return -1;
	while (full < size && !bits[full])
		full++;
	return full == size ? length : -1;
}

bool mask_is_empty(const void *mask, size_t size)
{
	static const uint8_t none[IFNAMSIZ];

	return !memcmp(mask, none, size);
}

/* false: the mask is none of a prefix */
static bool get_address(const char *address, const char *mask, struct prefix *prefix,
			const struct xt_family *family)
{
	int length = mask_length(mask, family->address_size);

	*prefix = (struct prefix){ .family = family->family };
	memcpy(prefix->address, address, family->address_size);
	prefix->length = (uint8_t)(length < 0 ? 0 : length);
	return length >= 0;
}

/* --- headers ---------------------------------------------------------- */

void entry_put_header(void *entry, const struct header *header, const struct xt_family *family)
{
	const uint16_t protocol = header->protocol;
	char *to = entry;

	put_address(to + family->at.source, to + family->at.source_mask, &header->source,
		    family->address_size);
	put_address(to + family->at.destination, to + family->at.destination_mask,
		    &header->destination, family->address_size);
	put_interface(to + family->at.in, to + family->at.in_mask, header->in);
	put_interface(to + family->at.out, to + family->at.out_mask, header->out);
	memcpy(to + family->at.protocol, &protocol, sizeof(protocol));
	to[family->at.flags] = (char)((protocol ? family->protocol_flag : 0) |
				      (header->go ? family->goto_flag : 0));
	memcpy(to + family->at.lengths, &header->target_offset, sizeof(uint16_t));
	memcpy(to + family->at.lengths + sizeof(uint16_t), &header->next_offset, sizeof(uint16_t));
	memcpy(to + family->at.counters, &header->counters, sizeof(header->counters));
}

bool entry_get_header(const void *entry, struct header *header, const struct xt_family *family)
{
	const char *from = entry;
	uint16_t protocol;
	bool ours = get_address(from + family->at.source, from + family->at.source_mask,
				&header->source, family);

	ours &= get_address(from + family->at.destination, from + family->at.destination_mask,
			    &header->destination, family);
	ours &= get_interface(from + family->at.in, from + family->at.in_mask, header->in);
	ours &= get_interface(from + family->at.out, from + family->at.out_mask, header->out);
	memcpy(&protocol, from + family->at.protocol, sizeof(protocol));
	header->protocol = (uint8_t)protocol;
	header->go = from[family->at.flags] & family->goto_flag;
	header->target_offset = entry_target_offset(family, entry);
	header->next_offset = entry_next(family, entry);
	memcpy(&header->counters, from + family->at.counters, sizeof(header->counters));
	return ours && !from[family->at.inverted] &&
	       !(from[family->at.flags] & ~(family->goto_flag | family->protocol_flag));
}

#define AT(type, ip) {							\
	.source = offsetof(type, ip.src),				\
	.destination = offsetof(type, ip.dst),				\
	.source_mask = offsetof(type, ip.smsk),				\
	.destination_mask = offsetof(type, ip.dmsk),			\
	.in = offsetof(type, ip.iniface),				\
	.out = offsetof(type, ip.outiface),				\
	.in_mask = offsetof(type, ip.iniface_mask),			\
	.out_mask = offsetof(type, ip.outiface_mask),			\
	.protocol = offsetof(type, ip.proto),				\
	.flags = offsetof(type, ip.flags),				\
	.inverted = offsetof(type, ip.invflags),			\
	.mark = offsetof(type, nfcache),				\
	.lengths = offsetof(type, target_offset),			\
	.counters = offsetof(type, counters),				\
}

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
		.address_size = sizeof(struct in_addr),
		.goto_flag = IPT_F_GOTO,
		.at = AT(struct ipt_entry, ip),
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
		.address_size = sizeof(struct in6_addr),
		.goto_flag = IP6T_F_GOTO,
		.protocol_flag = IP6T_F_PROTO,
		.at = AT(struct ip6t_entry, ipv6),
	},
};
