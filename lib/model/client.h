/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limited clients of one service in one family. */
#ifndef LIB_CLIENT_H
#define LIB_CLIENT_H

#include "model/limit.h"
#include "model/prefix.h"

/* One limit of a service, used by at least one client. */
struct limit {
	struct limit *next;
	struct limit_rate rate;
	size_t clients;
};

struct client {
	struct prefix prefix;
	struct limit *limit;		/* NULL: taken off, and not yet out of the list */
};

/*
 * Two lists in the order of prefix_compare(): a long one, and a short one of
 * what came lately, which is merged into it when it is full.  32 bytes a client.
 */
#define RECENT_MAX 512
struct clients {
	struct client *list, *recent;
	size_t list_count, list_room, recent_count;
	size_t count;			/* that are limited */
	struct limit *limits;
	/*
	 * The lists have what was changed, and no more: a client that was taken off has no
	 * limit there, and all others are as the kernel has them.  A backend that can commit
	 * such a change need not read the clients that it is not about.
	 */
	bool partial;
	bool others;			/* of a partial list: the kernel may have more */
};

/* Adds @count clients or moves them to @rate; all or, out of memory, none. */
int clients_add(struct clients *clients, const struct prefix *prefixes, size_t count,
		const struct limit_rate *rate);

/* The same in two steps, of which only the first can fail. */
struct clients_change {
	struct limit *limit;
	struct client *list;		/* the long list to be */
	size_t count, room, added;
	bool moves;			/* some are there already, with a limit */
};
int clients_prepare(struct clients *clients, const struct prefix *prefixes, size_t count,
		    const struct limit_rate *rate, struct clients_change *change);
void clients_finish(struct clients *clients, const struct prefix *prefixes, size_t count,
		    const struct clients_change *change);
void clients_cancel(struct clients *clients, const struct clients_change *change);
bool clients_has(const struct clients *clients, const struct prefix *prefix);
/* A prefix that is not there is passed over. */
void clients_remove(struct clients *clients, const struct prefix *prefix);
/* The same of a partial list, which notes it, whether or not the prefix is there; -ENOMEM. */
int clients_take_off(struct clients *clients, const struct prefix *prefix);
/* Whether any are limited, as far as is known. */
static inline bool clients_any(const struct clients *clients)
{
	return clients->count || clients->others;
}
/* The changes of a partial list are in the kernel now. */
void clients_settle(struct clients *clients);
void clients_free(struct clients *clients);

/* NULL: neither limited nor, in a partial list, taken off. */
const struct client *clients_find(const struct clients *clients, const struct prefix *prefix);
/* All, in the order of prefix_compare(); to be freed; NULL if out of memory. */
const struct client **clients_list(const struct clients *clients);
/* Of a partial list: also those that were taken off.  @count: how many there are in all. */
const struct client **clients_changes(const struct clients *clients, size_t *count);

#endif
