/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_CONTEXT_H
#define LIB_CONTEXT_H

#include "legacy/entry.h"
#include "support/error.h"
#include "support/lock.h"
#include "model/model.h"
#include "notrack.h"
#include "legacy/table.h"

/* A table as it was read; with the lock held, good for the commit as well. */
struct snapshot {
	struct table table;
	struct ruleset found;
};

struct notrack {
	struct model model;
	unsigned int families;		/* NOTRACK_IPV4, NOTRACK_IPV6 */
	int netns_fd;			/* -1: the caller's */
	unsigned int wait_ms;
	struct lock lock;
	struct features revisions[FAMILIES];
	struct snapshot snapshots[FAMILIES][TABLES];
	struct error error;
};

/* Reads a table, unless it was read before. */
int context_read(struct notrack *nt, enum family family, enum table_id id);
/* What was read may have been changed since. */
void context_forget(struct notrack *nt);

/* What public functions begin with. */
void context_begin(struct notrack *nt);

static inline bool context_has(const struct notrack *nt, enum family family)
{
	return nt->families & 1u << family;
}

/* Runs @work in the context's network namespace. */
int context_in_kernel(struct notrack *nt, int (*work)(struct notrack *nt, void *data),
		      void *data);

/*
 * Copies @from, whose size its first member has, over zeros of @size bytes: nothing past the size
 * that the caller knows is read.
 */
int struct_take(void *to, size_t size, const void *from, const char *what, struct error *error);

static inline int context_take_struct(struct notrack *nt, void *to, size_t size, const void *from,
				      const char *what)
{
	return struct_take(to, size, from, what, &nt->error);
}

/* Hands out @from, of @size bytes, of which the caller's struct may hold a part only. */
void context_give_struct(void *to, const void *from, size_t size);

#endif
