/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a service tells its manager: the protocol of sd_notify(3). */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* Sends one datagram to $NOTIFY_SOCKET; nothing without one. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Microseconds after which the manager takes this process for hung; 0: it does not watch. */
uint64_t notify_watchdog_us(void);

#endif
