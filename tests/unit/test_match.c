/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a match of xtables whose revision or size nobody knows. */
#include <linux/netfilter/x_tables.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/extensions/extension.h"
#include "legacy/extensions/match.h"
#include "rules/graft.h"

#include "foreign.h"
#include "unit.h"

enum { NEWER = 10, LONGER = 8, ROOM = 8192 };

/* Rates that conntrack counts are of conntrack here, though they count by themselves. */
static bool asks_conntrack(const struct view *view)
{
	bool asks = false;

	for (size_t i = 0; i < view->step_count; i++)
		asks |= view->steps[i].field >= FIELD_STATE;
	return asks;
}

static void decode(struct view *view, const char *name, uint8_t revision, size_t size)
{
	static _Alignas(16) const char zeros[ROOM];

	view->step_count = 0;
	ck_assert_uint_le(size, sizeof(zeros));
	ck_assert_int_eq(extension_view_match(view, IPV4, name, revision, zeros, size), 0);
}

static void expect_unread(struct view *view, const struct match_kind *kind, uint8_t revision,
			  size_t size)
{
	const struct step *step;

	decode(view, kind->name, revision, size);
	step = view->steps;
	ck_assert_uint_eq(view->step_count, 1);
	ck_assert_int_eq(step->kind, STEP_UNKNOWN);
	ck_assert_str_eq(step->text, kind->name);
	ck_assert_msg(step_asks_conntrack(step) == kind->asks_conntrack,
		      "%s: revision %d of %zu bytes", kind->name, revision, size);
}

START_TEST(what_a_match_asks_of_conntrack_does_not_depend_on_its_revision)
{
	const struct match_kind *kind = &match_kinds[_i];
	struct view view = { 0 };

	for (int i = 0; i < MATCH_REVISIONS_MAX && kind->revisions[i].decode; i++) {
		const struct match_revision *known = &kind->revisions[i];
		const size_t size = XT_ALIGN(known->size);

		decode(&view, kind->name, known->revision, size);
		ck_assert_msg(asks_conntrack(&view) == kind->asks_conntrack, "%s: revision %d",
			      kind->name, known->revision);
		expect_unread(&view, kind, (uint8_t)(known->revision + NEWER), size);
		expect_unread(&view, kind, known->revision, size + LONGER);
		expect_unread(&view, kind, known->revision, 0);
	}
	expect_unread(&view, kind, NEWER, LONGER);
	view_free(&view);
}
END_TEST

START_TEST(matches_are_in_order_of_name)
{
	for (size_t i = 1; i < match_kind_count; i++)
		ck_assert_str_lt(match_kinds[i - 1].name, match_kinds[i].name);
}
END_TEST

static const struct {
	const char *name;
	unsigned int states;			/* before */
} unread[] = {
	{ "conntrack", USUAL(TRACKED) },
	{ "conntrack", USUAL(UNTRACKED) },	/* it may ask for UNTRACKED, or for not NEW */
	{ "state", USUAL(UNTRACKED) },
	{ "ipvs", USUAL(UNTRACKED) },
};

/* Whether a rule drops a packet is not known, whoever it is. */
START_TEST(whoever_is_asked_nobody_knows_what_an_unread_match_says)
{
	const struct probe probe = udp_to(53, 53);
	struct journey journey;

	table_begin(FILTER);
	add_chain("INPUT", NF_INET_LOCAL_IN);
	drop_all();
	add_match(unread[_i].name, NEWER, LONGER);
	end_chain(-NF_ACCEPT - 1);
	journey = walk(&probe, unread[_i].states);

	ck_assert_int_ne(journey_states(&journey, DROPPED), 0);
	ck_assert_int_ne(journey_states(&journey, ACCEPTED), 0);
	table_end();
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_a_match_asks_of_conntrack_does_not_depend_on_its_revision, 0,
			    (int)match_kind_count);
	tcase_add_test(tcase, matches_are_in_order_of_name);
	tcase_add_loop_test(tcase, whoever_is_asked_nobody_knows_what_an_unread_match_says, 0,
			    (int)(sizeof(unread) / sizeof(unread[0])));
}

int main(void)
{
	return unit_main("match", tests);
}
