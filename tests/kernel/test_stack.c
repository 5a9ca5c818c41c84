/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread with a small stack, as daemons have many of them, on a host whose chains lie in chains:
 * as deep as legacy tables let them.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "model.h"
#include "run.h"
#include "tables.h"

enum {
	STACK_SIZE = 512 * 1024,	/* libnotrack(3) */
	DEEP = 1100,
};

/* What a service is asked for by lies at the end of so many chains. */
static void given_chains_in_chains(enum place where, int count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fputs("*filter\n:INPUT DROP\n", out);
	for (int i = 0; i < count; i++)
		fprintf(out, ":c%d -\n", i);
	fputs("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -j c0\n", out);
	for (int i = 0; i < count; i++) {
		fprintf(out, "-A c%d -s 192.0.2.%d -m conntrack --ctstate NEW -j ACCEPT\n", i, i % 250);
		if (i + 1 < count)
			fprintf(out, "-A c%d -j c%d\n", i, i + 1);
	}
	for (int i = 0; i < 2; i++)
		fprintf(out, "-A c%d -p %s --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n", count - 1,
			i ? "tcp" : "udp");
	fputs("COMMIT\n", out);
	fclose(out);
	must_as(&(struct how){ .where = where, .input = text }, "%s", families[0].restore);
	free(text);
}

static int note_verdict(const struct notrack_flow *flow, void *data)
{
	if (!strcmp(flow->hook, "input") && !flow->interface)
		((int *)data)[flow->verdict]++;
	return 0;
}

static void *call_all(void *data)
{
	struct notrack *nt = data;
	int result;

	must_do(nt, notrack_set_force(nt, NOTRACK_FORCE));
	must_do(nt, notrack_set_families(nt, NOTRACK_IPV4));
	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	for (int i = 0; i < CALLS_THAT_READ; i++) {
		result = calls_that_read[i](nt);
		ck_assert_msg(result >= 0, "call %d: %d %s", i, result, notrack_error(nt));
	}
	return data;
}

/* In a thread whose stack is as small as may be. */
static void run_in_small_stack(struct notrack *nt)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	ck_assert_int_eq(pthread_create(&thread, &attributes, call_all, nt), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

START_TEST(chains_in_chains_take_no_more_stack_than_there_is)
{
	int verdicts[NOTRACK_ACCEPT_OR_DROP + 1] = { 0 };
	struct notrack *nt = new_context();

	given_chains_in_chains(HOST, DEEP);
	run_in_small_stack(nt);
	/* what lies so deep, nobody knows */
	must_do(nt, notrack_verify(nt, NULL, note_verdict, NULL, verdicts));
	ck_assert_int_gt(verdicts[NOTRACK_ACCEPT_OR_DROP], 0);
	must_do(nt, notrack_clear(nt, NULL));
	notrack_free(nt);
}
END_TEST

/* The thread that enters it does not take what the program has as a default. */
START_TEST(a_thread_of_ours_has_a_stack_of_its_own)
{
	struct notrack *nt = new_context();
	pthread_attr_t attributes;

	netns_add_peer();
	given_chains_in_chains(PEER, DEEP);
	netns_move_to(PEER);
	must_do(nt, notrack_set_netns(nt, format_text("/proc/%d/task/%d/ns/net", getpid(), gettid())));
	netns_move_to(HOST);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
	ck_assert_int_eq(pthread_setattr_default_np(&attributes), 0);
	run_in_small_stack(nt);
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, chains_in_chains_take_no_more_stack_than_there_is);
	tcase_add_test(tcase, a_thread_of_ours_has_a_stack_of_its_own);
}

int main(void)
{
	return netns_main("stack", tests);
}
