/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who took something that children inherit when they are forked: the one that took it gives it
 * back, and a child only lets go of what it has of it.
 */
#ifndef LIB_HOLDER_H
#define LIB_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

/* To be freed by holder_forget(); NULL if out of memory. */
pid_t *holder_note(void);
/* Whether it is this process that noted itself; false of NULL. */
bool holder_is_us(const pid_t *holder);
void holder_forget(pid_t *holder);

#endif
