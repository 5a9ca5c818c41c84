/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A context as its caller has it: what it reads back, where it works, what it takes. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { COMMITS = 50, SHORT_WAIT_MS = 50 };

#define SERVICE(...) { .size = sizeof(struct notrack_service), __VA_ARGS__ }
#define LIMIT(...) { .size = sizeof(struct hashlimit), __VA_ARGS__ }

/* --- a model and back ------------------------------------------------- */

static const struct notrack_service services[] = {
	SERVICE(.name = "dns"),
	SERVICE(.name = "dns", .mode = "classic"),
	SERVICE(.name = "dns", .roles = "outbound", .remote = "192.0.2.1,2001:db8::1"),
	SERVICE(.name = "dns", .local = "192.0.2.1", .icmp_errors = "no"),
	SERVICE(.name = "ntp", .reply_ports = "2000:3000", .interfaces = "eth0,wlan+"),
	SERVICE(.name = "web", .ports = "80,443,8000:8080", .protocols = "tcp,udp"),
	SERVICE(.name = "tunnel", .ports = "9", .protocols = "sctp,udplite", .roles = "both"),
	SERVICE(.name = "six", .ports = "1:65535", .families = "ipv6"),
};

static const struct hashlimit limits[] = {
	LIMIT(.above = "10/sec"),
	LIMIT(.above = "3/min", .burst = 20, .srcmask = 24),
	LIMIT(.above = "7/hour", .htable_max = 1000, .htable_size = 512, .htable_expire_ms = 70000),
};

static int describe_limit(const struct hashlimit *limit, const char *const *clients, size_t count,
			  void *data)
{
	FILE *out = data;

	fprintf(out, "above %s burst %u srcmask %u max %u size %u expire %u:", limit->above,
		limit->burst, limit->srcmask, limit->htable_max, limit->htable_size,
		limit->htable_expire_ms);
	for (size_t i = 0; i < count; i++)
		fprintf(out, " %s", clients[i]);
	fputs("\n", out);
	return 0;
}

struct description {
	struct notrack *nt;
	FILE *out;
};

static int describe_service(const struct notrack_service *service, void *data)
{
	const struct description *description = data;
	const char *key, *value;

	fprintf(description->out, "service %s (%s)\n", service->name,
		service->families ? service->families : "");
	for (unsigned int i = 0; notrack_service_get(service, i, &key, &value); i++)
		fprintf(description->out, "%s = %s\n", key, value ? value : "");
	return hashlimit_each(description->nt, service, describe_limit, description->out);
}

static char *describe(struct notrack *nt)
{
	char *text = NULL;
	size_t size;
	struct description description = { nt, open_memstream(&text, &size) };

	ck_assert_ptr_nonnull(description.out);
	must_do(nt, notrack_each_service(nt, describe_service, &description));
	fclose(description.out);
	return keep(text);
}

static bool serves(const struct notrack_service *service, int family)
{
	return family == 0 ? !service->families : !service->local;
}

/* One service, and limits of it where it has requests of others. */
static struct notrack *given_service(int which)
{
	const struct notrack_service *service = &services[which];
	struct notrack *nt = new_context();

	must_do(nt, notrack_add_service(nt, service));
	if (service->roles && !strcmp(service->roles, "outbound"))
		return nt;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		const char *prefixes[] = { families[i].limited_prefix, families[i].other_prefix,
					   families[i].wide_prefix };

		for (size_t j = 0; j < COUNT(limits) && serves(service, i); j++)
			must_do(nt, hashlimit_add_client(nt, service->name, prefixes[j],
							 &limits[j]));
	}
	return nt;
}

START_TEST(what_is_loaded_is_what_was_committed)
{
	struct notrack *nt = given_service(_i), *loaded = new_context();

	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	ck_assert_int_eq(must_do(loaded, notrack_load(loaded)), 1);

	assert_same_text(describe(loaded), describe(nt));
	if (!suite_is_nft())	/* which numbers limits in the order that they came in */
		assert_same_text(print_rules(loaded), print_rules(nt));
	ck_assert_int_eq(must_do(loaded, notrack_diff(loaded, NULL, NULL)), 0);
	notrack_free(loaded);
	notrack_free(nt);
}
END_TEST

START_TEST(a_second_commit_changes_nothing)
{
	struct notrack_changes changes = { .size = sizeof(changes), .added = 1, .removed = 1 };
	struct notrack *nt = given_service(_i);
	struct saved before;

	must_do(nt, notrack_commit(nt, NULL));
	given_counters();
	before = tables_save_both();

	ck_assert_int_eq(must_do(nt, notrack_commit(nt, &changes)), 0);
	ck_assert_uint_eq(changes.added + changes.removed, 0);
	assert_same_tables(&before, "second commit");
	notrack_free(nt);
}
END_TEST

/* Of a saved or printed text, as a restore would read it into empty tables. */
static char *restorable(const char *text)
{
	char *copy = without_counters(text), *left = keep(calloc(1, strlen(text) + 1)), *state;

	for (char *line = strtok_r(copy, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		if (*line == '#' || (*line == ':' && strncmp(line, ":NOTRACK", 8)))
			continue;
		if (!strncmp(line, "-I", 2))
			line[1] = 'A';
		strcat(strcat(left, line), "\n");
	}
	return left;
}

/* test_nft.c has the same of nft. */
START_TEST(printed_rules_are_those_that_iptables_saves)
{
	struct notrack *nt = given_service(_i);

	for (int i = 0; i < FAMILY_COUNT; i++) {
		char *printed;

		if (!serves(&services[_i], i))
			continue;
		must_do(nt, notrack_set_families(nt, i ? NOTRACK_IPV6 : NOTRACK_IPV4));
		printed = restorable(print_rules(nt));
		must_do(nt, notrack_commit(nt, NULL));
		assert_same_text(restorable(format_text("%s%s", table_save(&families[i], "raw"),
							table_save(&families[i], "filter"))),
				 printed);
	}
	notrack_free(nt);
}
END_TEST

/* --- threads and namespaces ------------------------------------------- */

struct worker {
	pthread_t thread;
	int netns_fd;
	const char *service;
	int failed;		/* the first result that is not as it should be */
	char error[256];
	bool moved, masked;	/* the thread's namespace, its signals */
};

static ino_t own_namespace(void)
{
	struct stat status;

	return stat("/proc/thread-self/ns/net", &status) ? 0 : status.st_ino;
}

static void commit_often(struct worker *worker, struct notrack *nt)
{
	for (int i = 0; i < COMMITS && !worker->failed; i++) {
		int result = add_service(nt, worker->service, i % 2 ? "strict" : "classic");

		if (!result)
			result = notrack_commit(nt, NULL);
		if (result <= 0) {
			worker->failed = result ? result : -ENODATA;
			strncpy(worker->error, notrack_error(nt), sizeof(worker->error) - 1);
		}
	}
}

static void *work(void *data)
{
	struct worker *worker = data;
	struct notrack *nt = new_context();
	sigset_t before, after;
	ino_t namespace = own_namespace();

	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	worker->failed = nt ? notrack_set_netns_fd(nt, worker->netns_fd) : -ENOMEM;
	if (!worker->failed) {
		/* the lock is no queue, and somebody else works for a machine */
		notrack_set_wait(nt, 60000);
		commit_often(worker, nt);
	}
	notrack_free(nt);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int signal_number = 1; signal_number < SIGRTMIN; signal_number++)
		worker->masked |= sigismember(&before, signal_number) !=
				  sigismember(&after, signal_number);
	worker->moved = !namespace || own_namespace() != namespace;
	return NULL;
}

static void assert_worked(const struct worker *worker)
{
	ck_assert_msg(!worker->failed, "%s: %d: %s", worker->service, worker->failed,
		      worker->error);
	ck_assert(!worker->moved);
	ck_assert(!worker->masked);
}

static const char *chain_of(const char *service)
{
	return suite_is_nft() ? format_text("chain service-%s {", service) :
	       format_text(":NOTRACK-%s-in ", service);
}

/* The text of a namespace's tables that a model committed there should have. */
static void assert_serves_only(enum place where, const char *service, const char *other)
{
	for (int i = 0; i < FAMILY_COUNT; i++) {
		const char *saved = must_as(&(struct how){ .where = where }, "%s", suite_is_nft() ?
					    "nft list ruleset" : families[i].save).out;

		ck_assert_ptr_nonnull(strstr(saved, chain_of(service)));
		ck_assert_ptr_null(strstr(saved, chain_of(other)));
	}
}

static void assert_complete(int netns_fd, const char *service)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_set_netns_fd(nt, netns_fd));
	must_do(nt, add_service(nt, service, "strict"));
	ck_assert_int_eq(must_do(nt, notrack_diff(nt, NULL, NULL)), 0);
	notrack_free(nt);
}

START_TEST(two_threads_work_in_two_namespaces_at_once)
{
	struct worker workers[] = { { .service = "dns" }, { .service = "ntp" } };
	unsigned int files;

	netns_add_peer();
	workers[HOST].netns_fd = netns_descriptor(HOST);
	workers[PEER].netns_fd = netns_descriptor(PEER);
	files = open_files();
	for (size_t i = 0; i < COUNT(workers); i++)
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	for (size_t i = 0; i < COUNT(workers); i++)
		pthread_join(workers[i].thread, NULL);

	ck_assert_uint_eq(open_files(), files);
	assert_worked(&workers[HOST]);
	assert_worked(&workers[PEER]);
	assert_serves_only(HOST, "dns", "ntp");
	assert_serves_only(PEER, "ntp", "dns");
	assert_complete(workers[HOST].netns_fd, "dns");
	assert_complete(workers[PEER].netns_fd, "ntp");
}
END_TEST

/* A daemon forks; its child must not keep what it lets go of. */
START_TEST(a_child_does_not_keep_the_lock)
{
	struct notrack *nt = new_context(), *other = new_context();
	pid_t child;

	must_do(nt, notrack_lock(nt));
	child = fork_child();
	if (!child)
		for (;;)
			pause();
	notrack_unlock(nt);
	notrack_set_wait(other, 0);
	must_do(other, notrack_lock(other));
	notrack_free(nt);
	notrack_free(other);
	stop(child, SIGKILL);
}
END_TEST

START_TEST(a_clear_takes_out_as_much_as_was_put_there)
{
	struct notrack *nt = new_context();
	int added;

	must_do(nt, add_dns_with_two_clients(nt));
	added = must_do(nt, notrack_commit(nt, NULL));
	ck_assert_int_eq(must_do(nt, notrack_clear(nt, NULL)), added);
	notrack_free(nt);
}
END_TEST

START_TEST(a_clear_that_fails_leaves_the_model)
{
	struct notrack *nt = new_context();
	struct hashlimit limit = LIMIT(.above = "1/sec");

	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, hashlimit_add_client(nt, "dns", "192.0.2.1", &limit));
	setenv("XTABLES_LOCKFILE", "/run/none/lock", 1);
	ck_assert_int_eq(notrack_clear(nt, NULL), -EIO);
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.1"), 1);
	unsetenv("XTABLES_LOCKFILE");
	must_do(nt, notrack_clear(nt, NULL));
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.1"), -ENOENT);
	notrack_free(nt);
}
END_TEST

/* What was read under the lock of both families is no drift of one. */
START_TEST(a_preview_of_one_family_is_of_that_family)
{
	struct notrack *nt = new_context();

	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	must_do(nt, notrack_lock(nt));
	must_do(nt, notrack_load(nt));
	must_do(nt, notrack_set_families(nt, NOTRACK_IPV4));
	ck_assert_int_eq(must_do(nt, notrack_diff(nt, NULL, NULL)), 0);
	notrack_free(nt);
}
END_TEST

START_TEST(what_fails_says_why_and_leaks_no_descriptor)
{
	struct notrack *nt = new_context();
	int not_a_namespace = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned int files = open_files();

	must_do(nt, add_service(nt, "dns", NULL));
	setenv("XTABLES_LOCKFILE", "/run/none/lock", 1);
	for (int i = 0; i < COMMITS; i++) {
		ck_assert_int_eq(notrack_set_netns_fd(nt, not_a_namespace), -EINVAL);
		ck_assert_int_eq(notrack_set_netns(nt, "/dev/null"), -EINVAL);
		ck_assert_ptr_nonnull(strstr(notrack_error(nt), "/dev/null"));
		ck_assert_int_eq(notrack_set_netns(nt, "/run/none"), -ENOENT);
		ck_assert_int_eq(notrack_commit(nt, NULL), -EIO);
		ck_assert_ptr_nonnull(strstr(notrack_error(nt), "/run/none/lock"));
	}
	notrack_free(nt);
	ck_assert_uint_eq(open_files(), files);
}
END_TEST

/* --- structs of other versions ---------------------------------------- */

START_TEST(a_struct_of_an_older_version_is_taken)
{
	struct notrack_service service = SERVICE(.name = "dns", .ports = "1000");
	struct hashlimit limit = LIMIT(.above = "10/sec", .htable_max = 1);
	struct notrack *nt = new_context(), *same = new_context();

	/* what is past the size is not looked at */
	service.size = offsetof(struct notrack_service, protocols);
	service.protocols = service.mode = service.families = "not looked at";
	must_do(nt, notrack_add_service(nt, &service));
	limit.size = offsetof(struct hashlimit, burst);
	limit.burst = limit.srcmask = limit.htable_max = UINT32_MAX;
	must_do(nt, hashlimit_add_client(nt, "dns", "192.0.2.0/24", &limit));

	must_do(same, notrack_add_service(same, &(struct notrack_service)
					  SERVICE(.name = "dns", .ports = "1000")));
	must_do(same, add_client(same, "dns", "192.0.2.0/24", "10/sec"));
	assert_same_text(describe(nt), describe(same));
	notrack_free(same);
	notrack_free(nt);
}
END_TEST

struct later_service {
	struct notrack_service now;
	const char *later[2];
};

struct later_limit {
	struct hashlimit now;
	uint32_t later[2];
};

START_TEST(a_struct_of_a_later_version_is_taken_while_its_news_are_zero)
{
	struct later_service service = { .now = SERVICE(.name = "dns") };
	struct later_limit limit = { .now = LIMIT(.above = "10/sec") };
	struct notrack *nt = new_context();

	service.now.size = sizeof(service);
	limit.now.size = sizeof(limit);
	must_do(nt, notrack_add_service(nt, &service.now));
	must_do(nt, hashlimit_add_client(nt, "dns", "192.0.2.0/24", &limit.now));

	service.later[1] = "yes";
	limit.later[1] = 1;
	ck_assert_int_eq(notrack_add_service(nt, &service.now), -EINVAL);
	ck_assert_str_ne(notrack_error(nt), "");
	ck_assert_int_eq(hashlimit_add_client(nt, "dns", "192.0.2.0/24", &limit.now), -EINVAL);
	ck_assert_str_ne(notrack_error(nt), "");
	service.now.size = limit.now.size = 0;
	ck_assert_int_eq(notrack_add_service(nt, &service.now), -EINVAL);
	ck_assert_int_eq(hashlimit_add_client(nt, "dns", "192.0.2.0/24", &limit.now), -EINVAL);
	notrack_free(nt);
}
END_TEST

START_TEST(changes_are_given_as_far_as_the_caller_has_room)
{
	struct notrack *nt = new_context();
	struct {
		struct notrack_changes now;
		unsigned int later;
	} changes = { .now = { .size = offsetof(struct notrack_changes, removed),
			       .removed = 77 }, .later = 99 };

	must_do(nt, add_service(nt, "dns", NULL));
	ck_assert_int_eq(must_do(nt, notrack_commit(nt, &changes.now)), (int)changes.now.added);
	ck_assert_uint_eq(changes.now.removed, 77);

	changes.now.size = sizeof(changes);
	ck_assert_int_eq(must_do(nt, notrack_clear(nt, &changes.now)), (int)changes.now.removed);
	ck_assert_uint_eq(changes.now.added, 0);
	ck_assert_uint_eq(changes.later, 99);
	notrack_free(nt);
}
END_TEST

/* --- the lock --------------------------------------------------------- */

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

START_TEST(one_context_waits_for_the_lock_of_another_as_long_as_it_may)
{
	struct notrack *holder = new_context(), *waiter = new_context();
	struct timespec start;

	must_do(holder, notrack_lock(holder));
	must_do(holder, notrack_lock(holder));
	notrack_set_wait(waiter, SHORT_WAIT_MS);
	must_do(waiter, add_service(waiter, "dns", NULL));

	clock_gettime(CLOCK_MONOTONIC, &start);
	ck_assert_int_eq(notrack_lock(waiter), -EBUSY);
	ck_assert_int_ge(ms_since(&start), SHORT_WAIT_MS);
	ck_assert_ptr_nonnull(strstr(notrack_error(waiter), "/run/xtables.lock"));
	ck_assert_int_eq(notrack_commit(waiter, NULL), -EBUSY);
	ck_assert_int_eq(notrack_clear(waiter, NULL), -EBUSY);
	must_do(waiter, add_service(waiter, "dns", NULL));

	notrack_unlock(holder);
	ck_assert_int_gt(must_do(waiter, notrack_commit(waiter, NULL)), 0);
	must_do(holder, notrack_lock(holder));	/* the commit let go of it */
	notrack_free(holder);
	must_do(waiter, notrack_lock(waiter));
	notrack_free(waiter);
}
END_TEST

static void tests(TCase *tcase)
{
	int count = (int)COUNT(services);

	tcase_add_loop_test(tcase, what_is_loaded_is_what_was_committed, 0, count);
	tcase_add_loop_test(tcase, a_second_commit_changes_nothing, 0, count);
	if (!suite_is_nft())
		tcase_add_loop_test(tcase, printed_rules_are_those_that_iptables_saves, 0, count);
	tcase_add_test(tcase, two_threads_work_in_two_namespaces_at_once);
	tcase_add_test(tcase, what_fails_says_why_and_leaks_no_descriptor);
	tcase_add_test(tcase, a_child_does_not_keep_the_lock);
	tcase_add_test(tcase, a_clear_takes_out_as_much_as_was_put_there);
	tcase_add_test(tcase, a_clear_that_fails_leaves_the_model);
	tcase_add_test(tcase, a_preview_of_one_family_is_of_that_family);
	tcase_add_test(tcase, a_struct_of_an_older_version_is_taken);
	tcase_add_test(tcase, a_struct_of_a_later_version_is_taken_while_its_news_are_zero);
	tcase_add_test(tcase, changes_are_given_as_far_as_the_caller_has_room);
	tcase_add_test(tcase, one_context_waits_for_the_lock_of_another_as_long_as_it_may);
}

int main(void)
{
	return netns_main("context", tests);
}
