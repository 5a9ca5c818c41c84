/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What there is to say about a host. */
#include "unit.h"
#include "verify/finding.h"

enum { MANY = 50000 };

static int add(struct findings *findings, const char *code, unsigned int number)
{
	return findings_add(findings, code, number % 2 ? NOTRACK_FAILED : NOTRACK_WARNING,
			    "ip host chain %u does what is told at some length of each of its rules",
			    number);
}

static void fill(struct findings *findings, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		expect(!add(findings, i % 3 ? "nat" : "forwarded", i), "out of memory");
}

/* Each compared with each, so many would take minutes. */
START_TEST(each_of_many_is_told_once)
{
	struct findings findings = { 0 }, joined = { 0 };

	fill(&findings, MANY);
	fill(&findings, MANY);
	ck_assert_uint_eq(findings.count, MANY);
	ck_assert_int_eq(findings_join(&joined, &findings), 0);
	ck_assert_int_eq(findings_join(&joined, &findings), 0);
	ck_assert_uint_eq(joined.count, MANY);
	ck_assert_uint_eq(findings_count_failures(&joined), MANY / 2);
	findings_excuse(&joined, &findings, &(struct findings){ 0 });
	ck_assert_uint_eq(findings_count_failures(&joined), 0);
	findings_free(&findings);
	findings_free(&joined);
}
END_TEST

START_TEST(what_was_removed_may_be_added_again)
{
	struct findings findings = { 0 };

	findings_remove(&findings, "nat");
	fill(&findings, 30);
	findings_remove(&findings, "forwarded");
	ck_assert_uint_eq(findings.count, 20);
	fill(&findings, 30);
	ck_assert_uint_eq(findings.count, 30);
	findings_remove(&findings, "nat");
	findings_remove(&findings, "forwarded");
	ck_assert_uint_eq(findings.count, 0);
	ck_assert_ptr_null(findings_failure(&findings));
	findings_free(&findings);
}
END_TEST

START_TEST(one_sentence_may_be_said_of_two_codes)
{
	struct findings findings = { 0 };

	ck_assert(!add(&findings, "nat", 1) && !add(&findings, "forwarded", 1) &&
		  !add(&findings, "nat", 1));
	ck_assert_uint_eq(findings.count, 2);
	findings_free(&findings);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, each_of_many_is_told_once);
	tcase_add_test(tcase, what_was_removed_may_be_added_again);
	tcase_add_test(tcase, one_sentence_may_be_said_of_two_codes);
}

int main(void)
{
	return unit_main("finding", tests);
}
