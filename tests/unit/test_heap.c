/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The heap that notrackctl prepares for large tables: each test is a process of its own. */
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/heap.h"
#include "unit.h"

enum { MIB = 1024 * 1024 };

static bool is_in_heap(const void *block)
{
	return (uintptr_t)block < (uintptr_t)sbrk(0);
}

/* Whether the heap, or a part of it, asks for huge pages. */
static bool asks_for_huge_pages(void)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	bool heap = false, asks = false;
	char line[512];

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (strchr(line, '-') && strstr(line, " rw-p "))
			heap = strstr(line, "[heap]") != NULL;
		asks |= heap && !strncmp(line, "VmFlags:", 8) && strstr(line, " hg");
	}
	fclose(maps);
	return asks;
}

START_TEST(a_small_table_leaves_the_heap_as_it_is)
{
	void *block;

	heap_prepare(0);
	heap_prepare(MIB);
	block = malloc(MIB);
	ck_assert(!is_in_heap(block));
	ck_assert(!asks_for_huge_pages());
	free(block);
}
END_TEST

START_TEST(a_large_table_finds_room_that_stays)
{
	size_t before, after;
	void *blocks[40];

	heap_prepare(8 * MIB);
	before = mallinfo2().arena;
	ck_assert_uint_ge(before, 48 * MIB);
	for (int i = 0; i < 40; i++) {
		blocks[i] = malloc(MIB);
		ck_assert(is_in_heap(blocks[i]));
	}
	for (int i = 0; i < 40; i++)
		free(blocks[i]);
	after = mallinfo2().arena;
	ck_assert_uint_eq(after, before);
	ck_assert(asks_for_huge_pages() || access("/sys/kernel/mm/transparent_hugepage", F_OK));
}
END_TEST

START_TEST(what_no_heap_can_hold_is_not_prepared_for)
{
	heap_prepare(UINT64_MAX);
	heap_prepare(UINT64_MAX / 6 - 1);
	free(malloc(MIB));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, a_small_table_leaves_the_heap_as_it_is);
	tcase_add_test(tcase, a_large_table_finds_room_that_stays);
	tcase_add_test(tcase, what_no_heap_can_hold_is_not_prepared_for);
}

int main(void)
{
#ifdef __SANITIZE_ADDRESS__
	return 77;	/* another malloc(3) is in place */
#endif
	return unit_main("heap", tests);
}
