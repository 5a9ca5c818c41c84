/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens to a daemon that links the library: few descriptors, children, threads. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"
#include "packets.h"
#include "run.h"

/* legacy/xtc.h, whose families are others than those of the helpers */
void xtc_lock(void);
void xtc_unlock(void);

static const char *const backends[] = { "legacy", "nft" };
enum { BACKENDS = sizeof(backends) / sizeof(backends[0]) };

static struct notrack *context_by(const char *backend)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_set_backend(nt, backend));
	return nt;
}

static struct notrack *dns_with_clients(const char *backend)
{
	struct notrack *nt = context_by(backend);

	must_do(nt, add_dns_with_two_clients(nt));
	return nt;
}

/* --- few descriptors ---------------------------------------------------- */

static unsigned int next_descriptor(void)
{
	int next = dup(STDIN_FILENO);

	ck_assert_int_ge(next, 0);
	close(next);
	return (unsigned int)next;
}

/* Descriptors from @end on may not be opened. */
static void end_descriptors_at(unsigned int end)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = end;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* What a function before left on the stack is no pointer of whoever comes next. */
static __attribute__((noinline)) void leave_rubbish(void)
{
	volatile char rubbish[16384];

	for (size_t i = 0; i < sizeof(rubbish); i++)
		rubbish[i] = (char)0xe1;
}

/* One more in each round, until there are enough. */
START_TEST(a_commit_without_descriptors_fails_and_says_so)
{
	struct notrack *nt = dns_with_clients(backends[_i]);
	unsigned int first = next_descriptor(), more;
	int result = -1;

	for (more = 0; more < 64; more++) {
		end_descriptors_at(first + more);
		leave_rubbish();
		result = notrack_commit(nt, NULL);
		if (result >= 0)
			break;
		ck_assert_msg(result == -ENOMEM, "%u more: %d, %s", more, result,
			      notrack_error(nt));
		ck_assert_msg(strstr(notrack_error(nt), "open files") ||
			      strstr(notrack_error(nt), "memory"), "%s", notrack_error(nt));
		ck_assert_ptr_null(strstr(notrack_error(nt), "run as root"));
	}
	ck_assert_int_ge(result, 0);
	ck_assert_uint_gt(more, 0);
	notrack_free(nt);
}
END_TEST

/* By path, of a namespace and of a process. */
START_TEST(a_namespace_without_descriptors_is_no_wrong_word)
{
	struct notrack *nt = new_context();
	int of_namespace = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int of_process = (int)syscall(SYS_pidfd_open, getpid(), 0);
	const unsigned int ends[] = { next_descriptor(), 3 };

	for (int i = 0; i < 2; i++) {
		end_descriptors_at(ends[i]);
		for (int kind = 0; kind < 3; kind++) {
			int result = kind ? notrack_set_netns_fd(nt, kind == 1 ? of_namespace : of_process) :
				     notrack_set_netns(nt, "/proc/self/ns/net");

			ck_assert_msg(result == -ENOMEM && strstr(notrack_error(nt), "open files"),
				      "limit %u, %d: %d %s", ends[i], kind, result, notrack_error(nt));
		}
	}
	notrack_free(nt);
}
END_TEST

/* Descriptors of others are closed at any moment: the next one that is asked for may be had. */
static int names_error;

int open(const char *path, int flags, ...)
{
	unsigned int mode = 0;
	va_list list;

	if (names_error && strstr(path, "_tables_names")) {
		errno = names_error;
		return -1;
	}
	va_start(list, flags);
	if (flags & O_CREAT)
		mode = va_arg(list, unsigned int);
	va_end(list);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static void no_legacy_tables(void)
{
	ck_assert_str_eq(must("sh -c 'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names'").out, "");
}

/* To read a table that is not there makes it, for all that the host filters with from then on. */
START_TEST(where_nobody_lists_the_tables_none_is_made)
{
	static const int errors[] = { EMFILE, ENFILE, ENOMEM };
	struct notrack *nt = dns_with_clients("nft");

	names_error = errors[_i];
	ck_assert_int_eq(notrack_commit(nt, NULL), -ENOMEM);
	ck_assert_str_ne(notrack_error(nt), "");
	ck_assert_int_eq(notrack_load(nt), -ENOMEM);
	ck_assert_int_eq(notrack_verify(nt, NULL, NULL, NULL, NULL), -ENOMEM);
	ck_assert_int_eq(notrack_clear(nt, NULL), -ENOMEM);
	notrack_doctor(nt, NULL, NULL);
	notrack_table_bytes(nt);
	names_error = 0;
	no_legacy_tables();

	must_do(nt, add_dns_with_two_clients(nt));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	no_legacy_tables();
	notrack_free(nt);
}
END_TEST

/* --- a watch ------------------------------------------------------------ */

static int note_kind(const struct notrack_watch_event *event, void *data)
{
	*(enum notrack_watch_kind *)data = event->kind;
	return 0;
}

static bool serves_dns(const char *backend)
{
	struct notrack *nt = context_by(backend);
	int services = must_do(nt, notrack_load(nt));

	notrack_free(nt);
	return services == 1;
}

static void run_until(struct notrack_watch *watch, enum notrack_watch_kind kind)
{
	enum notrack_watch_kind seen = (enum notrack_watch_kind)-1;
	unsigned int waits = 0;

	while (seen != kind && wait_a_little(&waits))
		notrack_watch_run(watch, note_kind, &seen);
	ck_assert_int_eq(seen, kind);
}

/* Lock, load, one client more, commit: clients that were not read are none that are kept. */
START_TEST(a_watch_keeps_what_a_loaded_model_says)
{
	const char *backend = backends[_i];
	struct notrack *nt = dns_with_clients(backend), *loaded = context_by(backend);
	struct notrack_watch *watch;

	must_do(nt, notrack_watch_start(nt, &watch));
	run_until(watch, NOTRACK_WATCH_IN_PLACE);
	must_do(loaded, notrack_load(loaded));
	must_do(loaded, add_client(loaded, "dns", "198.51.100.7/32", "20/sec"));
	must_do(loaded, notrack_commit(loaded, NULL));
	must_do(loaded, notrack_watch_replace(watch, loaded));
	run_until(watch, NOTRACK_WATCH_IN_PLACE);

	if (!strcmp(backend, "nft"))
		must("nft flush ruleset");
	else
		for (int i = 0; i < FAMILY_COUNT; i++)
			must_as(&(struct how){ .input = "*raw\nCOMMIT\n*filter\nCOMMIT\n" }, "%s",
				families[i].restore);
	run_until(watch, NOTRACK_WATCH_REPAIRED);
	ck_assert(serves_dns(backend));
	notrack_watch_stop(watch);
	notrack_free(loaded);
	notrack_free(nt);
}
END_TEST

static char *lock_files(void)
{
	return must("find /run -name 'notrack-watch-*'").out;
}

START_TEST(a_child_does_not_end_the_watch_of_its_parent)
{
	struct notrack *nt = new_context(), *other = new_context();
	struct notrack_watch *watch, *second = NULL;
	pid_t child;

	must_do(nt, notrack_watch_start(nt, &watch));
	child = fork_child();
	if (!child) {
		notrack_watch_stop(watch);
		notrack_free(nt);
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_eq(wait_for(child), 0);
	ck_assert_str_ne(lock_files(), "");
	ck_assert_int_eq(notrack_watch_start(other, &second), -EEXIST);
	ck_assert_ptr_null(second);
	notrack_watch_stop(watch);
	ck_assert_str_eq(lock_files(), "");
	notrack_free(other);
	notrack_free(nt);
}
END_TEST

/* A child has the descriptor as well. */
START_TEST(a_watch_that_ended_is_not_kept_by_a_child)
{
	struct notrack *nt = new_context();
	struct notrack_watch *watch;
	pid_t child;

	must_do(nt, notrack_watch_start(nt, &watch));
	child = fork_child();
	if (!child) {
		pause();
		_exit(EXIT_SUCCESS);
	}
	notrack_watch_stop(watch);
	must_do(nt, notrack_watch_start(nt, &watch));
	notrack_watch_stop(watch);
	stop(child, SIGKILL);
	notrack_free(nt);
}
END_TEST

/* --- children and threads ------------------------------------------------ */

static pthread_barrier_t barrier;

static void *hold_libiptc(void *data)
{
	xtc_lock();
	pthread_barrier_wait(&barrier);		/* held */
	pthread_barrier_wait(&barrier);		/* the child has ended */
	xtc_unlock();
	return data;
}

/* That thread is not there in the child, and cannot give anything back. */
START_TEST(a_child_does_not_wait_for_a_thread_of_its_parent)
{
	struct notrack *before = dns_with_clients("legacy");
	pthread_t thread;
	pid_t child;

	must_do(before, notrack_commit(before, NULL));
	notrack_free(before);
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, hold_libiptc, NULL), 0);
	pthread_barrier_wait(&barrier);
	child = fork_child();
	if (!child) {
		struct notrack *nt = notrack_new();

		alarm(60);
		_exit(nt && !notrack_set_backend(nt, "legacy") && notrack_load(nt) == 1 ?
		      EXIT_SUCCESS : EXIT_FAILURE);
	}
	ck_assert_int_eq(wait_for(child), 0);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
}
END_TEST

static struct notrack *context_elsewhere(const char *backend)
{
	struct notrack *nt = context_by(backend);
	char *path;

	netns_add_peer();
	netns_move_to(PEER);
	path = format_text("/proc/%d/task/%d/ns/net", getpid(), gettid());
	must_do(nt, notrack_set_netns(nt, path));
	netns_move_to(HOST);
	return nt;
}

static int compare_thread(const struct notrack_check *check, void *data)
{
	ck_assert_str_ne(check->text, "");
	return gettid() == *(pid_t *)data ? 0 : -ESRCH;
}

START_TEST(visitors_are_called_by_the_callers_thread)
{
	struct notrack *nt = context_elsewhere(backends[_i]);
	pid_t caller = gettid();

	must_do(nt, notrack_doctor(nt, compare_thread, &caller));
	notrack_free(nt);
}
END_TEST

/* Whoever holds the lock of a stream may write to it; another thread would wait for ever. */
START_TEST(rules_are_printed_by_the_callers_thread)
{
	struct notrack *nt = context_elsewhere(backends[_i]);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	must_do(nt, add_service(nt, "dns", NULL));
	flockfile(out);
	alarm(60);
	must_do(nt, notrack_diff(nt, out, NULL));
	must_do(nt, notrack_print_host_rules(nt, out));
	alarm(0);
	funlockfile(out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "53"));
	free(text);
	notrack_free(nt);
}
END_TEST

/* --- attempts leave no trace ------------------------------------------------ */

static const struct family *const ipv4 = &families[0];

/* A client more changes none of the twins, so that a commit of clients alone does not look at them. */
START_TEST(a_refused_client_does_not_keep_a_commit_from_its_repairs)
{
	struct notrack *nt = dns_with_clients(backends[_i]);
	char *rules;

	must("%s -P INPUT DROP", ipv4->tables);
	must("%s -A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", ipv4->tables);
	must("%s -A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", ipv4->tables);
	must_do(nt, notrack_commit(nt, NULL));
	rules = must("%s -S INPUT", ipv4->tables).out;
	must("%s -D INPUT 2", ipv4->tables);
	ck_assert_str_ne(must("%s -S INPUT", ipv4->tables).out, rules);

	must_do(nt, notrack_load(nt));
	ck_assert_int_eq(add_client(nt, "dns", "198.51.100.7/32", "often"), -EINVAL);
	must_do(nt, notrack_commit(nt, NULL));
	ck_assert_str_eq(must("%s -S INPUT", ipv4->tables).out, rules);
	notrack_free(nt);
}
END_TEST

/* dns stands by force: every plan that looks at it finds what it was refused for. */
static struct notrack *forced_dns(const char *backend)
{
	struct notrack *nt = dns_with_clients(backend);

	must("%s -t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353", ipv4->tables);
	ck_assert_int_eq(notrack_commit(nt, NULL), -ECANCELED);
	must_do(nt, notrack_set_force(nt, NOTRACK_FORCE));
	must_do(nt, notrack_commit(nt, NULL));
	must_do(nt, notrack_set_force(nt, 0));
	must_do(nt, notrack_load(nt));
	return nt;
}

static void try_a_service(struct notrack *nt)
{
	must_do(nt, add_service(nt, "ntp", NULL));
	must_do(nt, notrack_remove_service(nt, "ntp"));
}

static int is_untracked(const struct notrack_advice *advice, void *data)
{
	*(unsigned int *)data += advice->kind == NOTRACK_UNTRACK;
	return 0;
}

static void ask_for_advice(struct notrack *nt)
{
	unsigned int advised = 0;

	netns_add_peer();
	for (uint16_t port = 20000; port < 20060; port++) {
		int fd = udp_open(ipv4, (struct end){ PEER, ipv4->peer, port });

		udp_send(ipv4, fd, (struct end){ HOST, ipv4->host, 514 }, 1);
		close(fd);
	}
	must_do(nt, notrack_advise(nt, NULL, is_untracked, NULL, &advised));
	ck_assert_uint_gt(advised, 0);	/* so that it was tried */
}

static void (*const attempts[])(struct notrack *nt) = { try_a_service, ask_for_advice };

START_TEST(an_attempt_does_not_judge_what_stands)
{
	struct notrack *nt = forced_dns(backends[_i % BACKENDS]);

	attempts[_i / BACKENDS](nt);
	must_do(nt, add_client(nt, "dns", "198.51.100.7/32", "20/sec"));
	must_do(nt, notrack_commit(nt, NULL));
	must_do(nt, add_service(nt, "ntp", NULL));	/* which is another one */
	must_do(nt, notrack_commit(nt, NULL));
	must_do(nt, add_service(nt, "dns", "classic"));
	ck_assert_int_eq(notrack_commit(nt, NULL), -ECANCELED);
	must_do(nt, notrack_clear(nt, NULL));		/* never refused */
	notrack_free(nt);
}
END_TEST

/* --- sentences ------------------------------------------------------------ */

START_TEST(a_long_path_leaves_room_for_the_reason)
{
	char path[1500];
	struct notrack *nt = new_context();

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_lt(notrack_set_netns(nt, path), 0);
	ck_assert_msg(strstr(notrack_error(nt), "too long"), "%s", notrack_error(nt));
	ck_assert_int_eq(setenv("XTABLES_LOCKFILE", path, 1), 0);
	ck_assert_int_lt(notrack_lock(nt), 0);
	ck_assert_msg(strstr(notrack_error(nt), "too long"), "%s", notrack_error(nt));
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_commit_without_descriptors_fails_and_says_so, 0, BACKENDS);
	tcase_add_test(tcase, a_namespace_without_descriptors_is_no_wrong_word);
	tcase_add_loop_test(tcase, where_nobody_lists_the_tables_none_is_made, 0, 3);
	tcase_add_loop_test(tcase, a_watch_keeps_what_a_loaded_model_says, 0, BACKENDS);
	tcase_add_test(tcase, a_child_does_not_end_the_watch_of_its_parent);
	tcase_add_test(tcase, a_watch_that_ended_is_not_kept_by_a_child);
	tcase_add_test(tcase, a_child_does_not_wait_for_a_thread_of_its_parent);
	tcase_add_loop_test(tcase, visitors_are_called_by_the_callers_thread, 0, BACKENDS);
	tcase_add_loop_test(tcase, rules_are_printed_by_the_callers_thread, 0, BACKENDS);
	tcase_add_loop_test(tcase, a_refused_client_does_not_keep_a_commit_from_its_repairs, 0, BACKENDS);
	tcase_add_loop_test(tcase, an_attempt_does_not_judge_what_stands, 0, 2 * BACKENDS);
	tcase_add_test(tcase, a_long_path_leaves_room_for_the_reason);
}

int main(void)
{
	return netns_main("daemon", tests);
}
