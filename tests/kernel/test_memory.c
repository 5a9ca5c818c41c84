/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A change for which memory ends, wherever it does: the kernel has what it had, or what it was
 * to have; the call says that it failed; and nothing is lost of the memory that there was.
 * Each change is tried again and again, and each time the next request is refused.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "changes.h"
#include "fingerprint.h"
#include "model.h"
#include "run.h"
#include "short_memory.h"

enum {
	REQUESTS_MAX = 20000,	/* of one change; more is no end in sight */
	/* at first each request, then one of so many; NOTRACK_EACH=1: each to the end */
	EACH = 100, STRIDE = 37,
	SECOND = 400,	/* of a second commit: while it is planned */
	EACH_OF_TWINS = 20, STRIDE_OF_TWINS = 181,
	/* libnftnl 1.2.4 loses the expression of an update that it has no memory to read whole */
	LEAKS_OF_LIBNFTNL = 40,
};

/*
 * A host in whose chains no rule of ours has to stand, but for openings; and one in both of
 * whose worlds rules ask for states, so that twins come and go.
 */
static void given_a_host_that_asks_for_states(void)
{
	static const char legacy[] = "*raw\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n"
		"-A INPUT -i lo -j ACCEPT\n"
		"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
		"-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"
		"-A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n";
	static const char nft[] = "table inet filter { chain input {\n"
		"type filter hook input priority 0; policy drop;\n"
		"iifname lo accept; ct state vmap { established : accept, related : accept }\n"
		"meta l4proto { tcp, udp } th dport 53 ct state new accept; }; }\n";

	for (int i = 0; i < FAMILY_COUNT; i++)
		must_as(&(struct how){ .where = HOST, .input = legacy }, "%s", families[i].restore);
	must_as(&(struct how){ .where = HOST, .input = nft }, "nft -f -");
}

static const struct host {
	void (*make)(void);
	unsigned int each, stride;
} plain = { given_rules_of_others, EACH, STRIDE },
  asking = { given_a_host_that_asks_for_states, EACH_OF_TWINS, STRIDE_OF_TWINS };

static const struct {
	const char *backend;
	const struct host *host;
	int change;			/* see helpers/changes.c */
} tries[] = {
	{ "legacy", &plain, 0 }, { "nft", &plain, 0 },
	{ "legacy", &plain, 1 }, { "nft", &plain, 1 },
	{ "legacy", &plain, 2 }, { "nft", &plain, 2 },
	/* a client alone: neither the host nor the other clients are looked at */
	{ "legacy", &plain, 3 }, { "nft", &plain, 3 },
	{ "legacy", &asking, 0 }, { "nft", &asking, 0 },
	{ "legacy", &asking, 2 }, { "nft", &asking, 2 },
};
#define TRIES (int)(sizeof(tries) / sizeof(tries[0]))

struct story {
	const char *backend;
	const struct change *change;
	char *before, *after;
	uint64_t untouched;		/* fingerprint of what was before, until somebody changes it */
	unsigned int leaks;		/* refusals after which libnftnl had lost a block */
	unsigned int unnoticed;		/* refusals after which all went well */
};

/* --- what the kernel has ------------------------------------------------ */

/* Counters and all, as the tools of the two worlds print it. */
static char *state(void)
{
	const struct saved saved = tables_save_both();

	return format_text("%s%s%s", saved.table[0], saved.table[1], must("nft list ruleset").out);
}

static void put_back(struct story *story, const struct saved *tables, const char *ruleset)
{
	tables_restore(tables);
	must("nft flush ruleset");
	must_as(&(struct how){ .where = HOST, .input = ruleset }, "nft -f -");
	assert_same_text(state(), story->before);
	story->untouched = fingerprint();
}

/* --- memory ends ---------------------------------------------------------- */

static struct notrack *context_of(const struct story *story)
{
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	ck_assert_int_eq(notrack_set_backend(nt, story->backend), 0);
	return nt;
}

/* Loads, edits and commits, and nothing but the library in between. */
static int change_it(const struct story *story, unsigned int nth, bool *refused, char sentence[1024])
{
	struct attempt attempt = { .change = story->change, .nt = context_of(story) };
	int result;

	memory_refuse(nth);
	result = attempt_it(&attempt);
	*refused = memory_end();
	strncpy(sentence, notrack_error(attempt.nt), 1023);
	notrack_free(attempt.nt);
	return result;
}

static void check_error(const struct story *story, unsigned int nth, int result, bool refused,
			const char *sentence)
{
	ck_assert_msg(refused && result == -ENOMEM && *sentence, "%s, %s, request %u: %d: %s",
		      story->backend, story->change->name, nth, result, sentence);
}

/* Returns whether there was an nth request. */
static bool refuse(struct story *story, unsigned int nth)
{
	char sentence[1024] = "";
	long blocks = memory_blocks();
	bool refused;
	int result = change_it(story, nth, &refused, sentence);
	char *now;

	blocks = memory_blocks() - blocks;
	story->leaks += blocks != 0;
	ck_assert_msg(!blocks || (blocks == 1 && story->leaks <= LEAKS_OF_LIBNFTNL &&
				  !strcmp(story->backend, "nft")),
		      "%s, %s, request %u: %ld blocks are lost", story->backend,
		      story->change->name, nth, blocks);
	if (result < 0 && fingerprint() == story->untouched) {
		check_error(story, nth, result, refused, sentence);
		return true;
	}
	now = state();
	if (result >= 0) {
		story->unnoticed += refused;
		ck_assert_msg(!first_difference(now, story->after), "%s, %s, request %u: all went well, "
			      "and not all is there", story->backend, story->change->name, nth);
		return refused;
	}
	check_error(story, nth, result, refused, sentence);
	/* sets and chains of nftables that a rollback made anew stand in another order */
	ck_assert_msg(strlen(now) == strlen(story->before), "%s, %s, request %u: %s\n%s",
		      story->backend, story->change->name, nth, sentence,
		      first_difference(now, story->before));
	return true;
}

START_TEST(a_change_without_memory_is_done_whole_or_not_at_all)
{
	struct story story = { .backend = tries[_i].backend, .change = &changes[tries[_i].change] };
	const struct host *host = tries[_i].host;
	struct notrack *nt = context_of(&story);
	char sentence[1024], *ruleset;
	unsigned int nth = 1;
	struct saved tables;
	bool refused;

	host->make();
	must_do(nt, story.change->given(nt));
	must_do(nt, notrack_commit(nt, NULL));
	notrack_free(nt);
	tables = tables_save_both();
	ruleset = must("nft list ruleset").out;
	story.before = state();
	ck_assert_msg(change_it(&story, 0, &refused, sentence) > 0, "%s", sentence);
	story.after = state();
	put_back(&story, &tables, ruleset);

	while (refuse(&story, nth)) {
		nth += nth < host->each || getenv("NOTRACK_EACH") ? 1 : host->stride;
		ck_assert_uint_lt(nth, REQUESTS_MAX);
		if (fingerprint() != story.untouched)
			put_back(&story, &tables, ruleset);
	}
	if (getenv("NOTRACK_FIGURES"))
		printf("%s, %s: %u requests, %u unnoticed, %u leaks of libnftnl\n", story.backend,
		       story.change->name, nth, story.unnoticed, story.leaks);
	ck_assert_uint_gt(nth, 50);
}
END_TEST

/* A commit that knows of an opening of the one before has more to remember. */
START_TEST(whatever_a_second_commit_has_no_memory_for_it_says_so)
{
	static const char *const backends[] = { "legacy", "nft" };
	struct notrack *nt = notrack_new();
	bool refused = true;
	int result;

	ck_assert_ptr_nonnull(nt);
	must_do(nt, notrack_set_backend(nt, backends[_i]));
	must("iptables-%s -P INPUT DROP", backends[_i]);
	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	for (unsigned int nth = 1; nth <= SECOND && refused; nth++) {
		must_do(nt, add_service(nt, "ntp", NULL));
		memory_refuse(nth);
		result = notrack_commit(nt, NULL);
		refused = memory_end();
		ck_assert_msg(result >= 0 || (result == -ENOMEM && *notrack_error(nt)), "request %u: %d %s",
			      nth, result, notrack_error(nt));
		must_do(nt, notrack_remove_service(nt, "ntp"));
		must_do(nt, notrack_commit(nt, NULL));
	}
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, whatever_a_second_commit_has_no_memory_for_it_says_so, 0, 2);
	tcase_add_loop_test(tcase, a_change_without_memory_is_done_whole_or_not_at_all, 0, TRIES);
}

int main(void)
{
	return netns_main("memory", tests);
}
