/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limited clients of one service in one family. */
#ifndef LIB_CLIENT_H
#define LIB_CLIENT_H

#include "limit.h"
#include "prefix.h"

/* One limit of a service, used by at least one client. */
struct limit {
	struct limit *next;
	struct limit_rate rate;
	size_t clients;
	const char *chain;	/* its name, while rules are compiled */
};

/* Some 80 bytes each, with the tree's node (glibc, 64 bits). */
struct client {
	struct prefix prefix;
	struct limit *limit;
};

struct clients {
	void *tree;		/* of struct client, for tsearch(3) */
	size_t count;
	struct limit *limits;
};

/* Adds @count clients or moves them to @rate; all or, out of memory, none. */
int clients_add(struct clients *clients, const struct prefix *prefixes, size_t count,
		const struct limit_rate *rate);
bool clients_has(const struct clients *clients, const struct prefix *prefix);
/* A prefix that is not there is passed over. */
void clients_remove(struct clients *clients, const struct prefix *prefix);
void clients_free(struct clients *clients);

/* All, in the order of prefix_compare(); to be freed; NULL if out of memory. */
const struct client **clients_list(const struct clients *clients);

#endif
