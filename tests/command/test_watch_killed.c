/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch, killed at any moment: what it left is put right by the next one.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "watched.h"

enum {
	KILLS = 8,
	KILLS_APART_NS = 1000000,
	AT_WORK_NS = 500000,		/* more than a look at tables that did not change takes */
};

START_TEST(what_a_killed_one_left_is_put_right_by_the_next)
{
	struct line line;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[0], "", &pid);
	ck_assert_int_eq(stop(pid, SIGKILL), 128 + SIGKILL);
	load_shield("tcp dport 80 accept");
	must("notrackctl add ntp");
	pid = start_watch("");
	all_is_well(&line);
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "[service ntp]"));
	end_watch(pid);
}
END_TEST

static void change_nft(int port)
{
	load_shield(format_text("tcp dport %d accept", port));
}

static void flush_nft(int port)
{
	change_nft(port);
	must("nft flush ruleset");
}

static void restore_nft(int port)
{
	restore("iptables-nft-restore", port);
}

static void restore_legacy(int port)
{
	restore("iptables-legacy-restore", port);
}

static const struct change {
	const char *what;
	void (*make)(int port);
} changes[] = {
	{ "nft -f", change_nft },
	{ "nft flush ruleset", flush_nft },
	{ "iptables-nft-restore", restore_nft },
	{ "iptables-legacy-restore", restore_legacy },
};

/* How long it has been on a processor. */
static unsigned long long worked_ns(pid_t pid)
{
	unsigned long long ns = 0;
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (file && fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	if (file)
		fclose(file);
	return ns;
}

/* So long after it began to work, beside the test. */
static void kill_at_work(pid_t pid, long after_ns)
{
	unsigned long long before = worked_ns(pid);

	if (fork_child())
		return;
	while (worked_ns(pid) < before + AT_WORK_NS)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	nanosleep(&(struct timespec){ .tv_nsec = after_ns }, NULL);
	kill(pid, SIGKILL);
	_exit(0);
}

/* Rules of others, but for ours, which may be beside them for now. */
static const char *rules_of_others(void)
{
	must("notrackctl clear");
	return format_text("%s%s", nft_rules(), without_moment(must("iptables-legacy-save").out));
}

/*
 * It repairs for a few milliseconds: killed before, within and after that.  Whatever it left
 * undone, those who were answered are answered again after the next start.
 */
START_TEST(killed_at_work_it_leaves_nothing_that_the_next_one_does_not_mend)
{
	const struct change *change = &changes[_i];
	const char *left;
	struct line line;
	pid_t pid;

	change->make(22);
	line = given_a_watched_host(&families[0], "", &pid);
	for (int i = 0; i < KILLS; i++) {
		kill_at_work(pid, i * KILLS_APART_NS);
		change->make(i % 2 ? 22 : 80);
		ck_assert_int_eq(wait_for(pid), 128 + SIGKILL);
		pid = start_watch("");
		all_is_well(&line);
	}
	end_watch(pid);
	left = rules_of_others();
	change->make(KILLS % 2 ? 80 : 22);
	assert_same_text(left, rules_of_others());
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, what_a_killed_one_left_is_put_right_by_the_next);
	tcase_add_loop_test(tcase, killed_at_work_it_leaves_nothing_that_the_next_one_does_not_mend, 0,
			    sizeof(changes) / sizeof(changes[0]));
}

int main(void)
{
	return netns_main("watch-killed", tests);
}
