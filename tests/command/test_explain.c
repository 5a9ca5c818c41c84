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

/* As iptables-save prints them, but for the names of matches that go without saying. */
START_TEST(rules_are_in_the_words_of_iptables)
{
	json_t *steps, *step;
	int number = 1;

	must("iptables-legacy -A INPUT ! -i lo -p udp -d 192.0.2.0/24 --dport 53 -m mark --mark 5 -j DROP");
	must("iptables-legacy -A INPUT -p udp --dport 53 -m conntrack --ctstate INVALID,NEW,UNTRACKED "
	     "-j ACCEPT");
	must("notrackctl -4 add dns --role inbound");
	must("iptables-legacy -A INPUT -p udp --dport 50:60 -m conntrack ! --ctstate ESTABLISHED -j DROP");
	/* rules of ours may stand ahead of it */
	while (!strstr(must("iptables-legacy -S INPUT %d", number).out, "INVALID,NEW,UNTRACKED"))
		number++;
	steps = steps_of_request();
	for (int i = 0; i < 2; i++) {
		const char *way = i ? "tracked" : "untracked";

		step = step_at(steps, way, format_text("filter INPUT %d", number));
		ck_assert_str_eq(text_of(step, "rule"), "-A INPUT -p udp --dport 53 -m conntrack "
				 "--ctstate INVALID,NEW,UNTRACKED -j ACCEPT");
		ck_assert_str_eq(text_of(step, "outcome"), "accept");
		ck_assert_ptr_null(parting(steps, way));
	}
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
	ck_assert_str_eq(text_of(step, "rule"), "-A INPUT -p udp --dport 53 -m conntrack --ctstate UNTRACKED "
			 "-j DROP");
	text = run("notrackctl -4 verify dns --explain").out;
	ck_assert_ptr_nonnull(strstr(text, "\ndns ipv4 udp inbound request input\n  tracked:\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n  untracked:\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n  * drop     filter INPUT 1: -A INPUT -p udp --dport 53 "
				     "-m conntrack --ctstate UNTRACKED -j DROP\n"));
}
END_TEST

/* As "nft list" prints them; the numbers are places in the chain. */
START_TEST(rules_are_in_the_words_of_nft)
{
	static const char *const rules[] = {
		"iifname != \"lo\" meta mark set 0x7",
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
