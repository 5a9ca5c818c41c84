/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work in another network namespace, with the caller's thread left where it is. */
#ifndef LIB_NETNS_H
#define LIB_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

#include "support/error.h"

/* What tells one network namespace from others; all zeros: which one it is, nobody says. */
struct netns_id {
	dev_t device;
	ino_t number;
};

/* That of a descriptor, or, of -1, that of the calling thread. */
struct netns_id netns_identify(int fd);

static inline bool netns_same(const struct netns_id *a, const struct netns_id *b)
{
	return a->number == b->number && a->device == b->device;
}

/* Whether @path is a file of another one by now, or of none; what cannot be looked at is not. */
bool netns_has_gone(const char *path, const struct netns_id *from);

/* Runs @work in a thread of its own, to its end; -ENOMEM where none can be had. */
int netns_thread(void *(*work)(void *data), void *data);

/*
 * A descriptor of our own for the network namespace that @path is a file of, or that
 * @fd is of: a namespace's, or a process's (pidfd_open(2)).  Nothing else is opened: a
 * FIFO could block, a device could start something.  -EINVAL: it is none.
 */
int netns_open(const char *path, struct error *error);
int netns_adopt(int fd, struct error *error);

/* Returns what @work returns, or -errno where it could not be called. */
int netns_run(int fd, int (*work)(void *data), void *data, struct error *error);

#endif
