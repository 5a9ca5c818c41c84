/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/xtc.h"

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void xtc_lock(void)
{
	pthread_mutex_lock(&mutex);
}

void xtc_unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

/* libiptc takes labels as arrays of 32 bytes, and reads past a shorter string's end. */
static void put_label(xt_chainlabel label, const char *name)
{
	strncpy(label, name, sizeof(xt_chainlabel) - 1);
	label[sizeof(xt_chainlabel) - 1] = '\0';
}

/* The functions of one family, with entries that have no type. */
#define XTC_FUNCTIONS(family, prefix, entry_type)					\
static const void *first_rule##family(const char *chain, struct xtc_handle *handle)	\
{											\
	return prefix##_first_rule(chain, handle);					\
}											\
static const void *next_rule##family(const void *entry, struct xtc_handle *handle)	\
{											\
	return prefix##_next_rule((const entry_type *)entry, handle);			\
}											\
static const char *target##family(const void *entry, struct xtc_handle *handle)	\
{											\
	return prefix##_get_target((const entry_type *)entry, handle);			\
}											\
static int create##family(const char *chain, struct xtc_handle *handle)		\
{											\
	xt_chainlabel label;								\
											\
	put_label(label, chain);							\
	return prefix##_create_chain(label, handle);					\
}											\
static int rename##family(const char *from, const char *to, struct xtc_handle *handle)	\
{											\
	xt_chainlabel old, new;								\
											\
	put_label(old, from);								\
	put_label(new, to);								\
	return prefix##_rename_chain(old, new, handle);				\
}											\
static int flush##family(const char *chain, struct xtc_handle *handle)			\
{											\
	xt_chainlabel label;								\
											\
	put_label(label, chain);							\
	return prefix##_flush_entries(label, handle);					\
}											\
static int delete_chain##family(const char *chain, struct xtc_handle *handle)		\
{											\
	xt_chainlabel label;								\
											\
	put_label(label, chain);							\
	return prefix##_delete_chain(label, handle);					\
}											\
static int append##family(const char *chain, const void *entry,			\
			  struct xtc_handle *handle)					\
{											\
	xt_chainlabel label;								\
											\
	put_label(label, chain);							\
	return prefix##_append_entry(label, (const entry_type *)entry, handle);	\
}											\
static int insert##family(const char *chain, const void *entry, unsigned int at,	\
			  struct xtc_handle *handle)					\
{											\
	xt_chainlabel label;								\
											\
	put_label(label, chain);							\
	return prefix##_insert_entry(label, (const entry_type *)entry, at, handle);	\
}											\
static int delete##family(const char *chain, unsigned int at, struct xtc_handle *handle) \
{											\
	xt_chainlabel label;								\
											\
	put_label(label, chain);							\
	return prefix##_delete_num_entry(label, at, handle);				\
}											\
static int set_policy##family(const char *chain, const char *policy,			\
			      struct xt_counters *counters, struct xtc_handle *handle)	\
{											\
	xt_chainlabel label, name;							\
											\
	put_label(label, chain);							\
	put_label(name, policy);							\
	return prefix##_set_policy(label, name, counters, handle);			\
}											\
static int set_counters##family(const char *chain, unsigned int at,			\
				struct xt_counters *counters, struct xtc_handle *handle) \
{											\
	xt_chainlabel label;								\
											\
	put_label(label, chain);							\
	return prefix##_set_counter(label, at + 1, counters, handle);			\
}

XTC_FUNCTIONS(4, iptc, struct ipt_entry)
XTC_FUNCTIONS(6, ip6tc, struct ip6t_entry)

#define XTC(family, prefix) {						\
	.init = prefix##_init,						\
	.free = prefix##_free,						\
	.commit = prefix##_commit,					\
	.first_chain = prefix##_first_chain,				\
	.next_chain = prefix##_next_chain,				\
	.builtin = prefix##_builtin,					\
	.policy = prefix##_get_policy,					\
	.first_rule = first_rule##family,				\
	.next_rule = next_rule##family,					\
	.target = target##family,					\
	.create_chain = create##family,					\
	.rename_chain = rename##family,					\
	.flush_chain = flush##family,					\
	.delete_chain = delete_chain##family,				\
	.append = append##family,					\
	.insert = insert##family,					\
	.delete = delete##family,					\
	.set_policy = set_policy##family,				\
	.set_counters = set_counters##family,				\
}

const struct xtc xtc[FAMILIES] = {
	[IPV4] = XTC(4, iptc),
	[IPV6] = XTC(6, ip6tc),
};
