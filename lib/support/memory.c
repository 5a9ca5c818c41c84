/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "support/memory.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23	/* linux/mman.h, since Linux 5.14 */
#endif

/* Below this, malloc(3) most often has pages that were touched before. */
#define LARGE ((size_t)256 * 1024)
/* Pages of this size spare most of the faults and address lookups. */
#define HUGE ((size_t)2 * 1024 * 1024)

static size_t mapped_size(size_t size)
{
	return (size + HUGE - 1) & ~(HUGE - 1);
}

void *memory_get(size_t size)
{
	void *block;

	if (size < LARGE)
		return calloc(1, size ? size : 1);
	size = mapped_size(size);
	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return NULL;
	/* advice only: without it, all works the same */
	madvise(block, size, MADV_HUGEPAGE);
	madvise(block, size, MADV_POPULATE_WRITE);
	return block;
}

void memory_put(void *block, size_t size)
{
	if (!block)
		return;
	if (size < LARGE)
		free(block);
	else
		munmap(block, mapped_size(size));
}

void *memory_enlarge(void *block, size_t from, size_t to)
{
	void *larger;

	if (from >= LARGE) {	/* the pages move, and not what is in them */
		larger = mremap(block, mapped_size(from), mapped_size(to), MREMAP_MAYMOVE);
		return larger == MAP_FAILED ? NULL : larger;
	}
	larger = memory_get(to);
	if (larger && block)
		memcpy(larger, block, from);
	if (larger)
		memory_put(block, from);
	return larger;
}

void *memory_grow(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	return realloc(list, (count ? 2 * count : 1) * size);
}
