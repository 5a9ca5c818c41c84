/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules of ours in chains of the host, by the legacy backend itself: planned by hand
 * here, from a view, and read with the eyes of iptables.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "errand.h"
#include "model.h"
#include "packets.h"
#include "run.h"
#include "tables.h"

/* --- the host --------------------------------------------------------- */

/* Who may ask is the neighbour's network; its first rule is 1, what asks for a state 2. */
static void given_host(const struct family *family)
{
	must("%s -P INPUT DROP", family->tables);
	must("%s -A INPUT -i lo -j ACCEPT", family->tables);
	must("%s -A INPUT -s %s -p udp -m conntrack --ctstate NEW -m udp --dport 53 "
	     "-m comment --comment theirs -j ACCEPT", family->tables, family->peer);
	must("%s -A INPUT -p udp -m udp --dport 5353 -j LOG", family->tables);
}

enum { ACCEPT = 1, UNTRACK = 2, FINISH = 4, ALL = 7 };	/* enum phase */

/* What is planned, and what was done; 0: nothing to do. */
static int commit_plan(void (*plan)(struct errand *errand, int family), int family)
{
	struct notrack_changes would = { 0 }, did = { 0 };
	struct errand *errand = errand_begin();

	if (plan)
		plan(errand, family);
	must_work(errand, errand_plan(errand));
	must_work(errand, errand_diff(errand, NULL, &would));
	must_work(errand, errand_commit(errand, ALL, &did));
	if (!would.added && !would.removed)
		ck_assert_uint_eq(did.added + did.removed, 0);
	errand_end(errand);
	return (int)(did.added + did.removed);
}

static char *input_of(const struct family *family)
{
	return must("%s -S INPUT", family->tables).out;
}

static const char *address_bits(const struct family *family)
{
	return family->domain == AF_INET ? "/32" : "/128";
}

/* --- written ---------------------------------------------------------- */

START_TEST(a_twin_asks_for_untracked_and_the_rest_but_for_the_state)
{
	const struct family *family = &families[_i];

	given_host(family);
	ck_assert_int_eq(commit_plan(plan_one_twin, _i), 2);

	assert_same_text(input_of(family), format_text(
		"-P INPUT DROP\n"
		"-A INPUT -i lo -j ACCEPT\n"
		"-A INPUT -s %s%s -p udp -m conntrack --ctstate UNTRACKED -m udp --dport 53 "
		"-j NOTRACK-new-accept\n"
		"-A INPUT -s %s%s -p udp -m conntrack --ctstate NEW -m udp --dport 53 "
		"-m comment --comment theirs -j ACCEPT\n"
		"-A INPUT -p udp -m udp --dport 5353 -j LOG\n",
		family->peer, address_bits(family), family->peer, address_bits(family)));
	assert_same_text(must("%s -S NOTRACK-new-accept", family->tables).out,
			 "-N NOTRACK-new-accept\n"
			 "-A NOTRACK-new-accept -p udp -m udp --dport 53 -j ACCEPT\n");
}
END_TEST

START_TEST(packets_go_the_same_way_with_notrack_and_without)
{
	const struct family *family = &families[_i];
	struct end server = { HOST, family->host, 53 };
	int fd, peer, other;

	netns_add_peer();
	given_host(family);
	commit_plan(plan_one_twin, _i);
	fd = udp_open(family, server);
	peer = udp_open(family, (struct end){ PEER, family->peer, 0 });
	other = udp_open(family, (struct end){ PEER, family->limited, 0 });

	udp_send(family, peer, server, 1);
	ck_assert(udp_arrive(fd, 1));
	ck_assert_uint_eq(rules_packets(family, "-A NOTRACK-new-accept"), 0);
	must("%s -t raw -A PREROUTING -p udp --dport 53 -j NOTRACK", family->tables);
	udp_send(family, other, server, 3);
	udp_send(family, peer, server, 5);
	ck_assert(udp_arrive(fd, 5));
	ck_assert_uint_eq(udp_pending(fd), 0);
	ck_assert_uint_eq(rules_packets(family, "-A NOTRACK-new-accept"), 5);
}
END_TEST

/* What iptables-restore writes has the same meaning. */
START_TEST(after_save_and_restore_there_is_nothing_to_do)
{
	const struct family *family = &families[_i];
	const char *saved;

	given_host(family);
	commit_plan(plan_one_twin, _i);
	ck_assert_int_eq(commit_plan(plan_one_twin, _i), 0);
	saved = table_save(family, NULL);
	must("%s -F", family->tables);
	must_as(&(struct how){ .input = saved }, "%s -c", family->restore);
	assert_same_text(table_save(family, NULL), saved);

	ck_assert_int_eq(commit_plan(plan_one_twin, _i), 0);
	assert_same_text(table_save(family, NULL), saved);
}
END_TEST

START_TEST(a_rule_put_between_is_drift_and_the_twin_moves)
{
	const struct family *family = &families[_i];
	const char *before, *wanted;

	given_host(family);
	commit_plan(plan_one_twin, _i);
	must("%s -I INPUT 3 -p udp -m udp --dport 7 -j DROP", family->tables);
	before = input_of(family);

	ck_assert_int_eq(commit_plan(plan_one_twin, _i), 2);
	wanted = input_of(family);
	assert_other_text(wanted, before);
	ck_assert_ptr_nonnull(strstr(wanted, "--dport 7 -j DROP\n-A INPUT -s"));
	ck_assert_ptr_nonnull(strstr(wanted, "-j NOTRACK-new-accept\n-A INPUT -s"));
	ck_assert_int_eq(commit_plan(plan_one_twin, _i), 0);
}
END_TEST

START_TEST(clear_leaves_what_was_there_byte_for_byte)
{
	const struct family *family = &families[_i];
	const char *before;

	given_rules_of_others();
	given_host(family);
	given_counters();
	before = table_save(family, NULL);

	ck_assert_int_gt(commit_plan(plan_one_twin, _i), 0);
	assert_other_text(table_save(family, NULL), before);
	ck_assert_int_gt(commit_plan(NULL, _i), 0);
	assert_same_text(table_save(family, NULL), before);
}
END_TEST

/* --- tails ------------------------------------------------------------ */

static void given_tails(const struct family *family)
{
	must("%s -N theirs", family->tables);
	must("%s -A INPUT -p udp -m udp --dport 53 -m conntrack --ctstate NEW "
	     "-m limit --limit 5/sec --limit-burst 7 -m mark --mark 1 -j REJECT", family->tables);
	must("%s -A INPUT ! -i lo -m conntrack --ctstate NEW -g theirs", family->tables);
}

START_TEST(what_remembers_and_what_it_does_goes_into_our_chain)
{
	const struct family *family = &families[_i];
	const char *reject = family->domain == AF_INET ? "icmp-port-unreachable" :
							 "icmp6-port-unreachable";

	given_tails(family);
	ck_assert_int_eq(commit_plan(plan_tails, _i), 3);

	assert_same_text(must("%s -S NOTRACK-new-n4q1k2m7x0a", family->tables).out, format_text(
		"-N NOTRACK-new-n4q1k2m7x0a\n"
		"-A NOTRACK-new-n4q1k2m7x0a -p udp -m limit --limit 5/sec --limit-burst 7 -m mark --mark 0x1 "
		"-j REJECT --reject-with %s\n", reject));
	ck_assert_ptr_nonnull(strstr(input_of(family),
		"-A INPUT -p udp -m conntrack --ctstate UNTRACKED -m udp --dport 53 "
		"-j NOTRACK-new-n4q1k2m7x0a\n"));
	ck_assert_ptr_nonnull(strstr(input_of(family),
		"-A INPUT ! -i lo -p tcp -m conntrack --ctstate UNTRACKED -m addrtype "
		"--dst-type LOCAL -m multiport ! --dports 53,80:90 -m tcp --tcp-flags "
		"FIN,SYN,RST,PSH,ACK,URG SYN,ACK -m comment --comment NOTRACK-twin -g theirs\n"));
	ck_assert_int_eq(commit_plan(plan_tails, _i), 0);
}
END_TEST

START_TEST(tails_are_the_same_after_save_and_restore)
{
	const struct family *family = &families[_i];
	const char *saved;

	given_tails(family);
	commit_plan(plan_tails, _i);
	saved = table_save(family, NULL);
	must_as(&(struct how){ .input = saved }, "%s -c", family->restore);

	ck_assert_int_eq(commit_plan(plan_tails, _i), 0);
	ck_assert_int_gt(commit_plan(NULL, _i), 0);
	ck_assert_ptr_null(strstr(table_save(family, NULL), "NOTRACK"));
	ck_assert_ptr_nonnull(strstr(table_save(family, NULL), "-g theirs"));
}
END_TEST

/* --- other tables ----------------------------------------------------- */

START_TEST(mangle_and_security_have_grafts_as_well)
{
	const struct family *family = &families[_i];
	const char *before;

	if (run("%s -t security -S", family->tables).code)
		must("%s -t mangle -S", family->tables);
	must("%s -t mangle -A PREROUTING -m conntrack --ctstate NEW -j DROP", family->tables);
	must("%s -t security -A INPUT -m conntrack --ctstate NEW -j DROP", family->tables);
	before = table_save(family, NULL);

	ck_assert_int_eq(commit_plan(plan_mangle, _i), 4);
	assert_same_text(must("%s -t mangle -S PREROUTING", family->tables).out,
			 "-P PREROUTING ACCEPT\n"
			 "-A PREROUTING -m conntrack --ctstate UNTRACKED -j NOTRACK-new-d4q1k2m7x0a\n"
			 "-A PREROUTING -m conntrack --ctstate NEW -j DROP\n");
	ck_assert_int_eq(commit_plan(plan_mangle, _i), 0);
	ck_assert_int_eq(commit_plan(NULL, _i), 4);
	assert_same_text(without_counters(table_save(family, NULL)), without_counters(before));
}
END_TEST

/* --- phases ----------------------------------------------------------- */

START_TEST(what_is_not_wanted_stays_until_the_last_phase)
{
	const struct family *family = &families[_i];
	struct notrack_changes changes = { 0 };
	struct errand *errand;
	const char *before, *rules;

	given_host(family);
	commit_plan(plan_one_twin, _i);
	before = table_save(family, NULL);
	errand = errand_begin();
	plan_other_twin(errand, _i);
	must_work(errand, errand_plan(errand));

	must_work(errand, errand_commit(errand, ACCEPT, &changes));
	rules = table_save(family, "filter");
	ck_assert_ptr_nonnull(strstr(rules, "UNTRACKED -m udp --dport 53 -j NOTRACK-new-accept"));
	ck_assert_ptr_nonnull(strstr(rules, "UNTRACKED -m udp --dport 5353 -j NOTRACK-new-accept"));
	ck_assert_ptr_nonnull(strstr(rules, "-A NOTRACK-new-accept -p udp -m udp --dport 53 -j"));
	ck_assert_ptr_nonnull(strstr(rules, "-A NOTRACK-new-accept -p udp -m udp --dport 5353 -j"));
	must_work(errand, errand_commit(errand, FINISH, &changes));
	rules = table_save(family, "filter");
	ck_assert_ptr_null(strstr(rules, "UNTRACKED -m udp --dport 53 -j NOTRACK-new-accept"));
	ck_assert_ptr_null(strstr(rules, "-A NOTRACK-new-accept -p udp -m udp --dport 53 -j"));
	must_work(errand, errand_rollback(errand));
	assert_same_text(table_save(family, NULL), before);
	errand_end(errand);
}
END_TEST

/* --- refusals --------------------------------------------------------- */

START_TEST(a_chain_that_somebody_changed_since_is_left_alone)
{
	const struct family *family = &families[_i];
	struct notrack_changes changes = { 0 };
	struct errand *errand;
	const char *before;

	given_host(family);
	errand = errand_begin();
	plan_one_twin(errand, _i);
	must_work(errand, errand_plan(errand));
	must("%s -R INPUT 1 -i veth -j ACCEPT", family->tables);
	must("%s -A INPUT -p tcp -j ACCEPT", family->tables);
	before = table_save(family, NULL);

	ck_assert_int_eq(errand_commit(errand, ALL, &changes), -ERESTART);
	ck_assert_ptr_nonnull(strstr(errand_error(errand), "changed chain INPUT"));
	assert_same_text(table_save(family, NULL), before);
	errand_end(errand);
}
END_TEST

/* One that is not among those of ours need not be asked for at all. */
START_TEST(an_address_that_cannot_be_asked_for_twice_is_refused)
{
	const struct family *family = &families[_i];
	const char *rule = "%s -%s INPUT %s ! -s %s -m conntrack --ctstate NEW -j DROP";
	struct errand *errand;

	must(rule, family->tables, "A", "", family->peer);
	errand = errand_begin();
	plan_twin_of_source(errand, _i, family->limited_prefix);
	must_work(errand, errand_plan(errand));
	errand_end(errand);

	must(rule, family->tables, "R", "1", family->limited);
	errand = errand_begin();
	plan_twin_of_source(errand, _i, family->limited_prefix);
	ck_assert_int_eq(errand_plan(errand), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(errand_error(errand), "rule 1 of chain INPUT"));
	errand_end(errand);
}
END_TEST

/* --- told ------------------------------------------------------------- */

START_TEST(a_dry_run_prints_what_iptables_would)
{
	const struct family *family = &families[_i];
	struct notrack_changes changes = { 0 };
	struct errand *errand;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	given_tails(family);
	errand = errand_begin();
	plan_tails(errand, _i);
	must_work(errand, errand_plan(errand));
	must_work(errand, errand_diff(errand, out, &changes));
	fclose(out);
	ck_assert_uint_eq(changes.added, 3);
	assert_same_text(text, format_text(
		"+%s filter -A NOTRACK-new-n4q1k2m7x0a -p udp -m limit (as the rule asks that it has it from) "
		"-m mark (as the rule asks that it has it from) -j REJECT\n"
		"+%s filter -A INPUT -p udp -m conntrack --ctstate UNTRACKED -m udp --dport 53 "
		"-j NOTRACK-new-n4q1k2m7x0a\n"
		"+%s filter -A INPUT ! -i lo -p tcp -m conntrack --ctstate UNTRACKED -m addrtype "
		"--dst-type LOCAL -m multiport ! --dports 53,80:90 -m tcp --tcp-flags "
		"FIN,SYN,RST,PSH,ACK,URG SYN,ACK -m comment --comment NOTRACK-twin -g theirs\n",
		family->option, family->option, family->option));
	free(text);
	errand_end(errand);
}
END_TEST

START_TEST(the_view_tells_ours_from_the_hosts)
{
	const struct family *family = &families[_i];
	struct errand *errand;
	unsigned int ours;

	given_tails(family);
	commit_plan(plan_tails, _i);
	errand = errand_begin();
	ours = ours_in_input(errand, _i);
	ck_assert_uint_eq(ours, 5);		/* the first and the third of four */
	errand_end(errand);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_twin_asks_for_untracked_and_the_rest_but_for_the_state, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, packets_go_the_same_way_with_notrack_and_without, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, after_save_and_restore_there_is_nothing_to_do, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rule_put_between_is_drift_and_the_twin_moves, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, clear_leaves_what_was_there_byte_for_byte, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_remembers_and_what_it_does_goes_into_our_chain, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, tails_are_the_same_after_save_and_restore, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, mangle_and_security_have_grafts_as_well, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_is_not_wanted_stays_until_the_last_phase, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_chain_that_somebody_changed_since_is_left_alone, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, an_address_that_cannot_be_asked_for_twice_is_refused, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_dry_run_prints_what_iptables_would, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, the_view_tells_ours_from_the_hosts, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("graft", tests);
}
