/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats, top and verify print the same rows as a table, as raw columns and as JSON. */
#include <string.h>

#include "run.h"
#include "tables.h"

static void given_a_service_with_a_client(void)
{
	must("notrackctl -4 add dns --role inbound --proto udp");
	must("notrackctl limit dns 192.0.2.10/31 --above 10/sec");
}

/* The members of an object, and of those in it, in the order of the alphabet. */
static const char *keys_of(json_t *object)
{
	char *text = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
	const char *keys = "";

	ck_assert_ptr_nonnull(text);
	for (char *at = text; (at = strchr(at, '"'));) {
		size_t size = strcspn(++at, "\"");

		if (at[size + 1] == ':')
			keys = format_text("%s %.*s", keys, (int)size, at);
		at += size + 1;
	}
	free(text);
	return *keys ? keys + 1 : keys;
}

static json_t *first(json_t *root, const char *list)
{
	json_t *row = json_array_get(json_object_get(root, list), 0);

	ck_assert_msg(row != NULL, "%s has no row", list);
	return row;
}

START_TEST(json_has_the_keys_that_programs_rely_on)
{
	json_t *root;

	given_a_service_with_a_client();

	root = must_json("notrackctl --json stats");
	ck_assert_str_eq(keys_of(first(root, "services")),
			 "accepted bytes packets family name untracked bytes packets");
	ck_assert_str_eq(keys_of(first(root, "clients")), "dropped bytes packets passed bytes packets "
			 "prefix seen bytes packets service");
	root = must_json("notrackctl --json show");
	ck_assert_ptr_nonnull(json_string_value(json_object_get(root, "backend")));
	ck_assert_str_eq(keys_of(first(root, "services")), "families from interfaces limits above burst "
			 "clients srcmask local mode name ports protocols remote reply_ports roles");
	root = must_json("notrackctl --json verify");
	ck_assert_str_eq(keys_of(first(root, "flows")),
			 "by family hook packet protocol role service untracked verdict");
	ck_assert(json_is_true(json_object_get(root, "ok")));
	ck_assert(json_is_array(json_object_get(root, "findings")));
	root = must_json("notrackctl --json top");
	ck_assert_str_eq(keys_of(root), "count dropped early-dropped entries insert-failed max");
}
END_TEST

START_TEST(a_finding_has_its_keys_and_its_line)
{
	given_a_service_with_a_client();
	must("iptables-legacy -w -I INPUT -p udp --dport 53 -j DROP");

	struct run asked = run("notrackctl --json verify"), read = run("notrackctl verify --raw");
	json_t *root = keep(json_loads(asked.out, 0, NULL));

	ck_assert_int_eq(asked.code, 1);
	ck_assert_str_eq(keys_of(first(root, "findings")), "code severity text");
	ck_assert(json_is_false(json_object_get(root, "ok")));
	ck_assert_msg(strstr(read.err, "error    dropped") && !strstr(read.out, "error"), "%s%s",
		      read.out, read.err);
}
END_TEST

/* In any order, in letters of any size, more than once. */
static const struct {
	const char *command, *out;
} choices[] = {
	{ "stats -o family,SERVICE --raw --noheadings", "ipv4 dns\n" },
	{ "stats -o CLIENT,seen,Client --raw", "CLIENT SEEN CLIENT\n192.0.2.10/31 0 192.0.2.10/31\n" },
	{ "stats -o SERVICE --raw --noheadings", "dns\n\ndns\n" },
	{ "stats -o SERVICE,UNTRACKED/S --raw --noheadings", "dns -\n" },
	{ "verify -o packet,hook,interface,untracked,verdict --raw --noheadings",
	  "request input - yes accept\nreply output - yes accept\n"
	  "request output lo yes accept\nreply input lo yes accept\n" },
	{ "top -o port,entries --noheadings", "" },
	{ "top --by client dns -o over,left --raw", "" },
};

START_TEST(columns_are_those_asked_for)
{
	given_a_service_with_a_client();

	ck_assert_str_eq(must("notrackctl %s", choices[_i].command).out, choices[_i].out);
}
END_TEST

START_TEST(a_table_lines_its_columns_up)
{
	given_a_service_with_a_client();

	ck_assert_str_eq(must("notrackctl stats -o SERVICE,FAMILY,ACCEPTED").out,
			 "SERVICE FAMILY ACCEPTED\ndns     ipv4          0\n");
}
END_TEST

START_TEST(a_column_that_no_table_has_is_named)
{
	static const char *const commands[] = { "stats", "top", "top --by source", "verify" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct run bad = run("notrackctl %s -o SHOESIZE", commands[i]);

		ck_assert_int_eq(bad.code, 2);
		ck_assert_msg(strstr(bad.err, "SHOESIZE") != NULL, "%s", bad.err);
		ck_assert_str_eq(bad.out, "");
	}
}
END_TEST

/* The kernel takes any bytes; JSON does not. */
START_TEST(a_foreign_name_of_any_bytes_does_no_harm)
{
	given_a_service_with_a_client();
	must("iptables-legacy -w -N '\xff\xfe\x1b[31m'");
	must("iptables-legacy -w -A '\xff\xfe\x1b[31m' -j DROP");
	must("iptables-legacy -w -I INPUT -j '\xff\xfe\x1b[31m'");

	struct run asked = run("notrackctl --json verify"), shown = run("notrackctl verify");

	ck_assert_int_eq(asked.code, 1);
	ck_assert_ptr_nonnull(keep(json_loads(asked.out, 0, NULL)));
	ck_assert_int_eq(shown.code, 1);
	ck_assert_msg(!strchr(shown.out, '\033') && !strchr(shown.err, '\033'), "%s", shown.out);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, json_has_the_keys_that_programs_rely_on);
	tcase_add_test(tcase, a_finding_has_its_keys_and_its_line);
	tcase_add_loop_test(tcase, columns_are_those_asked_for, 0,
			    sizeof(choices) / sizeof(choices[0]));
	tcase_add_test(tcase, a_table_lines_its_columns_up);
	tcase_add_test(tcase, a_column_that_no_table_has_is_named);
	tcase_add_test(tcase, a_foreign_name_of_any_bytes_does_no_harm);
}

int main(void)
{
	return netns_main("report", tests);
}
