/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock that iptables takes. */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "support/error.h"

struct lock {
	int fd;			/* -1: not taken */
	pid_t *holder;		/* who took it, in a page that is empty in a child */
};

#define LOCK_FREE ((struct lock){ .fd = -1 })

/* $XTABLES_LOCKFILE, or /run/xtables.lock. */
const char *lock_path(void);

/* Waits so long, UINT_MAX for ever; -EBUSY: somebody else holds it. */
int lock_take(struct lock *lock, unsigned int wait_ms, struct error *error);

/*
 * Whether this very process took it.  A child that was forked has the descriptor, too,
 * but not the lock: its parent lets go of it when it likes.
 */
bool lock_is_held(const struct lock *lock);

/* In a child, gives up the child's descriptor and leaves its parent's lock alone. */
void lock_release(struct lock *lock);

#endif
