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

static void tests(TCase *tcase)
{
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
