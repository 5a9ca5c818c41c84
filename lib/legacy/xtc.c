/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/xtc.h"

#include <errno.h>
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/*
 * Of the threads of its parent, a child has the one that forked, and nobody who would give
 * back what another one held.  What libiptc keeps for all is whole at any moment: it is one
 * pointer, for its error texts.
 */
static void release_in_child(void)
{
	mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

static void mind_children(void)
{
	pthread_atfork(NULL, NULL, release_in_child);
}

void xtc_lock(void)
{
	pthread_once(&once, mind_children);
	pthread_mutex_lock(&mutex);
}

void xtc_unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

int xtc_list(struct xtc_entries *entries, enum family family, const char *chain,
	     struct xtc_handle *handle)
{
	entries->count = 0;
	for (const void *entry = xtc[family].first_rule(chain, handle); entry;
	     entry = xtc[family].next_rule(entry, handle)) {
		if (entries->count == entries->room) {
			size_t room = entries->room ? 2 * entries->room : 64;
			const void **grown = realloc(entries->list, room * sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			entries->list = grown;
			entries->room = room;
		}
		entries->list[entries->count++] = entry;
	}
	return 0;
}

/* The functions of one family that take or give entries, which have no type here. */
#define XTC_ENTRY_FUNCTIONS(prefix, entry_type)						\
static const void *prefix##_untyped_first(const char *chain, struct xtc_handle *handle)	\
{											\
	return prefix##_first_rule(chain, handle);					\
}											\
static const void *prefix##_untyped_next(const void *entry, struct xtc_handle *handle)	\
{											\
	return prefix##_next_rule((const entry_type *)entry, handle);			\
}											\
static const char *prefix##_untyped_target(const void *entry, struct xtc_handle *handle) \
{											\
	return prefix##_get_target((const entry_type *)entry, handle);			\
}											\
static int prefix##_untyped_insert(const char *chain, const void *entry,		\
				   unsigned int at, struct xtc_handle *handle)		\
{											\
	return prefix##_insert_entry(chain, (const entry_type *)entry, at, handle);	\
}											\
static int prefix##_untyped_append(const char *chain, const void *entry,		\
				   struct xtc_handle *handle)				\
{											\
	return prefix##_append_entry(chain, (const entry_type *)entry, handle);	\
}

XTC_ENTRY_FUNCTIONS(iptc, struct ipt_entry)
XTC_ENTRY_FUNCTIONS(ip6tc, struct ip6t_entry)

#define XTC(prefix) {							\
	.init = prefix##_init,						\
	.free = prefix##_free,						\
	.commit = prefix##_commit,					\
	.first_chain = prefix##_first_chain,				\
	.next_chain = prefix##_next_chain,				\
	.builtin = prefix##_builtin,					\
	.is_chain = prefix##_is_chain,					\
	.policy = prefix##_get_policy,					\
	.first_rule = prefix##_untyped_first,				\
	.next_rule = prefix##_untyped_next,				\
	.target = prefix##_untyped_target,				\
	.create_chain = prefix##_create_chain,				\
	.rename_chain = prefix##_rename_chain,				\
	.flush_chain = prefix##_flush_entries,				\
	.delete_chain = prefix##_delete_chain,				\
	.append = prefix##_untyped_append,				\
	.insert = prefix##_untyped_insert,				\
	.delete = prefix##_delete_num_entry,				\
	.set_policy = prefix##_set_policy,				\
	.set_counters = prefix##_set_counter,				\
}

const struct xtc xtc[FAMILIES] = {
	[IPV4] = XTC(iptc),
	[IPV6] = XTC(ip6tc),
};
