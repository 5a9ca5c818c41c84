/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon goes on for years: add, commit and clear, over and over, through one context and
 * through new ones, leave as many descriptors and blocks of memory as there were.
 * NOTRACK_CYCLES=10000 does it so often.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
#include "run.h"
#include "short_memory.h"

enum { CYCLES = 60, WARM_UP = 10 };

static const char *const backends[] = { "legacy", "nft" };

struct holding {
	long blocks;
	unsigned int descriptors;
	unsigned long pages;		/* resident */
};

static struct holding measure(void)
{
	struct holding holding = { .descriptors = open_files() };
	FILE *file = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*u %lu", &holding.pages), 1);
	fclose(file);
	holding.blocks = memory_blocks();
	return holding;
}

static unsigned int cycles(void)
{
	const char *asked = getenv("NOTRACK_CYCLES");

	return asked ? (unsigned int)strtoul(asked, NULL, 10) : CYCLES;
}

static struct notrack *context_of(const char *backend)
{
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	ck_assert_int_eq(notrack_set_backend(nt, backend), 0);
	return nt;
}

static void add_commit_clear(struct notrack *nt)
{
	must_do(nt, add_dns_with_two_clients(nt));
	must_do(nt, notrack_commit(nt, NULL));
	must_do(nt, notrack_load(nt));
	must_do(nt, notrack_clear(nt, NULL));
}

static void assert_no_more(const struct holding *before, const char *what, const char *backend)
{
	const struct holding after = measure();

	if (getenv("NOTRACK_FIGURES"))
		printf("%s, %s, %u cycles: %ld blocks, %u descriptors, %lu pages before; %ld, %u, %lu "
		       "after\n", what, backend, cycles(), before->blocks, before->descriptors,
		       before->pages, after.blocks, after.descriptors, after.pages);
	ck_assert_msg(after.blocks == before->blocks, "%s, %s: %ld blocks, then %ld", what, backend,
		      before->blocks, after.blocks);
	ck_assert_uint_eq(after.descriptors, before->descriptors);
	/* a block that is mapped again may lie elsewhere; more in each cycle is a leak */
	ck_assert_msg(after.pages <= before->pages + before->pages / 4, "%s, %s: %lu pages, then %lu",
		      what, backend, before->pages, after.pages);
}

START_TEST(one_context_holds_no_more_after_many_cycles)
{
	struct notrack *nt = context_of(backends[_i]);
	struct holding before;

	for (int i = 0; i < WARM_UP; i++)
		add_commit_clear(nt);
	before = measure();
	for (unsigned int i = 0; i < cycles(); i++)
		add_commit_clear(nt);
	assert_no_more(&before, "one context", backends[_i]);
	notrack_free(nt);
}
END_TEST

static void live(const char *backend)
{
	struct notrack *nt = context_of(backend);

	add_commit_clear(nt);
	notrack_free(nt);
}

START_TEST(many_contexts_leave_nothing)
{
	struct holding before;

	for (int i = 0; i < WARM_UP; i++)
		live(backends[_i]);
	before = measure();
	for (unsigned int i = 0; i < cycles(); i++)
		live(backends[_i]);
	assert_no_more(&before, "new contexts", backends[_i]);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_set_timeout(tcase, 3600);
	tcase_add_loop_test(tcase, one_context_holds_no_more_after_many_cycles, 0, 2);
	tcase_add_loop_test(tcase, many_contexts_leave_nothing, 0, 2);
}

int main(void)
{
	return netns_main("cycles", tests);
}
