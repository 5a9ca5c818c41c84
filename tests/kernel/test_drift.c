/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our chains, edited by hand: what differs is found, and put right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Of either family; what they leave differs from what the model says. */
static const char *const edits[] = {
	"-t raw -D NOTRACK-dns-in 1",
	"-t raw -D NOTRACK-PREROUTING 4",
	"-t raw -A NOTRACK-PREROUTING -p udp --dport 54 -g NOTRACK-dns-in",
	"-t raw -I NOTRACK-dns-in 2 -p tcp --dport 80 -j NOTRACK",
	"-t raw -A NOTRACK-dns-in -m conntrack --ctstate NEW -j DROP",
	"-t raw -F NOTRACK-dns-in",
	"-t raw -R NOTRACK-dns-out 1 -p udp --sport 54 -j NOTRACK",
	"-t raw -D PREROUTING -j NOTRACK-PREROUTING",
	"-t raw -F NOTRACK-OUTPUT",
	"-t filter -D NOTRACK-dns-in 1",
	"-t filter -D NOTRACK-dns-in 3",
	"-t filter -I NOTRACK-dns-in -p udp --dport 53 -m comment --comment theirs -j DROP",
	"-t filter -I NOTRACK-dns-in -j others",
	"-t filter -F NOTRACK-dns-in",
	"-t filter -F NOTRACK-dns-lim",
	"-t filter -D NOTRACK-dns-lim 1",
	"-t filter -D NOTRACK-dns-lim 2",
	"-t filter -A NOTRACK-dns-lim -j RETURN",
	"-t filter -D NOTRACK-INPUT 2",
	"-t filter -D INPUT -j NOTRACK-INPUT",
};

static struct notrack *given_dns(void)
{
	struct notrack *nt = new_context();

	given_rules_of_others();
	must_do(nt, add_dns_with_two_clients(nt));
	must_do(nt, notrack_commit(nt, NULL));
	ck_assert_int_eq(must_do(nt, notrack_diff(nt, NULL, NULL)), 0);
	return nt;
}

static void assert_repairs(struct notrack *nt, const struct saved *before, const char *edit)
{
	struct notrack_changes would = { .size = sizeof(would) }, did = { .size = sizeof(did) };
	int count = must_do(nt, notrack_diff(nt, NULL, &would));

	ck_assert_uint_eq((unsigned int)count, would.added + would.removed);
	ck_assert_int_eq(must_do(nt, notrack_commit(nt, &did)), count);
	ck_assert_uint_eq(did.added, would.added);
	ck_assert_uint_eq(did.removed, would.removed);
	assert_same_rules(before, edit);
	ck_assert_int_eq(must_do(nt, notrack_diff(nt, NULL, NULL)), 0);
}

START_TEST(an_edit_by_hand_is_seen_and_repaired_from_the_model)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_dns();
	struct saved before = tables_save_both();

	for (size_t i = 0; i < COUNT(edits); i++) {
		must("%s %s", family->tables, edits[i]);
		ck_assert_msg(notrack_diff(nt, NULL, NULL) > 0, "%s", edits[i]);
		assert_repairs(nt, &before, edits[i]);
	}
	notrack_free(nt);
}
END_TEST

START_TEST(an_edit_by_hand_is_seen_and_repaired_after_a_load)
{
	const struct family *family = &families[_i];
	struct saved before;

	notrack_free(given_dns());
	before = tables_save_both();

	for (size_t i = 0; i < COUNT(edits); i++) {
		struct notrack *nt;

		/* who takes a client's rules out takes the client out */
		if (strstr(edits[i], "NOTRACK-dns-lim"))
			continue;
		nt = new_context();
		must("%s %s", family->tables, edits[i]);
		must_do(nt, notrack_load(nt));
		ck_assert_msg(notrack_diff(nt, NULL, NULL) > 0, "%s", edits[i]);
		assert_repairs(nt, &before, edits[i]);
		notrack_free(nt);
	}
}
END_TEST

START_TEST(an_edit_of_one_family_leaves_the_other_alone)
{
	const struct family *other = &families[!_i];
	struct notrack *nt = given_dns();
	char *before;

	given_counters();
	before = table_save(other, NULL);
	must("%s -t filter -F NOTRACK-dns-in", families[_i].tables);
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);

	assert_same_text(table_save(other, NULL), before);
	notrack_free(nt);
}
END_TEST

/* In raw a jump stays where somebody put it; in filter its place says what it accepts. */
START_TEST(a_jump_that_was_moved_goes_back_to_its_place)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_dns();
	struct saved moved;

	must("%s -t raw -D OUTPUT -j NOTRACK-OUTPUT", family->tables);
	must("%s -t raw -A OUTPUT -p udp -j NOTRACK-OUTPUT", family->tables);
	ck_assert_int_eq(must_do(nt, notrack_commit(nt, NULL)), 0);
	moved = tables_save_both();

	must("%s -t filter -D INPUT -j NOTRACK-INPUT", family->tables);
	must("%s -t filter -I INPUT -j NOTRACK-INPUT", family->tables);
	assert_repairs(nt, &moved, "moved");

	must("%s -t filter -F NOTRACK-dns-in", family->tables);
	assert_repairs(nt, &moved, "flushed");
	notrack_free(nt);
}
END_TEST

/* Whatever leads to a chain of ours is of our making, and goes where it is not wanted. */
START_TEST(a_jump_elsewhere_is_taken_away)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_dns();
	struct saved before;

	must("%s -N NEVER", family->tables);
	before = tables_save_both();
	must("%s -A NEVER -j NOTRACK-INPUT", family->tables);
	must("%s -A FORWARD -j NOTRACK-INPUT", family->tables);
	must("%s -D INPUT -j NOTRACK-INPUT", family->tables);
	assert_repairs(nt, &before, "jump elsewhere");
	notrack_free(nt);
}
END_TEST

/* The kernel takes none that a packet could enter; ours must not give it one halfway. */
START_TEST(a_loop_by_hand_is_taken_out)
{
	const struct family *family = &families[_i];
	struct notrack *nt = given_dns();
	struct saved before = tables_save_both();

	must("%s -t filter -D INPUT -j NOTRACK-INPUT", family->tables);
	must("%s -t filter -A NOTRACK-INPUT -p udp -j NOTRACK-INPUT", family->tables);
	assert_repairs(nt, &before, "loop");
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_jump_elsewhere_is_taken_away, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_loop_by_hand_is_taken_out, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, an_edit_by_hand_is_seen_and_repaired_from_the_model, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, an_edit_by_hand_is_seen_and_repaired_after_a_load, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, an_edit_of_one_family_leaves_the_other_alone, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_jump_that_was_moved_goes_back_to_its_place, 0,
			    FAMILY_COUNT);
}

int main(void)
{
	return netns_main("drift", tests);
}
