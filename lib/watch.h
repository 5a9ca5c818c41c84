/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of a watch share. */
#ifndef LIB_WATCH_H
#define LIB_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "context.h"
#include "support/instance.h"
#include "support/netlink.h"

#define PAUSE_MS 100		/* from one commit to the next */
#define PAUSE_ELEMENTS_MS 1000	/* where only elements of sets have changed; or longer, as the last
				   check was */
#define PAUSE_UNSIGNED_MS 10	/* until the end of a change, which says who made it, has come */
#define PAUSE_FAILED_MS 1000	/* where the lock was held, or memory was short */
#define SETTLE_MAX_MS 15000	/* however often somebody changes some rule or other */
#define SETTLE_MS 3000		/* without a change: nobody is loading the host's rules */
#define LOOK_MS 1000		/* at the tables of which no news come */
#define LOOKS_WHOLE 10		/* every so often at all there is, */
#define LOOKS_SHARE 20		/* ... for one in so many parts of the time at most */
/* How many times as long as the last check took there is none for the sake of ... */
#define REST_ELEMENTS 1		/* ... elements of sets that change all the time, */
#define REST_INTERFACES 9	/* ... interfaces and addresses that do, as on a host of containers */

#define NEVER UINT64_MAX

/* What was reported last. */
enum state {
	BEGINNING,
	IN_PLACE,
	WITHDRAWN,
	FAILED,
};

struct notrack_watch {
	struct notrack *nt;
	struct instance instance;
	struct netns_id namespace;		/* that it watches */
	struct news_queue news[BACKENDS];
	struct netlink switches;	/* news of forwarding; fd -1: the kernel has none */
	struct netlink interfaces;	/* likewise, of these and of addresses */
	int poll_fd, timer_fd;
	bool listens;			/* @poll_fd has the descriptors of @news */
	uint64_t checked_ms;		/* when the last commit ended */
	uint64_t took_ms;		/* how long the last check took */
	uint64_t deferred_ms;		/* since when a commit waits for the rules to be at rest; 0 */
	uint64_t changed_ms;		/* when somebody was last heard to change rules */
	uint64_t due_ms;		/* when the next one is; NEVER */
	bool gently;			/* no sign of a change: take the lock only if there is one */
	uint64_t look_ms;		/* when to look at the tables of which no news come */
	unsigned int looks;
	uint64_t marks[BACKENDS];	/* of such tables, before the last commit */
	uint64_t interfaces_mark;	/* when news of them were looked at last */
	bool forwards;			/* so it was, before the last commit */
	bool bridges;			/* so bridges did */
	enum state state;
	char cause[100];		/* who changed something */
	char said[sizeof(struct error)];
};

/* A commit at that time, unless one is due earlier. */
static inline void watch_request(struct notrack_watch *watch, uint64_t at_ms)
{
	if (at_ms < watch->due_ms)
		watch->due_ms = at_ms;
}

/* watch_signs.c: what the signs are before a commit, so that later ones differ. */
void watch_note_signs(struct notrack_watch *watch);
/* Somebody may put back at once what was there before, which has the same signs. */
void watch_expect_change(struct notrack_watch *watch);
/* What the kernel has told since the last call. */
void watch_hear(struct notrack_watch *watch);
/* What it does not tell. */
void watch_look(struct notrack_watch *watch, uint64_t now);

#endif
