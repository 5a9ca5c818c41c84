/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock that iptables takes too: who waits for whom, and that nobody loses. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "tables.h"

enum {
	EXIT_BUSY = 4,
	WRITERS = 8,
	LIMITS_EACH = 50,
	IPTABLES_WRITERS = 2,
	RULES_EACH = 60,
};

static int hold(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0 && flock(fd, LOCK_EX) == 0, "%s: %s", path, strerror(errno));
	return fd;
}

static bool a_second_has_passed(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - since->tv_sec > 1 ||
	       (now.tv_sec - since->tv_sec == 1 && now.tv_nsec >= since->tv_nsec);
}

static bool is_added(void)
{
	return strstr(tables_save_all(), suite_is_nft() ? "libnotrack" : "NOTRACK") != NULL;
}

static void is_busy_while_held(const char *path)
{
	struct timespec begin;
	struct run busy;
	int lock = hold(path);

	clock_gettime(CLOCK_MONOTONIC, &begin);
	busy = run("notrackctl -w 1 add dns");

	ck_assert_msg(busy.code == EXIT_BUSY, "exit %d: %s", busy.code, busy.err);
	ck_assert_msg(strcasestr(busy.err, "lock") != NULL, "does not say what for: %s", busy.err);
	ck_assert_msg(a_second_has_passed(&begin), "did not wait");
	ck_assert(!is_added());
	close(lock);
	must("notrackctl -w 1 add dns");
}

START_TEST(a_held_lock_is_waited_for_as_long_as_asked)
{
	is_busy_while_held("/run/xtables.lock");
}
END_TEST

START_TEST(the_lock_is_where_xtables_lockfile_says)
{
	setenv("XTABLES_LOCKFILE", "/run/another.lock", 1);

	is_busy_while_held("/run/another.lock");
}
END_TEST

START_TEST(another_lock_is_none_of_ours)
{
	int lock = hold("/run/xtables.lock");

	setenv("XTABLES_LOCKFILE", "/run/another.lock", 1);

	must("notrackctl -w 1 add dns");
	close(lock);
}
END_TEST

START_TEST(a_lock_given_back_in_time_is_taken)
{
	int lock = hold("/run/xtables.lock");
	pid_t waiting = start(HOST, "/run/output", "notrackctl -w 60 add dns");
	unsigned int waits = 0;

	/* Reading proc: it has the lock's file open, so it is waiting, or about to. */
	while (!strstr(run("ls -l /proc/%d/fd", waiting).out, "xtables.lock") && wait_a_little(&waits))
		;
	ck_assert(!is_added());
	close(lock);

	ck_assert_msg(wait_for(waiting) == 0, "%s", read_file("/run/output"));
	ck_assert(is_added());
}
END_TEST

static pid_t limit_clients(unsigned int writer)
{
	pid_t pid = fork_child();

	if (pid)
		return pid;
	for (unsigned int i = 0; i < LIMITS_EACH; i++)
		must("notrackctl -w 100 limit dns 198.18.%u.%u --above %u/min", writer, i, writer + 1);
	_exit(EXIT_SUCCESS);
}

/* Adds rules, and takes every other one away again. */
static pid_t change_with_iptables(unsigned int writer)
{
	const char *iptables = families[0].tables;
	pid_t pid = fork_child();

	if (pid)
		return pid;
	for (unsigned int i = 0; i < RULES_EACH; i++) {
		must("%s -w -A INPUT -s 198.19.%u.%u -j ACCEPT", iptables, writer, i);
		if (i % 2)
			must("%s -w -D INPUT -s 198.19.%u.%u -j ACCEPT", iptables, writer, i - 1);
	}
	_exit(EXIT_SUCCESS);
}

static void every_limit_is_there(void)
{
	char *shown = keep(json_dumps(must_json("notrackctl show --json"), 0));

	for (unsigned int writer = 0; writer < WRITERS; writer++)
		for (unsigned int i = 0; i < LIMITS_EACH; i++)
			ck_assert_msg(strstr(shown, format_text("\"198.18.%u.%u\"", writer, i)) ||
				      strstr(shown, format_text("\"198.18.%u.%u/32\"", writer, i)),
				      "lost: 198.18.%u.%u", writer, i);
}

static void every_foreign_rule_is_there(void)
{
	char *saved = table_save(&families[0], "filter");

	for (unsigned int writer = 0; writer < IPTABLES_WRITERS; writer++)
		for (unsigned int i = 0; i < RULES_EACH; i++) {
			char *rule = format_text("-A INPUT -s 198.19.%u.%u/32 -j ACCEPT\n", writer, i);

			ck_assert_msg((strstr(saved, rule) != NULL) == i % 2, "%s: %s",
				      i % 2 ? "lost" : "came back", rule);
		}
}

START_TEST(a_storm_of_writers_loses_no_rule)
{
	pid_t writers[WRITERS + IPTABLES_WRITERS];

	must("notrackctl add dns");

	for (unsigned int i = 0; i < WRITERS; i++)
		writers[i] = limit_clients(i);
	for (unsigned int i = 0; i < IPTABLES_WRITERS; i++)
		writers[WRITERS + i] = change_with_iptables(i);
	for (unsigned int i = 0; i < WRITERS + IPTABLES_WRITERS; i++)
		ck_assert_int_eq(wait_for(writers[i]), 0);

	every_limit_is_there();
	every_foreign_rule_is_there();
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, a_held_lock_is_waited_for_as_long_as_asked);
	tcase_add_test(tcase, the_lock_is_where_xtables_lockfile_says);
	tcase_add_test(tcase, another_lock_is_none_of_ours);
	tcase_add_test(tcase, a_lock_given_back_in_time_is_taken);
	tcase_add_test(tcase, a_storm_of_writers_loses_no_rule);
}

int main(void)
{
	return netns_main("lock", tests);
}
