/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch, and those who run it: its signals, its file, its log, and the service manager.
 */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "watched.h"

enum { EXIT_BAD_INPUT = 2 };

/* --- what its owner says ------------------------------------------------ */

START_TEST(sighup_reads_the_file_again)
{
	pid_t pid;

	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch("");
	write_text(WATCH_CONFIG, "[service ntp]\n");
	kill(pid, SIGHUP);
	wait_for_log("in force", 2);
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "[service dns]"));
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service ntp]"));

	write_text(WATCH_CONFIG, "[service ntp\n");
	kill(pid, SIGHUP);
	wait_for_log("stays in force", 1);
	ck_assert_uint_eq(count_in_log(WATCH_CONFIG ":1: "), 1);
	must("nft flush ruleset");
	must("notrackctl clear");
	wait_for_log("put right", 1);
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service ntp]"));
	end_watch(pid);
}
END_TEST

/* Refused, as the host's rules drop one service by name: the others are none the worse for it. */
START_TEST(a_file_that_is_refused_takes_nothing_away)
{
	struct line line;
	pid_t pid;

	load_shield("tcp dport 8081 drop");
	line = given_a_watched_host(&families[0], "--backend nft", &pid);
	write_text(WATCH_CONFIG, "[service dns]\n[service web]\nports = 8081\nprotocols = tcp\n");
	kill(pid, SIGHUP);
	wait_for_log("stays in force", 1);
	ck_assert_uint_eq(count_in_log("no rule of ours is there now"), 0);
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service dns]"));
	all_is_well(&line);

	must("nft delete table inet libnotrack");
	wait_for_log("put right", 1);
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "[service web]"));
	write_text(WATCH_CONFIG, "[service dns]\n[service ntp]\n");
	kill(pid, SIGHUP);
	wait_for_log("in force: ", 2);
	all_is_well(&line);
	end_watch(pid);
}
END_TEST

/* The name of a network namespace stands for another one by now, or for none: it is not followed. */
START_TEST(a_namespace_that_went_ends_its_watch)
{
	pid_t pid;

	write_text(WATCH_CONFIG, "[service dns]\n");
	must("ip netns add blue");
	must("touch /run/netns/kept");
	must("mount --bind /run/netns/blue /run/netns/kept");
	pid = start_watch("--backend nft --netns blue");
	must("ip netns del blue");
	if (_i)
		must("ip netns add blue");
	wait_for_log("was deleted", 1);
	ck_assert_int_eq(wait_for(pid), 1);	/* a service manager starts it again */
	ck_assert_ptr_nonnull(strstr(must("ip netns exec kept nft list ruleset").out, "notrack"));
	if (_i)
		ck_assert_str_eq(must("ip netns exec blue nft list ruleset").out, "");
}
END_TEST

START_TEST(a_file_that_is_wrong_at_the_start_changes_nothing)
{
	struct run wrong;

	must("notrackctl add ntp");
	write_text(WATCH_CONFIG, "[service dns]\nports = 70000\n");
	wrong = run("notrackctl watch " WATCH_CONFIG);
	ck_assert_int_eq(wrong.code, EXIT_BAD_INPUT);
	ck_assert_ptr_nonnull(strstr(wrong.err, WATCH_CONFIG ":2: "));
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service ntp]"));
	ck_assert_int_eq(run("notrackctl watch -").code, EXIT_BAD_INPUT);
}
END_TEST

START_TEST(sigterm_and_sigint_leave_the_rules)
{
	const int signals[] = { SIGTERM, SIGINT };
	const char *before;
	pid_t pid;

	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch("");
	before = must("notrackctl show --rules").out;
	ck_assert_int_eq(stop(pid, signals[_i]), 0);
	ck_assert_str_eq(must("notrackctl show --rules").out, before);
	ck_assert_ptr_nonnull(strstr(before, "NOTRACK"));
	ck_assert_ptr_null(strstr(must("ls /run").out, "notrack-watch"));
}
END_TEST

START_TEST(a_second_one_says_so)
{
	struct run second;
	pid_t pid;

	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch("");
	second = run("notrackctl watch " WATCH_CONFIG);
	ck_assert_int_eq(second.code, 1);
	ck_assert_ptr_nonnull(strstr(second.err, format_text("process %d ", pid)));

	/* another network namespace is another host */
	must("ip netns add other");
	start(HOST, "/run/other.log", "notrackctl --netns other watch " WATCH_CONFIG);
	for (unsigned int waits = 0; !strstr(must("cat /run/other.log").out, "in force");)
		ck_assert_msg(wait_a_little(&waits), "%s", read_file("/run/other.log"));
	end_watch(pid);
}
END_TEST

START_TEST(a_held_lock_is_waited_for)
{
	int lock = open("/run/xtables.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	pid_t pid;

	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start(HOST, WATCH_LOG, "notrackctl -w 0 watch " WATCH_CONFIG);
	wait_for_log("held by another program", 1);
	nanosleep(&(struct timespec){ .tv_sec = 2 }, NULL);
	ck_assert_uint_eq(count_in_log("held by another program"), 1);
	close(lock);
	wait_for_log("in force", 1);
	end_watch(pid);
}
END_TEST

/* --- the journal -------------------------------------------------------- */

static const struct journal_case {
	const char *options, *damage, *harmless;
} journal_cases[] = {
	{ "--backend nft", "nft flush ruleset", "nft add table inet other" },
	{ "--backend legacy", "iptables-legacy -w -t raw -F", "iptables-legacy -w -A FORWARD -j ACCEPT" },
};

static bool begins_with(const char *text, const char *words)
{
	return !strncmp(text, words, strlen(words));
}

/* Lines of the log, with the priority that the journal takes from their beginning. */
static void assert_log(unsigned int in_force, unsigned int repairs, unsigned int warnings)
{
	unsigned int lines = 0, known = 0;

	for (const char *line = read_file(WATCH_LOG); *line; line += strcspn(line, "\n") + 1, lines++)
		known += begins_with(line, "<6>the rules are in force: ") ||
			 (begins_with(line, "<5>put right: ") && strstr(line, " had changed ") &&
			  !strstr(line, "notrackctl (process")) ||
			 begins_with(line, "<4>warning: numbers: ");
	ck_assert_msg(lines == known && count_in_log("in force") == in_force &&
		      count_in_log("put right") == repairs && count_in_log("warning") == warnings,
		      "not %u lines in force, %u of repairs and %u warnings alone: %s", in_force, repairs,
		      warnings, read_file(WATCH_LOG));
}

/* A line for each, and none for what others did that is no matter of ours. */
START_TEST(what_it_did_is_a_line_each)
{
	const struct journal_case *given = &journal_cases[_i];
	pid_t pid;

	setenv("JOURNAL_STREAM", "1:2", 1);
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch(given->options);
	for (unsigned int i = 1; i <= 3; i++) {
		must("%s", given->damage);
		wait_for_log("put right", i);
	}
	for (unsigned int i = 1; i <= 2; i++) {
		kill(pid, SIGHUP);
		wait_for_log("in force", i + 1);
	}
	must("%s", given->harmless);
	/* the legacy tables are looked at once a second */
	nanosleep(&(struct timespec){ .tv_sec = 2, .tv_nsec = 500000000 }, NULL);
	assert_log(3, 3, 0);
	end_watch(pid);
}
END_TEST

/* The host's firewall takes us along when it is reloaded, thousands of times. */
START_TEST(a_warning_is_not_repeated_when_nothing_is_new)
{
	pid_t pid;

	setenv("JOURNAL_STREAM", "1:2", 1);
	load_shield("tcp dport 22 accept");
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch("--backend nft");
	wait_for_log("warning: numbers: ", 1);
	for (unsigned int i = 1; i <= 2; i++) {
		kill(pid, SIGHUP);
		wait_for_log("in force", i + 1);
	}
	end_watch(pid);
	assert_log(3, 0, 1);
}
END_TEST

START_TEST(json_is_a_line_each)
{
	json_error_t error;
	json_t *event;
	pid_t pid;

	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start(HOST, WATCH_LOG, "notrackctl --json watch " WATCH_CONFIG);
	wait_for_log("\n", 1);
	event = keep(json_loads(read_file(WATCH_LOG), JSON_DISABLE_EOF_CHECK, &error));
	ck_assert_msg(event != NULL, "%s: %s", error.text, read_file(WATCH_LOG));
	ck_assert_str_eq(json_string_value(json_object_get(event, "event")), "in-place");
	ck_assert_int_gt(json_integer_value(json_object_get(event, "added")), 0);
	end_watch(pid);
}
END_TEST

/* --- the service manager ------------------------------------------------ */

static int manager;

static void listen_at(const char *name, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);

	memcpy(address.sun_path + abstract, name, length);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(manager, (const void *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + length +
					  !abstract)), 0);
	setenv("NOTIFY_SOCKET", format_text("%s%s", abstract ? "@" : "", name), 1);
}

/* The next message that has the words; those before it are not of interest. */
static const char *hear(const char *words)
{
	static char text[4096];
	unsigned int waits = 0;

	do {
		ssize_t size = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

		text[size > 0 ? size : 0] = '\0';
		if (size > 0 && strstr(text, words))
			return text;
	} while (wait_a_little(&waits));
	ck_abort_msg("the manager was not told %s: %s", words, read_file(WATCH_LOG));
}

START_TEST(the_manager_is_told)
{
	const char *text;
	pid_t pid;

	listen_at(_i ? "manager" : "/run/manager", _i);
	setenv("WATCHDOG_USEC", "400000", 1);
	setenv("JOURNAL_STREAM", "1:2", 1);
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch("");

	text = hear("READY=1\n");
	ck_assert_ptr_nonnull(strstr(text, "STATUS=the rules are in force"));
	hear("WATCHDOG=1");
	hear("WATCHDOG=1");
	kill(pid, SIGHUP);
	text = hear("RELOADING=1\n");
	ck_assert_ptr_nonnull(strstr(text, "MONOTONIC_USEC="));
	hear("READY=1\n");
	write_text(WATCH_CONFIG, "[service");
	kill(pid, SIGHUP);
	hear("RELOADING=1\n");
	text = hear("READY=1\n");
	ck_assert_ptr_nonnull(strstr(text, "STATUS=the configuration cannot be used"));
	kill(pid, SIGTERM);
	hear("STOPPING=1\n");
	ck_assert_int_eq(wait_for(pid), 0);
	ck_assert_int_eq(strncmp(read_file(WATCH_LOG), "<6>the rules are in force", 24), 0);
	ck_assert_uint_eq(count_in_log("<3>" WATCH_CONFIG ":1: "), 1);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, sighup_reads_the_file_again);
	tcase_add_test(tcase, a_file_that_is_refused_takes_nothing_away);
	tcase_add_loop_test(tcase, a_namespace_that_went_ends_its_watch, 0, 2);
	tcase_add_test(tcase, a_file_that_is_wrong_at_the_start_changes_nothing);
	tcase_add_loop_test(tcase, sigterm_and_sigint_leave_the_rules, 0, 2);
	tcase_add_test(tcase, a_second_one_says_so);
	tcase_add_test(tcase, a_held_lock_is_waited_for);
	tcase_add_loop_test(tcase, what_it_did_is_a_line_each, 0,
			    sizeof(journal_cases) / sizeof(journal_cases[0]));
	tcase_add_test(tcase, a_warning_is_not_repeated_when_nothing_is_new);
	tcase_add_test(tcase, json_is_a_line_each);
	tcase_add_loop_test(tcase, the_manager_is_told, 0, 2);
}

int main(void)
{
	return netns_main("watch-owner", tests);
}
