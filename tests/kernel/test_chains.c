/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees of clients that come and go, whole, among any number of chains of others:
 * chains that go are renamed for chains that come, which libiptc's index of chains
 * does not always survive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "random.h"
#include "run.h"
#include "tables.h"

enum {
	INDEXED = 40,		/* chains, to each that libiptc's index points to */
	CLIENTS = 400,
	PREFIX = sizeof("255.255.255.255"),
};

static void add_clients(struct notrack *nt, const char *service, unsigned int count)
{
	static const struct hashlimit limit = { .size = sizeof(limit), .above = "10/sec" };
	static char words[CLIENTS][PREFIX];
	const char *prefixes[CLIENTS];

	for (unsigned int i = 0; i < count; i++) {
		snprintf(words[i], PREFIX, "%u.%u.%u.%u", random_from(1, 126), random_below(256),
			 random_below(256), random_below(256));
		prefixes[i] = words[i];
	}
	must_do(nt, hashlimit_add_clients(nt, service, prefixes, count, &limit));
}

/* Other clients than before, or none; of a service whose chains stand by its name. */
static struct notrack *commit_others(const char *service, unsigned int count)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_set_families(nt, NOTRACK_IPV4));
	must_do(nt, notrack_add_service(nt, &(struct notrack_service){
		.size = sizeof(struct notrack_service), .name = service, .ports = "53" }));
	add_clients(nt, service, count);
	must_do(nt, notrack_commit(nt, NULL));
	return nt;
}

static void assert_is_there(struct notrack *nt, const char *when)
{
	int count = must_do(nt, notrack_diff(nt, NULL, NULL));

	ck_assert_msg(!count, "%s: %d rules differ", when, count);
	notrack_free(nt);
}

/* More come than go, as many, and fewer; with every number of chains beside ours. */
START_TEST(clients_that_replace_others_are_all_there)
{
	static const struct {
		const char *service;
		unsigned int count;
	} rounds[] = {
		{ "m", CLIENTS }, { "m", 300 }, { "m", CLIENTS }, { "z", CLIENTS }, { "m", 350 },
		{ "a", CLIENTS }, { "a", 0 }, { "z", CLIENTS / 2 },
	};
	const char *ours = _i ? "z" : "A";	/* behind ours, or ahead of them */

	random_begin();
	for (unsigned int beside = 0; beside < INDEXED; beside++) {
		for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++)
			assert_is_there(commit_others(rounds[i].service, rounds[i].count),
					format_text("round %zu, %u beside", i, beside));
		must("iptables-legacy -N %s%u", ours, beside);
	}
}
END_TEST

/* Kept and counted through the whole of it. */
START_TEST(chains_of_others_stay_as_they_are)
{
	struct notrack *nt;
	char *before;

	given_rules_of_others();
	before = tables_without_ours(tables_save_all());
	random_begin();
	for (int i = 0; i < 10; i++)
		notrack_free(commit_others("dns", random_below(CLIENTS)));
	nt = new_context();
	assert_same_text(tables_without_ours(tables_save_all()), before);
	must_do(nt, notrack_clear(nt, NULL));
	assert_same_text(tables_without_ours(tables_save_all()), before);
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, clients_that_replace_others_are_all_there, 0, 2);
	tcase_add_test(tcase, chains_of_others_stay_as_they_are);
}

int main(void)
{
	return netns_main("chains", tests);
}
