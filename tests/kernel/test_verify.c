/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notrack_verify() as its caller has it, and of whatever model. */
#include <errno.h>
#include <random.h>
#include <string.h>

#include "model.h"
#include "run.h"
#include "tables.h"

enum { MODELS = 12, SERVICES = 4, CLIENTS = 30, ENOUGH = -77 };

static void given_policies_drop(void)
{
	for (int i = 0; i < FAMILY_COUNT; i++) {
		must("%s -P INPUT DROP", families[i].tables);
		must("%s -P OUTPUT DROP", families[i].tables);
	}
}

static int print_flow(const struct notrack_flow *flow, void *data)
{
	(void)data;
	if (flow->untracked != NOTRACK_YES || flow->verdict != NOTRACK_ACCEPT)
		fprintf(stderr, "%s %s %s %s %s: %s\n", flow->service, flow->protocol, flow->role,
			flow->packet, flow->hook, flow->by);
	return 0;
}

/* What a commit says of flows that stay tracked, as a model by chance may have some. */
static int count_tracked(const struct notrack_finding *finding, void *data)
{
	*(int *)data += !strcmp(finding->code, "tracked");
	return 0;
}

/* Ports by chance are ports that this host may ask from, which is told and does not matter here. */
static int print_finding(const struct notrack_finding *finding, void *data)
{
	if (!strcmp(finding->code, "ephemeral"))
		return 0;
	if (!strcmp(finding->code, "tracked") && strstr(finding->text, "would come to ports at which"))
		return 0;
	++*(int *)data;
	fprintf(stderr, "%s: %s\n", finding->code, finding->text);
	return 0;
}

static int count_flow(const struct notrack_flow *flow, void *data)
{
	(void)flow;
	++*(int *)data;
	return 0;
}

static int stop_at_once(const struct notrack_flow *flow, void *data)
{
	(void)flow, (void)data;
	return ENOUGH;
}

/* Where only our accepts let a packet pass, and all of them are meant to, but for what was told. */
START_TEST(whatever_was_committed_is_untracked_and_accepted)
{
	int findings = 0;

	given_policies_drop();
	for (int i = 0; i < MODELS; i++) {
		struct notrack *nt = new_context();
		int tracked = 0;

		random_model(nt, SERVICES, CLIENTS);
		must_do(nt, notrack_commit(nt, NULL));
		must_do(nt, notrack_each_finding(nt, count_tracked, &tracked));
		ck_assert_int_eq(must_do(nt, notrack_verify(nt, NULL, print_flow, print_finding,
							    &findings)), tracked);
		ck_assert_int_eq(findings, 0);
		must_do(nt, notrack_load(nt));
		ck_assert_int_eq(must_do(nt, notrack_verify(nt, NULL, NULL, NULL, NULL)), tracked);
		notrack_free(nt);
	}
}
END_TEST

/* Requests and replies of both roles by two protocols, and those of a server over lo. */
enum { DNS_FLOWS = 8 + 4 };

START_TEST(a_model_that_was_not_committed_fails)
{
	struct notrack *nt = new_context();
	int flows = 0;

	given_policies_drop();
	must_do(nt, add_service(nt, "dns", NULL));

	/* a flow is tracked, and dropped; and all that is wanted is drift */
	ck_assert_int_eq(must_do(nt, notrack_verify(nt, NULL, count_flow, NULL, &flows)),
			 2 * DNS_FLOWS * FAMILY_COUNT + 1);
	ck_assert_int_eq(flows, DNS_FLOWS * FAMILY_COUNT);
	notrack_free(nt);
}
END_TEST

START_TEST(the_other_family_is_left_alone)
{
	struct notrack *nt = new_context();
	int flows = 0;

	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	must("ip6tables-legacy -t raw -F PREROUTING");
	must_do(nt, notrack_set_families(nt, NOTRACK_IPV4));

	ck_assert_int_eq(must_do(nt, notrack_verify(nt, NULL, count_flow, NULL, &flows)), 0);
	ck_assert_int_eq(flows, DNS_FLOWS);
	notrack_free(nt);
}
END_TEST

/* A value that the library has as well: that the sentence is "" tells them apart. */
static int stop_as_if_missing(const struct notrack_flow *flow, void *data)
{
	(void)flow, (void)data;
	return -ENOENT;
}

START_TEST(a_visitor_ends_it)
{
	struct notrack *nt = new_context();

	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_commit(nt, NULL));

	ck_assert_int_eq(notrack_verify(nt, NULL, stop_at_once, NULL, NULL), ENOUGH);
	ck_assert_int_eq(notrack_verify(nt, "ntp", NULL, NULL, NULL), -ENOENT);
	ck_assert_int_eq(notrack_verify(nt, NULL, stop_as_if_missing, NULL, NULL), -ENOENT);
	ck_assert_str_eq(notrack_error(nt), "");
	ck_assert_int_eq(notrack_verify(nt, "ntp", NULL, NULL, NULL), -ENOENT);
	ck_assert_str_eq(notrack_error(nt), "service ntp: there is none of that name");
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, random_begin, NULL);
	tcase_add_test(tcase, whatever_was_committed_is_untracked_and_accepted);
	tcase_add_test(tcase, a_model_that_was_not_committed_fails);
	tcase_add_test(tcase, the_other_family_is_left_alone);
	tcase_add_test(tcase, a_visitor_ends_it);
}

int main(void)
{
	return netns_main("verify", tests);
}
