/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Past rules that name something else than packets have. */
#include "random.h"
#include "rules/rule_index.h"
#include "unit.h"
#include "verify/probe.h"
#include "verify/walk.h"

#include <netinet/in.h>
#include <stdio.h>

enum { MANY = 20000, RULES = 200, PROBES = 200 };

static struct view view;
static struct view_chain *base;

static void begin(void)
{
	base = view_add_chain(&view, view_add_table(&view, WORLD_NFT, 1u << IPV4, "ip", "host"), "base");
	view_set_hook(&view, base, HOOK_INPUT, 0);
}

static struct step *add(enum step_kind kind, enum field field)
{
	struct step *step = view_add_step(&view, kind);

	expect(step, "out of memory");
	step->field = (uint8_t)field;
	step->mask = UINT32_MAX;
	return step;
}

static void add_prefix(enum field field, uint8_t length, uint32_t address)
{
	struct step *step = add(STEP_PREFIX, field);
	const uint32_t network = length ? address & UINT32_MAX << (32 - length) : 0;

	step->length = length;
	step->mask = 0;
	for (unsigned int i = 0; i < 4; i++)
		step->address[i] = (uint8_t)(network >> (24 - 8 * i));
}

static void add_interface(unsigned int number, bool open)
{
	struct step *step = add(STEP_INTERFACE, FIELD_IN);

	snprintf(step->name, sizeof(step->name), "eth%u", number);
	step->length = (uint8_t)(strlen(step->name) + !open);
}

static void end_rule(enum step_kind kind)
{
	add(kind, 0);
	expect(view_end_rule(&view, base, 0), "out of memory");
}

static void reach(void)
{
	expect(!view_reach(&view), "out of memory");
	if (base->index)
		rule_index_make(base);
}

static struct known_fields packets_of(const struct probe *probe)
{
	return (struct known_fields){ &probe->source, &probe->destination, &probe->source_port,
				&probe->destination_port, probe->in };
}

static struct probe any_packets(void)
{
	return (struct probe){ .in = "+", .protocol = IPPROTO_UDP, .source_port = { 0, UINT16_MAX },
			       .destination_port = { 0, UINT16_MAX }, .tracked_states = CT_NEW };
}

/* Each by one look, however many rules there are in between. */
START_TEST(packets_come_at_once_to_the_rule_that_names_them)
{
	struct probe probe = any_packets();
	const struct known_fields packets = packets_of(&probe);
	const struct view_rule *rule;

	begin();
	for (unsigned int i = 0; i < MANY; i++) {
		add_prefix(FIELD_SOURCE, 32, 10u << 24 | i);
		end_rule(STEP_ACCEPT);
	}
	reach();
	ck_assert_ptr_nonnull(base->index);
	ck_assert_ptr_eq(rule_index_next(base, base->rules, &packets), base->rules);

	probe.source = (struct prefix){ .length = 32, .address = { 10, 0, 1, 7 } };
	rule = rule_index_next(base, base->rules, &packets);
	ck_assert_uint_eq(rule->number, 256 + 7 + 1);
	ck_assert_ptr_null(rule_index_next(base, rule->next, &packets));
	view_free(&view);
}
END_TEST

/* What was ours is not come to any more, though it was there when the index was made. */
START_TEST(a_rule_that_was_forgotten_is_gone_past)
{
	struct probe probe = any_packets();
	const struct known_fields packets = packets_of(&probe);
	const struct step accept = { .kind = STEP_ACCEPT };

	begin();
	for (unsigned int i = 0; i < RULES; i++) {
		add_prefix(FIELD_SOURCE, 32, 10u << 24 | i);
		end_rule(STEP_ACCEPT);
	}
	view_insert_rule(&view, base, base->rules->next, &accept, 1)->flags |= RULE_OURS;
	reach();
	probe.source = (struct prefix){ .length = 32, .address = { 192, 0, 2, 1 } };
	ck_assert_uint_ne(rule_index_next(base, base->rules, &packets)->flags & RULE_OURS, 0);
	view_forget_ours(&view);
	reach();
	ck_assert_ptr_nonnull(base->index);
	ck_assert_ptr_null(rule_index_next(base, base->rules, &packets));
	view_free(&view);
}
END_TEST

START_TEST(a_rule_that_is_laid_over_others_is_not_gone_past)
{
	struct probe probe = any_packets();
	const struct known_fields packets = packets_of(&probe);
	struct step accept = { .kind = STEP_ACCEPT };
	struct view_rule *inserted;

	begin();
	for (unsigned int i = 0; i < RULES; i++) {
		add_prefix(FIELD_SOURCE, 32, 10u << 24 | i);
		end_rule(STEP_ACCEPT);
	}
	reach();
	probe.source = (struct prefix){ .length = 32, .address = { 192, 0, 2, 1 } };
	ck_assert_ptr_null(rule_index_next(base, base->rules, &packets));
	inserted = view_insert_rule(&view, base, base->rules->next, &accept, 1);
	ck_assert_ptr_eq(rule_index_next(base, base->rules, &packets), base->rules);
	reach();
	ck_assert_ptr_eq(rule_index_next(base, base->rules, &packets), inserted);
	view_free(&view);
}
END_TEST

/* --- by chance ----------------------------------------------------------- */

static void add_random_condition(unsigned int kind)
{
	const uint32_t port = random_below(40);

	switch (kind) {
	case 0:
		add_prefix(FIELD_SOURCE, (uint8_t)random_from(24, 32), 10u << 24 | random_below(256));
		break;
	case 1:
		add_prefix(FIELD_DESTINATION, (uint8_t)random_from(0, 32), random_below(256));
		break;
	case 2:
		add_interface(random_below(40), random_chance(10));
		break;
	default:
		add(STEP_NUMBER, kind == 3 ? FIELD_SOURCE_PORT : FIELD_DESTINATION_PORT)->range =
			(struct range){ port, port + (random_chance(10) ? random_below(9) : 0) };
	}
	if (random_chance(3))
		view.steps[view.step_count - 1].flags = STEP_INVERTED;
}

/* Most rules name what is the subject of the chain, some something else, and some nothing. */
static void given_random_rules(void)
{
	static const enum step_kind ends[] = { STEP_ACCEPT, STEP_DROP, STEP_COUNT, STEP_RETURN };
	const unsigned int subject = random_below(5);

	begin();
	for (unsigned int i = 0; i < RULES; i++) {
		if (random_chance(5))
			add(STEP_COUNT, 0);
		if (random_chance(90))
			add_random_condition(subject);
		if (random_chance(60))
			add_random_condition(random_below(5));
		end_rule(random_chance(2) ? STEP_MARK : ends[random_below(4)]);
	}
	reach();
}

static void narrow(struct prefix *prefix, uint8_t first)
{
	prefix->length = (uint8_t)random_from(24, 32);
	prefix->address[0] = first;
	prefix->address[3] = (uint8_t)(random_below(256) & 0xff00u >> (prefix->length - 24));
}

static struct probe random_packets(void)
{
	struct probe probe = any_packets();

	if (random_chance(60))
		narrow(&probe.source, 10);
	if (random_chance(60))
		narrow(&probe.destination, 0);
	if (random_chance(60))
		snprintf(probe.in, sizeof(probe.in), "eth%u", random_below(45));
	if (random_chance(60))
		probe.source_port.first = probe.source_port.last = (uint16_t)random_below(45);
	if (random_chance(60))
		probe.destination_port = (struct port_range){ (uint16_t)random_below(45), 45 };
	return probe;
}

/* No rule in between could be met, and the next one is no further than that. */
START_TEST(no_rule_is_gone_past_that_packets_could_meet)
{
	unsigned int past = 0;

	random_begin_at((uint64_t)_i);
	given_random_rules();
	for (unsigned int i = 0; i < PROBES; i++) {
		const struct probe probe = random_packets();
		const struct known_fields packets = packets_of(&probe);

		for (const struct view_rule *rule = base->rules; rule; rule = rule->next) {
			const struct view_rule *next = rule_index_next(base, rule, &packets);

			for (; rule != next; rule = rule->next, past++)
				expect(!(probe_could_meet(&probe, rule) & ALL_DO), "rule %u", rule->number);
			if (!rule)
				break;
		}
	}
	expect(!base->index || past, "nothing is gone past");
	view_free(&view);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, packets_come_at_once_to_the_rule_that_names_them);
	tcase_add_test(tcase, a_rule_that_was_forgotten_is_gone_past);
	tcase_add_test(tcase, a_rule_that_is_laid_over_others_is_not_gone_past);
	tcase_add_loop_test(tcase, no_rule_is_gone_past_that_packets_could_meet, 0, 50);
}

int main(void)
{
	return unit_main("rule-index", tests);
}
