/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify --explain: the whole way of a flow, and where tracked and untracked packets part. */
#include <string.h>

#include "run.h"

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

static void is_told(json_t *steps, const char *rule)
{
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
		if (text_of(step, "rule") && !strcmp(text_of(step, "rule"), rule))
			return;
	ck_abort_msg("no flow meets %s", rule);
}

/* Rules of the host that usual packets of dns meet. */
static const char *const met_rules[] = {
	"-A INPUT -i lo -p udp -m udp --dport 53 -j ACCEPT",
	"-A INPUT ! -s 192.0.2.66/32 ! -i lo -p udp -m multiport --dports 53,5300:5399 -m mark "
		"--mark 0x0/0xf -j MARK --set-xmark 0x5/0xff",
	"-A INPUT -p udp -m udp --dport 53 -m mark ! --mark 0x7 -m conntrack ! --ctstate "
		"RELATED,ESTABLISHED -j MARK --set-xmark 0x6/0xff",
	"-A INPUT -p tcp -m tcp --dport 53 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
	"-A INPUT -p udp -m udp --dport 53 -m conntrack --ctstate INVALID,NEW,UNTRACKED -j ACCEPT",
};

static void cut_comment(char *words)
{
	static const char begin[] = "-m comment --comment \"";
	char *comment = strstr(words, begin), *end;

	if (!comment)
		return;
	end = strchr(comment + strlen(begin), '"') + 2;
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
		ck_assert_str_eq(rule, words);
}

/* Each that is met, of the host and of ours: as iptables prints it. */
START_TEST(rules_are_in_the_words_of_iptables)
{
	char table[20], chain[40], place[80];
	unsigned int number, printed = 0;
	json_t *steps, *step;
	size_t i;

	for (i = 0; i < sizeof(met_rules) / sizeof(met_rules[0]); i++)
		must("iptables-legacy %s", met_rules[i]);
	must("iptables-legacy -I INPUT 2 -p udp -m udp --dport 53 -j LOG --log-prefix dns");
	must("iptables-legacy -A OUTPUT -o lo -p tcp -m tcp --sport 53 --tcp-flags SYN,ACK SYN,ACK");
	must("notrackctl -4 add dns --role inbound");
	steps = keep(json_incref(json_object_get(keep(json_loads(run("notrackctl -4 verify dns --explain "
								     "--json").out, 0, NULL)), "steps")));
	json_array_foreach(steps, i, step) {
		snprintf(place, sizeof(place), "%s", text_of(step, "place"));
		if (sscanf(place, "%19s %39s %u", table, chain, &number) != 3)
			continue;	/* a policy */
		assert_printed(step, strtok(must("iptables-legacy -t %s -S %s %u", table, chain,
						 number).out, "\n"));
		printed++;
	}
	ck_assert_uint_ge(printed, 40);
	for (i = 0; i < sizeof(met_rules) / sizeof(met_rules[0]); i++)
		is_told(steps, met_rules[i]);
	is_told(steps, "-A INPUT -p udp -m udp --dport 53 -j LOG (...)");
}
END_TEST

START_TEST(where_the_ways_part_is_marked)
{
	json_t *steps, *step;
	const char *text;

	must("notrackctl -4 add dns --role inbound");
	must("iptables-legacy -I INPUT -p udp --dport 53 -m conntrack --ctstate UNTRACKED -j DROP");
	steps = steps_of_request();

	step = parting(steps, "untracked");
	ck_assert_ptr_nonnull(step);
	ck_assert_str_eq(text_of(step, "place"), "filter INPUT 1");
	ck_assert_str_eq(text_of(step, "outcome"), "drop");
	ck_assert_str_eq(text_of(step, "rule"), "-A INPUT -p udp -m udp --dport 53 -m conntrack "
			 "--ctstate UNTRACKED -j DROP");
	text = run("notrackctl -4 verify dns --explain").out;
	ck_assert_ptr_nonnull(strstr(text, "\ndns ipv4 udp inbound request input\n  tracked:\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n  untracked:\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n  * drop     filter INPUT 1: -A INPUT -p udp -m udp --dport 53 "
				     "-m conntrack --ctstate UNTRACKED -j DROP\n"));
}
END_TEST

/* As "nft list" prints them; the numbers are places in the chain. */
START_TEST(rules_are_in_the_words_of_nft)
{
	static const char *const rules[] = {
		"iifname != \"lo\" meta mark set 0x00000007",
		"udp dport 53 ct state untracked accept",
		"udp dport { 53, 5353 } ct state new accept",
	};
	json_t *steps;

	must("notrackctl -4 --backend nft add dns --role inbound");
	must("nft add table ip own");
	must("nft add chain ip own input '{ type filter hook input priority 5; policy drop; }'");
	for (int i = 0; i < 3; i++)
		must_as(&(struct how){ .input = format_text("add rule ip own input %s\n", rules[i]) },
			"nft -f -");
	steps = steps_of_request();
	for (int i = 0; i < 3; i++) {
		const char *way = i == 2 ? "tracked" : "untracked";
		json_t *step = step_at(steps, way, format_text("ip own input %d", i + 1));

		ck_assert_str_eq(text_of(step, "rule"), rules[i]);
		ck_assert_str_eq(text_of(step, "outcome"), i ? "accept" : "go on");
	}
	ck_assert_str_eq(text_of(parting(steps, "tracked"), "place"), "ip own input 3");
	ck_assert_str_eq(text_of(parting(steps, "untracked"), "place"), "ip own input 2");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, rules_are_in_the_words_of_iptables);
	tcase_add_test(tcase, where_the_ways_part_is_marked);
	tcase_add_test(tcase, rules_are_in_the_words_of_nft);
}

int main(void)
{
	return netns_main("explain", tests);
}
