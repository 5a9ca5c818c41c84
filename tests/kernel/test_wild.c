/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables that another program left, and that the kernel takes although they make no
 * sense: in our own network namespace and in one whose owner nobody trusts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "model.h"
#include "run.h"
#include "wild.h"

static const struct {
	const char *name;
	int (*make)(struct notrack *nt);
	bool tells;		/* it has to read the table, and so to say what is wrong */
} calls[] = {
	{ "load", call_load, true },
	{ "diff", call_diff, true },
	{ "stats", call_stats, true },
	{ "verify", call_verify, true },
	{ "commit", call_commit, true },
	{ "clear", call_clear, true },
	{ "doctor", call_doctor, false },
};

/* -1 is our own namespace.  Every call says what is wrong, or gives a true answer. */
static void assert_survives(int netns_fd, enum wildness wildness, bool must_refuse)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct notrack *nt = new_context();
		int result;

		if (netns_fd >= 0)
			must_do(nt, notrack_set_netns_fd(nt, netns_fd));
		must_do(nt, notrack_set_families(nt, NOTRACK_IPV4));
		must_do(nt, add_service(nt, "dns", NULL));
		result = calls[i].make(nt);
		ck_assert_msg(result == -EIO || (result >= 0 && !(must_refuse && calls[i].tells)),
			      "%s, %s: %d: %s", wild_names[wildness], calls[i].name, result,
			      notrack_error(nt));
		if (result < 0)
			ck_assert_msg(strstr(notrack_error(nt), "table filter (IPv4): is one that no "
					     "iptables makes"), "%s", notrack_error(nt));
		notrack_free(nt);
	}
}

/* libiptc crashes on these in our own namespace, as iptables-legacy does: see libnotrack(3). */
static bool is_survived_by_libiptc(enum wildness wildness)
{
	return wildness != NO_END;
}

START_TEST(a_wild_table_of_our_own_namespace_is_told_or_read_as_it_is)
{
	enum wildness wildness = (enum wildness)_i;
	bool leads_astray = wildness <= JUMP_INTO_A_BUILT_IN_CHAIN;

	if (!is_survived_by_libiptc(wildness))
		return;
	wild_make(wildness);
	assert_survives(-1, wildness, leads_astray);
}
END_TEST

START_TEST(a_wild_table_of_another_namespace_is_told)
{
	int netns_fd;

	netns_add_peer();
	netns_move_to(PEER);
	wild_make((enum wildness)_i);
	netns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_move_to(HOST);
	ck_assert_int_ge(netns_fd, 0);
	assert_survives(netns_fd, (enum wildness)_i, true);
	close(netns_fd);
}
END_TEST

/* What iptables itself makes is none of these. */
START_TEST(a_table_of_iptables_is_not_wild)
{
	struct notrack *nt = new_context();
	int netns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	given_rules_of_others();
	must_do(nt, notrack_set_netns_fd(nt, netns_fd));
	must_do(nt, add_dns_with_two_clients(nt));
	must_do(nt, notrack_commit(nt, NULL));
	must_do(nt, notrack_load(nt));
	ck_assert_int_eq(must_do(nt, notrack_diff(nt, NULL, NULL)), 0);
	must_do(nt, notrack_clear(nt, NULL));
	close(netns_fd);
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_wild_table_of_our_own_namespace_is_told_or_read_as_it_is, 0,
			    WILDNESSES);
	tcase_add_loop_test(tcase, a_wild_table_of_another_namespace_is_told, 0, WILDNESSES);
	tcase_add_test(tcase, a_table_of_iptables_is_not_wild);
}

int main(void)
{
	return netns_main("wild", tests);
}
