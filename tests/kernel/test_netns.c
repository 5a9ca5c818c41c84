/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which network namespace a context works in, and what it does not take for one. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "model.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool has_rules(enum place where)
{
	return strstr(must_as(&(struct how){ .where = where }, "%s", families[0].save).out, "NOTRACK");
}

/* The rules of a commit show where a context works. */
static void assert_works_in(struct notrack *nt, enum place where)
{
	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	ck_assert(has_rules(where));
	ck_assert(!has_rules(where == HOST ? PEER : HOST));
	must_do(nt, notrack_clear(nt, NULL));
	ck_assert(!has_rules(where));
}

/* In the namespace of PEER. */
static struct notrack *given_a_context_elsewhere(void)
{
	struct notrack *nt = new_context();
	int fd;

	netns_add_peer();
	fd = netns_descriptor(PEER);
	must_do(nt, notrack_set_netns_fd(nt, fd));
	close(fd);
	return nt;
}

START_TEST(no_path_leads_back_to_the_callers_own)
{
	struct notrack *nt = given_a_context_elsewhere();

	assert_works_in(nt, PEER);
	must_do(nt, notrack_set_netns(nt, NULL));
	assert_works_in(nt, HOST);
	notrack_free(nt);
}
END_TEST

/* Opening the first would wait for somebody to write, for ever. */
static const char *const no_namespaces[] = {
	"/run/fifo", "/run/file", "/run", "/dev/null", "/proc/thread-self/ns/mnt",
	"/proc/thread-self/ns/uts", "/proc/thread-self/status",
};

static void given_files(void)
{
	int fd = open("/run/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(mkfifo("/run/fifo", 0600), 0);
}

START_TEST(a_path_to_something_else_is_none)
{
	struct notrack *nt = given_a_context_elsewhere();
	char events[4096];
	int opened;

	given_files();
	opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ck_assert_int_ge(inotify_add_watch(opened, "/run/fifo", IN_OPEN), 0);
	for (size_t i = 0; i < COUNT(no_namespaces); i++) {
		ck_assert_msg(notrack_set_netns(nt, no_namespaces[i]) == -EINVAL, "%s", no_namespaces[i]);
		ck_assert_ptr_nonnull(strstr(notrack_error(nt), no_namespaces[i]));
	}
	ck_assert_int_eq(read(opened, events, sizeof(events)), -1);
	close(opened);
	ck_assert_int_eq(notrack_set_netns(nt, "/run/none"), -ENOENT);
	ck_assert_int_eq(notrack_set_netns(nt, ""), -ENOENT);
	assert_works_in(nt, PEER);
	notrack_free(nt);
}
END_TEST

START_TEST(a_descriptor_of_something_else_is_none)
{
	struct notrack *nt = given_a_context_elsewhere();

	given_files();
	for (size_t i = 0; i < COUNT(no_namespaces); i++) {
		int fd = open(no_namespaces[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		ck_assert_int_ge(fd, 0);
		ck_assert_msg(notrack_set_netns_fd(nt, fd) == -EINVAL, "%s", no_namespaces[i]);
		ck_assert_ptr_nonnull(strstr(notrack_error(nt), format_text("%d", fd)));
		close(fd);
		ck_assert_int_eq(notrack_set_netns_fd(nt, fd), -EINVAL);
	}
	assert_works_in(nt, PEER);
	notrack_free(nt);
}
END_TEST

static const int no_descriptors[] = { -1, -2, -ENOENT, INT_MIN };

/* notrack_set_netns_fd(nt, open(...)), where open() failed: not the caller's own. */
START_TEST(a_failed_descriptor_is_an_error)
{
	struct notrack *nt = given_a_context_elsewhere();

	for (size_t i = 0; i < COUNT(no_descriptors); i++) {
		ck_assert_int_eq(notrack_set_netns_fd(nt, no_descriptors[i]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(notrack_error(nt), format_text("%d", no_descriptors[i])));
	}
	assert_works_in(nt, PEER);
	notrack_free(nt);
}
END_TEST

static pid_t given_a_process(enum place where)
{
	pid_t pid = fork_child();

	if (pid)
		return pid;
	netns_move_to(where);
	mkdir("/run/moved", 0700);
	for (;;)
		pause();
}

START_TEST(a_process_leads_to_its_namespace)
{
	struct notrack *nt = new_context();
	unsigned int waits = 0;
	pid_t process;
	int fd;

	netns_add_peer();
	process = given_a_process(PEER);
	while (access("/run/moved", F_OK) && wait_a_little(&waits))
		;
	fd = (int)syscall(SYS_pidfd_open, process, 0);
	ck_assert_int_ge(fd, 0);
	must_do(nt, notrack_set_netns_fd(nt, fd));
	/* and stays there when the process is gone */
	stop(process, SIGKILL);
	assert_works_in(nt, PEER);

	ck_assert_int_lt(notrack_set_netns_fd(nt, fd), 0);
	ck_assert_str_ne(notrack_error(nt), "");
	close(fd);
	notrack_free(nt);
}
END_TEST

/* What is watched there is not here. */
START_TEST(a_watch_stays_in_its_namespace)
{
	struct notrack *here = new_context(), *more = new_context(),
		       *elsewhere = given_a_context_elsewhere();
	struct notrack_watch *watch = NULL;

	must_do(here, notrack_watch_start(here, &watch));
	ck_assert_int_eq(notrack_watch_replace(watch, elsewhere), -EINVAL);
	ck_assert_msg(strstr(notrack_error(elsewhere), "namespace"), "%s", notrack_error(elsewhere));
	must_do(more, notrack_watch_replace(watch, more));
	notrack_watch_stop(watch);
	notrack_free(here);
	notrack_free(more);
	notrack_free(elsewhere);
}
END_TEST

/* --- a thread that goes elsewhere itself --------------------------------- */

static const char *const backends[] = { "auto", "legacy", "nft" };
static int (*const first_calls[])(struct notrack *nt) = { call_load, call_backend, call_commit };
enum { BACKENDS = COUNT(backends), FIRST_CALLS = COUNT(first_calls) };

/* All rules where the thread is. */
static char *rules_here(void)
{
	char *legacy = must("sh -c 'for t in iptables ip6tables; do $t-legacy-save; done | grep -v ^#; :'").out;

	return format_text("%s%s", without_counters(legacy), must("nft -s list ruleset").out);
}

/* What was read with the lock held is good for a commit there, and nowhere else. */
START_TEST(a_commit_is_of_the_namespace_that_its_thread_is_in)
{
	struct notrack *nt = new_context();
	char *before;

	netns_add_peer();
	must_do(nt, notrack_set_backend(nt, backends[_i % BACKENDS]));
	must_do(nt, notrack_lock(nt));
	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, first_calls[_i / BACKENDS](nt));
	before = rules_here();

	netns_move_to(PEER);
	must_do(nt, add_service(nt, "dns", NULL));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	ck_assert_int_eq(must_do(nt, notrack_commit(nt, NULL)), 0);
	ck_assert_int_eq(must_do(nt, notrack_verify(nt, NULL, NULL, NULL, NULL)), 0);
	ck_assert_str_ne(rules_here(), "");
	netns_move_to(HOST);
	assert_same_text(rules_here(), before);
	netns_move_to(PEER);
	must_do(nt, notrack_clear(nt, NULL));
	netns_move_to(HOST);
	assert_same_text(rules_here(), before);
	notrack_free(nt);
}
END_TEST

static void assert_gone(struct notrack *nt, int result)
{
	ck_assert_msg(result == -ESTALE, "%d %s", result, notrack_error(nt));
	ck_assert_msg(strstr(notrack_error(nt), "namespace") != NULL, "%s", notrack_error(nt));
}

/*
 * There is a service of that name there as well, with other clients.  Those of legacy tables are
 * read whole.
 */
START_TEST(clients_that_were_left_in_a_namespace_are_not_taken_for_those_of_another)
{
	struct notrack *nt = new_context();

	netns_add_peer();
	must_do(nt, notrack_set_backend(nt, "nft"));
	for (int i = 0; i < 2; i++) {
		netns_move_to(i ? HOST : PEER);
		must_do(nt, add_dns_with_two_clients(nt));
		if (i)
			must_do(nt, add_client(nt, "dns", "198.51.100.7/32", "20/sec"));
		must_do(nt, notrack_commit(nt, NULL));
	}
	must_do(nt, notrack_load(nt));
	must_do(nt, add_client(nt, "dns", "198.51.100.8/32", "20/sec"));
	netns_move_to(PEER);
	assert_gone(nt, notrack_commit(nt, NULL));
	assert_gone(nt, notrack_diff(nt, NULL, NULL));
	assert_gone(nt, hashlimit_has_client(nt, "dns", "198.51.100.7/32"));
	ck_assert_int_eq(must_do(nt, hashlimit_has_client(nt, "dns", "198.51.100.8/32")), 1);
	netns_move_to(HOST);		/* nothing is lost there */
	ck_assert_int_eq(must_do(nt, hashlimit_has_client(nt, "dns", "198.51.100.7/32")), 1);
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	netns_move_to(PEER);
	must_do(nt, notrack_load(nt));
	ck_assert_int_eq(must_do(nt, hashlimit_has_client(nt, "dns", "198.51.100.7/32")), 0);
	notrack_free(nt);
}
END_TEST

START_TEST(a_watch_is_run_where_it_was_started)
{
	struct notrack *nt = new_context();
	struct notrack_watch *watch;

	netns_add_peer();
	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_watch_start(nt, &watch));
	netns_move_to(PEER);
	ck_assert_int_eq(notrack_watch_run(watch, NULL, NULL), -EINVAL);
	ck_assert_msg(strstr(notrack_error(nt), "namespace") != NULL, "%s", notrack_error(nt));
	ck_assert(!strstr(rules_here(), "NOTRACK"));
	netns_move_to(HOST);
	must_do(nt, notrack_watch_run(watch, NULL, NULL));
	ck_assert(strstr(rules_here(), "NOTRACK"));
	notrack_watch_stop(watch);
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_commit_is_of_the_namespace_that_its_thread_is_in, 0,
			    BACKENDS * FIRST_CALLS);
	tcase_add_test(tcase, clients_that_were_left_in_a_namespace_are_not_taken_for_those_of_another);
	tcase_add_test(tcase, a_watch_is_run_where_it_was_started);
	tcase_add_test(tcase, a_watch_stays_in_its_namespace);
	tcase_add_test(tcase, no_path_leads_back_to_the_callers_own);
	tcase_add_test(tcase, a_path_to_something_else_is_none);
	tcase_add_test(tcase, a_descriptor_of_something_else_is_none);
	tcase_add_test(tcase, a_failed_descriptor_is_an_error);
	tcase_add_test(tcase, a_process_leads_to_its_namespace);
}

int main(void)
{
	return netns_main("netns", tests);
}
