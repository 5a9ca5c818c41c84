/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What no caller should hand in, and some do: pointers that are NULL, sizes that
 * cut a member in two, counts beyond memory.  Nothing of it reaches the kernel.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conntrack/requests.h"
#include "layout.h"
#include "unit.h"

#include <notrack.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- what else a call is given ----------------------------------------- */

static struct notrack_service service = { .size = sizeof(service), .name = "dns" };
static struct hashlimit limit = { .size = sizeof(limit), .above = "1/sec" };
static struct notrack_changes changes = { .size = sizeof(changes) };
static struct notrack_usage_request usage_request = { .size = sizeof(usage_request) };
static const char *const prefixes[] = { "192.0.2.1", NULL };
static const char *key, *value;
static struct notrack_watch *watch;

static int visit_service(const struct notrack_service *each, void *data)
{
	(void)each;
	(void)data;
	return 0;
}

static int visit_limit(const struct hashlimit *each, const char *const *clients, size_t count,
		       void *data)
{
	(void)each;
	(void)clients;
	(void)count;
	(void)data;
	return 0;
}

static int visit_bucket(const struct hashlimit_bucket *bucket, void *data)
{
	(void)bucket;
	(void)data;
	return 0;
}

static int visit_finding(const struct notrack_finding *finding, void *data)
{
	(void)finding, (void)data;
	return 0;
}

static int visit_check(const struct notrack_check *check, void *data)
{
	(void)check;
	(void)data;
	return 0;
}

static int visit_step(const struct notrack_step *step, void *data)
{
	(void)step;
	(void)data;
	return 0;
}

static int visit_watch(const struct notrack_watch_event *event, void *data)
{
	(void)event;
	(void)data;
	return 0;
}

/* --- NULL ------------------------------------------------------------- */

/* Each public call, with NULL for each pointer in turn that must not be. */
#define CALLS_WITH_NULL(CALL)								\
	CALL(notrack_set_families(NULL, NOTRACK_ANY))					\
	CALL(notrack_set_netns_fd(NULL, 0))						\
	CALL(notrack_set_netns(NULL, "/run"))						\
	CALL(notrack_set_force(NULL, NOTRACK_FORCE))					\
	CALL(notrack_lock(NULL))							\
	CALL(notrack_set_backend(NULL, "auto"))						\
	CALL(notrack_backend(NULL, &key, &value))					\
	CALL(notrack_each_finding(NULL, visit_finding, NULL))				\
	CALL(notrack_each_finding(nt, NULL, NULL))					\
	CALL(notrack_add_service(NULL, &service))					\
	CALL(notrack_add_service(nt, NULL))						\
	CALL(notrack_remove_service(NULL, "dns"))					\
	CALL(notrack_remove_service(nt, NULL))						\
	CALL(notrack_each_service(NULL, visit_service, NULL))				\
	CALL(notrack_each_service(nt, NULL, NULL))					\
	CALL(notrack_service_set(NULL, "ports", "53"))					\
	CALL(notrack_service_set(&service, NULL, "53"))					\
	CALL(notrack_service_get(NULL, 0, &key, &value))				\
	CALL(notrack_service_get(&service, 0, NULL, &value))				\
	CALL(notrack_service_get(&service, 0, &key, NULL))				\
	CALL(notrack_check_value(NULL, "53", NULL, 0))					\
	CALL(notrack_check_service(NULL, NULL, NULL, 0))				\
	CALL(hashlimit_add_client(NULL, "dns", "192.0.2.1", &limit))			\
	CALL(hashlimit_add_client(nt, NULL, "192.0.2.1", &limit))			\
	CALL(hashlimit_add_client(nt, "dns", NULL, &limit))				\
	CALL(hashlimit_add_client(nt, "dns", "192.0.2.1", NULL))			\
	CALL(hashlimit_add_clients(NULL, "dns", prefixes, 1, &limit))			\
	CALL(hashlimit_add_clients(nt, NULL, prefixes, 1, &limit))			\
	CALL(hashlimit_add_clients(nt, "dns", NULL, 1, &limit))				\
	CALL(hashlimit_add_clients(nt, "dns", prefixes, 2, &limit))			\
	CALL(hashlimit_add_clients(nt, "dns", prefixes, 1, NULL))			\
	CALL(hashlimit_remove_client(NULL, "dns", "192.0.2.1"))				\
	CALL(hashlimit_remove_client(nt, NULL, "192.0.2.1"))				\
	CALL(hashlimit_remove_client(nt, "dns", NULL))					\
	CALL(hashlimit_remove_clients(NULL, "dns", prefixes, 1))			\
	CALL(hashlimit_remove_clients(nt, NULL, prefixes, 1))				\
	CALL(hashlimit_remove_clients(nt, "dns", NULL, 1))				\
	CALL(hashlimit_remove_clients(nt, "dns", prefixes, 2))				\
	CALL(hashlimit_has_client(NULL, "dns", "192.0.2.1"))				\
	CALL(hashlimit_has_client(nt, NULL, "192.0.2.1"))				\
	CALL(hashlimit_has_client(nt, "dns", NULL))					\
	CALL(hashlimit_each(NULL, &service, visit_limit, NULL))				\
	CALL(hashlimit_each(nt, NULL, visit_limit, NULL))				\
	CALL(hashlimit_each(nt, &service, NULL, NULL))					\
	CALL(notrack_load(NULL))							\
	CALL(notrack_commit(NULL, &changes))						\
	CALL(notrack_diff(NULL, stdout, &changes))					\
	CALL(notrack_clear(NULL, &changes))						\
	CALL(notrack_print_rules(NULL, stdout))						\
	CALL(notrack_print_rules(nt, NULL))						\
	CALL(notrack_print_host_rules(NULL, stdout))					\
	CALL(notrack_print_host_rules(nt, NULL))					\
	CALL(notrack_stats(NULL, NULL, NULL, NULL))					\
	CALL(notrack_usage(NULL, &usage_request, NULL, NULL, NULL))			\
	CALL(notrack_usage(nt, NULL, NULL, NULL, NULL))					\
	CALL(notrack_advise(NULL, NULL, NULL, NULL, NULL))				\
	CALL(notrack_flush_tracked(NULL, NULL))						\
	CALL(hashlimit_each_bucket(NULL, "dns", visit_bucket, NULL))			\
	CALL(hashlimit_each_bucket(nt, NULL, visit_bucket, NULL))			\
	CALL(hashlimit_each_bucket(nt, "dns", NULL, NULL))				\
	CALL(notrack_doctor(NULL, visit_check, NULL))					\
	CALL(notrack_doctor(nt, NULL, NULL))						\
	CALL(notrack_verify(NULL, NULL, NULL, NULL, NULL))				\
	CALL(notrack_explain(NULL, NULL, visit_step, NULL))				\
	CALL(notrack_explain(nt, NULL, NULL, NULL))					\
	CALL(notrack_watch_start(NULL, &watch))						\
	CALL(notrack_watch_start(nt, NULL))						\
	CALL(notrack_watch_fd(NULL))							\
	CALL(notrack_watch_run(NULL, visit_watch, NULL))				\
	CALL(notrack_watch_replace(NULL, nt))					\
	CALL(notrack_watch_replace(NULL, NULL))

/* One after the other, as a call may be told by its number. */
static const char *try_call(struct notrack *nt, int number, int *result)
{
	int at = 0;

#define TRY(call)				\
	if (at++ == number) {			\
		*result = call;			\
		return #call;			\
	}
	CALLS_WITH_NULL(TRY)
	return NULL;
}

static struct notrack *given_a_model(void)
{
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	ck_assert_int_eq(notrack_add_service(nt, &service), 0);
	return nt;
}

START_TEST(a_pointer_that_must_not_be_null_is_an_error)
{
	struct notrack *nt = given_a_model();
	const char *call;
	int result;

	for (int i = 0; (call = try_call(nt, i, &result)); i++) {
		bool has_context = strstr(call, "(nt, ");

		ck_assert_msg(result == -EINVAL, "%s: %d", call, result);
		ck_assert_msg(!has_context || *notrack_error(nt), "%s: not a word", call);
		/* the sentence is of this call */
		ck_assert_int_eq(notrack_set_families(nt, NOTRACK_ANY), 0);
	}
	notrack_free(nt);
}
END_TEST

START_TEST(what_has_no_result_ignores_null)
{
	notrack_set_wait(NULL, 1);
	notrack_unlock(NULL);
	ck_assert_uint_eq(notrack_table_bytes(NULL), 0);
	notrack_free(NULL);
	notrack_watch_stop(NULL);
	ck_assert_str_ne(notrack_error(NULL), "");
}
END_TEST

/* They are given no pointer, or tried above; all that hashlimit_check() is given may be NULL. */
static const char *const exceptions[] = {
	"notrack_new", "notrack_version", "notrack_builtin_service", "notrack_free", "notrack_error",
	"notrack_set_wait", "notrack_unlock", "notrack_table_bytes", "notrack_watch_stop",
	"hashlimit_check",
};

static bool is_exception(const char *name)
{
	for (size_t i = 0; i < COUNT(exceptions); i++)
		if (!strcmp(exceptions[i], name))
			return true;
	return false;
}

static bool is_tried(const char *name)
{
	size_t size = strlen(name);

#define COMPARE(call)							\
	if (!strncmp(#call, name, size) && (#call)[size] == '(')	\
		return true;
	CALLS_WITH_NULL(COMPARE)
	return false;
}

/* Those that the library exports: a new one has to be put into the list above. */
START_TEST(each_public_call_is_tried)
{
	FILE *map = fopen(getenv("NOTRACK_MAP"), "re");
	unsigned int count = 0;
	char line[200], name[100];

	ck_assert_ptr_nonnull(map);
	while (fgets(line, sizeof(line), map)) {
		if (sscanf(line, " %99[a-z_0-9] ;", name) != 1 || !strchr(line, ';') || strchr(line, '*'))
			continue;
		count++;
		ck_assert_msg(is_exception(name) || is_tried(name), "%s", name);
	}
	fclose(map);
	ck_assert_uint_gt(count, 30);
}
END_TEST

START_TEST(an_empty_list_may_be_null)
{
	struct notrack *nt = given_a_model();

	ck_assert_int_eq(hashlimit_add_clients(nt, "dns", NULL, 0, &limit), 0);
	ck_assert_int_eq(hashlimit_remove_clients(nt, "dns", NULL, 0), 0);
	notrack_free(nt);
}
END_TEST

/* --- sizes ------------------------------------------------------------ */

/* What the layout says is what the compiler made. */
START_TEST(layouts_have_every_member)
{
	for (size_t i = 0; layouts[i]; i++) {
		const struct layout *layout = layouts[i];
		size_t before = sizeof(size_t), last = layout->ends[layout->count - 1];

		for (size_t j = 0; j < layout->count; j++) {
			size_t size = layout->ends[j] - before;

			ck_assert_msg(layout->ends[j] > before && size <= 2 * sizeof(uint64_t) - 1,
				      "%s: member %zu", layout->name, j);
			before = layout->ends[j];
		}
		ck_assert_msg(layout->size - last < layout->align, "%s: a member is missing at its end",
			      layout->name);
	}
}
END_TEST

static bool is_end(const struct layout *layout, size_t size)
{
	for (size_t i = 0; i < layout->count; i++)
		if (size == layout->ends[i])
			return true;
	return size == layout->size || size > layout->size;
}

START_TEST(a_size_that_cuts_a_member_is_an_error)
{
	for (size_t i = 0; layouts[i]; i++) {
		const struct layout *layout = layouts[i];
		size_t room = 20 * layout->size;
		char *given = calloc(1, room);

		for (size_t size = 0; size <= 2 * layout->size; size++) {
			struct error error = { { 0 } };
			int result;

			memcpy(given, &size, sizeof(size));
			result = layout_check(layout, given, &error);
			ck_assert_msg(result == (size > sizeof(size) && is_end(layout, size) ?
						 0 : -EINVAL),
				      "%s: size %zu: %d", layout->name, size, result);
			ck_assert(!result == !*error.text);
		}
		free(given);
	}
}
END_TEST

static const size_t wrong_sizes[] = { 0, 1, sizeof(size_t), sizeof(size_t) + 1, sizeof(size_t) + 2,
				      sizeof(size_t) + 3, SIZE_MAX, SIZE_MAX / 2 };

/* As above, by each call that takes a struct, and ahead of anything it does. */
#define CALLS_WITH_STRUCTS(CALL)							\
	CALL(struct notrack_service, .name = "ntp",					\
	     notrack_add_service(nt, &given))						\
	CALL(struct notrack_service, .name = "dns",					\
	     hashlimit_each(nt, &given, visit_limit, NULL))				\
	CALL(struct hashlimit, .above = "1/sec",					\
	     hashlimit_add_client(nt, "dns", "192.0.2.1", &given))			\
	CALL(struct notrack_changes, .added = 0, notrack_commit(nt, &given))		\
	CALL(struct notrack_changes, .added = 0, notrack_clear(nt, &given))		\
	CALL(struct notrack_changes, .added = 0, notrack_diff(nt, NULL, &given))	\
	CALL(struct notrack_usage_request, .by = NOTRACK_BY_PORT,			\
	     notrack_usage(nt, &given, NULL, NULL, NULL))				\
	CALL(struct notrack_conntrack, .count = 0,					\
	     notrack_usage(nt, &usage_request, &given, NULL, NULL))			\
	CALL(struct notrack_advise_request, .times = 1,					\
	     notrack_advise(nt, &given, NULL, NULL, NULL))				\
	CALL(struct notrack_flushed, .left = 0, notrack_flush_tracked(nt, &given))

START_TEST(a_wrong_size_is_an_error_of_each_call)
{
	struct notrack *nt = given_a_model();

	for (size_t i = 0; i < COUNT(wrong_sizes); i++) {
#define TRY_SIZE(type, member, call) {							\
		type given = { .size = wrong_sizes[i], member };			\
		int result = call;							\
											\
		ck_assert_msg(result == -EINVAL, "%s with %zu: %d", #call,		\
			      wrong_sizes[i], result);					\
		ck_assert_msg(strstr(notrack_error(nt), #type) != NULL, "%s: %s", #call,	\
			      notrack_error(nt));					\
	}
		CALLS_WITH_STRUCTS(TRY_SIZE)
	}
	notrack_free(nt);
}
END_TEST

/* A member past its size is not read: it may not be there. */
START_TEST(a_short_struct_is_not_read_past_its_size)
{
	struct notrack *nt = given_a_model();
	size_t size = offsetof(struct notrack_service, ports);
	const struct notrack_service whole = { .size = size, .name = "dns" };
	struct notrack_service *shorter = malloc(size);

	memcpy(shorter, &whole, size);
	ck_assert_int_eq(hashlimit_add_client(nt, "dns", "192.0.2.1", &limit), 0);
	ck_assert_int_eq(hashlimit_each(nt, shorter, visit_limit, NULL), 0);
	ck_assert_int_eq(notrack_add_service(nt, shorter), 0);
	free(shorter);
	notrack_free(nt);
}
END_TEST

/* --- counts ----------------------------------------------------------- */

/* Times 20 bytes, or with 1 added, these are small. */
static const size_t wrong_counts[] = {
	SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 20 + 1, SIZE_MAX / 32 + 1, SIZE_MAX / 64 + 1,
};

START_TEST(a_count_beyond_memory_is_an_error)
{
	struct notrack *nt = given_a_model();

	for (size_t i = 0; i < COUNT(wrong_counts); i++) {
		ck_assert_int_eq(hashlimit_add_clients(nt, "dns", prefixes, wrong_counts[i], &limit),
				 -EINVAL);
		ck_assert_ptr_nonnull(strstr(notrack_error(nt), "clients"));
		ck_assert_int_eq(hashlimit_remove_clients(nt, "dns", prefixes, wrong_counts[i]),
				 -EINVAL);
	}
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", prefixes[0]), 0);
	notrack_free(nt);
}
END_TEST

/* Where root is, of whom no privilege is asked for first. */
START_TEST(no_descriptor_is_no_memory)
{
	int next = dup(STDIN_FILENO), result;
	struct error error = { "" };
	struct rlimit before;
	double missed;

	ck_assert_int_ge(next, 0);
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next, before.rlim_max }), 0);
	result = requests_sample(0, NULL, NULL, &missed, &error);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_msg(result == -ENOMEM || result == -EPERM, "%d: %s", result, error.text);
	ck_assert_str_ne(error.text, "");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, no_descriptor_is_no_memory);
	tcase_add_test(tcase, a_pointer_that_must_not_be_null_is_an_error);
	tcase_add_test(tcase, what_has_no_result_ignores_null);
	tcase_add_test(tcase, each_public_call_is_tried);
	tcase_add_test(tcase, an_empty_list_may_be_null);
	tcase_add_test(tcase, layouts_have_every_member);
	tcase_add_test(tcase, a_size_that_cuts_a_member_is_an_error);
	tcase_add_test(tcase, a_wrong_size_is_an_error_of_each_call);
	tcase_add_test(tcase, a_short_struct_is_not_read_past_its_size);
	tcase_add_test(tcase, a_count_beyond_memory_is_an_error);
}

int main(void)
{
	/* should a call go through after all, it must not change this host */
	setenv("XTABLES_LOCKFILE", "/dev/null/none", 1);
	if (unshare(CLONE_NEWNET) && geteuid() == 0)
		return 77;
	return unit_main("edges", tests);
}
