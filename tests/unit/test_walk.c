/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets on their way through a table of anybody's rules. */
#include "foreign.h"
#include "unit.h"

#include <time.h>

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
	expect_place(endings_first(journey.endings[DROPPED], ANY_USUAL), "INPUT", 0);
	table_end();
}
END_TEST

START_TEST(a_table_that_is_not_there_lets_pass)
{
	struct journey journey;

	table_begin(FILTER);
	journey = walk_udp();

	expect_states(&journey, 0, 0);
	ck_assert_int_eq(went_on, USUAL_ONE);
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
	expect_place(endings_first(journey.endings[ACCEPTED], ANY_USUAL), "INPUT", 2);
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
		expect_place(endings_first(journey.endings[ACCEPTED], ANY_USUAL), "outer", 2);
		table_end();
		return;
	}
	rule = outer_goes ? 0 : 2;
	expect_place(endings_first(journey.endings[outer_goes ? DROPPED : ACCEPTED],
				   ANY_USUAL), "INPUT", rule);
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
	struct journey journey = walk_ladder(250, 1);

	expect_states(&journey, USUAL_ONE, 0);
	journey = walk_ladder(2000, 1);
	expect_states(&journey, USUAL_ONE, USUAL_ONE);
}
END_TEST

/* --- many chains -------------------------------------------------------- */

enum { CHAINS = 100000, BANS = 100000, WALKS = 3000, SOON_S = 10 };

/* Of processor time: what grows with the square of the chains takes minutes. */
static void expect_soon(clock_t begun)
{
	ck_assert_int_lt((clock() - begun) / CLOCKS_PER_SEC, SOON_S);
}

static struct view_chain *add_base(struct view *large)
{
	struct view_table *table = view_add_table(large, WORLD_NFT, 1u << IPV4, "ip", "large");
	struct view_chain *base = view_add_chain(large, table, "input");

	view_set_hook(large, base, HOOK_INPUT, 0);
	return base;
}

static struct view_chain *add_numbered(struct view *large, unsigned int number)
{
	char name[16];

	snprintf(name, sizeof(name), "c%u", number);
	return view_add_chain(large, large->tables, name);
}

static void add_jump(struct view *large, struct view_chain *from, struct view_chain *to)
{
	struct step *step = view_add_step(large, STEP_JUMP);

	ck_assert(step && to);
	step->chain = to;
	ck_assert_ptr_nonnull(view_end_rule(large, from, 0));
}

/* A rule that packets to port 53 pass by. */
static void add_other_port(struct view *large, struct view_chain *chain)
{
	ck_assert(view_add_number(large, FIELD_DESTINATION_PORT, 80, 80) &&
		  view_add_step(large, STEP_DROP) && view_end_rule(large, chain, 0));
}

static struct journey walk_large(struct view *large)
{
	struct journey journey = { .time = 0 };
	struct walk walk = { .view = large, .journeys[WOULD] = &journey };
	const struct probe probe = udp_to(53, 53);

	ck_assert_int_eq(walk_all(&walk, &probe, WAY_IN), 0);
	walk_free(&walk);
	return journey;
}

/* Each chain leads to one that has as many rules: n * n of them, were it walked again and again. */
START_TEST(many_chains_may_lead_to_many_rules)
{
	struct view large = { 0 };
	struct view_chain *base = add_base(&large);
	struct view_chain *common = view_add_chain(&large, large.tables, "common");
	struct journey journey;
	clock_t begun = clock();

	for (unsigned int i = 0; i < CHAINS; i++) {
		struct view_chain *chain = add_numbered(&large, i);

		add_jump(&large, base, chain);
		add_jump(&large, chain, common);
		add_other_port(&large, common);
	}
	base->drops = true;
	journey = walk_large(&large);

	ck_assert_uint_eq(journey_states(&journey, DROPPED) & ANY_USUAL, USUAL_ONE);
	expect_soon(begun);
	view_free(&large);
}
END_TEST

/* Of two ways to each chain, the second one was laid over the rules of the host: 2^64 ways. */
START_TEST(a_rule_that_is_laid_over_others_is_another_way_to_a_chain)
{
	struct view large = { 0 };
	struct view_chain *at = add_base(&large);
	struct journey journey;

	at->drops = true;
	for (unsigned int i = 0; i < 64; i++) {
		struct view_chain *next = add_numbered(&large, i);

		add_jump(&large, at, next);
		ck_assert_ptr_nonnull(view_insert_rule(&large, at, NULL, at->rules->steps,
						       at->rules->count));
		at = next;
	}
	for (unsigned int i = 0; i < 20; i++)	/* more than anybody looks ahead */
		add_other_port(&large, at);
	journey = walk_large(&large);

	ck_assert_uint_eq(journey_states(&journey, DROPPED) & ANY_USUAL, USUAL_ONE);
	view_free(&large);
}
END_TEST

/* Any chain of the table may be where the packets of a map go that we have not read. */
START_TEST(many_maps_may_lead_to_many_chains)
{
	struct view large = { 0 };
	struct view_chain *base = add_base(&large);
	struct view_lookup map = { .table = large.tables };
	clock_t begun = clock();

	for (unsigned int i = 0; i < CHAINS; i++) {
		struct step *step = view_add_step(&large, STEP_MAP);

		step->lookup = &map;
		ck_assert(view_end_rule(&large, base, 0) && add_numbered(&large, i));
	}
	ck_assert_int_eq(view_reach(&large), 0);

	ck_assert_uint_eq(large.tables->last->hooks, 1u << HOOK_INPUT);
	expect_soon(begun);
	view_free(&large);
}
END_TEST

/* --- runs of bans ------------------------------------------------------- */

static void add_condition_of_ban(struct view *view, uint8_t length, unsigned int number)
{
	struct step *step = view_add_step(view, STEP_PREFIX);

	ck_assert_ptr_nonnull(step);
	step->field = FIELD_SOURCE;
	step->length = length;
	step->address[0] = 10;
	step->address[1] = (uint8_t)(number >> 16);
	step->address[2] = (uint8_t)(number >> 8);
	step->address[3] = (uint8_t)number;
}

static void add_ban(struct view *view, struct view_chain *chain, unsigned int protocol,
		    uint8_t length, unsigned int number)
{
	ck_assert_ptr_nonnull(view_add_number(view, FIELD_PROTOCOL, protocol, protocol));
	add_condition_of_ban(view, length, number);
	ck_assert(view_add_step(view, STEP_COUNT) && view_add_step(view, STEP_DROP) &&
		  view_end_rule(view, chain, 0));
}

/* Each of them to a chain that drops some, or all. */
static void add_chain_of_bans(struct view *view, struct view_chain *base, unsigned int number)
{
	struct view_chain *chain = add_numbered(view, number);
	struct step *jump;

	add_ban(view, chain, IPPROTO_UDP, 32, number << 8 | 1);
	add_condition_of_ban(view, 24, number << 8);
	jump = view_add_step(view, STEP_JUMP);
	ck_assert_ptr_nonnull(jump);
	jump->chain = chain;
	ck_assert_ptr_nonnull(view_end_rule(view, base, 0));
}

/* Bans of both protocols, one of a whole prefix, and chains of bans; then some are accepted. */
static void given_bans(struct view *view)
{
	struct view_chain *base = add_base(view);

	for (unsigned int i = 0; i < 9; i++)
		add_ban(view, base, IPPROTO_UDP, i == 4 ? 28 : 32, i == 4 ? 16 : i);
	for (unsigned int i = 0; i < 5; i++)
		add_ban(view, base, IPPROTO_TCP, 32, i);
	for (unsigned int i = 0; i < 6; i++)
		add_chain_of_bans(view, base, i);
	add_condition_of_ban(view, 26, 0);
	ck_assert(view_add_step(view, STEP_ACCEPT) && view_end_rule(view, base, 0));
	base->drops = true;
}

static struct probe asked_by(uint8_t length, uint8_t protocol, uint8_t host)
{
	struct probe probe = udp_to(53, 53);

	probe.protocol = protocol;
	probe.source.length = length;
	probe.source.address[0] = length ? 10 : 0;
	probe.source.address[3] = length >= 28 ? host : 0;
	return probe;
}

static struct journey walk_bans(const struct view *view, const struct probe *probe)
{
	struct journey journey = { .time = 0 };
	struct walk walk = { .view = view, .journeys[WOULD] = &journey };

	ck_assert_int_eq(walk_all(&walk, probe, WAY_IN), 0);
	walk_free(&walk);
	return journey;
}

static void expect_same(const struct journey *one, const struct journey *other)
{
	ck_assert_uint_eq(one->through, other->through);
	for (enum fate fate = ACCEPTED; fate <= DROPPED; fate++)
		for (unsigned int state = 0; state < STATES; state++) {
			const struct ending *a = &one->endings[fate][state];
			const struct ending *b = &other->endings[fate][state];

			ck_assert_int_eq(!a->first_time, !b->first_time);
			ck_assert_ptr_eq(a->first.chain, b->first.chain);
			ck_assert_ptr_eq(a->first.rule, b->first.rule);
			ck_assert_ptr_eq(a->last.chain, b->last.chain);
			ck_assert_ptr_eq(a->last.rule, b->last.rule);
		}
}

static const struct {
	uint8_t length, protocol, host;
} askers[] = {
	{ 0, IPPROTO_UDP, 0 }, { 0, IPPROTO_TCP, 0 }, { 8, IPPROTO_UDP, 0 }, { 23, IPPROTO_UDP, 0 },
	{ 24, IPPROTO_UDP, 0 }, { 26, IPPROTO_UDP, 0 }, { 28, IPPROTO_UDP, 0 }, { 28, IPPROTO_UDP, 16 },
	{ 32, IPPROTO_UDP, 1 }, { 32, IPPROTO_UDP, 8 }, { 32, IPPROTO_TCP, 8 },
	{ 32, IPPROTO_UDP, 17 }, { 32, IPPROTO_UDP, 77 },
};

/* Without runs, each rule is taken; with them, what becomes of packets is the same. */
START_TEST(bans_say_the_same_as_a_run_and_one_by_one)
{
	const struct probe probe = asked_by(askers[_i].length, askers[_i].protocol, askers[_i].host);
	struct view view = { 0 };
	struct journey alone, together;

	given_bans(&view);
	alone = walk_bans(&view, &probe);
	ck_assert_int_eq(view_find_runs(&view), 0);
	ck_assert_ptr_nonnull(view.hooks[HOOK_INPUT]->rules->run);
	together = walk_bans(&view, &probe);

	expect_same(&together, &alone);
	view_free(&view);
}
END_TEST

/* A rule that came in between is not passed by. */
START_TEST(a_run_ends_where_a_rule_comes_in_between)
{
	const struct probe probe = asked_by(0, IPPROTO_UDP, 0);
	struct view view = { 0 };
	struct view_chain *base;
	struct step accept = { .kind = STEP_ACCEPT };
	struct journey journey;

	given_bans(&view);
	base = view.hooks[HOOK_INPUT];
	ck_assert_int_eq(view_find_runs(&view), 0);
	ck_assert_uint_eq(walk_bans(&view, &probe).through & ANY_USUAL, 0);
	ck_assert_ptr_nonnull(view_insert_rule(&view, base, base->rules->next, &accept, 1));
	journey = walk_bans(&view, &probe);
	ck_assert_uint_eq(journey.through & ANY_USUAL, USUAL_ONE);
	view_free(&view);
}
END_TEST

/* One by one, so many of them would take minutes. */
START_TEST(many_bans_are_passed_at_once)
{
	const struct probe probe = asked_by(0, IPPROTO_UDP, 0);
	struct view view = { 0 };
	struct view_chain *base = add_base(&view);
	clock_t begun = clock();

	for (unsigned int i = 0; i < BANS; i++)
		add_ban(&view, base, IPPROTO_UDP, 32, i);
	ck_assert_int_eq(view_reach(&view), 0);
	for (unsigned int i = 0; i < WALKS; i++)
		ck_assert_uint_eq(walk_bans(&view, &probe).through & ANY_USUAL, USUAL_ONE);
	expect_soon(begun);
	view_free(&view);
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
	expect_place(endings_first(journey.endings[DROPPED], ANY_USUAL), "INPUT", 1);
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

/* --- more kinds of packets than anybody can follow ------------------------ */

enum { SOURCES = 200000 };

/* "ip saddr 10.x.y.z accept", for so many addresses. */
static void add_sources(struct view *large, struct view_chain *chain, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct step *step = view_add_step(large, STEP_PREFIX);

		ck_assert_ptr_nonnull(step);
		step->field = FIELD_SOURCE;
		step->length = 32;
		memcpy(step->address, (uint8_t []){ 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
						    (uint8_t)i }, 4);
		ck_assert(view_add_step(large, STEP_ACCEPT) && view_end_rule(large, chain, 0));
	}
}

/* Two chains of input, one behind the other, that let in so many addresses. */
static struct journey walk_sources(unsigned int count, bool drops, bool *incomplete)
{
	struct view large = { 0 };
	struct journey journey = { .time = 0 };
	struct walk walk = { .view = &large, .journeys[WOULD] = &journey };
	struct view_table *table = view_add_table(&large, WORLD_NFT, 1u << IPV4, "ip", "large");
	const struct probe probe = udp_to(53, 53);

	for (int i = 0; i < 2; i++) {
		struct view_chain *chain = view_add_chain(&large, table, i ? "second" : "first");

		view_set_hook(&large, chain, HOOK_INPUT, i);
		chain->drops = drops;
		add_sources(&large, chain, count);
	}
	ck_assert_int_eq(walk_all(&walk, &probe, WAY_IN), 0);
	*incomplete = walk.incomplete;
	walk_free(&walk);
	view_free(&large);
	return journey;
}

START_TEST(work_does_not_grow_with_the_square_of_what_is_let_in)
{
	bool incomplete;
	struct journey journey = walk_sources(SOURCES, true, &incomplete);

	ck_assert(incomplete);
	ck_assert_uint_eq(journey_states(&journey, DROPPED) & ANY_USUAL, USUAL_ONE);
	ck_assert_uint_eq(journey.through & ANY_USUAL, 0);
	ck_assert_uint_ne(journey.through & ANY_PICKED, 0);
}
END_TEST

START_TEST(a_few_that_are_let_in_are_all_followed)
{
	bool incomplete;
	struct journey journey = walk_sources(100, true, &incomplete);

	ck_assert(!incomplete);
	ck_assert_uint_ne(journey.through & ANY_PICKED, 0);
}
END_TEST

/* The usual packet goes the same way as all of them. */
START_TEST(whom_the_usual_packet_covers_need_not_be_followed)
{
	bool incomplete;
	struct journey journey = walk_sources(SOURCES, false, &incomplete);

	ck_assert(!incomplete);
	ck_assert_uint_eq(journey.through & ANY_USUAL, USUAL_ONE);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, work_does_not_grow_with_the_square_of_what_is_let_in);
	tcase_add_test(tcase, a_few_that_are_let_in_are_all_followed);
	tcase_add_test(tcase, whom_the_usual_packet_covers_need_not_be_followed);
	tcase_add_test(tcase, the_policy_decides_where_no_rule_does);
	tcase_add_test(tcase, a_table_that_is_not_there_lets_pass);
	tcase_add_test(tcase, the_first_verdict_counts);
	tcase_add_test(tcase, return_in_a_built_in_chain_is_the_policy);
	tcase_add_loop_test(tcase, a_chain_comes_back_to_where_it_was_jumped_from, 0, 4);
	tcase_add_test(tcase, a_loop_ends);
	tcase_add_test(tcase, a_chain_is_walked_once_however_often_it_is_entered);
	tcase_add_test(tcase, many_chains_may_lead_to_many_rules);
	tcase_add_test(tcase, a_rule_that_is_laid_over_others_is_another_way_to_a_chain);
	tcase_add_loop_test(tcase, bans_say_the_same_as_a_run_and_one_by_one, 0,
			    sizeof(askers) / sizeof(askers[0]));
	tcase_add_test(tcase, a_run_ends_where_a_rule_comes_in_between);
	tcase_add_test(tcase, many_bans_are_passed_at_once);
	tcase_add_test(tcase, many_maps_may_lead_to_many_chains);
	tcase_add_test(tcase, what_lies_too_deep_nobody_knows);
	tcase_add_test(tcase, where_a_match_is_unknown_both_ways_are_gone);
	tcase_add_test(tcase, an_unknown_target_may_do_anything);
	tcase_add_test(tcase, an_unknown_match_beside_one_that_fails_does_not_matter);
	tcase_add_loop_test(tcase, what_raw_did_first_stays, 0, 2);
	tcase_add_test(tcase, some_may_be_tracked_and_the_usual_one_not);
}

int main(void)
{
	return unit_main("simulate", tests);
}
