/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done as the host says, and what somebody may not have meant all the same: a family that
 * is opened because the other one is, and interfaces that leave out some that packets take.
 */
#include "netns.h"

#include <stdio.h>
#include <string.h>

#include "run.h"
#include "said.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { RULES_MAX = 6 };

/* --- families ----------------------------------------------------------- */

static void given_stateful(const struct family *family, const char *lets_in)
{
	must("%s -w -A INPUT -i lo -j ACCEPT", family->tables);
	must("%s -w -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", family->tables);
	for (int i = 0; i < 2 && lets_in; i++)
		must("%s -w -A INPUT -p %s --dport 53 %s -j ACCEPT", family->tables, i ? "tcp" : "udp",
		     lets_in);
	must("%s -w -P INPUT DROP", family->tables);
}

/* Who lets in everybody by one family, and nobody by the other. */
static const struct {
	const char *rules[FAMILY_COUNT];	/* "": everybody; NULL: nobody */
	const char *options;
	const char *opened;			/* NULL: none of which it is told */
} opened[] = {
	{ { "-m conntrack --ctstate NEW", NULL }, "", "IPv6" },
	{ { NULL, "" }, "", "IPv4" },
	{ { "", NULL }, "--from 192.0.2.0/24,2001:db8::/48", "IPv6" },
	/* one family alone, nobody by either, everybody by both; and whom the host names, alone */
	{ { "", NULL }, "-4", NULL },
	{ { NULL, NULL }, "", NULL },
	{ { "", "" }, "", NULL },
	{ { "", NULL }, "--role outbound", NULL },
	{ { "-s 192.0.2.0/24", NULL }, "", NULL },
	{ { "", NULL }, "--from 192.0.2.0/24", NULL },
};

START_TEST(a_family_that_is_opened_for_the_other_is_told)
{
	struct run added;
	const char *told;

	for (int i = 0; i < FAMILY_COUNT; i++)
		given_stateful(&families[i], opened[_i].rules[i]);
	added = must("notrackctl add dns %s", opened[_i].options);
	told = strstr(added.err, "warning: opened: ");
	if (opened[_i].opened) {
		ck_assert_msg(told && strstr(told, format_text("opened over %s ahead of", opened[_i].opened)) &&
			      strstr(told, format_text("leave %s out of the families", opened[_i].opened)),
			      "%s", added.err);
		ck_assert_msg(!strstr(told + 1, "warning: opened: "), "%s", added.err);
	} else {
		ck_assert_msg(!told, "%s", added.err);
	}
	/* what stands is not told again */
	ck_assert(!strstr(must("notrackctl add dns %s", opened[_i].options).err, "warning: opened: "));
	must("notrackctl verify");
}
END_TEST

/* --- interfaces ---------------------------------------------------------- */

#define BY_STATE " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
#define NEW_AT_53 " -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT"
#define TCP_AT_53 " -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT"

/* Whether there is eth9 beside veth0, and what is said of it. */
static const struct {
	bool has_other;
	const char *service;
	const char *told;		/* NULL: nothing */
	const char *rules[RULES_MAX];
} ways[] = {
	{ true, "dns-auth --proto udp --interface veth0", "answers that go out", {
		"-A INPUT" NEW_AT_53, "-A INPUT -j DROP", "-A OUTPUT" BY_STATE, "-A OUTPUT -j DROP" } },
	{ true, "dns --role outbound --proto udp --interface veth+", "answers that come in", {
		"-A INPUT" BY_STATE, "-A INPUT -j DROP" } },
	{ true, "dns-auth --proto tcp --interface veth0", "requests that come in", {
		"-A INPUT" BY_STATE, "-A INPUT" TCP_AT_53, "-A INPUT -m conntrack --ctstate INVALID -j DROP" } },
	{ true, "dns-auth --proto udp --interface veth0", "answers that go out", {	/* to a few */
		"-A INPUT -m mac --mac-source 02:00:00:00:00:02" NEW_AT_53, "-A INPUT -j DROP", "-A OUTPUT" BY_STATE,
		"-A OUTPUT -j DROP" } },
	/* the only one, all of them, and none that is named */
	{ false, "dns-auth --proto udp --interface veth0", NULL, {
		"-A INPUT" NEW_AT_53, "-A INPUT -j DROP", "-A OUTPUT" BY_STATE, "-A OUTPUT -j DROP" } },
	{ true, "dns-auth --proto udp --interface veth0,eth9", NULL, {
		"-A INPUT" NEW_AT_53, "-A INPUT -j DROP", "-A OUTPUT" BY_STATE, "-A OUTPUT -j DROP" } },
	{ true, "dns-auth --proto udp", NULL, {
		"-A INPUT" NEW_AT_53, "-A INPUT -j DROP", "-A OUTPUT" BY_STATE, "-A OUTPUT -j DROP" } },
	/* no rule asks for a state, or nobody is let in by the other one, or nothing gets out there */
	{ true, "dns-auth --proto udp --interface veth0", NULL, {
		"-A INPUT" NEW_AT_53, "-A INPUT" BY_STATE, "-A INPUT -j DROP" } },
	{ true, "dns-auth --proto udp --interface veth0", NULL, {
		"-A INPUT -p udp --dport 53 -j ACCEPT", "-A INPUT -j DROP",
		"-A OUTPUT -p udp --sport 53 -j ACCEPT", "-A OUTPUT -j DROP" } },
	{ true, "dns-auth --proto tcp --interface veth0", NULL, {
		"-A INPUT" BY_STATE, "-A INPUT -i veth0" TCP_AT_53, "-A INPUT -j DROP" } },
	{ true, "dns-auth --proto udp --interface veth0", NULL, {
		"-A INPUT" NEW_AT_53, "-A INPUT -j DROP", "-A OUTPUT -o eth9 -j DROP", "-A OUTPUT" BY_STATE,
		"-A OUTPUT -j DROP" } },
};

START_TEST(packets_that_may_take_another_interface_are_told)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const int number = _i / FAMILY_COUNT;
	struct run added;
	struct said said;

	netns_add_peer();
	must("ip link add eth9 type veth peer name eth8");
	if (ways[number].has_other)
		must("ip link set eth9 up");
	for (size_t i = 0; i < RULES_MAX && ways[number].rules[i]; i++)
		must("%s -w %s", family->tables, ways[number].rules[i]);
	added = must("notrackctl %s add %s", family->option, ways[number].service);
	ck_assert_msg(!ways[number].told == !strstr(added.err, "warning: other-way: ") &&
		      (!ways[number].told || strstr(added.err, ways[number].told)), "%s: %s",
		      ways[number].service, added.err);
	said = verify(family->option);
	ck_assert(is_ok(said));
	ck_assert_int_eq(finds(said, "other-way", "warning", ways[number].told ? ways[number].told : ""),
			 ways[number].told != NULL);
}
END_TEST

/* --- nftables ------------------------------------------------------------ */

/* What is done to each packet, and what is kept of some. */
static const struct {
	const char *statement;
	bool told;
} statements[] = {
	{ "ip dscp set cs1", false },
	{ "meta priority set 1:2", false },
	{ "tcp option maxseg size set 1200", false },
	{ "log", true },
	{ "meta nftrace set 1", true },
};

START_TEST(what_only_changes_packets_is_no_rate)
{
	struct run added;

	must_as(&(struct how){ .input = format_text(
		"table ip m {\nchain o {\ntype route hook output priority mangle;\nct state new %s\n}\n}\n",
		statements[_i].statement) }, "nft -f -");
	added = must("notrackctl -4 add dns");
	ck_assert_msg(statements[_i].told == (strstr(added.err, "warning: rate: ") != NULL), "%s: %s",
		      statements[_i].statement, added.err);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_family_that_is_opened_for_the_other_is_told, 0, COUNT(opened));
	tcase_add_loop_test(tcase, packets_that_may_take_another_interface_are_told, 0,
			    COUNT(ways) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_only_changes_packets_is_no_rate, 0, COUNT(statements));
}

int main(void)
{
	return netns_main("warned", tests);
}
