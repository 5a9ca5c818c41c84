/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A commit that fails, wherever it does, leaves every table byte for byte as it
 * was, counters and all. Each change is tried again and again, and each time
 * the next one of its calls to the kernel fails, until none is left to fail.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter_ipv4/ip_tables.h>

#include "changes.h"
#include "inject.h"
#include "model.h"
#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	CALLS_MAX = 500,	/* of one change; more is no end in sight */
	LOCKED = 1,		/* of the changes, the last one */
	LARGE = 2,		/* those with most steps to undo, the first ones */
};

/* --- the tables around them ------------------------------------------- */

struct story {
	const struct change *change;
	struct saved before, after;
};

static struct story given(const struct change *change)
{
	struct story story = { .change = change };
	struct attempt attempt = { .change = change, .nt = new_context() };

	given_rules_of_others();
	must_do(attempt.nt, change->given(attempt.nt));
	must_do(attempt.nt, notrack_commit(attempt.nt, NULL));
	given_counters();
	ck_assert_int_eq(must_do(attempt.nt, notrack_diff(attempt.nt, NULL, NULL)), 0);
	story.before = tables_save_both();
	notrack_free(attempt.nt);

	attempt.nt = new_context();
	ck_assert_int_gt(must_do(attempt.nt, attempt_it(&attempt)), 0);
	story.after = tables_save_both();
	notrack_free(attempt.nt);
	ck_assert_ptr_nonnull(first_difference(story.after.table[0], story.before.table[0]));
	tables_restore(&story.before);
	assert_same_tables(&story.before, "given");
	return story;
}

/* --- what an error must say ------------------------------------------- */

static const char *family_of(const struct injected *injected)
{
	return injected->level == IPPROTO_IP ? "IPv4" : "IPv6";
}

static void assert_sentence(const struct notrack *nt, const struct injected *injected,
			    const char *when)
{
	const char *expected = injected_probe(injected) ? "matches and targets" :
		format_text("table %s (%s)", injected->name, family_of(injected));
	const char *error = notrack_error(nt);

	ck_assert_msg(strstr(error, expected) && strstr(error, family_of(injected)),
		      "%s: \"%s\" does not name %s of %s", when, error, expected,
		      family_of(injected));
}

/* As notrack.h has it. */
static void assert_code(int result, int err, const char *when)
{
	int expected = err == EINVAL ? -EIO : -err;

	ck_assert_msg(result == expected, "%s: returned %d, not %d", when, result, expected);
}

static const char *describe(const struct story *story, unsigned int nth, int err,
			    const struct injected *injected)
{
	return format_text("%s; call %u (option %d of %s, %s) failed: %s", story->change->name,
			   nth, injected->option, family_of(injected), injected->name,
			   strerror(err));
}

/* --- one call fails --------------------------------------------------- */

/*
 * The same context can go on. After a call that only read, it is asked what it
 * would do; after one that wrote, it does it.
 */
static void goes_on(const struct story *story, struct attempt *attempt,
		    const struct injected *injected, const char *when)
{
	int result = prepare_it(attempt);

	if (!result)
		result = injected->write ? notrack_commit(attempt->nt, NULL) :
					   notrack_diff(attempt->nt, NULL, NULL);
	ck_assert_msg(result > 0, "%s; then, unhindered: %d: %s", when, result,
		      notrack_error(attempt->nt));
	if (injected->write)
		assert_same_tables(&story->after, when);
}

static bool is_about_counters(const struct injected *injected)
{
	return injected->write && injected->option == IPT_SO_SET_ADD_COUNTERS;
}

/* Returns whether there was an nth call. */
static bool fail_call(const struct story *story, unsigned int nth, int err)
{
	struct attempt attempt = { .change = story->change, .nt = new_context() };
	struct injected injected;
	const char *when;
	int result;

	inject_begin(FAULT_ONCE, nth, err);
	result = attempt_it(&attempt);
	injected = inject_end();

	when = describe(story, nth, err, &injected);
	if (result < 0) {
		ck_assert_msg(injected.count, "%s: %s", when, notrack_error(attempt.nt));
		assert_code(result, err, when);
		assert_sentence(attempt.nt, &injected, when);
		assert_same_tables(&story->before, when);
		goes_on(story, &attempt, &injected, when);
	} else {
		/* counters that failed to be added are added again */
		ck_assert_msg(!injected.count || is_about_counters(&injected),
			      "%s: nobody noticed", when);
		assert_same_tables(&story->after, when);
	}
	notrack_free(attempt.nt);	/* and the lock, which iptables-restore takes */
	if (result >= 0 || injected.write)
		tables_restore(&story->before);
	return injected.count;
}

/* Each call, or those from the @first on that are @step apart. */
static void fail_calls(const struct change *change, int err, unsigned int first, unsigned int step)
{
	struct story story = given(change);
	unsigned int nth = first;

	while (fail_call(&story, nth, err))
		ck_assert_uint_lt(nth += step, CALLS_MAX);
	ck_assert_uint_gt(nth, 20);
}

START_TEST(no_memory_in_any_call_leaves_every_table_as_it_was)
{
	fail_calls(&changes[_i], ENOMEM, 1, 1);
}
END_TEST

/* What becomes of the tables is the same whatever the error was: calls in turn will do. */
START_TEST(no_permission_leaves_every_table_as_it_was)
{
	fail_calls(&changes[_i], EPERM, 1, 3);
}
END_TEST

START_TEST(a_refusal_leaves_every_table_as_it_was)
{
	fail_calls(&changes[_i], EINVAL, 2, 3);
}
END_TEST

/* --- another program was faster --------------------------------------- */

START_TEST(a_table_that_changed_meanwhile_is_done_again)
{
	struct story story = given(&changes[_i]);
	unsigned int nth = 1, replaced = 0;
	struct injected injected;

	do {
		struct attempt attempt = { .change = story.change, .nt = new_context() };
		const char *when;
		int result;

		inject_begin(FAULT_ONCE, nth, EAGAIN);
		result = attempt_it(&attempt);
		injected = inject_end();

		when = describe(&story, nth, EAGAIN, &injected);
		if (!injected_probe(&injected))
			ck_assert_msg(result > 0, "%s: %d: %s", when, result,
				      notrack_error(attempt.nt));
		if (result > 0)
			assert_same_tables(&story.after, when);
		else
			assert_same_tables(&story.before, when);
		replaced += injected.write && injected.option == IPT_SO_SET_REPLACE;
		notrack_free(attempt.nt);
		tables_restore(&story.before);
		ck_assert_uint_lt(++nth, CALLS_MAX);
	} while (injected.count);
	ck_assert_uint_gt(replaced, 0);
}
END_TEST

/* Without the lock, and with a rule that says where it was. */
static void change_rules(const char *action, const char *table, int level)
{
	setenv("XTABLES_LOCKFILE", "/run/of-his-own.lock", 1);
	must("%s-legacy -t %s -%s OUTPUT -p udp --dport 9 -j ACCEPT",
	     level == IPPROTO_IP ? "iptables" : "ip6tables", table, action);
	unsetenv("XTABLES_LOCKFILE");
}

static struct {
	char table[32];
	int level;
} intruded;

static void intrude(const char *table, int level)
{
	strcpy(intruded.table, table);
	intruded.level = level;
	change_rules("I", table, level);
}

/* iptables loses the counters of policies with each change. */
static char *without_policies(const char *saved)
{
	char *text = strdup(saved), *end, *policy = text;

	while ((policy = strstr(policy, "\n:")) && (end = strchr(policy + 1, '\n')))
		memmove(policy + 1, end, strlen(end) + 1);
	return keep(text);
}

static void assert_same_but_policies(const struct saved *expected, const char *when)
{
	struct saved found = tables_save_both();

	for (int i = 0; i < FAMILY_COUNT; i++) {
		const char *difference = first_difference(without_policies(found.table[i]),
							  without_policies(expected->table[i]));

		ck_assert_msg(!difference, "%s, %s: %s", when, families[i].name, difference);
	}
}

/* Between the table and its counters. */
START_TEST(counters_find_their_rules_in_a_table_that_was_changed_meanwhile)
{
	struct story story = given(&changes[_i]);
	unsigned int nth = 1;
	struct injected injected;

	do {
		struct attempt attempt = { .change = story.change, .nt = new_context() };
		const char *when = format_text("%s, counters %u", story.change->name, nth);

		inject_intruder(IPT_SO_SET_ADD_COUNTERS, nth, intrude);
		ck_assert_int_gt(must_do(attempt.nt, attempt_it(&attempt)), 0);
		injected = inject_end();
		if (injected.count)
			change_rules("D", intruded.table, intruded.level);
		assert_same_but_policies(&story.after, when);
		notrack_free(attempt.nt);
		tables_restore(&story.before);
		ck_assert_uint_lt(++nth, CALLS_MAX);
	} while (injected.count);
	ck_assert_uint_gt(nth, 2);
}
END_TEST

/* Somebody flushed the built-in chains: no jump was there, and none is left. */
START_TEST(jumps_that_were_not_there_go_again)
{
	static const char *const flushed[] = { "filter -F INPUT", "filter -F OUTPUT",
					       "raw -F PREROUTING", "raw -F OUTPUT" };
	struct story story = given(&changes[_i]);
	unsigned int nth = 1;
	struct injected injected;

	for (int i = 0; i < FAMILY_COUNT; i++)
		for (size_t j = 0; j < COUNT(flushed); j++)
			must("%s -t %s", families[i].tables, flushed[j]);
	story.before = tables_save_both();
	do {
		struct attempt attempt = { .change = story.change, .nt = new_context() };

		inject_begin(FAULT_ONCE, nth, EPERM);
		if (attempt_it(&attempt) < 0)
			assert_same_tables(&story.before, format_text("flushed; call %u", nth));
		injected = inject_end();
		notrack_free(attempt.nt);
		tables_restore(&story.before);
		ck_assert_uint_lt(++nth, CALLS_MAX);
	} while (injected.count);
	ck_assert_uint_gt(nth, 20);
}
END_TEST

/* --- nothing works for a while, or from then on ------------------------ */

/*
 * Whether the table was replaced is not to be seen at first.  Once it is, either it was not, and
 * nothing but the first cause is said; or it was, and its counters have gone.
 */
START_TEST(what_could_not_be_seen_at_first_is_seen_in_the_end)
{
	struct story story = given(&changes[_i]);
	unsigned int nth = 1, replaced = 0, bare = 0;
	struct injected injected;

	do {
		struct attempt attempt = { .change = story.change, .nt = new_context() };
		const char *when;
		int result;

		inject_begin(FAULT_FOR_A_WHILE, nth, ENOMEM);
		result = attempt_it(&attempt);
		injected = inject_end();

		when = describe(&story, nth, ENOMEM, &injected);
		if (!injected.write) {		/* then what was done before may stay */
			ck_assert(!injected.count || result < 0);
		} else if (result == -ENOTRECOVERABLE) {
			ck_assert_msg(is_about_counters(&injected), "%s: %s", when,
				      notrack_error(attempt.nt));
			ck_assert_ptr_nonnull(strstr(notrack_error(attempt.nt), "counters"));
			bare++;
		} else if (result < 0) {
			assert_code(result, ENOMEM, when);
			ck_assert_ptr_null(strstr(notrack_error(attempt.nt), "replaced"));
			assert_same_tables(&story.before, when);
			replaced++;
		}
		notrack_free(attempt.nt);
		tables_restore(&story.before);
		ck_assert_uint_lt(++nth, CALLS_MAX);
	} while (injected.count);
	ck_assert_uint_gt(replaced, 0);
	ck_assert_uint_gt(bare, 0);
}
END_TEST

/* Where it says of a table what became of it, that has to be true. */
static void assert_lost(const struct saved *before, const struct injected *injected,
			const char *said, const char *when)
{
	bool may = strstr(said, "may have been replaced");
	bool same = true;

	for (int i = 0; i < FAMILY_COUNT; i++)
		same &= !first_difference(tables_save_both().table[i], before->table[i]);
	ck_assert_msg(may || !same, "%s: nothing is lost, but \"%s\"", when, said);
	if (injected->write && injected->option == IPT_SO_SET_REPLACE)
		ck_assert_msg(!strstr(said, "was replaced"), "%s: \"%s\"", when, said);
}

START_TEST(what_could_not_be_put_back_is_said)
{
	struct story story = given(&changes[_i]);
	unsigned int nth = 1, lost = 0;
	struct injected injected;

	do {
		struct attempt attempt = { .change = story.change, .nt = new_context() };
		const char *when;
		int result;

		inject_begin(FAULT_FROM_THEN_ON, nth, ENOMEM);
		result = attempt_it(&attempt);
		injected = inject_end();

		when = describe(&story, nth, ENOMEM, &injected);
		ck_assert_msg(!injected.count || result < 0, "%s: %d", when, result);
		if (result < 0) {
			ck_assert_str_ne(notrack_error(attempt.nt), "");
			if (result != -ENOTRECOVERABLE)
				assert_same_tables(&story.before, when);
			else
				assert_lost(&story.before, &injected, notrack_error(attempt.nt), when);
			lost += result == -ENOTRECOVERABLE;
			must_do(attempt.nt, attempt_it(&attempt));
		}
		assert_same_rules(&story.after, when);
		notrack_free(attempt.nt);
		tables_restore(&story.before);
		ck_assert_uint_lt(++nth, CALLS_MAX);
	} while (injected.count);
	ck_assert_uint_gt(lost, 0);
}
END_TEST

static void tests(TCase *tcase)
{
	int count = CHANGES, unlocked = count - LOCKED;

	tcase_add_loop_test(tcase, no_memory_in_any_call_leaves_every_table_as_it_was, 0, count);
	tcase_add_loop_test(tcase, no_permission_leaves_every_table_as_it_was, 0,
			    LARGE);
	tcase_add_loop_test(tcase, a_refusal_leaves_every_table_as_it_was, LARGE,
			    unlocked);
	tcase_add_loop_test(tcase, a_table_that_changed_meanwhile_is_done_again, 0, unlocked);
	tcase_add_loop_test(tcase, counters_find_their_rules_in_a_table_that_was_changed_meanwhile, 0,
			    unlocked);
	tcase_add_loop_test(tcase, jumps_that_were_not_there_go_again, 0, unlocked);
	tcase_add_loop_test(tcase, what_could_not_be_seen_at_first_is_seen_in_the_end, 0, LARGE);
	tcase_add_loop_test(tcase, what_could_not_be_put_back_is_said, 0, LARGE);
}

int main(void)
{
	return netns_main("fault", tests);
}
