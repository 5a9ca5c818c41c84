/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done as the host says, and what somebody may not have meant all the same.
 */
#include "netns.h"

#include <string.h>

#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
	tcase_add_loop_test(tcase, what_only_changes_packets_is_no_rate, 0, COUNT(statements));
}

int main(void)
{
	return netns_main("warned", tests);
}
