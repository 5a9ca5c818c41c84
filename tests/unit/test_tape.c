/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers that were read already, for whoever asks the same again. */
#include "support/tape.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum { SEQUENCE = 77, LARGE = 32 * 1024, RULES = 7, CHAINS = 4 };

static struct nlmsghdr request_for(uint16_t type)
{
	return (struct nlmsghdr){ .nlmsg_len = sizeof(struct nlmsghdr), .nlmsg_type = type,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				  .nlmsg_seq = SEQUENCE };
}

/* Datagrams of 1, 2, 3... bytes, which say so themselves. */
static void record(struct tape *tape, uint16_t type, size_t count)
{
	const struct nlmsghdr request = request_for(type);
	struct tape_dump *dump = tape_record(tape, &request);
	char bytes[256];

	ck_assert_ptr_nonnull(dump);
	for (size_t size = 1; size <= count; size++) {
		memset(bytes, (int)size, size);
		ck_assert(tape_add(tape, dump, bytes, size));
	}
	ck_assert_ptr_nonnull(dump);
	tape_keep(tape, dump);
}

static const struct tape_dump *find(const struct tape *tape, uint16_t type)
{
	struct nlmsghdr request = request_for(type);

	request.nlmsg_seq = 0;	/* whoever asks has no number yet */
	return tape_find(tape, &request);
}

START_TEST(what_was_recorded_is_heard_as_it_came)
{
	struct tape tape = { 0 };
	const struct tape_dump *dump;
	const char *datagram = NULL;
	size_t size, count = 0;

	tape_begin(&tape, 1);
	record(&tape, RULES, 200);
	record(&tape, CHAINS, 3);
	dump = find(&tape, RULES);

	ck_assert_ptr_nonnull(dump);
	ck_assert_uint_eq(tape_sequence(dump), SEQUENCE);
	while ((datagram = tape_next(dump, datagram, &size))) {
		ck_assert_uint_eq(size, ++count);
		ck_assert(datagram[0] == (char)count && datagram[size - 1] == (char)count);
		ck_assert_uint_eq((uintptr_t)datagram % _Alignof(max_align_t), 0);
	}
	ck_assert_uint_eq(count, 200);
	tape_free(&tape);
}
END_TEST

START_TEST(who_asks_for_something_else_has_to_ask_the_kernel)
{
	struct tape tape = { 0 };
	struct nlmsghdr other = request_for(RULES);

	tape_begin(&tape, 1);
	record(&tape, RULES, 3);
	other.nlmsg_flags = NLM_F_REQUEST;

	ck_assert_ptr_null(find(&tape, CHAINS));
	ck_assert_ptr_null(tape_find(&tape, &other));
	ck_assert_ptr_null(find(NULL, RULES));
	tape_free(&tape);
}
END_TEST

START_TEST(rules_of_another_generation_are_read_anew)
{
	struct tape tape = { 0 };

	tape_begin(&tape, 1);
	record(&tape, RULES, 3);
	tape_begin(&tape, 1);
	ck_assert_ptr_nonnull(find(&tape, RULES));
	tape_begin(&tape, 2);
	ck_assert_ptr_null(find(&tape, RULES));
	ck_assert_uint_eq(tape.size, 0);
	tape_free(&tape);
}
END_TEST

/* Of what moment it would be, nobody could say. */
START_TEST(nothing_is_recorded_ahead_of_the_first_generation)
{
	const struct nlmsghdr request = request_for(RULES);
	struct tape tape = { 0 };

	ck_assert_ptr_null(tape_record(&tape, &request));
	ck_assert_ptr_null(tape_record(NULL, &request));
	tape_begin(NULL, 1);
	tape_keep(&tape, NULL);
	tape_drop(NULL);
}
END_TEST

/* Somebody may have tables of any size, and the caller has other uses for its memory. */
START_TEST(what_is_too_large_is_not_kept)
{
	const struct nlmsghdr request = request_for(RULES);
	struct tape tape = { 0 };
	struct tape_dump *dump;
	static char bytes[LARGE];
	size_t count = 0;

	tape_begin(&tape, 1);
	dump = tape_record(&tape, &request);
	while (count < 1 << 16 && tape_add(&tape, dump, bytes, sizeof(bytes)))
		count++;

	ck_assert_uint_gt(count, 1000);
	ck_assert_uint_lt(count, 1 << 16);
	tape_drop(dump);
	ck_assert_ptr_null(find(&tape, RULES));
	tape_free(&tape);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, what_was_recorded_is_heard_as_it_came);
	tcase_add_test(tcase, who_asks_for_something_else_has_to_ask_the_kernel);
	tcase_add_test(tcase, rules_of_another_generation_are_read_anew);
	tcase_add_test(tcase, nothing_is_recorded_ahead_of_the_first_generation);
	tcase_add_test(tcase, what_is_too_large_is_not_kept);
}

int main(void)
{
	return unit_main("tape", tests);
}
