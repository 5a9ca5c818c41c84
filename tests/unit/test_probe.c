/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which packets of a flow a rule matches: all, some, none, or nobody knows. */
#include <arpa/inet.h>
#include <string.h>

#include "foreign.h"
#include "unit.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

enum { USUAL_ONE = USUAL(TRACKED), PICKED_ONE = PICKED(TRACKED) };

START_TEST(the_usual_packet_has_no_address_that_a_rule_names)
{
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	drop_all();
	from("192.0.2.0", 24, _i);
	end_chain(-NF_ACCEPT - 1);
	journey = walk_udp();

	if (_i)		/* all but those */
		expect_states(&journey, PICKED_ONE, USUAL_ONE);
	else
		expect_states(&journey, USUAL_ONE, PICKED_ONE);
	table_end();
}
END_TEST

static const struct {
	const char *source;
	unsigned int source_bits;
	const char *asked;
	unsigned int asked_bits;
	unsigned int accepted, dropped;		/* by a rule that drops */
} addresses[] = {
	{ "0.0.0.0", 0, "0.0.0.0", 0, 0, USUAL_ONE },
	{ "192.0.2.0", 24, "192.0.2.0", 24, 0, USUAL_ONE },
	{ "192.0.2.0", 24, "192.0.0.0", 16, 0, USUAL_ONE },
	{ "192.0.2.0", 24, "192.0.2.7", 32, USUAL_ONE, PICKED_ONE },
	{ "192.0.2.0", 24, "192.0.3.0", 24, USUAL_ONE, 0 },
};

START_TEST(a_prefix_is_met_by_all_by_some_or_by_none)
{
	struct probe probe = udp_to(53, 53);
	struct journey journey;

	inet_pton(AF_INET, addresses[_i].source, probe.source.address);
	probe.source.length = (uint8_t)addresses[_i].source_bits;
	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	drop_all();
	from(addresses[_i].asked, addresses[_i].asked_bits, false);
	end_chain(-NF_ACCEPT - 1);
	journey = walk(&probe, USUAL(TRACKED));

	expect_states(&journey, addresses[_i].accepted, addresses[_i].dropped);
	table_end();
}
END_TEST

static const struct {
	const char *interface, *usual;
	const char *asked;
	size_t mask;
	bool not;
	unsigned int accepted, dropped;
} interfaces[] = {
	{ "eth0", "", "eth0", 5, false, 0, USUAL_ONE },
	{ "eth0", "", "eth0", 4, false, 0, USUAL_ONE },		/* eth0+ */
	{ "eth0", "", "eth", 3, false, 0, USUAL_ONE },		/* eth+ */
	{ "eth0", "", "eth", 4, false, USUAL_ONE, 0 },
	{ "eth0", "", "eth00", 6, false, USUAL_ONE, 0 },
	{ "eth0", "", "eth0", 5, true, USUAL_ONE, 0 },
	{ "eth0", "", "lo", 3, true, 0, USUAL_ONE },
	{ "+", "", "lo", 3, false, USUAL_ONE, PICKED_ONE },
	{ "+", "", "lo", 3, true, PICKED_ONE, USUAL_ONE },
	{ "+", "eth0", "lo", 3, false, USUAL_ONE, PICKED_ONE },
	{ "+", "eth0", "eth0", 5, false, PICKED_ONE, USUAL_ONE },
	{ "+", "eth0", "eth", 3, false, PICKED_ONE, USUAL_ONE },
	{ "+", "eth0", "eth", 4, false, USUAL_ONE, PICKED_ONE },
	{ "eth+", "", "eth1", 5, false, USUAL_ONE, PICKED_ONE },
	{ "eth+", "", "e", 1, false, 0, USUAL_ONE },
	{ "eth+", "", "lo", 3, false, USUAL_ONE, 0 },
	{ "", "", "eth0", 5, false, USUAL_ONE, 0 },
	{ "", "", "eth0", 5, true, 0, USUAL_ONE },
	{ "", "", "", 0, false, 0, USUAL_ONE },
};

START_TEST(an_interface_is_met_by_all_by_some_or_by_none)
{
	struct probe probe = udp_to(53, 53);
	struct journey journey;

	strcpy(probe.in, interfaces[_i].interface);
	strcpy(probe.usual_interface, interfaces[_i].usual);
	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	drop_all();
	by(interfaces[_i].asked, interfaces[_i].mask, interfaces[_i].not);
	end_chain(-NF_ACCEPT - 1);
	journey = walk(&probe, USUAL(TRACKED));

	expect_states(&journey, interfaces[_i].accepted, interfaces[_i].dropped);
	table_end();
}
END_TEST

static const struct {
	uint16_t first, last;			/* of the packets */
	uint16_t ports[4];			/* two ranges that are asked for */
	unsigned int accepted, dropped;
} port_sets[] = {
	{ 53, 53, { 53, 53, 1, 1 }, 0, USUAL_ONE },
	{ 53, 53, { 1, 52, 54, 65535 }, USUAL_ONE, 0 },
	{ 50, 60, { 53, 53, 1, 1 }, USUAL_ONE, PICKED_ONE },
	{ 50, 60, { 50, 54, 55, 60 }, 0, USUAL_ONE },	/* together they are all */
	{ 50, 60, { 56, 65535, 0, 55 }, 0, USUAL_ONE },
	{ 50, 60, { 50, 54, 56, 60 }, USUAL_ONE, PICKED_ONE },
	{ 0, 65535, { 0, 65535, 0, 0 }, 0, USUAL_ONE },
};

START_TEST(ports_are_met_by_all_by_some_or_by_none)
{
	struct probe probe = udp_to(port_sets[_i].first, port_sets[_i].last);
	struct xt_multiport_v1 *multiport;
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	drop_all();
	multiport = add_match("multiport", 1, sizeof(*multiport));
	multiport->flags = XT_MULTIPORT_DESTINATION;
	multiport->count = 4;
	for (int i = 0; i < 4; i++) {
		multiport->ports[i] = port_sets[_i].ports[i];
		multiport->pflags[i] = i % 2 == 0;
	}
	end_chain(-NF_ACCEPT - 1);
	journey = walk(&probe, USUAL(TRACKED));

	expect_states(&journey, port_sets[_i].accepted, port_sets[_i].dropped);
	table_end();
}
END_TEST

static const struct {
	enum table_id table;
	unsigned int states;			/* before */
	uint16_t asked, flags, inverted;
	bool drops, unsure;
} state_matches[] = {
	{ FILTER, USUAL(UNTRACKED), XT_CONNTRACK_STATE_UNTRACKED, 1, 0, true, false },
	{ FILTER, USUAL(UNTRACKED), 0xf, 1, 0, false, false },
	{ FILTER, USUAL(UNTRACKED), 0xf, 1, 1, true, false },
	{ FILTER, USUAL(UNTRACKED), 0, XT_CONNTRACK_PROTO, 0, false, false },
	{ FILTER, USUAL(UNTRACKED), 0xf, 1 | XT_CONNTRACK_PROTO, 1, true, false },
	{ FILTER, USUAL(TRACKED), XT_CONNTRACK_STATE_UNTRACKED, 1, 0, false, false },
	{ FILTER, USUAL(TRACKED), XT_CONNTRACK_STATE_BIT(IP_CT_NEW), 1, 0, true, false },
	{ FILTER, USUAL(TRACKED), XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED), 1, 0, false, false },
	{ FILTER, USUAL(TRACKED), XT_CONNTRACK_STATE_BIT(IP_CT_NEW), 1 | XT_CONNTRACK_PROTO, 0, true,
	  true },
	{ FILTER, USUAL(TRACKED), XT_CONNTRACK_STATE_DNAT, 1, 0, false, false },	/* no rule translates */
	{ FILTER, USUAL(TRACKED), XT_CONNTRACK_STATE_DNAT, 1, 1, true, false },
	{ RAW, USUAL(TRACKED), XT_CONNTRACK_STATE_INVALID, 1, 0, true, false },
	{ RAW, USUAL(TRACKED), XT_CONNTRACK_STATE_BIT(IP_CT_NEW), 1, 0, false, false },
	{ RAW, USUAL(UNTRACKED), XT_CONNTRACK_STATE_UNTRACKED, 1, 0, true, false },
	{ RAW, USUAL(TEMPLATE), XT_CONNTRACK_STATE_BIT(IP_CT_NEW), 1, 0, true, false },
};

START_TEST(a_state_is_what_conntrack_says)
{
	const struct probe probe = udp_to(53, 53);
	struct xt_conntrack_mtinfo3 *match;
	struct journey journey;

	table_begin(state_matches[_i].table);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	drop_all();
	match = add_match("conntrack", 3, sizeof(*match));
	match->match_flags = state_matches[_i].flags;
	match->invert_flags = state_matches[_i].inverted;
	match->state_mask = state_matches[_i].asked;
	end_chain(-NF_ACCEPT - 1);
	journey = walk(&probe, state_matches[_i].states);

	ck_assert_int_eq(journey_states(&journey, DROPPED) != 0, state_matches[_i].drops);
	ck_assert_int_eq(journey_states(&journey, ACCEPTED) != 0,
			 !state_matches[_i].drops || state_matches[_i].unsure);
	table_end();
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, the_usual_packet_has_no_address_that_a_rule_names, 0, 2);
	tcase_add_loop_test(tcase, a_prefix_is_met_by_all_by_some_or_by_none, 0, COUNT(addresses));
	tcase_add_loop_test(tcase, an_interface_is_met_by_all_by_some_or_by_none, 0, COUNT(interfaces));
	tcase_add_loop_test(tcase, ports_are_met_by_all_by_some_or_by_none, 0, COUNT(port_sets));
	tcase_add_loop_test(tcase, a_state_is_what_conntrack_says, 0, COUNT(state_matches));
}

int main(void)
{
	return unit_main("probe", tests);
}
