/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers over netlink, datagram by datagram: what they may and may not make us read. */
#include "support/netlink.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "unit.h"

enum { SEQUENCE = 1000, ROUNDS = 200000 };

/* --- messages --------------------------------------------------------- */

static uint32_t bytes[1024];
static size_t used;

static struct nlmsghdr *put_message(uint16_t type, uint32_t sequence)
{
	struct nlmsghdr *message = (void *)((char *)bytes + used);

	*message = (struct nlmsghdr){ .nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = type,
				      .nlmsg_flags = NLM_F_MULTI, .nlmsg_seq = sequence };
	used += NLMSG_HDRLEN;
	return message;
}

static void put_status(uint16_t type, uint32_t sequence, int status)
{
	struct nlmsghdr *message = put_message(type, sequence);

	memcpy(NLMSG_DATA(message), &status, sizeof(status));
	message->nlmsg_len += (uint32_t)sizeof(status);
	used += NLMSG_ALIGN(sizeof(status));
}

static unsigned int handed_over;

static int take(const struct nlmsghdr *message, void *data)
{
	(void)message;
	handed_over++;
	return data ? *(int *)data : 0;
}

/* At the very end of a block, for a sanitizer to see what is read past it. */
static int take_datagram(struct netlink_answers *answers)
{
	char *datagram = malloc(used ? used : 1);
	int result;

	memcpy(datagram, bytes, used);
	handed_over = 0;
	answers->take = answers->take ? answers->take : take;
	result = netlink_answers_take(answers, datagram, used);
	free(datagram);
	return result;
}

static struct netlink_answers answers_to(uint32_t first, uint32_t last)
{
	return (struct netlink_answers){ .first = first, .last = last };
}

/* --- one request ------------------------------------------------------ */

START_TEST(answers_are_handed_over_up_to_the_end)
{
	struct netlink_answers answers = answers_to(SEQUENCE, SEQUENCE);

	put_message(NLMSG_MIN_TYPE, SEQUENCE);
	put_message(NLMSG_NOOP, SEQUENCE);
	put_message(NLMSG_MIN_TYPE, SEQUENCE);
	ck_assert_int_eq(take_datagram(&answers), 0);
	ck_assert_uint_eq(handed_over, 2);
	ck_assert_uint_eq(answers.settled, 0);

	used = 0;
	put_status(NLMSG_DONE, SEQUENCE, 0);
	put_message(NLMSG_MIN_TYPE, SEQUENCE);
	ck_assert_int_eq(take_datagram(&answers), 0);
	ck_assert_uint_eq(handed_over, 0);
	ck_assert_uint_eq(answers.settled, 1);
}
END_TEST

START_TEST(a_refusal_is_its_errno)
{
	struct netlink_answers answers = answers_to(SEQUENCE, SEQUENCE);

	put_status(NLMSG_ERROR, SEQUENCE, -EPERM);
	ck_assert_int_eq(take_datagram(&answers), -EPERM);
}
END_TEST

START_TEST(what_the_visitor_returns_ends_it)
{
	struct netlink_answers answers = answers_to(SEQUENCE, SEQUENCE);
	int result = 7;

	answers.data = &result;
	put_message(NLMSG_MIN_TYPE, SEQUENCE);
	put_message(NLMSG_MIN_TYPE, SEQUENCE);
	ck_assert_int_eq(take_datagram(&answers), 7);
	ck_assert_uint_eq(handed_over, 1);
}
END_TEST

START_TEST(answers_to_other_requests_are_ignored)
{
	struct netlink_answers answers = answers_to(SEQUENCE, SEQUENCE);

	put_message(NLMSG_MIN_TYPE, SEQUENCE - 1);
	put_status(NLMSG_DONE, 0, 0);
	put_status(NLMSG_ERROR, SEQUENCE + 1, -EPERM);
	ck_assert_int_eq(take_datagram(&answers), 0);
	ck_assert_uint_eq(handed_over, 0);
	ck_assert_uint_eq(answers.settled, 0);
}
END_TEST

START_TEST(a_dump_tells_that_it_was_interrupted)
{
	struct netlink_answers answers = answers_to(SEQUENCE, SEQUENCE);

	put_message(NLMSG_MIN_TYPE, SEQUENCE)->nlmsg_flags |= NLM_F_DUMP_INTR;
	put_status(NLMSG_DONE, SEQUENCE, 0);
	ck_assert_int_eq(take_datagram(&answers), 0);
	ck_assert(answers.interrupted);
}
END_TEST

/* The kernel goes on with it when there is room; a question's answer is lost. */
START_TEST(only_a_dump_outlives_a_full_queue)
{
	struct netlink_answers dump = answers_to(SEQUENCE, SEQUENCE), question = dump;

	dump.dump = true;
	put_status(NLMSG_ERROR, SEQUENCE, -ENOBUFS);
	ck_assert_int_eq(take_datagram(&dump), 0);
	ck_assert_uint_eq(dump.settled, 0);
	ck_assert_int_eq(take_datagram(&question), -ENOBUFS);
}
END_TEST

/* --- many requests, and none ------------------------------------------ */

START_TEST(each_of_many_requests_is_settled)
{
	struct netlink_answers answers = answers_to(UINT32_MAX - 1, 2);

	answers.all = true;
	put_status(NLMSG_ERROR, UINT32_MAX - 1, 0);
	put_status(NLMSG_ERROR, UINT32_MAX, -ENOENT);
	put_status(NLMSG_ERROR, 1, 0);
	put_status(NLMSG_ERROR, 2, 0);
	put_status(NLMSG_ERROR, 3, 0);
	put_status(NLMSG_ERROR, UINT32_MAX - 2, 0);
	ck_assert_int_eq(take_datagram(&answers), 0);
	ck_assert_uint_eq(answers.settled, 4);
	ck_assert_uint_eq(handed_over, 4);
}
END_TEST

START_TEST(events_have_any_number)
{
	struct netlink_answers answers = { .events = true, .all = true };

	put_message(NLMSG_MIN_TYPE, 0);
	put_message(NLMSG_MIN_TYPE, 4711);
	ck_assert_int_eq(take_datagram(&answers), 0);
	ck_assert_uint_eq(handed_over, 2);
}
END_TEST

/* --- wrong lengths ---------------------------------------------------- */

static const uint32_t wrong_lengths[] = {
	0, 1, NLMSG_HDRLEN - 1, 2 * NLMSG_HDRLEN + 1, 0x7fffffff, 0x80000000, 0xf0000000, 0xffffffff,
};
enum { WRONG_LENGTHS = sizeof(wrong_lengths) / sizeof(wrong_lengths[0]) };

START_TEST(a_wrong_length_is_an_error)
{
	struct netlink_answers answers = answers_to(SEQUENCE, SEQUENCE);
	struct nlmsghdr *message = put_message(NLMSG_MIN_TYPE, SEQUENCE);

	put_message(NLMSG_MIN_TYPE, SEQUENCE);
	message->nlmsg_len = wrong_lengths[_i];
	ck_assert_int_eq(take_datagram(&answers), -EBADMSG);
	ck_assert_uint_eq(handed_over, 0);
}
END_TEST

START_TEST(half_a_header_is_an_error)
{
	struct netlink_answers answers = answers_to(SEQUENCE, SEQUENCE);

	put_message(NLMSG_MIN_TYPE, SEQUENCE);
	used -= 4;
	ck_assert_int_eq(take_datagram(&answers), -EBADMSG);
	used = 1;
	ck_assert_int_eq(take_datagram(&answers), -EBADMSG);
}
END_TEST

START_TEST(an_error_without_a_status_is_an_error)
{
	struct netlink_answers answers = answers_to(SEQUENCE, SEQUENCE);

	put_message(NLMSG_ERROR, SEQUENCE);
	ck_assert_int_eq(take_datagram(&answers), -EBADMSG);
	used = 0;
	put_status(NLMSG_ERROR, SEQUENCE, EPERM);	/* would pass for a count */
	ck_assert_int_eq(take_datagram(&answers), -EBADMSG);
	used = 0;
	put_message(NLMSG_DONE, SEQUENCE);		/* while this is how some dumps end */
	answers.settled = 0;
	ck_assert_int_eq(take_datagram(&answers), 0);
	ck_assert_uint_eq(answers.settled, 1);
}
END_TEST

struct range {
	const char *first, *last;
};

static int stays_within(const struct nlmsghdr *message, void *data)
{
	const struct range *datagram = data;
	const char *first = (const char *)message;

	expect(first >= datagram->first && first + message->nlmsg_len <= datagram->last,
	       "a message reaches out of its datagram");
	return 0;
}

START_TEST(no_datagram_leads_out_of_itself)
{
	for (int round = 0; round < ROUNDS; round++) {
		size_t size = random_below(200);
		char *datagram = malloc(size + 1);
		struct range range = { datagram, datagram + size };
		struct netlink_answers answers = {
			.last = random_chance(50) ? UINT32_MAX : 3, .all = random_chance(50),
			.events = random_chance(20), .dump = random_chance(50),
			.take = stays_within, .data = &range,
		};

		/* small numbers, as lengths and types mostly are */
		for (size_t i = 0; i < size; i++)
			datagram[i] = (char)(random_chance(60) ? 0 : random_below(random_chance(90) ? 40 : 256));
		netlink_answers_take(&answers, datagram, size);
		free(datagram);
	}
}
END_TEST

/* Callers negate it. */
START_TEST(a_status_that_no_errno_is_is_an_error)
{
	static const int wrong[] = { 1, INT_MAX, INT_MIN, -8192 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct netlink_answers answers = { .first = SEQUENCE, .last = SEQUENCE };

		used = 0;
		put_status(NLMSG_ERROR, SEQUENCE, wrong[i]);
		ck_assert_int_eq(take_datagram(&answers), -EBADMSG);
	}
}
END_TEST

/* --- what errors mean ------------------------------------------------- */

/* Those that notrack.h lists, and the same ones whoever asks. */
static const struct {
	int err, told;
	const char *says;
} explained[] = {
	{ -EAFNOSUPPORT, -EPERM, "AF_NETLINK" }, { -EPERM, -EPERM, "CAP_NET_ADMIN" },
	{ -EACCES, -EPERM, "CAP_NET_ADMIN" }, { -ENOMEM, -ENOMEM, "it: out of memory" },
	{ -EMFILE, -ENOMEM, "it: " }, { -ENOBUFS, -EBUSY, "it: answers of the kernel were lost" },
	{ -ETIMEDOUT, -EBUSY, "it: answers of the kernel were lost" },
	{ -EINTR, -EBUSY, "it: another program" }, { -EBADMSG, -EIO, "it: " }, { -EINVAL, -EIO, "it: " },
};

START_TEST(an_error_means_the_same_everywhere)
{
	struct error error;

	ck_assert_int_eq(netlink_explain(explained[_i].err, "it", &error), explained[_i].told);
	ck_assert_msg(strstr(error.text, explained[_i].says), "%s", error.text);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, an_error_means_the_same_everywhere, 0,
			    sizeof(explained) / sizeof(explained[0]));
	tcase_add_test(tcase, a_status_that_no_errno_is_is_an_error);
	tcase_add_test(tcase, answers_are_handed_over_up_to_the_end);
	tcase_add_test(tcase, a_refusal_is_its_errno);
	tcase_add_test(tcase, what_the_visitor_returns_ends_it);
	tcase_add_test(tcase, answers_to_other_requests_are_ignored);
	tcase_add_test(tcase, a_dump_tells_that_it_was_interrupted);
	tcase_add_test(tcase, only_a_dump_outlives_a_full_queue);
	tcase_add_test(tcase, each_of_many_requests_is_settled);
	tcase_add_test(tcase, events_have_any_number);
	tcase_add_loop_test(tcase, a_wrong_length_is_an_error, 0, WRONG_LENGTHS);
	tcase_add_test(tcase, half_a_header_is_an_error);
	tcase_add_test(tcase, an_error_without_a_status_is_an_error);
	tcase_add_test(tcase, no_datagram_leads_out_of_itself);
}

int main(void)
{
	return unit_main("netlink", tests);
}
