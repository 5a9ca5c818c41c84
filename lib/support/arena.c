/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdalign.h>
#include <string.h>

#include "support/arena.h"
#include "support/memory.h"

/*
 * Each block is twice the one before, up to a 16th of what memory_get() makes a huge page of, and
 * then that: what needs so much mostly needs more.
 */
#define BLOCK_MIN (8 * 1024)
#define BLOCK_MAX (2 * 1024 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t size;		/* with this head */
	alignas(max_align_t) char data[];
};

static int add_block(struct arena *arena, size_t min)
{
	size_t size = arena->block ? 2 * arena->block->size : BLOCK_MIN;
	struct arena_block *block;

	if (size > BLOCK_MAX / 16)
		size = BLOCK_MAX;
	if (size < sizeof(*block) + min)
		size = sizeof(*block) + min;
	block = memory_get(size);
	if (!block)
		return -1;
	block->size = size;
	block->next = arena->block;
	arena->block = block;
	arena->left = size - sizeof(*block);
	return 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *block;

	size = (size + align - 1) & ~(align - 1);
	if ((!arena->block || size > arena->left) && add_block(arena, size))
		return NULL;
	block = arena->block;
	arena->left -= size;
	return (char *)block + block->size - arena->left - size;
}

void *arena_grow(struct arena *arena, void *list, size_t count, size_t size)
{
	void *grown;

	if (count & (count - 1))
		return list;
	grown = arena_alloc(arena, (count ? 2 * count : 1) * size);
	return grown && count ? memcpy(grown, list, count * size) : grown;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *copy = arena_alloc(arena, size ? size : 1);

	return copy && size ? memcpy(copy, bytes, size) : copy;
}

char *arena_strdup(struct arena *arena, const char *string)
{
	return arena_copy(arena, string, strlen(string) + 1);
}

void arena_free(struct arena *arena)
{
	struct arena_block *next;

	for (struct arena_block *block = arena->block; block; block = next) {
		next = block->next;
		memory_put(block, block->size);
	}
	*arena = (struct arena){ 0 };
}
