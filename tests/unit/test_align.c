/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>

#include "rules/align.h"

#include "random.h"
#include "unit.h"

enum {
	ROUNDS = 3000,
	FEW = 9,		/* so that all that may be kept can be tried out */
	KINDS = 3,
	MANY = 2500,		/* more than are compared each with each */
	ENDS = 40,
};

struct lists {
	unsigned int have[MANY], want[MANY];
};

static bool same(const void *data, size_t have, size_t want)
{
	const struct lists *lists = data;

	return lists->have[have] == lists->want[want];
}

/* How many can stay at most, tried one way and the other. */
static size_t most(const struct lists *lists, size_t have, size_t have_end, size_t want,
		   size_t want_end)
{
	size_t without, other;

	if (have == have_end || want == want_end)
		return 0;
	if (same(lists, have, want))
		return 1 + most(lists, have + 1, have_end, want + 1, want_end);
	without = most(lists, have + 1, have_end, want, want_end);
	other = most(lists, have, have_end, want + 1, want_end);
	return without > other ? without : other;
}

/* How many are kept: each as what it is, and in order. */
static size_t count_kept(const struct lists *lists, const struct alignment *part, const long *kept)
{
	long last = (long)part->want - 1;
	size_t count = 0;

	for (size_t i = part->have; i < part->have_end; i++) {
		if (kept[i] < 0)
			continue;
		expect(kept[i] > last && kept[i] < (long)part->want_end, "%zu is %ld, behind %ld", i,
		       kept[i], last);
		expect(same(lists, i, (size_t)kept[i]), "%zu is not %ld", i, kept[i]);
		last = kept[i];
		count++;
	}
	return count;
}

/* Of any part of either list. */
START_TEST(as_many_stay_as_can)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct lists lists;
		struct alignment part = { .same = same, .data = &lists };
		long kept[FEW];
		size_t count;
		int any;

		for (size_t i = 0; i < FEW; i++) {
			lists.have[i] = random_below(KINDS);
			lists.want[i] = random_below(KINDS);
		}
		part.have_end = random_below(FEW + 1);
		part.have = random_below((unsigned int)part.have_end + 1);
		part.want_end = random_below(FEW + 1);
		part.want = random_below((unsigned int)part.want_end + 1);
		any = align(part, kept);
		count = count_kept(&lists, &part, kept);
		expect(count == most(&lists, part.have, part.have_end, part.want, part.want_end),
		       "%zu of %zu to %zu, and %zu to %zu", count, part.have, part.have_end,
		       part.want, part.want_end);
		expect(any == (count > 0), "%d, and %zu are kept", any, count);
	}
}
END_TEST

/* Too many that differ are done anew, and only those at the ends stay. */
START_TEST(of_too_many_the_ends_stay)
{
	static struct lists lists;
	static long kept[MANY];
	const struct alignment all = { .have_end = MANY, .want_end = MANY, .same = same,
				       .data = &lists };

	for (unsigned int i = 0; i < MANY; i++) {
		bool is_end = i < ENDS || i >= MANY - ENDS;

		lists.have[i] = i;
		lists.want[i] = is_end ? i : MANY + i;
	}
	lists.want[MANY / 2] = lists.have[MANY / 3];
	ck_assert_int_eq(align(all, kept), true);
	ck_assert_uint_eq(count_kept(&lists, &all, kept), 2 * ENDS);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, as_many_stay_as_can);
	tcase_add_test(tcase, of_too_many_the_ends_stay);
}

int main(void)
{
	return unit_main("align", tests);
}
