/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread of the caller's may be cancelled at any system call.  It would leave behind what a call
 * holds: memory, descriptors, locks, and a thread in another namespace whose errand is on its stack.
 */
#ifndef LIB_UNCANCELLED_H
#define LIB_UNCANCELLED_H

#include <pthread.h>

static inline int uncancelled_begin(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void uncancelled_end(const int *before)
{
	pthread_setcancelstate(*before, NULL);
}

/* A declaration that public calls begin with: until they return, the thread is not cancelled. */
#define UNCANCELLED										\
	__attribute__((cleanup(uncancelled_end), unused)) const int uncancelled_before = uncancelled_begin()

#endif
