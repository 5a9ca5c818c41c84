/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes that fail, are killed, or meet others on the way: what nftables has afterwards
 * is what it had before, or what it was to become, and nothing in between.
 */
#include "backend_host.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fingerprint.h"
#include "inject_netlink.h"
#include "model.h"
#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	SENDS_MAX = 200,	/* of one change; more is no end in sight */
	MANY = 16000,		/* clients: more than a queue of the usual size holds at once */
};

/* --- the changes ------------------------------------------------------ */

static void nothing(struct backend_host *host)
{
	(void)host;
}

static void dns_with_clients(struct backend_host *host)
{
	host_add(host, "dns");
	host_limit(host, "dns", "192.0.2.10", "10/sec", 20);
	host_limit(host, "dns", "192.0.2.11", "20/sec", 20);
	host_limit(host, "dns", "192.0.2.0/24", "10/sec", 20);
	host_limit(host, "dns", "2001:db8::/32", "10/sec", 20);
}

static void other_rates_and_classic(struct backend_host *host)
{
	host_add(host, "dns: mode = classic");
	host_limit(host, "dns", "192.0.2.10", "30/sec", 20);
	host_limit(host, "dns", "192.0.2.0/24", "30/sec", 20);
}

static void one_client_more(struct backend_host *host)
{
	host_limit(host, "dns", "192.0.2.99", "20/sec", 20);
	host_unlimit(host, "dns", "192.0.2.10");
}

static void one_service_more(struct backend_host *host)
{
	host_add(host, "ntp");
}

static void without_dns(struct backend_host *host)
{
	host_remove(host, "dns");
}

static const struct change {
	const char *name;
	void (*given)(struct backend_host *host);
	void (*edit)(struct backend_host *host);
} changes[] = {
	{ "dns and clients into nothing", nothing, dns_with_clients },
	{ "classic, and other rates", dns_with_clients, other_rates_and_classic },
	{ "a client comes and one goes", dns_with_clients, one_client_more },
	{ "one service more", dns_with_clients, one_service_more },
	{ "all taken out", dns_with_clients, without_dns },
};

static char *ruleset(void)
{
	return must("nft list ruleset").out;
}

struct story {
	struct backend_host *host;	/* the model that is wanted */
	char *before, *after;
	uint64_t untouched;		/* fingerprint of a ruleset that is @before; 0 */
};

/* Others' rules, what is there before, and with it gone through once, what comes of it. */
static struct story given(const struct change *change)
{
	static const char others[] = "table inet others {\n\tset known {\n\t\ttype ipv4_addr\n\t}\n\n"
		"\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
		"\t\tip saddr @known counter packets 3 bytes 252 drop\n\t}\n}\n";
	struct story story = { .host = host_new(NOTRACK_ANY) };

	must_as(&(struct how){ .input = others }, "nft -f -");
	change->given(story.host);
	host_commit(story.host);
	story.before = ruleset();
	change->edit(story.host);
	host_commit(story.host);
	story.after = ruleset();
	assert_other_text(story.after, story.before);
	return story;
}

/* What nobody has changed is not printed. */
static void assert_untouched(struct story *story)
{
	if (fingerprint_ruleset() == story->untouched)
		return;
	assert_same_text(ruleset(), story->before);
	story->untouched = fingerprint_ruleset();
}

static void put_back(struct story *story)
{
	if (fingerprint_ruleset() != story->untouched && first_difference(ruleset(), story->before)) {
		must("nft flush ruleset");
		must_as(&(struct how){ .input = story->before }, "nft -f -");
	}
	assert_untouched(story);
	netlink_end();
}

/* --- failures --------------------------------------------------------- */

START_TEST(a_change_that_fails_changes_nothing)
{
	struct story story = given(&changes[_i]);
	int err = -1;

	for (unsigned int nth = 1; err && nth < SENDS_MAX; nth++) {
		put_back(&story);
		netlink_fail(nth, nth % 2 ? EIO : ENOBUFS);
		err = host_try_commit(story.host);
		netlink_end();
		ck_assert_msg(!err || strlen(host_error(story.host)), "no sentence");
		if (err)
			assert_untouched(&story);
		else
			assert_same_text(ruleset(), story.after);
	}
	ck_assert_int_eq(err, 0);
	host_free(story.host);
}
END_TEST

START_TEST(a_rollback_leaves_what_was_there)
{
	struct story story = given(&changes[_i]);

	put_back(&story);

	ck_assert_msg(!host_try_rollback(story.host), "%s", host_error(story.host));

	/* sets and chains that were made anew stand in another order */
	ck_assert_uint_eq(strlen(ruleset()), strlen(story.before));
	host_free(story.host);
}
END_TEST

/* --- others ----------------------------------------------------------- */

static void add_a_rule(void)
{
	must("nft add rule inet others input counter");
}

static unsigned int lines_with(const char *text, const char *words)
{
	unsigned int count = 0;

	while ((text = strstr(text, words))) {
		count++;
		text += strlen(words);
	}
	return count;
}

START_TEST(somebody_else_changes_rules_meanwhile)
{
	struct story story = given(&changes[_i]);
	unsigned int sends;

	put_back(&story);
	netlink_intrude(SENDS_MAX, add_a_rule);
	ck_assert_int_eq(host_try_commit(story.host), 0);
	sends = netlink_end();

	for (unsigned int nth = 1 + (unsigned int)_i % 2; nth <= sends; nth += 2) {
		put_back(&story);
		netlink_intrude(nth, add_a_rule);
		ck_assert_msg(!host_try_commit(story.host), "%s", host_error(story.host));
		ck_assert_uint_ge(netlink_end(), nth);
		ck_assert_msg(strlen(ruleset()) == strlen(story.after) +
			      strlen("\t\tcounter packets 0 bytes 0\n"), "%u of %u: %s", nth, sends,
			      ruleset());
	}
	host_free(story.host);
}
END_TEST

START_TEST(somebody_who_never_stops_is_told)
{
	struct story story = given(&changes[_i]);

	put_back(&story);
	netlink_intrude(0, add_a_rule);
	ck_assert_int_eq(host_try_commit(story.host), -EBUSY);
	netlink_end();

	ck_assert_uint_gt(lines_with(ruleset(), "counter packets 0 bytes 0\n"), 1);
	must("nft 'flush chain inet others input'");
	must("nft 'add rule inet others input ip saddr @known counter packets 3 bytes 252 drop'");
	assert_same_text(ruleset(), story.before);
	host_free(story.host);
}
END_TEST

/* Who looks reads everything once, and gives up in time; who commits is not to do so ten times. */
START_TEST(somebody_who_never_stops_is_told_as_soon_as_by_a_look)
{
	struct notrack *nt = new_context();
	unsigned int looks, sends;

	must("nft add table inet others");
	must("nft 'add chain inet others input { type filter hook input priority 0; }'");
	must_do(nt, notrack_set_backend(nt, "nft"));
	must_do(nt, add_service(nt, "dns", "strict"));

	netlink_intrude(0, add_a_rule);
	ck_assert_int_eq(notrack_diff(nt, NULL, NULL), -EBUSY);
	looks = netlink_end();
	netlink_intrude(0, add_a_rule);
	ck_assert_int_eq(notrack_commit(nt, NULL), -EBUSY);
	sends = netlink_end();
	ck_assert_msg(sends < 2 * looks, "%u datagrams, and %u to look", sends, looks);
	notrack_free(nt);
}
END_TEST

/* --- SIGKILL ---------------------------------------------------------- */

static void die(void)
{
	raise(SIGKILL);
}

START_TEST(who_is_killed_leaves_the_old_or_the_new)
{
	struct story story = given(&changes[_i]);
	int status = -1;

	for (unsigned int nth = 1; status && nth < SENDS_MAX; nth++) {
		pid_t pid;

		put_back(&story);
		pid = fork_child();
		if (!pid) {
			netlink_intrude(nth, die);
			_exit(host_try_commit(story.host) ? EXIT_FAILURE : EXIT_SUCCESS);
		}
		status = wait_for(pid);
		ck_assert(!status || status == 128 + SIGKILL);
		if (status)
			assert_untouched(&story);
		else
			assert_same_text(ruleset(), story.after);
	}
	ck_assert_int_eq(status, 0);
	host_free(story.host);
}
END_TEST

/* --- a service that leaves --------------------------------------------- */

/* From a host that takes answers by state, so that it leaves in several batches. */
static struct story given_a_service_that_leaves(void)
{
	static const char others[] = "table inet others {\n\tset known {\n\t\ttype ipv4_addr\n\t}\n\n"
		"\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n"
		"\t\tct state established,related accept\n\t}\n}\n";
	struct story story = { .host = host_new(NOTRACK_ANY) };

	must_as(&(struct how){ .input = others }, "nft -f -");
	host_add(story.host, "dns");
	host_commit(story.host);
	story.before = ruleset();
	host_remove(story.host, "dns");
	host_commit(story.host);
	story.after = ruleset();
	return story;
}

static void let_it_come_back(const struct story *story)
{
	host_add(story->host, "dns");
	host_commit(story->host);
	/* chains that were made anew stand in another order */
	ck_assert_uint_eq(strlen(ruleset()), strlen(story->before));
	host_remove(story->host, "dns");
	netlink_end();		/* counts from here on */
}

START_TEST(a_service_whose_leaving_fails_is_there_as_before)
{
	struct story story = given_a_service_that_leaves();
	unsigned int failed = 0;
	int err = -1;

	for (unsigned int nth = 1; err && nth < SENDS_MAX; nth++) {
		let_it_come_back(&story);
		netlink_fail(nth, EIO);
		err = host_try_commit(story.host);
		netlink_end();
		failed += err != 0;
		ck_assert_uint_eq(strlen(ruleset()), strlen(err ? story.before : story.after));
	}
	ck_assert_int_eq(err, 0);
	ck_assert_uint_ge(failed, 3);
	host_free(story.host);
}
END_TEST

START_TEST(a_service_whose_leaving_is_killed_leaves_the_next_time)
{
	struct story story = given_a_service_that_leaves();
	unsigned int killed = 0;
	int status = -1;

	for (unsigned int nth = 1; status && nth < SENDS_MAX; nth++) {
		pid_t pid;

		let_it_come_back(&story);
		pid = fork_child();
		if (!pid) {
			netlink_intrude(nth, die);
			_exit(host_try_commit(story.host) ? EXIT_FAILURE : EXIT_SUCCESS);
		}
		status = wait_for(pid);
		killed += status != 0;
		ck_assert_msg(!host_try_commit(story.host), "killed ahead of message %u: %s", nth,
			      host_error(story.host));
		assert_same_text(ruleset(), story.after);
	}
	ck_assert_int_eq(status, 0);
	ck_assert_uint_ge(killed, 3);
	host_free(story.host);
}
END_TEST

static struct {
	unsigned int accepted;		/* looks while nothing was untracked and all accepted */
	unsigned int waits;
} seen;

/* A program that keeps a set up to date, and leaves no trace of it in what is listed. */
static void keep_a_set(void)
{
	const char *rules = ruleset();

	seen.waits++;
	seen.accepted += !strstr(rules, "notrack accept") && strstr(rules, "dport 53");
	must("nft 'add element inet others known { 192.0.2.7 }; "
	     "delete element inet others known { 192.0.2.7 }'");
}

/* What was untracked is accepted until it has passed, and to wait for that is to be late. */
START_TEST(a_service_leaves_beside_a_program_that_changes_sets)
{
	struct story story = given_a_service_that_leaves();

	let_it_come_back(&story);
	memset(&seen, 0, sizeof(seen));
	netlink_intrude_waits(keep_a_set);
	ck_assert_msg(!host_try_commit(story.host), "%s", host_error(story.host));
	netlink_end();

	ck_assert_uint_gt(seen.accepted, 0);
	ck_assert_uint_gt(seen.waits, seen.accepted);
	assert_same_text(ruleset(), story.after);
	host_free(story.host);
}
END_TEST

/* --- large changes ---------------------------------------------------- */

/* Whoever may not enlarge the socket's queue fills sets first, and switches then. */
START_TEST(a_large_change_goes_through_a_small_queue)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	unsigned int sends;
	char *words;

	host_add(host, "dns");
	host_limit_many(host, "dns", 0, MANY, "10/sec");
	words = host_words(host);
	netlink_end();
	host_commit(host);
	sends = netlink_end();
	must("nft flush ruleset");

	netlink_refuse_force();
	host_commit(host);
	ck_assert_uint_ge(netlink_end(), sends + 3);

	host_load(host);
	assert_same_text(host_words(host), words);
	assert_same_text(host_diff(host), "");
	free(words);
	host_free(host);
}
END_TEST

START_TEST(a_large_change_that_fails_halfway_is_taken_back)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	int err = -1;

	for (unsigned int nth = 1; err && nth < SENDS_MAX; nth++) {
		netlink_end();
		host_clear(host, NOTRACK_ANY);
		host_add(host, "dns");
		host_limit_many(host, "dns", 0, MANY, "10/sec");
		netlink_refuse_force();
		netlink_fail(nth, EIO);
		err = host_try_commit(host);
		netlink_end();
		if (err)
			ck_assert_str_eq(ruleset(), "");
	}
	ck_assert_int_eq(err, 0);
	host_free(host);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_change_that_fails_changes_nothing, 0, COUNT(changes));
	tcase_add_loop_test(tcase, a_rollback_leaves_what_was_there, 0, COUNT(changes));
	tcase_add_loop_test(tcase, somebody_else_changes_rules_meanwhile, COUNT(changes) - 3,
			    COUNT(changes));
	tcase_add_loop_test(tcase, somebody_who_never_stops_is_told, COUNT(changes) - 1,
			    COUNT(changes));
	tcase_add_test(tcase, somebody_who_never_stops_is_told_as_soon_as_by_a_look);
	tcase_add_loop_test(tcase, who_is_killed_leaves_the_old_or_the_new, 0, COUNT(changes));
	tcase_add_test(tcase, a_service_whose_leaving_fails_is_there_as_before);
	tcase_add_test(tcase, a_service_whose_leaving_is_killed_leaves_the_next_time);
	tcase_add_test(tcase, a_service_leaves_beside_a_program_that_changes_sets);
	tcase_add_test(tcase, a_large_change_goes_through_a_small_queue);
	tcase_add_test(tcase, a_large_change_that_fails_halfway_is_taken_back);
}

int main(void)
{
	return netns_main("nft-fault", tests);
}
