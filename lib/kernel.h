/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two families of xtables behind one struct: what differs between
 * ipt_entry and ip6t_entry, libip4tc and libip6tc.
 */
#ifndef LIB_KERNEL_H
#define LIB_KERNEL_H

#include <libiptc/libxtc.h>
#include <linux/netfilter/x_tables.h>
#include <stdbool.h>

#include "prefix.h"
#include "rule.h"

struct xtc_handle;

/* What an entry says ahead of its matches. */
struct header {
	struct prefix source, destination;
	char in[IFNAMSIZ], out[IFNAMSIZ];
	uint8_t protocol;
	bool go;		/* the jump is a goto */
	uint16_t target_offset, next_offset;
	struct xt_counters counters;
};

struct kernel {
	enum family family;
	const char *name;			/* "IPv4" */
	int domain;				/* AF_INET */
	int level;				/* IPPROTO_IP, for getsockopt */
	int get_match_revision, get_target_revision;
	const char *module;			/* "ip_tables" */
	const char *table_module[TABLES];
	const char *icmp_match;
	size_t entry_size, counters_offset;
	size_t selector_size;			/* addresses, interfaces, protocol */

	void (*put_header)(void *entry, const struct header *header);
	/* false: it says something that we never say */
	bool (*get_header)(const void *entry, struct header *header);

	/* libiptc: 0 or NULL on error, with errno */
	struct xtc_handle *(*init)(const char *table);
	void (*free)(struct xtc_handle *handle);
	int (*commit)(struct xtc_handle *handle);
	const char *(*first_chain)(struct xtc_handle *handle);
	const char *(*next_chain)(struct xtc_handle *handle);
	const void *(*first_rule)(const char *chain, struct xtc_handle *handle);
	const void *(*next_rule)(const void *previous, struct xtc_handle *handle);
	const char *(*get_target)(const void *entry, struct xtc_handle *handle);
	int (*builtin)(const char *chain, struct xtc_handle *handle);
	const char *(*get_policy)(const char *chain, struct xt_counters *counters,
				  struct xtc_handle *handle);
	int (*set_policy)(const char *chain, const char *policy, struct xt_counters *counters,
			  struct xtc_handle *handle);
	int (*create_chain)(const char *chain, struct xtc_handle *handle);
	int (*flush_chain)(const char *chain, struct xtc_handle *handle);
	int (*delete_chain)(const char *chain, struct xtc_handle *handle);
	int (*get_references)(unsigned int *references, const char *chain,
			      struct xtc_handle *handle);
	int (*insert)(const char *chain, const void *entry, unsigned int position,
		      struct xtc_handle *handle);
	int (*append)(const char *chain, const void *entry, struct xtc_handle *handle);
	int (*remove)(const char *chain, unsigned int position, struct xtc_handle *handle);
	struct xt_counters *(*read_counter)(const char *chain, unsigned int number,
					    struct xtc_handle *handle);
	int (*set_counter)(const char *chain, unsigned int number,
			   struct xt_counters *counters, struct xtc_handle *handle);
};

extern const struct kernel kernels[FAMILIES];

#endif
