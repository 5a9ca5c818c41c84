/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work in another network namespace, with the caller's thread left where it is. */
#ifndef LIB_NETNS_H
#define LIB_NETNS_H

#include "support/error.h"

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
