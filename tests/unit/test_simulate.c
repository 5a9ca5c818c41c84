/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets on their way through a table of anybody's rules. */
#include <arpa/inet.h>
#include <layout.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <simulate.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* --- a table, as the kernel would hand it out ------------------------- */

enum { ROOM = 4 << 20, CHAINS_MOST = 4096 };

static struct blob blob;
static uint32_t end_of_table;
static struct ipt_entry *last;		/* the rule that was added last */

static void table_begin(enum table_id id)
{
	blob = (struct blob){ .kernel = &kernels[IPV4], .id = id };
	blob.block = calloc(1, ROOM);
	blob.chains = calloc(CHAINS_MOST, sizeof(*blob.chains));
	end_of_table = 0;
}

static void table_end(void)
{
	free(blob.block);
	free(blob.chains);
}

static struct xt_entry_target *add_entry(const char *target, size_t size)
{
	struct xt_entry_target *at;

	last = (void *)((char *)blob.block->entrytable + end_of_table);
	last->target_offset = (uint16_t)XT_ALIGN(sizeof(*last));
	last->next_offset = (uint16_t)(last->target_offset + size);
	at = (void *)((char *)last + last->target_offset);
	at->u.target_size = (uint16_t)size;
	strcpy(at->u.user.name, target);
	end_of_table += last->next_offset;
	expect(end_of_table < ROOM, "the table is too small");
	return at;
}

static void add_verdict(int verdict)
{
	((struct xt_standard_target *)add_entry("", STANDARD_SIZE))->verdict = verdict;
}

static void add_target(const char *name)
{
	add_entry(name, XT_ALIGN(sizeof(struct xt_entry_target)) +
			XT_ALIGN(sizeof(struct xt_ct_target_info_v1)));
}

static void accept_all(void)
{
	add_verdict(-NF_ACCEPT - 1);
}

static void drop_all(void)
{
	add_verdict(-NF_DROP - 1);
}

static void return_all(void)
{
	add_verdict(XT_RETURN);
}

/* Chains are told of before they are filled: a name, and where a jump goes. */
static size_t add_chain(const char *name, int hook)
{
	struct blob_chain *chain = &blob.chains[blob.count];

	if (hook < 0) {
		struct xt_error_target *head = (void *)add_entry(XT_ERROR_TARGET, ERROR_SIZE);

		strcpy(head->errorname, name);
		last->nfcache = (unsigned int)blob.count;
	}
	*chain = (struct blob_chain){ .name = name, .rules = end_of_table, .hook = hook };
	return blob.count++;
}

static void end_chain(int verdict)
{
	struct blob_chain *chain = &blob.chains[blob.count - 1];

	chain->foot = end_of_table;
	add_verdict(verdict);
}

/* Where a chain will be: patched in once it is there. */
struct patch {
	struct xt_standard_target *target;
};

static struct patch jump(bool go)
{
	struct patch patch;

	add_verdict(0);
	patch.target = (void *)((char *)last + last->target_offset);
	last->ip.flags = go ? IPT_F_GOTO : 0;
	return patch;
}

static void lead(struct patch patch, size_t chain)
{
	patch.target->verdict = (int)blob.chains[chain].rules;
}

/* Puts a match into the rule that was added last. */
static void *add_match(const char *name, uint8_t revision, size_t size)
{
	size_t whole = XT_ALIGN(sizeof(struct xt_entry_match)) + XT_ALIGN(size);
	char *at = (char *)last + last->target_offset;
	struct xt_entry_match *match = (void *)at;

	memmove(at + whole, at, (size_t)(last->next_offset - last->target_offset));
	memset(at, 0, whole);
	match->u.match_size = (uint16_t)whole;
	match->u.user.revision = revision;
	strcpy(match->u.user.name, name);
	last->target_offset = (uint16_t)(last->target_offset + whole);
	last->next_offset = (uint16_t)(last->next_offset + whole);
	end_of_table += (uint32_t)whole;
	return match->data;
}

static void unknown(void)
{
	add_match("length", 0, 8);
}

static void from(const char *address, unsigned int bits, bool not)
{
	inet_pton(AF_INET, address, &last->ip.src);
	last->ip.smsk.s_addr = htonl(bits ? ~0u << (32 - bits) : 0);
	last->ip.invflags |= not ? IPT_INV_SRCIP : 0;
}

static void by(const char *interface, size_t mask, bool not)
{
	strcpy(last->ip.iniface, interface);
	memset(last->ip.iniface_mask, 0xff, mask);
	last->ip.invflags |= not ? IPT_INV_VIA_IN : 0;
}

/* --- a packet, and what becomes of it --------------------------------- */

static struct probe udp_to(uint16_t first, uint16_t last_port)
{
	return (struct probe){ .in = "+", .protocol = IPPROTO_UDP, .source_port = { 1024, 65535 },
			       .destination_port = { first, last_port },
			       .tracked_states = XT_CONNTRACK_STATE_BIT(IP_CT_NEW) };
}

static struct journey walk(const struct probe *probe, unsigned int states)
{
	struct journey journey = { 0 };

	expect(!simulate(&blob, "INPUT", probe, states, &journey), "out of memory");
	return journey;
}

static struct journey walk_udp(void)
{
	const struct probe probe = udp_to(53, 53);

	return walk(&probe, USUAL(TRACKED));
}

/* The states of those who were accepted, and of those who were dropped. */
static void expect_states(const struct journey *journey, unsigned int accepted, unsigned int dropped)
{
	ck_assert_uint_eq(journey_states(journey, ACCEPTED), accepted);
	ck_assert_uint_eq(journey_states(journey, DROPPED), dropped);
}

static void expect_place(const struct ending *ending, const char *chain, unsigned int rule)
{
	ck_assert_ptr_nonnull(ending);
	ck_assert_str_eq(ending->first.chain, chain);
	ck_assert_uint_eq(ending->first.rule, rule);
}

enum { USUAL_ONE = USUAL(TRACKED), PICKED_ONE = PICKED(TRACKED) };

/* --- chains ----------------------------------------------------------- */

START_TEST(the_policy_decides_where_no_rule_does)
{
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	end_chain(-NF_DROP - 1);
	journey = walk_udp();

	expect_states(&journey, 0, USUAL_ONE);
	expect_place(journey_first(&journey, DROPPED, ANY_USUAL), "INPUT", 0);
	table_end();
}
END_TEST

START_TEST(a_table_that_is_not_there_lets_pass)
{
	struct journey journey;

	table_begin(FILTER);
	journey = walk_udp();

	expect_states(&journey, USUAL_ONE, 0);
	table_end();
}
END_TEST

START_TEST(the_first_verdict_counts)
{
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	add_target("LOG");
	accept_all();
	drop_all();
	end_chain(-NF_DROP - 1);
	journey = walk_udp();

	expect_states(&journey, USUAL_ONE, 0);
	expect_place(journey_first(&journey, ACCEPTED, ANY_USUAL), "INPUT", 2);
	table_end();
}
END_TEST

START_TEST(return_in_a_built_in_chain_is_the_policy)
{
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	return_all();
	accept_all();
	end_chain(-NF_DROP - 1);
	journey = walk_udp();

	expect_states(&journey, 0, USUAL_ONE);
	table_end();
}
END_TEST

/* A jump comes back to the next rule, a goto to whoever jumped last. */
START_TEST(a_chain_comes_back_to_where_it_was_jumped_from)
{
	bool outer_goes = _i & 1, inner_goes = _i & 2;
	struct patch outer, inner;
	struct journey journey;
	unsigned int rule;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	outer = jump(outer_goes);
	accept_all();
	end_chain(-NF_DROP - 1);
	lead(outer, add_chain("outer", -1));
	inner = jump(inner_goes);
	accept_all();
	end_chain(XT_RETURN);
	lead(inner, add_chain("inner", -1));
	end_chain(XT_RETURN);
	journey = walk_udp();

	if (!inner_goes) {
		expect_place(journey_first(&journey, ACCEPTED, ANY_USUAL), "outer", 2);
		table_end();
		return;
	}
	rule = outer_goes ? 0 : 2;
	expect_place(journey_first(&journey, outer_goes ? DROPPED : ACCEPTED, ANY_USUAL), "INPUT", rule);
	table_end();
}
END_TEST

/* The kernel takes no such table; we are not to hang on it. */
START_TEST(a_loop_ends)
{
	struct patch in, round;
	struct journey journey;
	size_t chain;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	in = jump(false);
	end_chain(-NF_ACCEPT - 1);
	chain = add_chain("round", -1);
	lead(in, chain);
	round = jump(false);
	lead(round, chain);
	end_chain(XT_RETURN);
	journey = walk_udp();

	ck_assert_uint_eq(journey_states(&journey, DROPPED), 0);
	table_end();
}
END_TEST

/* Chains, each of which leads to the next one by so many jumps. */
static struct journey walk_ladder(int chains, int jumps)
{
	struct patch patches[2];
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	for (int i = 0; i < chains; i++) {
		size_t chain;

		for (int j = 0; j < jumps; j++)
			patches[j] = jump(false);
		end_chain(i ? XT_RETURN : -NF_ACCEPT - 1);
		chain = add_chain("rung", -1);
		for (int j = 0; j < jumps; j++)
			lead(patches[j], chain);
	}
	end_chain(XT_RETURN);
	journey = walk_udp();
	table_end();
	return journey;
}

/* 2^64 ways through it. */
START_TEST(a_chain_is_walked_once_however_often_it_is_entered)
{
	struct journey journey = walk_ladder(64, 2);

	expect_states(&journey, USUAL_ONE, 0);
}
END_TEST

START_TEST(what_lies_too_deep_nobody_knows)
{
	struct journey journey = walk_ladder(1000, 1);

	expect_states(&journey, USUAL_ONE, 0);
	journey = walk_ladder(2000, 1);
	expect_states(&journey, USUAL_ONE, USUAL_ONE);
}
END_TEST

/* --- what nobody knows ------------------------------------------------ */

START_TEST(where_a_match_is_unknown_both_ways_are_gone)
{
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	drop_all();
	unknown();
	accept_all();
	end_chain(-NF_DROP - 1);
	journey = walk_udp();

	expect_states(&journey, USUAL_ONE, USUAL_ONE);
	expect_place(journey_first(&journey, DROPPED, ANY_USUAL), "INPUT", 1);
	table_end();
}
END_TEST

START_TEST(an_unknown_target_may_do_anything)
{
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	add_target("TARPIT");
	end_chain(-NF_ACCEPT - 1);
	journey = walk_udp();

	expect_states(&journey, USUAL_ONE, USUAL_ONE);
	table_end();
}
END_TEST

START_TEST(an_unknown_match_beside_one_that_fails_does_not_matter)
{
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	drop_all();
	last->ip.proto = IPPROTO_TCP;
	unknown();
	end_chain(-NF_ACCEPT - 1);
	journey = walk_udp();

	expect_states(&journey, USUAL_ONE, 0);
	table_end();
}
END_TEST

/* --- some of the packets ---------------------------------------------- */

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

/* --- raw -------------------------------------------------------------- */

START_TEST(what_raw_did_first_stays)
{
	struct journey journey;

	table_begin(RAW);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	add_target(_i ? "CT" : "NOTRACK");
	add_target(_i ? "NOTRACK" : "CT");
	end_chain(-NF_ACCEPT - 1);
	journey = walk_udp();

	expect_states(&journey, USUAL(_i ? TEMPLATE : UNTRACKED), 0);
	table_end();
}
END_TEST

START_TEST(some_may_be_tracked_and_the_usual_one_not)
{
	struct journey journey;

	table_begin(RAW);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	accept_all();
	from("192.0.2.0", 24, false);
	add_target("NOTRACK");
	end_chain(-NF_ACCEPT - 1);
	journey = walk_udp();

	expect_states(&journey, USUAL(UNTRACKED) | PICKED(TRACKED), 0);
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
	{ FILTER, USUAL(TRACKED), XT_CONNTRACK_STATE_DNAT, 1, 0, true, true },
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
	tcase_add_test(tcase, the_policy_decides_where_no_rule_does);
	tcase_add_test(tcase, a_table_that_is_not_there_lets_pass);
	tcase_add_test(tcase, the_first_verdict_counts);
	tcase_add_test(tcase, return_in_a_built_in_chain_is_the_policy);
	tcase_add_loop_test(tcase, a_chain_comes_back_to_where_it_was_jumped_from, 0, 4);
	tcase_add_test(tcase, a_loop_ends);
	tcase_add_test(tcase, a_chain_is_walked_once_however_often_it_is_entered);
	tcase_add_test(tcase, what_lies_too_deep_nobody_knows);
	tcase_add_test(tcase, where_a_match_is_unknown_both_ways_are_gone);
	tcase_add_test(tcase, an_unknown_target_may_do_anything);
	tcase_add_test(tcase, an_unknown_match_beside_one_that_fails_does_not_matter);
	tcase_add_loop_test(tcase, the_usual_packet_has_no_address_that_a_rule_names, 0, 2);
	tcase_add_loop_test(tcase, a_prefix_is_met_by_all_by_some_or_by_none, 0, COUNT(addresses));
	tcase_add_loop_test(tcase, an_interface_is_met_by_all_by_some_or_by_none, 0, COUNT(interfaces));
	tcase_add_loop_test(tcase, ports_are_met_by_all_by_some_or_by_none, 0, COUNT(port_sets));
	tcase_add_loop_test(tcase, what_raw_did_first_stays, 0, 2);
	tcase_add_test(tcase, some_may_be_tracked_and_the_usual_one_not);
	tcase_add_loop_test(tcase, a_state_is_what_conntrack_says, 0, COUNT(state_matches));
}

int main(void)
{
	return unit_main("simulate", tests);
}
