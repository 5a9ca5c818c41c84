/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What differs between ipt_entry and ip6t_entry, and their tables. */
#ifndef LIB_LEGACY_XT_FAMILY_H
#define LIB_LEGACY_XT_FAMILY_H

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
	bool go;				/* the jump is a goto */
	uint16_t target_offset, next_offset;
	struct xt_counters counters;
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
	size_t address_size;
	uint8_t goto_flag, protocol_flag;	/* the latter says that there is a protocol */
	struct {				/* where in an entry */
		uint8_t source, destination, source_mask, destination_mask;
		uint8_t in, out, in_mask, out_mask;
		uint8_t protocol, flags, inverted;
		uint8_t mark;			/* nfcache: the kernel does not look at it */
		uint8_t lengths;		/* target_offset and next_offset */
		uint8_t counters;
	} at;
};

extern const struct xt_family xt_families[FAMILIES];

/* How many ones a mask of @size bytes begins with, or -1 where more of them follow a zero. */
int mask_length(const void *mask, size_t size);
/* Of IFNAMSIZ bytes at most, which is what most masks are of: none. */
bool mask_is_empty(const void *mask, size_t size);

/* @entry is zeroed. */
void entry_put_header(void *entry, const struct header *header, const struct xt_family *family);
/* false: it says something that we never say */
bool entry_get_header(const void *entry, struct header *header, const struct xt_family *family);

/* Offset of an entry's target, and its length with it. */
static inline uint16_t entry_target_offset(const struct xt_family *family, const void *entry)
{
	return *(const uint16_t *)((const char *)entry + family->at.lengths);
}

static inline uint16_t entry_next(const struct xt_family *family, const void *entry)
{
	return *(const uint16_t *)((const char *)entry + family->at.lengths + 2);
}

static inline const struct xt_entry_target *entry_target(const struct xt_family *family,
							 const void *entry)
{
	return (const void *)((const char *)entry + entry_target_offset(family, entry));
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

#endif
