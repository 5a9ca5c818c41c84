/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One program of a kind at a time in a network namespace. */
#ifndef LIB_INSTANCE_H
#define LIB_INSTANCE_H

#include <sys/types.h>

#include "support/error.h"

struct instance {
	int fd;				/* -1: not held */
	pid_t *holder;			/* see holder.h */
	char path[4096];
};

#define INSTANCE_FREE { .fd = -1 }

/*
 * A lock of the name @kind for the network namespace of the calling thread, in a file
 * beside the lock of iptables, where no ordinary user can write.  -EEXIST where another
 * program holds it, which is not waited for; the file goes with instance_release(), but
 * not with that of a child that was forked.
 */
int instance_take(struct instance *instance, const char *kind, struct error *error);
void instance_release(struct instance *instance);

/* The process that holds it; 0: none does; -errno: cannot be told. */
pid_t instance_holder(const char *kind);

#endif
