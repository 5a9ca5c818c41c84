/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify --explain: the whole way of a flow, and where tracked and untracked packets part. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listed.h"
#include "run.h"
#include "tables.h"

/* The steps of the inbound request of dns over UDP and IPv4. */
static json_t *steps_of_request(void)
{
	json_t *steps = json_object_get(keep(json_loads(run("notrackctl -4 verify dns --explain --json").out,
							0, NULL)), "steps");
	json_t *found = keep(json_array()), *step;
	size_t i;

	json_array_foreach(steps, i, step)
		if (!strcmp(json_string_value(json_object_get(step, "protocol")), "udp") &&
		    !strcmp(json_string_value(json_object_get(step, "role")), "inbound") &&
		    !strcmp(json_string_value(json_object_get(step, "packet")), "request") &&
		    !json_object_get(step, "interface"))
			json_array_append(found, step);
	ck_assert_uint_gt(json_array_size(found), 2);
	return found;
}

static const char *text_of(json_t *step, const char *key)
{
	return json_string_value(json_object_get(step, key));
}

/* The one step of a way where it parts from the other; NULL: it does not. */
static json_t *parting(json_t *steps, const char *way)
{
	json_t *step, *found = NULL;
	size_t i;

	json_array_foreach(steps, i, step)
		if (!strcmp(text_of(step, "way"), way) && json_is_true(json_object_get(step, "parts"))) {
			ck_assert_ptr_null(found);
			found = step;
		}
	return found;
}

static json_t *step_at(json_t *steps, const char *way, const char *place)
{
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
		if (!strcmp(text_of(step, "way"), way) && !strcmp(text_of(step, "place"), place))
			return step;
	ck_abort_msg("nothing at %s: %s", place, json_dumps(steps, 0));
}

/* nft leaves out a protocol whose ports are asked further on. */
static char *without_protocol(const char *words)
{
	char protocol[20], *copy = format_text("%s", words);
	char *at = strstr(copy, "meta l4proto ");
	int length = 0;

	if (!at || sscanf(at, "meta l4proto %19s %n", protocol, &length) != 1 || !length)
		return copy;
	if (strstr(at + length, format_text("%s ", protocol)))
		memmove(at, at + length, strlen(at + length) + 1);
	return copy;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Versions of iptables-nft write the conditions of a rule in an order of their own, and the protocol. */
static char *in_order(const char *rule)
{
	char *copy = without_protocol(rule), *sorted = format_text("%s", ""), *words[64], *state;
	size_t count = 0;

	for (char *word = strtok_r(copy, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
		ck_assert_uint_lt(count, sizeof(words) / sizeof(words[0]));
		words[count++] = word;
	}
	qsort(words, count, sizeof(words[0]), compare_words);
	for (size_t i = 0; i < count; i++)
		sorted = format_text("%s %s", sorted, words[i]);
	return sorted;
}

static void is_told(json_t *steps, const char *rule)
{
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step) {
		const char *told = text_of(step, "rule");

		if (told && (!strcmp(told, rule) || (suite_is_nft() && !strcmp(in_order(told), in_order(rule)))))
			return;
	}
	ck_abort_msg("no flow meets %s", rule);
}

/* Rules of the host that usual packets of dns meet; as iptables-legacy and as nft have them. */
static const struct {
	const char *iptables, *nft;
} met_rules[] = {
	{ "-A INPUT -i lo -p udp -m udp --dport 53 -j ACCEPT",
	  "iifname \"lo\" udp dport 53 counter accept" },
	{ "-A INPUT ! -s 192.0.2.66/32 ! -i lo -p udp -m multiport --dports 53,5300:5399 -m mark "
	  "--mark 0x0/0xf -j MARK --set-xmark 0x5/0xff",
	  "iifname != \"lo\" meta l4proto udp ip saddr != 192.0.2.66 udp dport { 53, 5300-5399 } "
	  "meta mark & 0x0000000f == 0x00000000 counter meta mark set meta mark & 0xffffff00 ^ "
	  "0x00000005" },
	{ "-A INPUT -p udp -m udp --dport 53 -m mark ! --mark 0x7 -m conntrack ! --ctstate "
	  "RELATED,ESTABLISHED -j MARK --set-xmark 0x6/0xff",
	  "udp dport 53 meta mark != 0x00000007 ct state ! related,established counter "
	  "meta mark set meta mark & 0xffffff00 ^ 0x00000006" },
	{ "-A INPUT -p udp -m udp --dport 53 -m conntrack ! --ctstate SNAT,DNAT -m mark ! --mark 0x8 "
	  "-j MARK --set-xmark 0x9/0xff",
	  "udp dport 53 ct status ! snat,dnat meta mark != 0x00000008 counter "
	  "meta mark set meta mark & 0xffffff00 ^ 0x00000009" },
	{ "-A INPUT -p tcp -m tcp --dport 53 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
	  "tcp flags syn / fin,syn,rst,ack tcp dport 53 counter accept" },
	{ "-A INPUT -p udp -m udp --dport 53 -m conntrack --ctstate INVALID,NEW,UNTRACKED -j ACCEPT",
	  "udp dport 53 ct state invalid,new,untracked counter accept" },
};
enum { MET_RULES = sizeof(met_rules) / sizeof(met_rules[0]) };

/* nft has it at the end, iptables ahead of the target. */
static void cut_comment(char *words)
{
	const char *begin = suite_is_nft() ? " comment \"" : " -m comment --comment \"";
	char *comment = strstr(words, begin), *end;

	if (!comment)
		return;
	end = strchr(comment + strlen(begin), '"') + 1;
	memmove(comment, end, strlen(end) + 1);
}

/* A view keeps no comments, and of some targets and matches only the name. */
static void assert_printed(json_t *step, char *words)
{
	const char *rule = text_of(step, "rule"), *left_out = strstr(rule, " (...)");

	cut_comment(words);

	if (left_out)
		ck_assert_msg(!strncmp(rule, words, (size_t)(left_out - rule)), "%s: %s", words, rule);
	else
		ck_assert_str_eq(without_protocol(rule),
				 without_protocol(nft_flags_in_short(words)));
}

/* The rule of a chain as nft lists it. */
static char *listed_rule(const char *chain, unsigned int number)
{
	char *listed = must("nft -s list chain %s", chain).out, *state;

	for (char *line = strtok_r(listed, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		if (!strncmp(line, "\t\t", 2) && !strstr(line, "type filter hook") && !--number)
			return line + 2;
	ck_abort_msg("no such rule in %s", chain);
}

/* ... at that place; NULL: it is a policy. */
static char *rule_in_kernel(const char *place)
{
	char family[20], table[20], chain[40];
	unsigned int number;

	if (!suite_is_nft() && sscanf(place, "%19s %39s %u", table, chain, &number) == 3)
		return strtok(must("iptables-legacy -t %s -S %s %u", table, chain, number).out,
			      "\n");
	if (suite_is_nft() && sscanf(place, "%19s %19s %39s %u", family, table, chain, &number) == 4)
		return listed_rule(format_text("%s %s %s", family, table, chain), number);
	return NULL;
}

/* Each that is met, of the host and of ours: as iptables prints it, or nft. */
START_TEST(rules_are_in_the_words_of_who_lists_them)
{
	const char *tables = suite_family(0)->tables;
	unsigned int printed = 0;
	json_t *steps, *step;
	size_t i;

	if (suite_is_nft())
		firewall_deny(suite_family(0));
	for (i = 0; i < MET_RULES; i++)
		must("%s %s", tables, met_rules[i].iptables);
	must("%s -I INPUT 2 -p udp -m udp --dport 53 -j LOG --log-prefix dns", tables);
	must("%s -A OUTPUT -o lo -p tcp -m tcp --sport 53 --tcp-flags SYN,ACK SYN,ACK", tables);
	must("notrackctl -4 add dns --role inbound");
	steps = keep(json_incref(json_object_get(keep(json_loads(run("notrackctl -4 verify dns --explain "
								     "--json").out, 0, NULL)), "steps")));
	json_array_foreach(steps, i, step) {
		char *words = rule_in_kernel(text_of(step, "place"));

		if (!words || (suite_is_nft() && (strstr(words, "log prefix") ||
						  strstr(words, "meta mark set"))))
			continue;
		assert_printed(step, words);
		printed++;
	}
	ck_assert_uint_ge(printed, 40);
	for (i = 0; i < MET_RULES; i++)
		is_told(steps, suite_is_nft() ? met_rules[i].nft : met_rules[i].iptables);
	is_told(steps, suite_is_nft() ? "udp dport 53 counter LOG" :
				       "-A INPUT -p udp -m udp --dport 53 -j LOG (...)");
}
END_TEST

START_TEST(where_the_ways_part_is_marked)
{
	const struct family *family = suite_family(0);
	const char *rule = suite_is_nft() ? "udp dport 53 ct state untracked counter drop" :
					    "-A INPUT -p udp -m udp --dport 53 -m conntrack "
					    "--ctstate UNTRACKED -j DROP";
	json_t *steps, *step;
	const char *text;

	must("notrackctl -4 add dns --role inbound");
	must("%s -I INPUT -p udp --dport 53 -m conntrack --ctstate UNTRACKED -j DROP",
	     family->tables);
	steps = steps_of_request();

	step = parting(steps, "untracked");
	ck_assert_ptr_nonnull(step);
	ck_assert_str_eq(text_of(step, "place"), place_of(family, "filter INPUT 1"));
	ck_assert_str_eq(text_of(step, "outcome"), "drop");
	ck_assert_str_eq(text_of(step, "rule"), rule);
	text = run("notrackctl -4 verify dns --explain").out;
	ck_assert_ptr_nonnull(strstr(text, "\ndns ipv4 udp inbound request input\n  tracked:\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n  untracked:\n"));
	ck_assert_ptr_nonnull(strstr(text, format_text("\n  * drop     %s: %s\n",
						       place_of(family, "filter INPUT 1"), rule)));
}
END_TEST

/* As one would say them to nft, which takes them as they were; the numbers are places. */
START_TEST(rules_of_nft_are_in_its_words)
{
	static const char *const rules[] = {
		"ct state ! related,established meta mark set meta mark & 0xffffff00 ^ 0x00000009",
		"iifname != \"lo\" meta mark set 0x00000007",
		"udp dport 53 ct state untracked accept",
		"udp dport { 53, 5353 } ct state new accept",
	};
	json_t *steps;

	must("notrackctl -4 --backend nft add dns --role inbound");
	must("nft add table ip own");
	must("nft add chain ip own input '{ type filter hook input priority 5; policy drop; }'");
	for (int i = 0; i < 4; i++)
		must_as(&(struct how){ .input = format_text("add rule ip own input %s\n", rules[i]) },
			"nft -f -");
	steps = steps_of_request();
	for (int i = 0; i < 4; i++) {
		const char *way = i == 3 ? "tracked" : "untracked";
		json_t *step = step_at(steps, way, format_text("ip own input %d", i + 1));

		ck_assert_str_eq(text_of(step, "rule"), rules[i]);
		ck_assert_str_eq(text_of(step, "outcome"), i > 1 ? "accept" : "go on");
	}
	ck_assert_str_eq(text_of(parting(steps, "tracked"), "place"), "ip own input 4");
	ck_assert_str_eq(text_of(parting(steps, "untracked"), "place"), "ip own input 3");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, rules_are_in_the_words_of_who_lists_them);
	tcase_add_test(tcase, where_the_ways_part_is_marked);
	if (suite_is_nft())
		return;
	/* names the backend itself */
	tcase_add_test(tcase, rules_of_nft_are_in_its_words);
}

int main(void)
{
	return netns_main("explain", tests);
}
