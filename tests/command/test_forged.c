/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nobody writes a line on root's terminal but the command, whatever rules of others say. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* Another rule of the diff, in red, if it came through; the quotes are for the shell's sake. */
#define FORGERY "x\n+-4 filter -A INPUT -j ACCEPT \033[31m"

static void no_byte_is_obeyed(const char *text)
{
	for (const char *byte = text; *byte; byte++)
		ck_assert_msg(*byte == '\n' || *byte == '\t' ||
			      ((unsigned char)*byte >= ' ' && *byte != 0x7f),
			      "byte %#x in %s", (unsigned char)*byte, text);
}

static void no_line_is_forged(const char *text)
{
	no_byte_is_obeyed(text);
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		ck_assert_msg(strncmp(line, "+-4 filter -A INPUT -j ACCEPT", 29) &&
			      strncmp(line, "+inet libnotrack input accept", 29), "%s", text);
}

/* All of what is there goes. */
static struct run told_by_dry_run(void)
{
	return must_as(&(struct how){ .where = HOST, .input = "[service ntp]\n" },
		       "notrackctl -4 apply --dry-run -");
}

static void look_at_all_output(void)
{
	static const char *const commands[] = {
		"show", "show --rules", "show --json", "stats", "verify", "--json verify", "doctor",
		"apply --dry-run -",
	};
	const struct how how = { .where = HOST, .input = "[service ntp]\n" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct run told = run_as(&how, "notrackctl %s", commands[i]);

		no_line_is_forged(told.out);
		no_byte_is_obeyed(told.err);
	}
}

START_TEST(a_comment_in_a_legacy_chain_forges_nothing)
{
	struct run told;

	netns_enter();
	must("notrackctl --backend legacy -4 add dns");
	must("iptables-legacy -A NOTRACK-INPUT -m comment --comment '" FORGERY "' -j RETURN");
	look_at_all_output();
	told = told_by_dry_run();
	ck_assert_msg(strstr(told.out, "--comment \"x\\x0a+-4 filter -A INPUT -j ACCEPT \\x1b[31m\""),
		      "%s", told.out);
}
END_TEST

START_TEST(a_comment_in_a_chain_of_nftables_forges_nothing)
{
	struct run told;

	netns_enter();
	must("notrackctl --backend nft -4 add dns");
	must("nft 'add rule inet libnotrack output counter comment \"x\n+inet libnotrack input "
	     "accept \033[31m\"'");
	look_at_all_output();
	told = told_by_dry_run();
	ck_assert_msg(strstr(told.out, "\"x\\x0a+inet libnotrack input accept \\x1b[31m\""), "%s",
		      told.out);
}
END_TEST

/* What iptables-save prints, the diff prints: comments that are harmless stay legible. */
START_TEST(a_harmless_comment_is_printed_as_iptables_save_prints_it)
{
	char *line, *end, *saved;

	netns_enter();
	must("notrackctl --backend legacy -4 add dns");
	must("iptables-legacy -A NOTRACK-INPUT -m comment --comment 'f\xc3\xbcr \"dns\" \\ x' -j RETURN");
	saved = must("iptables-legacy -S NOTRACK-INPUT").out;
	line = strstr(saved, "-A NOTRACK-INPUT -m comment --comment \"f\xc3\xbcr");
	ck_assert_msg(line != NULL, "%s", saved);
	end = strchr(line, '\n');
	*end = '\0';
	ck_assert_ptr_nonnull(strstr(told_by_dry_run().out,
				     format_text("-4 filter %s\n", line)));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, a_comment_in_a_legacy_chain_forges_nothing);
	tcase_add_test(tcase, a_comment_in_a_chain_of_nftables_forges_nothing);
	tcase_add_test(tcase, a_harmless_comment_is_printed_as_iptables_save_prints_it);
}

int main(void)
{
	return netns_main("forged", tests);
}
