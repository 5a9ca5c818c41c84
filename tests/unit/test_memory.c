/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Out of memory, at each allocation there is: the call says so, and the model
 * is as it was. The linker leads the library's allocations here (--wrap).
 */
#include <errno.h>
#include <notrack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/stream.h"
#include "unit.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static unsigned int left = -1u;	/* allocations until one fails */

static bool fails(void)
{
	if (left == -1u || left == 0)
		return false;
	return --left == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

/* --- what to try ------------------------------------------------------ */

#define SERVICE(...) (&(struct notrack_service){ .size = sizeof(struct notrack_service), __VA_ARGS__ })
#define LIMIT(...) (&(struct hashlimit){ .size = sizeof(struct hashlimit), __VA_ARGS__ })

static const char *const clients[] = { "192.0.2.8", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32",
				       "198.51.100.7" };

static int add_service(struct notrack *nt)
{
	return notrack_add_service(nt, SERVICE(.name = "x", .ports = "1,3,5,7:9,11", .roles = "both",
			.local = "192.0.2.1,192.0.2.2,2001:db8::1", .remote = "192.0.2.9,2001:db8::9",
			.interfaces = "eth0,eth1,eth2"));
}

static int replace_service(struct notrack *nt)
{
	return notrack_add_service(nt, SERVICE(.name = "dns", .ports = "53,5353"));
}

static int add_client(struct notrack *nt)
{
	return hashlimit_add_client(nt, "dns", clients[0], LIMIT(.above = "7/sec"));
}

static int add_clients(struct notrack *nt)
{
	return hashlimit_add_clients(nt, "dns", clients, 5, LIMIT(.above = "7/sec"));
}

static int remove_clients(struct notrack *nt)
{
	return hashlimit_remove_clients(nt, "dns", clients + 1, 3);
}

static int print(struct notrack *nt)
{
	FILE *null = fopen("/dev/null", "w");
	int err = notrack_print_rules(nt, null);

	fclose(null);
	return err;
}

static int visit_service(const struct notrack_service *service, void *data)
{
	(void)service;
	(void)data;
	return 0;
}

static int each_service(struct notrack *nt)
{
	return notrack_each_service(nt, visit_service, NULL);
}

static int visit_limit(const struct hashlimit *limit, const char *const *list, size_t count,
		       void *data)
{
	(void)limit;
	(void)list;
	(void)count;
	(void)data;
	return 0;
}

static int each_limit(struct notrack *nt)
{
	return hashlimit_each(nt, SERVICE(.name = "dns"), visit_limit, NULL);
}

static int (*const calls[])(struct notrack *nt) = {
	add_service, replace_service, add_client, add_clients, remove_clients, print, each_service,
	each_limit,
};
#define CALLS ((int)(sizeof(calls) / sizeof(calls[0])))

/* --- and what becomes of it ------------------------------------------- */

static struct notrack *given_a_model(void)
{
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	ck_assert_int_eq(notrack_add_service(nt, SERVICE(.name = "dns")), 0);
	ck_assert_int_eq(notrack_add_service(nt, SERVICE(.name = "ntp")), 0);
	ck_assert_int_eq(hashlimit_add_clients(nt, "dns", clients + 1, 3, LIMIT(.above = "9/sec")), 0);
	return nt;
}

static char *as_text(struct notrack *nt)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_int_eq(notrack_print_rules(nt, out), 0);
	fclose(out);
	return text;
}

/* Returns whether the allocation of that number was asked for. */
static bool fail_at(unsigned int number, int (*call)(struct notrack *nt))
{
	struct notrack *nt = given_a_model();
	char *before = as_text(nt), *after;
	char sentence[1024];
	bool reached;
	int err;

	left = number;
	err = call(nt);
	reached = left == 0;
	left = -1u;
	snprintf(sentence, sizeof(sentence), "%s", notrack_error(nt));
	after = as_text(nt);
	if (reached) {
		ck_assert_msg(err == -ENOMEM, "allocation %u: %d", number, err);
		ck_assert_msg(*sentence, "allocation %u: not a word", number);
		ck_assert_msg(!strcmp(before, after), "allocation %u: the model has changed", number);
		ck_assert_msg(!call(nt), "allocation %u: later: %s", number, notrack_error(nt));
	}
	ck_assert_msg(reached || !err, "allocation %u: %s", number, sentence);
	free(before);
	free(after);
	notrack_free(nt);
	return reached;
}

START_TEST(a_call_without_memory_fails_and_leaves_the_model_as_it_was)
{
	unsigned int number = 1;

	while (fail_at(number, calls[_i]))
		number++;
	/* taking off may need none, all else does */
	ck_assert_uint_gt(number, calls[_i] == remove_clients ? 0 : 1);
}
END_TEST

START_TEST(there_is_no_context_without_memory)
{
	left = 1;
	ck_assert_ptr_null(notrack_new());
	left = -1u;
	notrack_free(NULL);
}
END_TEST

enum { WORDS = 50000 };

/* Returns whether the allocation of that number was asked for. */
static bool write_and_fail_at(unsigned int number)
{
	struct stream stream;
	bool reached;
	int err;

	left = number;
	err = stream_open(&stream);
	for (int i = 0; i < WORDS && !err; i++)
		fprintf(stream.out, "%d,", i % 10);
	if (!err)
		err = stream_close(&stream);
	reached = left == 0;
	left = -1u;
	ck_assert_msg(err == (reached ? -ENOMEM : 0), "allocation %u: %d", number, err);
	ck_assert(err ? !stream.text : stream.size == 2 * WORDS && strlen(stream.text) == 2 * WORDS);
	free(stream.text);
	return reached;
}

/* open_memstream(3) would leave something out, and say nothing. */
START_TEST(a_stream_without_memory_fails)
{
	unsigned int number = 1;

	while (write_and_fail_at(number))
		number++;
	ck_assert_uint_gt(number, 3);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_call_without_memory_fails_and_leaves_the_model_as_it_was, 0, CALLS);
	tcase_add_test(tcase, there_is_no_context_without_memory);
	tcase_add_test(tcase, a_stream_without_memory_fails);
}

int main(void)
{
	return unit_main("memory", tests);
}
