/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a watch makes of what it hears of nftables, and what it leaves to somebody else. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "inject_netlink.h"
#include "model.h"
#include "nft/events.h"
#include "packets.h"
#include "run.h"

static struct notrack *context_by_nft(void)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_set_backend(nt, "nft"));
	return nt;
}

static bool serves_dns(void)
{
	struct notrack *nt = context_by_nft();
	int services = must_do(nt, notrack_load(nt));

	notrack_free(nt);
	return services == 1;
}

static int note_kind(const struct notrack_watch_event *event, void *data)
{
	*(enum notrack_watch_kind *)data = event->kind;
	return 0;
}

static void run_until(struct notrack_watch *watch, enum notrack_watch_kind kind)
{
	enum notrack_watch_kind seen = (enum notrack_watch_kind)-1;
	unsigned int waits = 0;

	while (seen != kind && wait_a_little(&waits))
		notrack_watch_run(watch, note_kind, &seen);
	ck_assert_int_eq(seen, kind);
}

/* Until the watch has asked nftables something, or has failed. */
static enum notrack_watch_kind run_until_it_looks(struct notrack_watch *watch)
{
	enum notrack_watch_kind seen = (enum notrack_watch_kind)-1;
	unsigned int waits = 0;

	netlink_end();
	do
		notrack_watch_run(watch, note_kind, &seen);
	while (!netlink_end() && seen != NOTRACK_WATCH_FAILED && wait_a_little(&waits));
	return seen;
}

/* Another program's set, on which no rule of ours depends. */
static struct notrack *given_a_set_that_changes(struct notrack_watch **watch)
{
	struct notrack *nt = context_by_nft();

	must("nft 'add table inet others; add set inet others known { type ipv4_addr; }'");
	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_watch_start(nt, watch));
	run_until(*watch, NOTRACK_WATCH_IN_PLACE);
	run_until_it_looks(*watch);	/* at what it has done itself */
	return nt;
}

/* What changes all the time is looked at without the lock, which others want as well. */
START_TEST(elements_are_looked_at_without_the_lock)
{
	struct notrack_watch *watch;
	struct notrack *nt = given_a_set_that_changes(&watch);
	int lock = open("/run/xtables.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	notrack_set_wait(nt, 0);

	must("nft 'add element inet others known { 192.0.2.7 }'");
	ck_assert_int_eq(run_until_it_looks(watch), (enum notrack_watch_kind)-1);

	/* where a rule changes as well, there is something to put right */
	close(lock);
	must("nft 'add element inet others known { 192.0.2.8 }; delete table inet libnotrack'");
	run_until(watch, NOTRACK_WATCH_REPAIRED);
	ck_assert(serves_dns());
	notrack_watch_stop(watch);
	notrack_free(nt);
}
END_TEST

/* A set of ipset, say, or a module that comes: seldom, and without the lock, as nothing has changed. */
START_TEST(what_no_news_tell_of_is_looked_at_as_well)
{
	struct notrack_watch *watch;
	struct notrack *nt = given_a_set_that_changes(&watch);
	int lock = open("/run/xtables.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	enum notrack_watch_kind seen = (enum notrack_watch_kind)-1;
	unsigned int asked, waits = 0;

	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	notrack_set_wait(nt, 0);
	netlink_end();
	do
		must_do(nt, notrack_watch_run(watch, note_kind, &seen));
	while (!(asked = netlink_end()) && wait_a_little(&waits));
	ck_assert_uint_gt(asked, 0);
	ck_assert_int_eq(seen, (enum notrack_watch_kind)-1);
	close(lock);
	notrack_watch_stop(watch);
	notrack_free(nt);
}
END_TEST

/* A model that is refused leaves the one before in force, whose context is not given up. */
START_TEST(a_model_that_is_refused_replaces_none)
{
	struct notrack_watch *watch;
	struct notrack *nt = given_a_set_that_changes(&watch), *other = context_by_nft();

	must("nft 'add table inet host; "
	     "add chain inet host c { type filter hook input priority 0; policy drop; }; "
	     "add rule inet host c udp dport 53 ct state new accept; add rule inet host c udp dport 8081 drop; "
	     "add rule inet host c tcp dport 53 accept'");
	run_until(watch, NOTRACK_WATCH_REPAIRED);
	must_do(other, add_service(other, "dns", NULL));
	must_do(other, notrack_add_service(other, &(struct notrack_service){
		.size = sizeof(struct notrack_service), .name = "web", .ports = "8081", .protocols = "udp" }));
	ck_assert_int_eq(notrack_watch_replace(watch, other), -ECANCELED);
	ck_assert_ptr_nonnull(strstr(notrack_error(other), "8081"));
	notrack_free(other);
	run_until_it_looks(watch);
	ck_assert(serves_dns());

	must("nft delete table inet libnotrack");
	run_until(watch, NOTRACK_WATCH_REPAIRED);
	ck_assert(serves_dns());
	notrack_watch_stop(watch);
	notrack_free(nt);
}
END_TEST

/* In a container, where the kernel knows us by another number. */
static void commit_and_hear(void)
{
	struct notrack *nt = context_by_nft();
	struct news_queue events;

	ck_assert_int_eq(getpid(), 1);
	ck_assert_int_eq(nft_listen(&events), 0);
	nft_sign(&events);
	must_do(nt, add_service(nt, "dns", NULL));
	ck_assert_int_gt(must_do(nt, notrack_commit(nt, NULL)), 0);
	ck_assert_uint_ne(nft_hear(&events), 0);
	ck_assert(events.is_signed);
	ck_assert_str_eq(events.program, "");

	must("nft add table inet others");
	ck_assert_uint_ne(nft_hear(&events), 0);
	ck_assert_str_eq(events.program, "nft");
	netlink_close(&events.netlink);
	notrack_free(nt);
}

START_TEST(what_we_change_is_ours_in_a_container_too)
{
	pid_t child;

	ck_assert_int_eq(unshare(CLONE_NEWPID), 0);
	child = fork_child();
	if (!child) {
		commit_and_hear();
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_eq(wait_for(child), EXIT_SUCCESS);
}
END_TEST

/* A service of one family, and its description of the other one deleted. */
static struct notrack *given_a_lost_description(void)
{
	struct notrack *four = context_by_nft(), *six = context_by_nft();

	must_do(four, notrack_set_families(four, NOTRACK_IPV4));
	must_do(six, notrack_set_families(six, NOTRACK_IPV6));
	must_do(four, add_service(four, "dns", "strict"));
	must_do(six, add_service(six, "dns", "classic"));
	must_do(four, notrack_commit(four, NULL));
	must_do(six, notrack_commit(six, NULL));
	notrack_free(six);
	must("sh -c 'nft delete rule inet libnotrack service-dns handle "
	     "$(nft -a list chain inet libnotrack service-dns | sed -n \"s/.*families = ipv6.*handle //p\")'");
	return four;
}

/* What cannot be kept is not taken away either: somebody has to say what is to become of it. */
START_TEST(a_watch_of_one_family_leaves_the_other_one)
{
	struct notrack *nt = given_a_lost_description();
	const char *before = must("nft -s list ruleset").out;
	struct notrack_watch *watch;

	must_do(nt, notrack_watch_start(nt, &watch));
	run_until(watch, NOTRACK_WATCH_FAILED);
	assert_same_text(must("nft -s list ruleset").out, before);
	must("nft delete table inet libnotrack");
	run_until(watch, NOTRACK_WATCH_IN_PLACE);
	notrack_watch_stop(watch);
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, elements_are_looked_at_without_the_lock);
	tcase_add_test(tcase, what_no_news_tell_of_is_looked_at_as_well);
	tcase_add_test(tcase, a_model_that_is_refused_replaces_none);
	tcase_add_test(tcase, what_we_change_is_ours_in_a_container_too);
	tcase_add_test(tcase, a_watch_of_one_family_leaves_the_other_one);
}

int main(void)
{
	return netns_main("watch", tests);
}
