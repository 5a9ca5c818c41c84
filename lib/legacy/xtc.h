/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libip4tc and libip6tc, which differ in names and entry types alone, behind one struct. */
#ifndef LIB_LEGACY_XTC_H
#define LIB_LEGACY_XTC_H

#include <errno.h>
#include "model/prefix.h"

#include <libiptc/xtcshared.h>
#include <linux/netfilter/x_tables.h>

/*
 * Calls as in libiptc/libiptc.h: those that return int give 1, or 0 and errno.
 * An entry is a struct ipt_entry or ip6t_entry.  Rules are counted from 0, but
 * from 1 by set_counters().
 */
struct xtc {
	struct xtc_handle *(*init)(const char *table);
	void (*free)(struct xtc_handle *handle);
	int (*commit)(struct xtc_handle *handle);

	const char *(*first_chain)(struct xtc_handle *handle);
	const char *(*next_chain)(struct xtc_handle *handle);
	int (*builtin)(const char *chain, struct xtc_handle *handle);
	int (*is_chain)(const char *chain, struct xtc_handle *handle);
	const char *(*policy)(const char *chain, struct xt_counters *counters,
			      struct xtc_handle *handle);
	const void *(*first_rule)(const char *chain, struct xtc_handle *handle);
	const void *(*next_rule)(const void *entry, struct xtc_handle *handle);
	/* "ACCEPT", the name of a chain or target, or "" for a rule that has none. */
	const char *(*target)(const void *entry, struct xtc_handle *handle);

	int (*create_chain)(const char *chain, struct xtc_handle *handle);
	int (*rename_chain)(const char *from, const char *to, struct xtc_handle *handle);
	int (*flush_chain)(const char *chain, struct xtc_handle *handle);
	int (*delete_chain)(const char *chain, struct xtc_handle *handle);
	int (*append)(const char *chain, const void *entry, struct xtc_handle *handle);
	int (*insert)(const char *chain, const void *entry, unsigned int at,
		      struct xtc_handle *handle);
	int (*delete)(const char *chain, unsigned int at, struct xtc_handle *handle);
	int (*set_policy)(const char *chain, const char *policy, struct xt_counters *counters,
			  struct xtc_handle *handle);
	int (*set_counters)(const char *chain, unsigned int at, struct xt_counters *counters,
			    struct xtc_handle *handle);
};

extern const struct xtc xtc[FAMILIES];

/* The rules of a chain: a list to be used again and, at last, freed. */
struct xtc_entries {
	const void **list;
	size_t count, room;
};

/* 0 or -ENOMEM */
int xtc_list(struct xtc_entries *entries, enum family family, const char *chain,
	     struct xtc_handle *handle);

/*
 * libiptc keeps static state: which function it is in, for its error messages,
 * and a pointer that its chain iterator resumes at.  Every use of any handle
 * happens between these two, which guard one process-wide mutex.
 */
void xtc_lock(void);
void xtc_unlock(void);

/* What a call of libiptc failed with: it sets errno to ENOMEM, and in places to -ENOMEM. */
static inline int xtc_errno(void)
{
	return errno > 0 ? -errno : errno;
}

#endif
