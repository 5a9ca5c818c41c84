/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets that are on their way through this kernel. */
#ifndef LIB_PACKETS_H
#define LIB_PACKETS_H

/*
 * Waits until packets that a hook has seen before this call have met those that follow, on
 * their way over lo as well: what hooks behind it let through untracked they may forget
 * then.  Ends after a while where others keep the processors' queues from running empty.
 */
void packets_wait(void);

/*
 * The same, and gives those who were asked before this call some time to answer: their
 * answers come back, mostly, before it ends.
 */
void packets_wait_for_answers(void);

#endif
