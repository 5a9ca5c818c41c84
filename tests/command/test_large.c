/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Somebody has forty thousand chains that lead to ours: whoever looks at them holds the
 * lock that each iptables of the host waits for. The deadline is no time that anything must
 * meet: unit/test_diff and unit/test_walk see that work does not grow with the square.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

enum { CHAINS = 40000, BANS = 5000 };

#define IN_TIME "timeout 60 notrackctl -4 "

static void work(const char *command)
{
	struct run told = run(IN_TIME "%s", command);

	ck_assert_msg(told.code != 124, "%s took longer than a minute", command);
	ck_assert_msg(!told.code || !strcmp(command, "verify"), "%s: exit %d\n%s", command, told.code,
		      told.err);
}

static void all_commands_end_in_time(void)
{
	static const char *const commands[] = {
		"show", "verify", "add ntp", "limit dns 192.0.2.0/24 --above 10/sec", "stats", "doctor",
		"clear",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		work(commands[i]);
}

/* Each of so many chains has one rule, and there is one more rule for each elsewhere. */
static char *chains_that(const char *rule, const char *more)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	fputs("*filter\n", out);
	for (int i = 0; i < CHAINS; i++)
		fprintf(out, ":x%d - [0:0]\n", i);
	for (int i = 0; i < CHAINS; i++) {
		fprintf(out, "-A x%d %s\n", i, rule);
		if (more)
			fprintf(out, "%s -s 10.%d.%d.%d -j x%d\n", more, i >> 16, i >> 8 & 255,
				i & 255, i);
	}
	fputs("COMMIT\n", out);
	fclose(out);
	return keep(text);
}

static void restore(const char *rules)
{
	must_as(&(struct how){ .where = HOST, .input = rules },
		"iptables-legacy-restore --noflush");
}

START_TEST(chains_that_nothing_leads_to_and_that_lead_to_ours)
{
	netns_enter();
	must("notrackctl --backend legacy -4 add dns");
	restore(chains_that("-j NOTRACK-INPUT", NULL));
	all_commands_end_in_time();
	ck_assert_ptr_null(strstr(must("iptables-legacy -S").out, "NOTRACK"));
}
END_TEST

START_TEST(chains_on_the_way_of_packets_that_lead_to_ours)
{
	netns_enter();
	must("notrackctl --backend legacy -4 add dns");
	restore(chains_that("-j NOTRACK-INPUT", "-A INPUT"));
	all_commands_end_in_time();
	ck_assert_ptr_null(strstr(must("iptables-legacy -S").out, "NOTRACK"));
}
END_TEST

START_TEST(chains_that_ask_for_a_state)
{
	netns_enter();
	must("notrackctl --backend legacy -4 add dns");
	restore(chains_that("-p udp -m conntrack --ctstate NEW -j ACCEPT", "-A INPUT"));
	all_commands_end_in_time();
}
END_TEST

static void add_chains_to_our_table(int count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs("table inet libnotrack {\n", out);
	for (int i = 0; i < count; i++)
		fprintf(out, "chain x%d { goto service-dns; }\n", i);
	fputs("}\n", out);
	fclose(out);
	must_as(&(struct how){ .where = HOST, .input = keep(text) }, "nft -f -");
}

/* Fewer: nft itself takes its time, and so does the kernel. */
START_TEST(chains_in_our_table_of_nftables)
{
	netns_enter();
	must("notrackctl --backend nft -4 add dns");
	add_chains_to_our_table(CHAINS / 2);
	all_commands_end_in_time();
}
END_TEST

static const char *const tools[] = { "legacy", "nft" };

static char *bans(const char *tool)
{
	return must("sh -c 'iptables-%s -S INPUT | grep 10[.]'", tool).out;
}

/* Between the place where our jump was, and the one that it moves to. */
START_TEST(rules_of_others_stay_however_many_there_are)
{
	const char *tool = tools[_i];
	char *text = NULL, *before;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	netns_enter();
	ck_assert_ptr_nonnull(out);
	fputs("*filter\n", out);
	for (int i = 0; i < BANS; i++)
		fprintf(out, "-A INPUT -s 10.1.%d.%d/32 -j DROP\n", i >> 8, i & 255);
	fputs("COMMIT\n", out);
	fclose(out);
	must("iptables-%s -P INPUT DROP", tool);
	must("notrackctl --backend %s -4 add dns", tool);
	must_as(&(struct how){ .where = HOST, .input = keep(text) },
		"iptables-%s-restore --noflush", tool);
	before = bans(tool);

	must("notrackctl --backend %s -4 add ntp", tool);
	assert_same_text(bans(tool), before);
	must("notrackctl --backend %s -4 clear", tool);
	assert_same_text(bans(tool), before);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, rules_of_others_stay_however_many_there_are, 0, 2);

	tcase_add_test(tcase, chains_that_nothing_leads_to_and_that_lead_to_ours);
	tcase_add_test(tcase, chains_on_the_way_of_packets_that_lead_to_ours);
	tcase_add_test(tcase, chains_that_ask_for_a_state);
	tcase_add_test(tcase, chains_in_our_table_of_nftables);
}

int main(void)
{
	return netns_main("large", tests);
}
