/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define BLOCK_BYTES (64 * 1024 - 64)

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(max_align_t) char data[];
};

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *block;

	size = (size + align - 1) & ~(align - 1);
	if (size > arena->left) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		block = calloc(1, sizeof(*block) + room);
		if (!block)
			return NULL;
		block->size = room;
		block->next = arena->block;
		arena->block = block;
		arena->left = room;
	}
	block = arena->block;
	arena->left -= size;
	return block->data + block->size - arena->left - size;
}

char *arena_strdup(struct arena *arena, const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = arena_alloc(arena, size);

	return copy ? memcpy(copy, string, size) : NULL;
}

void arena_free(struct arena *arena)
{
	struct arena_block *next;

	for (struct arena_block *block = arena->block; block; block = next) {
		next = block->next;
		free(block);
	}
	*arena = (struct arena){ 0 };
}
