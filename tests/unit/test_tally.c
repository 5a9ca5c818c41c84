/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include "conntrack/tally.h"

#include "random.h"
#include "unit.h"

enum { KEYS = 3000, ADDS = 40000 };

/* What differs from others in one byte, or in the last ones only. */
static struct tally_key random_key(unsigned int number)
{
	struct tally_key key = { .port = (uint16_t)(number % 7), .family = number % 2,
				 .protocol = (uint8_t)(number / 256) };

	memcpy(key.address + number % 12, &number, sizeof(number));
	return key;
}

START_TEST(counts_are_those_of_a_plain_list)
{
	struct tally tally = { 0 };
	static unsigned int counts[KEYS];
	static long rows[KEYS];

	for (unsigned int i = 0; i < ADDS; i++) {
		unsigned int number = random_below(KEYS);
		struct tally_key key = random_key(number);
		long row = tally_add(&tally, &key);

		expect(row >= 0 && (size_t)row < tally.count, "no such row");
		expect(!counts[number]++ || rows[number] == row, "a row of its own for the same key");
		rows[number] = row;
	}
	for (unsigned int number = 0; number < KEYS; number++)
		if (counts[number])
			expect(tally.rows[rows[number]].count == counts[number], "%u: %u counted",
			       number, tally.rows[rows[number]].count);
	tally_free(&tally);
}
END_TEST

START_TEST(rows_are_ranked_by_count)
{
	struct tally tally = { 0 };
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ADDS; i++) {
		struct tally_key key = random_key(random_below(1 + random_below(KEYS)));

		expect(tally_add(&tally, &key) >= 0, "out of memory");
	}
	tally_rank(&tally);
	for (size_t i = 0; i < tally.count; i++) {
		sum += tally_ranked(&tally, i)->count;
		if (i)
			expect(tally_ranked(&tally, i)->count <= tally_ranked(&tally, i - 1)->count,
			       "rank %zu", i);
	}
	ck_assert_uint_eq(sum, ADDS);
	tally_free(&tally);
}
END_TEST

START_TEST(nothing_counted_is_no_rows)
{
	struct tally tally = { 0 };

	tally_rank(&tally);
	ck_assert_uint_eq(tally.count, 0);
	tally_free(&tally);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, counts_are_those_of_a_plain_list);
	tcase_add_test(tcase, rows_are_ranked_by_count);
	tcase_add_test(tcase, nothing_counted_is_no_rows);
}

int main(void)
{
	return unit_main("tally", tests);
}
