/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done as the host says, and what somebody may not have meant all the same.
 */
#include "netns.h"

#include <string.h>

#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
	tcase_add_loop_test(tcase, what_only_changes_packets_is_no_rate, 0, COUNT(statements));
}

int main(void)
{
	return netns_main("warned", tests);
}
