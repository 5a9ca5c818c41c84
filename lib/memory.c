/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <sys/mman.h>

#include "memory.h"

/* Below this, malloc(3) most often has pages that were touched before. */
#define LARGE (256 * 1024)

void *memory_get(size_t size)
{
	void *block;

	if (size < LARGE)
		return calloc(1, size ? size : 1);
	block = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return block == MAP_FAILED ? NULL : block;
}

void memory_put(void *block, size_t size)
{
	if (!block)
		return;
	if (size < LARGE)
		free(block);
	else
		munmap(block, size);
}
