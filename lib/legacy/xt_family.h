/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What differs between ipt_entry and ip6t_entry, and their tables. */
#ifndef LIB_KERNEL_H
#define LIB_KERNEL_H

#include "model/prefix.h"
#include "rules/rule.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdbool.h>

/* What an entry says ahead of its matches. */
struct header {
	struct prefix source, destination;
	char in[IFNAMSIZ], out[IFNAMSIZ];
	uint8_t protocol;
	bool go;		/* the jump is a goto */
	/* read only; what we never say: */
	bool fragments;		/* -f */
	bool odd_masks;		/* no prefixes or names: those above are not what it asks */
	uint8_t inverted;	/* IPT_INV_*, which are those of IPv6 as well */
	uint16_t target_offset, next_offset;
	struct xt_counters counters;
};

/* Where an entry has what it asks of a packet's header. */
struct header_layout {
	size_t source, source_mask, destination, destination_mask;
	size_t in, in_mask, out, out_mask;
	size_t protocol, flags, inverted;	/* 16 bits, 8 bits, 8 bits */
	size_t address_size;
	uint8_t protocol_flag;			/* set where it asks for one; 0: there is none */
	uint8_t goto_flag;
};

struct xt_family {
	enum family family;
	const char *name;			/* "IPv4" */
	int domain;				/* AF_INET */
	int level;				/* IPPROTO_IP, for getsockopt(2) */
	int get_match_revision, get_target_revision;
	const char *module;			/* "ip_tables" */
	const char *table_module;		/* "iptable", before "_raw" and the like */
	const char *icmp_match;

	size_t entry_size;
	size_t mark_offset;			/* nfcache: the kernel does not look at it */
	size_t lengths_offset;			/* target_offset and next_offset */
	size_t counters_offset;

	struct header_layout header;

	void (*put_header)(void *entry, const struct header *header);
	/* false: it says something that we never say */
	bool (*get_header)(const void *entry, struct header *header);
};

extern const struct xt_family xt_families[FAMILIES];

/* Offset of an entry's target, and its length with it. */
static inline uint16_t entry_target_offset(const struct xt_family *family, const void *entry)
{
	return *(const uint16_t *)((const char *)entry + family->lengths_offset);
}

static inline uint16_t entry_next(const struct xt_family *family, const void *entry)
{
	return *(const uint16_t *)((const char *)entry + family->lengths_offset + 2);
}

/* Of the entry that heads a user's chain, and of the one that ends any chain. */
static inline uint32_t entry_head_size(const struct xt_family *family)
{
	return (uint32_t)(family->entry_size + XT_ALIGN(sizeof(struct xt_error_target)));
}

static inline uint32_t entry_foot_size(const struct xt_family *family)
{
	return (uint32_t)(family->entry_size + XT_ALIGN(sizeof(struct xt_standard_target)));
}

static inline const struct xt_entry_target *entry_target(const struct xt_family *family,
							 const void *entry)
{
	return (const void *)((const char *)entry + entry_target_offset(family, entry));
}

#endif
