/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock that iptables takes. */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include "support/error.h"

/* Returns a descriptor that holds the lock until it is closed, or -errno. */
int lock_take(unsigned int wait_ms, struct error *error);

#endif
