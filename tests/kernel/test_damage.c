/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The comment that describes a service, edited by hand: no change removes the service unasked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is written in place of the comment of dns; NULL: nothing at all. */
static const char *const comments[] = {
	NULL, "x", "our resolver", "service dns", "service dns: ", "service dns: prots = 53",
	"service dns: ports = 0; protocols = udp", "service : ports = 53", "service dns: ports = 53;",
	"service ntp: ports = 123; protocols = udp; roles = inbound",
	"service other: ports = 53; protocols = udp; roles = inbound",
	"service dns: ports = 53\n\033[31m; x = y",
};
enum { COMMENTS = COUNT(comments) };

/* --- given ------------------------------------------------------------ */

static void given_services(void)
{
	struct notrack *nt = new_context();

	given_rules_of_others();
	must_do(nt, add_dns_with_two_clients(nt));
	must_do(nt, add_service(nt, "ntp", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	notrack_free(nt);
}

static const char *chains_of(const struct family *family)
{
	return must("%s -S NOTRACK-INPUT", family->tables).out;
}

/* The number of the rule that leads to the chain of dns, as iptables counts. */
static unsigned int number_of_entrance(const struct family *family)
{
	char *rules = format_text("%s", chains_of(family)), *state;
	unsigned int number = 0;

	for (char *line = strtok_r(rules, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		number += !strncmp(line, "-A ", 3);	/* a comment may have lines, too */
		if (strstr(line, "-j NOTRACK-dns-in"))
			return number;
	}
	ck_abort_msg("nothing leads to dns");
}

static void given_damage(const struct family *family, const char *comment)
{
	unsigned int number = number_of_entrance(family);

	if (comment)
		must("%s -R NOTRACK-INPUT %u -m comment --comment '%s' -j NOTRACK-dns-in", family->tables,
		     number, comment);
	else
		must("%s -R NOTRACK-INPUT %u -j NOTRACK-dns-in", family->tables, number);
}

/* Loaded from tables in which the description of dns is damaged in one family. */
static struct notrack *given_a_damaged_load(const struct family *family, const char *comment)
{
	struct notrack *nt = new_context();

	given_services();
	given_damage(family, comment);
	must_do(nt, notrack_load(nt));
	return nt;
}

static unsigned int flag_of(const struct family *family)
{
	return family == &families[0] ? NOTRACK_IPV4 : NOTRACK_IPV6;
}

static bool serves(const struct family *family, const char *service)
{
	return strstr(table_save(family, "filter"), format_text(":NOTRACK-%s-in ", service));
}

static void assert_refused(struct notrack *nt, const struct family *family, const struct saved *before)
{
	const char *sentence;

	ck_assert_int_eq(notrack_commit(nt, NULL), -EBADMSG);
	sentence = notrack_error(nt);
	ck_assert_msg(strstr(sentence, "table filter") && strstr(sentence, "chain NOTRACK-INPUT") &&
		      strstr(sentence, family == &families[0] ? "IPv4" : "IPv6") &&
		      strstr(sentence, format_text("rule %u:", number_of_entrance(family))) &&
		      strstr(sentence, "service dns"), "%s", sentence);
	for (const char *byte = sentence; *byte; byte++)
		ck_assert_msg((unsigned char)*byte >= ' ', "a control character: %s", sentence);
	assert_same_rules(before, "refused");
}

/* --- then ------------------------------------------------------------- */

START_TEST(no_change_removes_what_cannot_be_read)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	struct notrack *nt = given_a_damaged_load(family, comments[_i / FAMILY_COUNT]);
	struct saved before = tables_save_both();

	assert_refused(nt, family, &before);
	must_do(nt, add_service(nt, "doq", NULL));
	assert_refused(nt, family, &before);
	must_do(nt, add_client(nt, "ntp", family->wide_prefix, "5/sec"));
	assert_refused(nt, family, &before);
	must_do(nt, notrack_remove_service(nt, "ntp"));
	assert_refused(nt, family, &before);
	notrack_free(nt);
}
END_TEST

/* What can be read is loaded: the other service, and dns in the other family. */
START_TEST(all_else_is_loaded)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_a_damaged_load(family, "x");

	ck_assert_int_eq(hashlimit_has_client(nt, "dns", families[!_i].limited_prefix), 1);
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", family->limited_prefix), 0);
	ck_assert_int_eq(hashlimit_has_client(nt, "ntp", family->limited_prefix), 0);
	must_do(nt, notrack_set_families(nt, flag_of(family)));
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", family->limited_prefix), -ENOENT);
	notrack_free(nt);
}
END_TEST

static int find_ports(const struct notrack_service *service, void *data)
{
	const char **ports = data;

	ck_assert_str_ne(service->name, "other");
	if (!strcmp(service->name, "ntp"))
		*ports = format_text("%s", service->ports);
	return 0;
}

/* The words of another service, in a rule that leads to dns: neither one is defined by them. */
START_TEST(a_description_in_the_wrong_place_is_none)
{
	const char *const strays[] = { "service ntp: ports = 124", "service other: ports = 53" };
	const struct family *family = &families[_i % FAMILY_COUNT];
	struct notrack *nt = given_a_damaged_load(family, strays[_i / FAMILY_COUNT]);
	const char *ports = "";

	must_do(nt, notrack_set_families(nt, flag_of(family)));
	must_do(nt, notrack_each_service(nt, find_ports, &ports));
	ck_assert_str_eq(ports, "123");
	notrack_free(nt);
}
END_TEST

START_TEST(the_other_family_is_changed_all_the_same)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_a_damaged_load(family, "x");

	must_do(nt, notrack_set_families(nt, flag_of(&families[!_i])));
	must_do(nt, add_service(nt, "doq", NULL));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	ck_assert(serves(&families[!_i], "doq") && !serves(family, "doq"));
	ck_assert(serves(family, "dns"));
	notrack_free(nt);
}
END_TEST

START_TEST(who_is_told_to_goes_on)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_a_damaged_load(family, "x");

	ck_assert_int_eq(notrack_set_force(nt, 2), -EINVAL);
	must_do(nt, notrack_set_force(nt, NOTRACK_FORCE));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	ck_assert(!serves(family, "dns") && serves(&families[!_i], "dns") && serves(family, "ntp"));

	/* what is gone needs no force any more */
	must_do(nt, notrack_set_force(nt, 0));
	must_do(nt, add_service(nt, "doq", NULL));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	notrack_free(nt);
}
END_TEST

START_TEST(force_is_taken_back)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_a_damaged_load(family, "x");
	struct saved before = tables_save_both();

	must_do(nt, notrack_set_force(nt, NOTRACK_FORCE));
	must_do(nt, notrack_set_force(nt, 0));
	assert_refused(nt, family, &before);
	notrack_free(nt);
}
END_TEST

START_TEST(a_whole_configuration_goes_through)
{
	const struct family *family = &families[_i];
	struct notrack *nt = new_context();

	notrack_free(given_a_damaged_load(family, "x"));
	must_do(nt, add_dns_with_two_clients(nt));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	ck_assert(serves(family, "dns") && !serves(family, "ntp"));
	ck_assert_int_eq(must_do(nt, notrack_load(nt)), 1);
	ck_assert_int_eq(must_do(nt, notrack_commit(nt, NULL)), 0);
	notrack_free(nt);
}
END_TEST

START_TEST(clear_goes_through)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_a_damaged_load(family, "x");

	ck_assert_int_gt(must_do(nt, notrack_clear(nt, NULL)), 0);
	ck_assert_ptr_null(strstr(tables_save_all(), "NOTRACK-"));
	must_do(nt, add_service(nt, "doq", NULL));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	notrack_free(nt);
}
END_TEST

/* A clear that failed leaves the model, and what is known of it. */
START_TEST(a_clear_that_failed_leaves_the_damage)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_a_damaged_load(family, "x");
	struct saved before = tables_save_both();

	setenv("XTABLES_LOCKFILE", "/run/none/lock", 1);
	ck_assert_int_eq(notrack_clear(nt, NULL), -EIO);
	unsetenv("XTABLES_LOCKFILE");
	assert_refused(nt, family, &before);
	notrack_free(nt);
}
END_TEST

START_TEST(a_repaired_description_is_read_again)
{
	const struct family *family = &families[_i];
	struct notrack *nt = new_context();
	struct saved before;

	given_services();
	before = tables_save_both();
	given_damage(family, "x");
	must_do(nt, notrack_load(nt));
	ck_assert_int_eq(notrack_commit(nt, NULL), -EBADMSG);
	given_damage(family, "service dns: ports = 53; protocols = udp, tcp; roles = inbound, outbound");
	must_do(nt, notrack_load(nt));
	must_do(nt, notrack_commit(nt, NULL));
	assert_same_rules(&before, "repaired");
	notrack_free(nt);
}
END_TEST

/* Drift as ever: the service is described, and what else leads to it is taken out. */
START_TEST(a_second_way_in_is_no_damage)
{
	const struct family *family = &families[_i];
	struct notrack *nt = new_context();
	struct saved before;

	given_services();
	before = tables_save_both();
	must("%s -A NOTRACK-INPUT -j NOTRACK-dns-in", family->tables);
	must("%s -I NOTRACK-INPUT -m comment --comment 'service x' -j NOTRACK-dns-in", family->tables);
	must("%s -A NOTRACK-INPUT -m comment --comment theirs -j others", family->tables);
	must_do(nt, notrack_load(nt));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	assert_same_rules(&before, "a second way in");
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, no_change_removes_what_cannot_be_read, 0, COMMENTS * FAMILY_COUNT);
	tcase_add_loop_test(tcase, all_else_is_loaded, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_description_in_the_wrong_place_is_none, 0, 2 * FAMILY_COUNT);
	tcase_add_loop_test(tcase, the_other_family_is_changed_all_the_same, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, who_is_told_to_goes_on, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, force_is_taken_back, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_whole_configuration_goes_through, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, clear_goes_through, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_clear_that_failed_leaves_the_damage, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_repaired_description_is_read_again, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_second_way_in_is_no_damage, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("damage", tests);
}
