/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock of a context: what it may be, and whose it is after a fork. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "model.h"
#include "run.h"
#include "tables.h"

#define LOCK "/run/xtables.lock"

/* --- what it may be --------------------------------------------------- */

static void make_fifo(void)
{
	ck_assert_int_eq(mkfifo(LOCK, 0600), 0);
}

static void make_directory(void)
{
	ck_assert_int_eq(mkdir(LOCK, 0700), 0);
}

static void make_device(void)
{
	ck_assert_int_eq(symlink("/dev/full", LOCK), 0);
}

static void make_socket(void)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = LOCK };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (const void *)&name, sizeof(name)), 0);
	close(fd);
}

static const struct {
	const char *kind;
	void (*make)(void);
} no_files[] = {
	{ "FIFO", make_fifo }, { "directory", make_directory }, { "device", make_device },
	{ "socket", make_socket },
};
enum { NO_FILES = sizeof(no_files) / sizeof(no_files[0]) };

START_TEST(what_is_no_file_is_no_lock)
{
	int opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct notrack *nt = new_context();
	char events[4096];

	no_files[_i].make();
	ck_assert_int_ge(inotify_add_watch(opened, LOCK, IN_OPEN), 0);
	must_do(nt, add_service(nt, "dns", NULL));
	ck_assert_int_eq(notrack_lock(nt), -EIO);
	ck_assert_ptr_nonnull(strstr(notrack_error(nt), LOCK));
	ck_assert_ptr_nonnull(strstr(notrack_error(nt), no_files[_i].kind));
	ck_assert_int_eq(notrack_commit(nt, NULL), -EIO);
	ck_assert_ptr_null(strstr(tables_save_all(), "NOTRACK"));
	ck_assert_int_eq(read(opened, events, sizeof(events)), -1);	/* never */
	close(opened);
	notrack_free(nt);
}
END_TEST

START_TEST(a_link_of_somebody_else_is_not_followed)
{
	struct notrack *nt = new_context();

	ck_assert_int_eq(symlink("/run/elsewhere", LOCK), 0);
	if (lchown(LOCK, 1, 1)) {
		/* in a user namespace of one user there is nobody else */
		ck_assert_int_eq(errno, EINVAL);
		return;
	}
	ck_assert_int_eq(notrack_lock(nt), -EIO);
	ck_assert_ptr_nonnull(strstr(notrack_error(nt), "symbolic link"));
	ck_assert_int_ne(access("/run/elsewhere", F_OK), 0);

	ck_assert_int_eq(lchown(LOCK, 0, 0), 0);
	must_do(nt, notrack_lock(nt));
	ck_assert_int_eq(access("/run/elsewhere", F_OK), 0);
	notrack_free(nt);
}
END_TEST

/* What to do is said in words of the library: whoever calls may have no command line. */
START_TEST(a_held_lock_is_told_without_options)
{
	struct notrack *holder = new_context(), *waiter = new_context();

	must_do(holder, notrack_lock(holder));
	notrack_set_wait(waiter, 0);
	ck_assert_int_eq(notrack_lock(waiter), -EBUSY);
	ck_assert_ptr_nonnull(strstr(notrack_error(waiter), "wait longer"));
	ck_assert_ptr_null(strstr(notrack_error(waiter), "-w"));
	notrack_free(holder);
	notrack_free(waiter);
}
END_TEST

/* --- whose it is ------------------------------------------------------ */

/* What a child does with the context that it was forked with. */
static int lock_now(struct notrack *nt)
{
	return notrack_lock(nt);
}

static int commit_now(struct notrack *nt)
{
	return notrack_commit(nt, NULL);
}

static int clear_now(struct notrack *nt)
{
	return notrack_clear(nt, NULL);
}

static int (*const deeds[])(struct notrack *nt) = { lock_now, commit_now, clear_now };
enum { DEEDS = sizeof(deeds) / sizeof(deeds[0]) };

/* Holds the lock, has loaded under it, and is about to change something. */
static struct notrack *given_a_holder(void)
{
	struct notrack *nt = new_context();

	notrack_set_wait(nt, 0);
	must_do(nt, add_service(nt, "ntp", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	must_do(nt, notrack_lock(nt));
	must_do(nt, notrack_load(nt));
	must_do(nt, add_service(nt, "dns", NULL));
	return nt;
}

static bool is_held(void)
{
	struct notrack *other = new_context();
	bool held;

	notrack_set_wait(other, 0);
	held = notrack_lock(other) == -EBUSY;
	notrack_free(other);
	return held;
}

/* Exits with 0 if @deed came to @expected. */
static pid_t child_tries(struct notrack *nt, int (*deed)(struct notrack *nt), int expected)
{
	pid_t child = fork_child();
	int result;

	if (child)
		return child;
	result = deed(nt);
	if (result != expected)
		fprintf(stderr, "child: %d: %s\n", result, notrack_error(nt));
	_exit(result == expected ? EXIT_SUCCESS : EXIT_FAILURE);
}

START_TEST(a_child_does_not_hold_what_its_parent_holds)
{
	struct notrack *nt = given_a_holder();
	char *before = tables_save_all();

	ck_assert_int_eq(wait_for(child_tries(nt, deeds[_i], -EBUSY)), 0);
	assert_same_text(tables_save_all(), before);

	/* nor did it take anything from its parent */
	ck_assert(is_held());
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	notrack_free(nt);
	ck_assert(!is_held());
}
END_TEST

static int lock_and_check(struct notrack *nt)
{
	int err = notrack_lock(nt);

	return err ? err : is_held() ? 0 : -ENOLCK;
}

/* What was read under the lock, the parent may have changed since. */
static int diff_anew(struct notrack *nt)
{
	return notrack_diff(nt, NULL, NULL);
}

static int (*const later_deeds[])(struct notrack *nt) = { lock_and_check, diff_anew };
enum { LATER_DEEDS = sizeof(later_deeds) / sizeof(later_deeds[0]) };

START_TEST(a_child_begins_anew_once_its_parent_let_go)
{
	struct notrack *nt = given_a_holder();
	int pipes[2];
	pid_t child;
	char go;

	ck_assert_int_eq(pipe(pipes), 0);
	child = fork_child();
	if (!child) {
		close(pipes[1]);
		if (read(pipes[0], &go, 1))	/* until the parent let go of it */
			_exit(EXIT_FAILURE);
		_exit(later_deeds[_i](nt) ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	must_do(nt, notrack_commit(nt, NULL));
	notrack_unlock(nt);
	close(pipes[1]);
	ck_assert_int_eq(wait_for(child), 0);
	close(pipes[0]);
	ck_assert(!is_held());
	notrack_free(nt);
}
END_TEST

START_TEST(a_child_that_frees_the_context_leaves_its_parents_lock)
{
	struct notrack *nt = given_a_holder();
	pid_t child = fork_child();

	if (!child) {
		notrack_free(nt);
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_eq(wait_for(child), 0);
	ck_assert(is_held());
	notrack_free(nt);
}
END_TEST

/* In the first process of a new PID namespace; the exit code of that. */
static int as_number_one(int (*work)(struct notrack *nt), struct notrack *nt)
{
	pid_t child;
	int status;

	if (unshare(CLONE_NEWPID))
		return EXIT_FAILURE;
	child = fork();
	if (!child)
		_exit(getpid() == 1 ? work(nt) : EXIT_FAILURE);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static int find_it_held(struct notrack *nt)
{
	return notrack_lock(nt) == -EBUSY ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* One namespace within the other: both processes have number 1. */
static int hold_it_beside_another(struct notrack *nt)
{
	(void)nt;
	return as_number_one(find_it_held, given_a_holder());
}

START_TEST(a_child_with_the_same_number_is_a_child_all_the_same)
{
	pid_t child = fork_child();

	if (!child)
		_exit(as_number_one(hold_it_beside_another, NULL));
	ck_assert_int_eq(wait_for(child), 0);
}
END_TEST

/* --- what was read without it ------------------------------------------- */

static char *host_rules(void)
{
	return must("%s -S INPUT", families[0].tables).out;
}

/* A daemon looks in any way, somebody changes a rule of the host, and the daemon commits. */
START_TEST(what_was_read_without_the_lock_is_not_committed)
{
	static const char ban[] = "-s 192.0.2.66/32 -j DROP";
	struct notrack *nt = new_context();

	must("%s -A INPUT -s 192.0.2.1 -j DROP", families[0].tables);
	must("%s -A INPUT -p udp --dport 123 -m conntrack --ctstate NEW -j ACCEPT", families[0].tables);
	must_do(nt, add_dns_with_two_clients(nt));
	must_do(nt, notrack_commit(nt, NULL));
	must_do(nt, calls_that_read[_i](nt));
	must("%s -R INPUT 2 %s", families[0].tables, ban);	/* after ours */
	ck_assert_ptr_nonnull(strstr(host_rules(), ban));

	must_do(nt, add_service(nt, "ntp", NULL));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	ck_assert_msg(strstr(host_rules(), ban) != NULL, "%s", host_rules());
	must_do(nt, notrack_clear(nt, NULL));
	ck_assert_msg(strstr(host_rules(), ban) != NULL, "%s", host_rules());
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_was_read_without_the_lock_is_not_committed, 0,
			    CALLS_THAT_READ);
	tcase_add_loop_test(tcase, what_is_no_file_is_no_lock, 0, NO_FILES);
	tcase_add_test(tcase, a_link_of_somebody_else_is_not_followed);
	tcase_add_test(tcase, a_held_lock_is_told_without_options);
	tcase_add_loop_test(tcase, a_child_does_not_hold_what_its_parent_holds, 0, DEEDS);
	tcase_add_loop_test(tcase, a_child_begins_anew_once_its_parent_let_go, 0, LATER_DEEDS);
	tcase_add_test(tcase, a_child_that_frees_the_context_leaves_its_parents_lock);
	tcase_add_test(tcase, a_child_with_the_same_number_is_a_child_all_the_same);
}

int main(void)
{
	return netns_main("lock", tests);
}
