/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "short_memory.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own, for who stands in their place. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static _Thread_local unsigned int left;		/* requests up to the one that is refused; 0: none is */
static _Thread_local bool refused;
static long blocks;

void memory_refuse(unsigned int nth)
{
	refused = false;
	left = nth;
}

bool memory_end(void)
{
	left = 0;
	return refused;
}

long memory_blocks(void)
{
	return blocks;
}

static bool refuses(void)
{
	if (!left || --left)
		return false;
	refused = true;
	errno = ENOMEM;
	return true;
}

static void *counted(void *block)
{
	if (block)
		__atomic_add_fetch(&blocks, 1, __ATOMIC_RELAXED);
	return block;
}

/* --- in place of libc's --------------------------------------------------- */

void *malloc(size_t size)
{
	return refuses() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return refuses() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
	void *grown;

	if (refuses())
		return NULL;
	grown = __libc_realloc(block, size);
	if (!block)
		counted(grown);
	else if (!grown && !size)
		__atomic_sub_fetch(&blocks, 1, __ATOMIC_RELAXED);
	return grown;
}

void *memalign(size_t alignment, size_t size)
{
	return refuses() ? NULL : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	*block = memalign(alignment, size);
	return *block ? 0 : ENOMEM;
}

void free(void *block)
{
	if (block)
		__atomic_sub_fetch(&blocks, 1, __ATOMIC_RELAXED);
	__libc_free(block);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *mapped = refuses() ? MAP_FAILED : (void *)syscall(SYS_mmap, address, size, protection,
								 flags, fd, offset);

	if (mapped != MAP_FAILED)
		counted(mapped);
	return mapped;
}

int munmap(void *address, size_t size)
{
	__atomic_sub_fetch(&blocks, 1, __ATOMIC_RELAXED);
	return (int)syscall(SYS_munmap, address, size);
}

void *mremap(void *address, size_t from, size_t to, int flags, ...)
{
	return refuses() ? MAP_FAILED : (void *)syscall(SYS_mremap, address, from, to, flags);
}
