/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What doctor says of this host, and of another network namespace. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "run.h"

static json_t *check_named(json_t *root, const char *name)
{
	json_t *check;
	size_t i;

	json_array_foreach(json_object_get(root, "checks"), i, check)
		if (!strcmp(json_string_value(json_object_get(check, "check")), name))
			return check;
	ck_abort_msg("no check %s: %s", name, json_dumps(root, 0));
}

static void has(json_t *root, const char *name, const char *status, const char *says)
{
	json_t *check = check_named(root, name);
	const char *text = json_string_value(json_object_get(check, "text"));

	ck_assert_msg(!strcmp(json_string_value(json_object_get(check, "status")), status) &&
		      strstr(text, says), "%s: %s", name, json_dumps(check, 0));
}

START_TEST(a_host_that_has_all_passes)
{
	json_t *root = must_json("notrackctl --json doctor");

	ck_assert(json_is_true(json_object_get(root, "ok")));
	has(root, "backend", "ok", ": ");
	has(root, "hashlimit (IPv6)", "ok", "revision");
	has(root, "lock", "ok", "free");
	has(root, "conntrack table", "ok", "0 of ");
	has(root, "nftables of others", "ok", "no tables");
	check_named(root, "kernel log");
	check_named(root, "firewalld");
}
END_TEST

START_TEST(a_held_lock_is_a_warning)
{
	int fd = open("/run/xtables.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	has(must_json("notrackctl --json doctor"), "lock", "warning", "held by another program");
	close(fd);
}
END_TEST

/* Whoever filters there, and not here. */
START_TEST(another_namespace_is_looked_at_as_this_one)
{
	must("ip netns add other");
	must("ip netns exec other nft add table ip filter");
	must("ip netns exec other nft add table inet shield");
	must("ip netns exec other nft add table inet libnotrack");

	has(must_json("notrackctl --json --netns other doctor"), "nftables of others", "warning",
	    "2 tables (ip filter, inet shield)");
	has(must_json("notrackctl --json doctor"), "nftables of others", "ok", "no tables");
	must("nft add table bridge b");
	has(must_json("notrackctl --json doctor"), "nftables of others", "warning", "1 table (bridge b)");
}
END_TEST

/* As many as the sentence has room for, and no name that is cut short. */
START_TEST(many_tables_are_counted)
{
	json_t *check;
	const char *text;

	for (int i = 0; i < 60; i++)
		must("nft add table inet table-%03d", i);
	check = check_named(must_json("notrackctl --json doctor"), "nftables of others");
	text = json_string_value(json_object_get(check, "text"));
	ck_assert_msg(!strncmp(text, "60 tables (inet table-000, ", 27), "%s", text);
	text = strchr(text, ')');
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(strncmp(text - 14, "table-", 6), 0);
	ck_assert_int_eq(strncmp(text - 5, ", ...)", 6), 0);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, a_host_that_has_all_passes);
	tcase_add_test(tcase, a_held_lock_is_a_warning);
	tcase_add_test(tcase, another_namespace_is_looked_at_as_this_one);
	tcase_add_test(tcase, many_tables_are_counted);
}

int main(void)
{
	return netns_main("doctor", tests);
}
