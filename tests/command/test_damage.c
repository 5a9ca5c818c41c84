/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service whose description in the kernel somebody edited, in either backend: commands that
 * would remove it refuse, and say what to do; those that are told to go on.
 */
#include <string.h>

#include "run.h"

static void damage_nft(void)
{
	must("sh -c 'nft list table inet libnotrack | sed \"s/service dns: ports/service dns: p0rts/\" "
	     ">/run/edited'");
	must("nft delete table inet libnotrack");
	must("nft -f /run/edited");
}

static void damage_legacy(void)
{
	must("iptables-legacy -R NOTRACK-INPUT 1 -m comment --comment x -j NOTRACK-dns-in");
	must("ip6tables-legacy -R NOTRACK-INPUT 1 -m comment --comment x -j NOTRACK-dns-in");
}

static const struct backend {
	const char *name;
	void (*damage)(void);
	const char *place;		/* that a sentence names */
	const char *save;
} backends[] = {
	{ "nft", damage_nft, "table inet libnotrack, chain service-dns: ", "nft -s list ruleset" },
	{ "legacy", damage_legacy, "table filter (IPv4), chain NOTRACK-INPUT, rule 1: ",
	  "{ iptables-legacy-save; ip6tables-legacy-save; }" },
};
enum { BACKENDS = sizeof(backends) / sizeof(backends[0]) };

static const struct backend *given_damage(int index)
{
	const struct backend *backend = &backends[index];

	must("notrackctl --backend %s add dns", backend->name);
	must("notrackctl add ntp");
	backend->damage();
	return backend;
}

/* What iptables-save says of the moment is in lines of its own. */
static const char *rules_of(const struct backend *backend)
{
	return must("sh -c '%s | sed /^#/d'", backend->save).out;
}

static const char *const changes[] = {
	"add syslog", "del ntp", "limit ntp 192.0.2.0/24 --above 10/sec", "unlimit ntp 192.0.2.0/24",
};
enum { CHANGES = sizeof(changes) / sizeof(changes[0]) };

START_TEST(a_change_is_refused_and_says_what_to_do)
{
	const struct backend *backend = given_damage(_i / CHANGES);
	const char *before = rules_of(backend);
	struct run refused = run("notrackctl %s", changes[_i % CHANGES]);

	ck_assert_int_eq(refused.code, 1);
	ck_assert_msg(strstr(refused.err, backend->place) &&
		      strstr(refused.err, "describe service dns any more") &&
		      strstr(refused.err, "commit a whole configuration") &&
		      strstr(refused.err, "clear, or force it"), "%s", refused.err);
	assert_same_text(rules_of(backend), before);
}
END_TEST

START_TEST(what_is_left_is_shown)
{
	struct run shown;

	given_damage(_i);
	shown = must("notrackctl show");
	ck_assert_ptr_null(strstr(shown.out, "[service dns]"));
	ck_assert_ptr_nonnull(strstr(shown.out, "[service ntp]"));
	ck_assert_ptr_nonnull(strstr(shown.err, "somebody edited chains of ours"));
}
END_TEST

START_TEST(force_goes_on_and_leaves_no_damage)
{
	const char *shown;

	given_damage(_i);
	must("notrackctl add syslog --force");
	shown = must("notrackctl show").out;
	ck_assert_ptr_null(strstr(shown, "[service dns]"));
	ck_assert(strstr(shown, "[service ntp]") && strstr(shown, "[service syslog]"));
	must("notrackctl add dns");
	must("notrackctl verify");
}
END_TEST

START_TEST(a_whole_configuration_puts_it_right)
{
	given_damage(_i);
	must_as(&(struct how){ .input = "[service dns]\n[service ntp]\n" }, "notrackctl apply -");
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service dns]"));
	must("notrackctl verify");
	must("notrackctl del ntp");
}
END_TEST

START_TEST(clear_takes_all_away)
{
	const struct backend *backend = given_damage(_i);

	must("notrackctl clear");
	ck_assert_ptr_null(strstr(rules_of(backend), "NOTRACK"));
	ck_assert_ptr_null(strstr(rules_of(backend), "libnotrack"));
	must("notrackctl add syslog");
}
END_TEST

/* --- of one family, in the table that holds both ------------------------ */

/* The service of IPv6 is there, and untracks; but nothing says what it is. */
static void given_a_lost_description(void)
{
	must("notrackctl --backend nft -4 add dns --role inbound");
	must("notrackctl -6 add dns --role outbound");
	must("sh -c 'nft delete rule inet libnotrack service-dns handle "
	     "$(nft -a list chain inet libnotrack service-dns | sed -n \"s/.*families = ipv6.*handle //p\")'");
}

static const char *const others[] = {
	"limit dns 192.0.2.1 --above 10/sec", "-4 limit dns 192.0.2.1 --above 10/sec",
	"add syslog", "-4 add syslog", "-4 del dns", "-4 clear", "-6 add syslog",
};
enum { OTHERS = sizeof(others) / sizeof(others[0]) };

START_TEST(the_other_family_keeps_its_service)
{
	const char *before;
	struct run refused;

	given_a_lost_description();
	before = rules_of(&backends[0]);
	refused = run("notrackctl %s", others[_i]);

	ck_assert_int_eq(refused.code, 1);
	ck_assert_msg(strstr(refused.err, backends[0].place) &&
		      strstr(refused.err, "describe service dns any more for IPv6"), "%s", refused.err);
	assert_same_text(rules_of(&backends[0]), before);
}
END_TEST

START_TEST(one_family_is_looked_at_all_the_same)
{
	given_a_lost_description();
	ck_assert_ptr_nonnull(strstr(must("notrackctl -4 show").out, "roles = inbound"));
	must("notrackctl -4 verify");
	must("notrackctl -4 add syslog --force");
	ck_assert_ptr_null(strstr(rules_of(&backends[0]), "nfproto ipv6"));
	must("notrackctl clear");
	ck_assert_str_eq(rules_of(&backends[0]), "");
}
END_TEST

/* Where IPv6 has nothing, nothing of it can be lost. */
START_TEST(a_family_alone_is_put_right)
{
	must("notrackctl --backend nft -4 add dns");
	damage_nft();
	must_as(&(struct how){ .input = "[service dns]\n" }, "notrackctl -4 apply -");
	must("notrackctl -4 verify");
	must("notrackctl add ntp");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_change_is_refused_and_says_what_to_do, 0, CHANGES * BACKENDS);
	tcase_add_loop_test(tcase, what_is_left_is_shown, 0, BACKENDS);
	tcase_add_loop_test(tcase, force_goes_on_and_leaves_no_damage, 0, BACKENDS);
	tcase_add_loop_test(tcase, a_whole_configuration_puts_it_right, 0, BACKENDS);
	tcase_add_loop_test(tcase, clear_takes_all_away, 0, BACKENDS);
	tcase_add_loop_test(tcase, the_other_family_keeps_its_service, 0, OTHERS);
	tcase_add_test(tcase, one_family_is_looked_at_all_the_same);
	tcase_add_test(tcase, a_family_alone_is_put_right);
}

int main(void)
{
	return netns_main("damage", tests);
}
