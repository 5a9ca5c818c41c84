/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "heap.h"

/* Below this, small pages cost a few milliseconds. */
#define LARGE ((uint64_t)2 * 1024 * 1024)
/* What libiptc and the library allocate for each byte of a table. */
#define TIMES 6
#define HUGE_PAGE ((uintptr_t)2 * 1024 * 1024)

void heap_prepare(uint64_t table_bytes)
{
	size_t size;
	uintptr_t begin, end;
	void *block;

	if (table_bytes < LARGE || table_bytes > SIZE_MAX / TIMES)
		return;
	size = (size_t)table_bytes * TIMES;
	mallopt(M_MMAP_MAX, 0);		/* large blocks come from the heap as well, */
	mallopt(M_TRIM_THRESHOLD, -1);	/* which keeps what it had once, */
	mallopt(M_ARENA_MAX, 1);	/* and which threads share: some work in other namespaces */
	block = malloc(size);
	if (!block)
		return;
	begin = ((uintptr_t)block + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	end = ((uintptr_t)block + size) & ~(HUGE_PAGE - 1);
	if (begin < end)
		madvise((void *)begin, end - begin, MADV_HUGEPAGE);
	free(block);			/* and is the top of the heap from now on */
}
