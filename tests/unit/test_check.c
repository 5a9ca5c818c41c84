/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words checked without a model, structs of other sizes, and the version. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "notrack.h"
#include "unit.h"

#define SERVICE(...) &(struct notrack_service){ .size = sizeof(struct notrack_service), __VA_ARGS__ }
#define LIMIT(...) &(struct hashlimit){ .size = sizeof(struct hashlimit), __VA_ARGS__ }

/* --- one value -------------------------------------------------------- */

/* A value, and what the sentence names; NULL: it is right. */
static const struct {
	const char *key, *value, *names;
} values[] = {
	{ "name", "dns", NULL },
	{ "name", "a b", "a b" },
	{ "name", "", "name" },
	{ "name", NULL, "name" },
	{ "ports", "53, 8000:8080", NULL },
	{ "ports", "0", "port 0" },
	{ "ports", "", NULL },
	{ "protocols", "tcp", NULL },
	{ "protocols", "tpc", "tpc" },
	{ "roles", "inbound", NULL },
	{ "roles", "outbound", NULL },
	{ "roles", "sideways", "sideways" },
	{ "local", "192.0.2.1", NULL },
	{ "local", "2001:db8::1", NULL },
	{ "remote", "192.0.2.1/24", "192.0.2.1/24" },
	{ "remote", "192.0.2.0/24", NULL },
	{ "interfaces", "eth/0", "eth/0" },
	{ "reply-ports", "9:8", "9:8" },
	{ "mode", "lax", "lax" },
	{ "icmp-errors", "maybe", "maybe" },
	{ "families", "ipv6", NULL },
	{ "families", "ipx", "ipx" },
	{ "colour", "red", "colour" },
	{ NULL, "red", "key" },
};

START_TEST(a_value_is_checked_by_its_key)
{
	char sentence[200] = "left over";
	int err = notrack_check_value(values[_i].key, values[_i].value, sentence, sizeof(sentence));

	ck_assert_int_eq(err, values[_i].names ? -EINVAL : 0);
	if (values[_i].names)
		expect(strstr(sentence, values[_i].names) != NULL, "%s", sentence);
	else
		ck_assert_str_eq(sentence, "");
	ck_assert_int_eq(notrack_check_value(values[_i].key, values[_i].value, NULL, 0), err);
}
END_TEST

START_TEST(a_sentence_is_cut_to_its_buffer)
{
	char sentence[8] = "1234567", *end = sentence + 4;

	ck_assert_int_eq(notrack_check_value("ports", "0", sentence, 4), -EINVAL);
	ck_assert_str_eq(sentence, "por");
	ck_assert_str_eq(end, "567");
}
END_TEST

/* --- a service -------------------------------------------------------- */

START_TEST(a_service_tells_the_families_it_has_rules_in)
{
	unsigned int families;

	ck_assert_int_eq(notrack_check_service(SERVICE(.name = "dns"), &families, NULL, 0), 0);
	ck_assert_uint_eq(families, NOTRACK_ANY);
	ck_assert_int_eq(notrack_check_service(SERVICE(.name = "dns", .local = "192.0.2.1"), &families,
					       NULL, 0), 0);
	ck_assert_uint_eq(families, NOTRACK_IPV4);
	ck_assert_int_eq(notrack_check_service(SERVICE(.name = "dns", .families = "ipv6"), &families,
					       NULL, 0), 0);
	ck_assert_uint_eq(families, NOTRACK_IPV6);
}
END_TEST

START_TEST(values_that_do_not_go_together_are_named)
{
	unsigned int families = 77;
	char sentence[200], lists[60000] = "1";

	ck_assert_int_eq(notrack_check_service(SERVICE(.name = "mine"), &families, sentence,
					       sizeof(sentence)), -EINVAL);
	expect(strstr(sentence, "needs ports") != NULL, "%s", sentence);
	ck_assert_int_eq(notrack_check_service(SERVICE(.name = "dns", .local = "192.0.2.1",
				.families = "ipv6"), &families, sentence, sizeof(sentence)), -EINVAL);
	ck_assert_int_eq(notrack_check_service(SERVICE(.name = "dns-auth", .remote = "192.0.2.1"),
				&families, sentence, sizeof(sentence)), -EINVAL);
	expect(strstr(sentence, "remote") != NULL, "%s", sentence);
	for (unsigned int port = 3; strlen(lists) < 50000; port += 2)
		sprintf(lists + strlen(lists), ",%u", port);
	ck_assert_int_eq(notrack_check_service(SERVICE(.name = "dns", .ports = lists), &families,
					       sentence, sizeof(sentence)), -EINVAL);
	expect(strstr(sentence, "too long") != NULL, "%s", sentence);
	ck_assert_uint_eq(families, 77);
}
END_TEST

START_TEST(what_is_no_service_is_refused)
{
	char sentence[200];

	ck_assert_int_eq(notrack_check_service(NULL, NULL, sentence, sizeof(sentence)), -EINVAL);
	expect(strstr(sentence, "NULL") != NULL, "%s", sentence);
	ck_assert_int_eq(notrack_check_service(&(struct notrack_service){ .name = "dns" }, NULL, NULL,
					       0), -EINVAL);
}
END_TEST

START_TEST(builtin_services_are_there_one_by_one)
{
	const struct notrack_service *service;
	unsigned int count = 0;
	bool dns = false;

	for (; (service = notrack_builtin_service(count)); count++) {
		ck_assert_int_eq(notrack_check_service(service, NULL, NULL, 0), 0);
		dns |= !strcmp(service->name, "dns") && !strcmp(service->ports, "53");
	}
	ck_assert(dns);
	ck_assert_uint_eq(count, 12);
	ck_assert_ptr_null(notrack_builtin_service(-1u));
}
END_TEST

/* --- a limit ---------------------------------------------------------- */

static const struct {
	const struct hashlimit limit;
	const char *client;
	unsigned int families;		/* 0: it is wrong */
	const char *names;
} limits[] = {
	{ { .above = "10/sec" }, NULL, NOTRACK_ANY, NULL },
	{ { .above = "10/sec", .srcmask = 64 }, NULL, NOTRACK_IPV6, NULL },
	{ { .above = "10/sec", .srcmask = 129 }, NULL, 0, "srcmask 129" },
	{ { .above = "10/week" }, NULL, 0, "10/week" },
	{ { .above = NULL }, NULL, 0, "rate" },
	{ { .above = "10/sec" }, "192.0.2.0/24", NOTRACK_IPV4, NULL },
	{ { .above = "10/sec" }, "2001:db8::/32", NOTRACK_IPV6, NULL },
	{ { .above = "10/sec", .srcmask = 33 }, "192.0.2.1", 0, "srcmask 33" },
	{ { .above = "1/day", .burst = 2 }, "192.0.2.1", 0, "burst 2" },
	{ { .above = "10/sec" }, "192.0.2.1/24", 0, "192.0.2.1/24" },
	{ { .above = "10/sec" }, "nobody", 0, "nobody" },
};

START_TEST(a_limit_is_checked_for_its_families)
{
	struct hashlimit limit = limits[_i].limit;
	unsigned int families = 77;
	char sentence[200];
	int err;

	limit.size = sizeof(limit);
	err = hashlimit_check(&limit, limits[_i].client, &families, sentence, sizeof(sentence));

	ck_assert_int_eq(err, limits[_i].families ? 0 : -EINVAL);
	ck_assert_uint_eq(families, limits[_i].families ? limits[_i].families : 77);
	if (limits[_i].names)
		expect(strstr(sentence, limits[_i].names) != NULL, "%s", sentence);
}
END_TEST

START_TEST(a_client_alone_is_checked)
{
	unsigned int families;

	ck_assert_int_eq(hashlimit_check(NULL, "::/0", &families, NULL, 0), 0);
	ck_assert_uint_eq(families, NOTRACK_IPV6);
	ck_assert_int_eq(hashlimit_check(NULL, "::1/0", NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(hashlimit_check(&(struct hashlimit){ .above = "1/sec" }, "::/0", NULL, NULL, 0),
			 -EINVAL);
}
END_TEST

/* --- structs of an older header --------------------------------------- */

static int count_limit(const struct hashlimit *limit, const char *const *clients, size_t count,
		       void *data)
{
	(void)limit;
	(void)clients;
	*(size_t *)data += count;
	return 0;
}

START_TEST(no_member_past_the_size_is_read)
{
	struct notrack_service service = { .size = offsetof(struct notrack_service, ports),
					   .name = "dns", .ports = (char *)1, .families = (char *)1 };
	struct notrack *nt = notrack_new();
	size_t count = 0;

	ck_assert_int_eq(notrack_check_service(&service, NULL, NULL, 0), 0);
	ck_assert_int_eq(notrack_add_service(nt, &service), 0);
	ck_assert_int_eq(hashlimit_add_client(nt, "dns", "192.0.2.1", LIMIT(.above = "1/sec")), 0);
	ck_assert_int_eq(hashlimit_each(nt, &service, count_limit, &count), 0);
	ck_assert_uint_eq(count, 1);
	service.size = 0;
	ck_assert_int_eq(hashlimit_each(nt, &service, count_limit, &count), -EINVAL);
	service.size = sizeof(size_t) + 1;	/* half of a pointer */
	ck_assert_int_eq(notrack_add_service(nt, &service), -EINVAL);
	notrack_free(nt);
}
END_TEST

START_TEST(the_header_and_the_library_are_of_one_version)
{
	char version[40];

	snprintf(version, sizeof(version), "%d.%d.%d", NOTRACK_VERSION_MAJOR, NOTRACK_VERSION_MINOR,
		 NOTRACK_VERSION_PATCH);
	ck_assert_str_eq(version, notrack_version());	/* which meson.build has */
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_value_is_checked_by_its_key, 0, sizeof(values) / sizeof(values[0]));
	tcase_add_test(tcase, a_sentence_is_cut_to_its_buffer);
	tcase_add_test(tcase, a_service_tells_the_families_it_has_rules_in);
	tcase_add_test(tcase, values_that_do_not_go_together_are_named);
	tcase_add_test(tcase, what_is_no_service_is_refused);
	tcase_add_test(tcase, builtin_services_are_there_one_by_one);
	tcase_add_loop_test(tcase, a_limit_is_checked_for_its_families, 0,
			    sizeof(limits) / sizeof(limits[0]));
	tcase_add_test(tcase, a_client_alone_is_checked);
	tcase_add_test(tcase, no_member_past_the_size_is_read);
	tcase_add_test(tcase, the_header_and_the_library_are_of_one_version);
}

int main(void)
{
	return unit_main("check", tests);
}
