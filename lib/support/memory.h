/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Large blocks of memory, zeroed, with their pages in place: a table of
 * 100,000 clients touches over 100 MB once, and to take a fault for each of
 * its pages costs more than all the work done on them.
 */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include <stddef.h>

void *memory_get(size_t size);
/* @size as it was asked for; NULL is fine. */
void memory_put(void *block, size_t size);

/* More room: what was there, and zeros behind it.  NULL leaves @block as it is. */
void *memory_enlarge(void *block, size_t from, size_t to);

/*
 * A list of malloc(3) with @count members of @size bytes, as one with room for
 * another: room goes up to the next power of two.  NULL if out of memory.
 */
void *memory_grow(void *list, size_t count, size_t size);

#endif
