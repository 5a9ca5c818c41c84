/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that is given back all at once. */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *block;
	size_t left;
};

/* Zeroed and aligned for any type; NULL if out of memory. */
void *arena_alloc(struct arena *arena, size_t size);
/*
 * A list with @count members of @size bytes, as one with room for another: room goes up to
 * the next power of two, as with memory_grow().  NULL if out of memory.
 */
void *arena_grow(struct arena *arena, void *list, size_t count, size_t size);
/* A copy of @size bytes, or of none; NULL if out of memory. */
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_strdup(struct arena *arena, const char *string);
void arena_free(struct arena *arena);

#endif
