/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All memory that this program, its libraries and libc ask for: counted, and refused once.
 * What open_memstream(3), getline(3) or libiptc ask for comes by here as well, and so does
 * mmap(2), but for what malloc(3) itself maps.
 */
#ifndef NOTRACK_TESTS_SHORT_MEMORY_H
#define NOTRACK_TESTS_SHORT_MEMORY_H

#include <stdbool.h>

/* Refuses the @nth request, counted from 1. */
void memory_refuse(unsigned int nth);
/* All are granted from here on; returns whether one was refused. */
bool memory_end(void);
/* How many blocks there are now. */
long memory_blocks(void);

#endif
