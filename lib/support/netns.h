/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work in another network namespace, with the caller's thread left where it is. */
#ifndef LIB_NETNS_H
#define LIB_NETNS_H

#include "support/error.h"

/* Runs @work in a thread of its own, to its end; -ENOMEM where none can be had. */
int netns_thread(void *(*work)(void *data), void *data);

/* Returns what @work returns, or -errno where it could not be called. */
int netns_run(int fd, int (*work)(void *data), void *data, struct error *error);

#endif
