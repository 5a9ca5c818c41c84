/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch, while others change the rules of the host: those who were answered before
 * are answered again, and rules of others stay as their owners wrote them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "watched.h"

enum {
	RELOADS_DEFAULT = 100,		/* NOTRACK_WATCH_RELOADS for more */
	RELOADS_FIRST = 80,		/* behind several SIGHUPs, which read the configuration */
	GROWTH_MAX_KB = 64,
	STORM_MS = 2000,
	PAUSE_MS = 100,
	TIMES_MAX = 10,
};

/* --- nftables ----------------------------------------------------------- */

START_TEST(a_changed_file_of_nft_is_followed)
{
	const char *wanted;
	struct line line;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[_i], "--backend nft", &pid);

	/* the kernel says last who it was, on a busy machine too late for the line, now and then */
	for (unsigned int times = 1; !count_in_log("nft (process "); times++) {
		ck_assert_uint_le(times, TIMES_MAX);
		load_shield("tcp dport { 22, 80 } accept");
		all_is_well(&line);
		wait_for_log("put right", times);
	}

	end_watch(pid);
	must("notrackctl clear");
	wanted = nft_rules();
	load_shield("tcp dport { 22, 80 } accept");
	assert_same_text(wanted, nft_rules());
}
END_TEST

START_TEST(a_flushed_rule_set_gets_ours_back)
{
	struct line line;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[_i], "", &pid);

	must("nft flush ruleset");
	all_is_well(&line);
	wait_for_log("put right", 1);
	must("nft list table inet libnotrack");	/* and not in the other world */

	end_watch(pid);
	must("notrackctl clear");
	ck_assert_str_eq(nft_rules(), "");
}
END_TEST

START_TEST(iptables_nft_restore_is_followed)
{
	char *wanted;
	struct line line;
	pid_t pid;

	restore("iptables-nft-restore", 22);
	restore("ip6tables-nft-restore", 22);
	line = given_a_watched_host(&families[_i], "", &pid);

	restore("iptables-nft-restore", 80);
	restore("ip6tables-nft-restore", 80);
	all_is_well(&line);

	end_watch(pid);
	must("notrackctl clear");
	wanted = without_moment(must("iptables-nft-save -t filter").out);
	restore("iptables-nft-restore", 80);
	assert_same_text(wanted, without_moment(must("iptables-nft-save -t filter").out));
}
END_TEST

/* However often it changes, it is followed, and at most every so often. */
START_TEST(a_storm_is_followed_in_steps)
{
	struct timespec begin, now;
	unsigned int repairs;
	struct line line;
	long passed_ms;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[0], "--backend nft", &pid);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		load_shield("tcp dport 22 accept");
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed_ms = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
	} while (passed_ms < STORM_MS);
	all_is_well(&line);
	clock_gettime(CLOCK_MONOTONIC, &now);
	passed_ms = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;

	repairs = count_in_log("put right");
	ck_assert_uint_ge(repairs, 3);
	ck_assert_int_le(repairs, passed_ms / PAUSE_MS + 1);
	end_watch(pid);
}
END_TEST

START_TEST(its_own_commits_are_no_reason_to_work)
{
	unsigned long before;
	pid_t pid;

	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch("--backend nft");
	must("nft delete table inet libnotrack");
	wait_for_log("put right", 1);
	before = status_number(pid, "\nvoluntary_ctxt_switches:");

	/* a commit each 100 ms, or a loop, would wait, or work, more often than that */
	nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL);
	ck_assert_uint_le(status_number(pid, "\nvoluntary_ctxt_switches:") - before, 20);
	ck_assert_uint_eq(count_in_log("put right"), 1);
	end_watch(pid);
}
END_TEST

/* Memory after so many reloads of the firewall is what it was after the first few. */
START_TEST(reloads_take_no_memory)
{
	const char *number = getenv("NOTRACK_WATCH_RELOADS");
	unsigned int reloads = number ? (unsigned int)atoi(number) : RELOADS_DEFAULT, repairs = 0;
	unsigned int in_force = 1, waits = 0;
	unsigned long first = 0, last;
	struct line line;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[0], "--backend nft", &pid);
	for (unsigned int i = 0; i < reloads; i++) {
		load_shield(i % 2 ? "tcp dport 22 accept" : "tcp dport 80 accept");
		if (i % 10 == 9)
			wait_for_log("put right", ++repairs);
		if (i % 25 == 24) {
			kill(pid, SIGHUP);
			wait_for_log("in force", ++in_force);
		}
		if (i == RELOADS_FIRST)
			first = status_number(pid, "\nRssAnon:");
	}
	all_is_well(&line);
	do	/* it may still be at work */
		last = status_number(pid, "\nRssAnon:");
	while (last > first + GROWTH_MAX_KB && wait_a_little(&waits));
	ck_assert_msg(last <= first + GROWTH_MAX_KB, "%lu kB after %u reloads, %lu kB after %u", first,
		      RELOADS_FIRST, last, reloads);
	fprintf(stderr, "%u reloads, %u repairs: %lu kB after %u, %lu kB at the end\n", reloads,
		count_in_log("put right"), first, RELOADS_FIRST, last);
	end_watch(pid);
}
END_TEST

/* --- the legacy tables -------------------------------------------------- */

START_TEST(iptables_legacy_restore_is_followed)
{
	const struct family *family = &families[_i];
	char *wanted;
	struct line line;
	pid_t pid;

	restore("iptables-legacy-restore", 22);
	restore("ip6tables-legacy-restore", 22);
	line = given_a_watched_host(family, "", &pid);

	restore("iptables-legacy-restore", 80);
	restore("ip6tables-legacy-restore", 80);
	all_is_well(&line);
	wait_for_log("changed the legacy tables", 1);

	end_watch(pid);
	must("notrackctl clear");
	wanted = without_moment(must("%s -t filter", family->save).out);
	ck_assert_ptr_null(strstr(wanted, "NOTRACK"));
	ck_assert_ptr_nonnull(strstr(wanted, "--dport 80 -j ACCEPT"));
	ck_assert_ptr_null(strstr(wanted, "--dport 22"));
}
END_TEST

/* Of the same size as before: seen when all of it is looked at. */
START_TEST(a_rule_of_ours_that_was_replaced_is_put_right)
{
	struct line line;
	pid_t pid;

	restore("iptables-legacy-restore", 22);
	line = given_a_watched_host(&families[0], "-4", &pid);

	/* past the look that follows its own commit, which would find it, too */
	nanosleep(&(struct timespec){ .tv_sec = 2, .tv_nsec = 500000000 }, NULL);
	must("iptables-legacy -w -t raw -R NOTRACK-PREROUTING 1 -p udp --dport 5354 -j RETURN");
	wait_for_log("put right", 1);
	ck_assert_ptr_null(strstr(must("iptables-legacy-save").out, "5354"));
	answers_are_back(&line);
	end_watch(pid);
}
END_TEST

/* --- what is passed on to others ----------------------------------------- */

/* From then on, what is for others is none of ours. */
START_TEST(a_host_that_begins_to_forward_is_followed)
{
	const char *const switches[] = { "ipv4/ip_forward", "ipv4/conf/veth0/forwarding",
					 "ipv6/conf/all/forwarding" };
	const char *local = _i % 2 ? "fib daddr type local" : "--dst-type LOCAL";
	pid_t pid;

	netns_add_peer();
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch(_i % 2 ? "--backend nft" : "--backend legacy");
	ck_assert_ptr_null(strstr(must("notrackctl show --rules").out, local));
	must("sh -c 'echo 1 >/proc/sys/net/%s'", switches[_i / 2]);
	wait_for_log("put right", 1);
	ck_assert_uint_eq(count_in_log("whether this host forwards"), 1);
	ck_assert_ptr_nonnull(strstr(must(_i % 2 ? "nft list table inet libnotrack" :
					  "iptables-legacy-save -t raw").out, local));
	end_watch(pid);
}
END_TEST

/* The kernel does not tell of the switches of bridges; a bridge, or its own switch, comes later. */
START_TEST(a_bridge_that_begins_to_hand_on_is_followed)
{
	const char *local = "--dst-type LOCAL";
	pid_t pid;

	run("sysctl -w net.bridge.bridge-nf-call-iptables=0");
	run("sysctl -w net.bridge.bridge-nf-call-ip6tables=0");
	must("ip link add br9 type bridge");
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch("--backend legacy");
	ck_assert_ptr_null(strstr(must("iptables-legacy-save -t raw").out, local));
	must("ip link set br9 type bridge nf_call_iptables 1");
	if (strstr(must("ip -d link show br9").out, "nf_call_iptables 1")) {
		wait_for_log("put right", 1);
		ck_assert_uint_eq(count_in_log("whether this host forwards"), 1);
		ck_assert_ptr_nonnull(strstr(must("iptables-legacy-save -t raw").out, local));
		must("ip link del br9");
		wait_for_log("put right", 2);
		ck_assert_uint_eq(count_in_log("whether this host forwards"), 2);
		ck_assert_ptr_null(strstr(must("iptables-legacy-save -t raw").out, local));
	} else {
		skip_test("nf_call_iptables: not in this kernel");
	}
	end_watch(pid);
}
END_TEST

/*
 * The kernel cannot listen, for a moment: to the rules as soon as those of ours are there (the
 * third descriptor), or to anything again after a change.
 */
START_TEST(what_cannot_be_waited_for_is_asked_for_again)
{
	pid_t pid;

	netns_add_peer();
	write_text(WATCH_CONFIG, "[service dns]\n");
	setenv("LD_PRELOAD", getenv("NOTRACK_PRELOAD"), 1);
	setenv("NOTRACK_REFUSE_EPOLL", format_text("%d", _i), 1);
	pid = start_watch("--backend nft");
	unsetenv("LD_PRELOAD");
	must("nft flush ruleset");
	wait_for_log("put right", 1);
	must("nft flush ruleset");
	wait_for_log("put right", 2);
	ck_assert_uint_eq(count_in_log("the watch cannot wait: Cannot allocate memory"), 1);
	end_watch(pid);
}
END_TEST

/* --- addresses that come later -------------------------------------------- */

/* Which address a rule leads to is nobody's business as long as nobody knows whose it is. */
static const char leading[] = "-A PREROUTING -p udp --dport 5353 -j DNAT --to-destination 192.0.2.77:53";

static bool client_is_led_to_dns(void)
{
	const struct family *family = &families[0];
	const struct end server = { HOST, "192.0.2.77", 5353 };
	int at = udp_open(family, (struct end){ HOST, "192.0.2.77", 53 });
	int client = udp_open(family, (struct end){ PEER, family->peer, 0 });
	bool answered;

	udp_connect(family, client, server);
	answered = udp_exchange(family, client, at, server);
	close(client);
	close(at);
	return answered;
}

/* As at boot, where lo is there, and the rules of the host, and nothing else. */
START_TEST(addresses_that_come_last_are_noticed)
{
	struct line line;
	pid_t pid;

	must("iptables-%s -w -t nat %s", _i ? "nft" : "legacy", leading);
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start(HOST, WATCH_LOG, "notrackctl -4 --backend %s watch " WATCH_CONFIG, _i ? "nft" : "legacy");
	wait_for_log("has no address of IPv4 yet", 1);

	/* who else has the address is no matter of this host's */
	netns_add_peer();
	wait_for_log("in force", 1);
	line = open_line(&families[0]);
	answers_are_back(&line);

	must("ip addr add 192.0.2.77/24 dev veth0");
	wait_for_log("no rule of ours is there now", 2);
	ck_assert(client_is_led_to_dns());
	must("ip addr del 192.0.2.77/24 dev veth0");
	wait_for_log("in force", 2);
	answers_are_back(&line);
	end_watch(pid);
}
END_TEST

/* --- rules that go, and are not ours to replace ------------------------- */

static const char allowing[] =
	"flush ruleset\n"
	"table inet own {\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy drop;\n"
	"		iif lo accept\n"
	"		ct state established,related accept\n"
	"		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"		%s\n"
	"	}\n"
	"}\n";

static void load_allowing(const char *rule)
{
	must_as(&(struct how){ .input = format_text(allowing, rule) }, "nft -f -");
}

/* Whoever took back what let some in has not asked us to let in everybody. */
START_TEST(what_the_host_closes_stays_closed)
{
	const struct family *family = &families[0];
	unsigned int repairs;
	struct line line;
	pid_t pid;

	netns_add_peer();
	load_allowing("ip saddr 192.0.2.0/24 udp dport 53 accept");
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch("--backend nft");
	line = open_line(family);
	answers_are_back(&line);

	repairs = count_in_log("put right");
	load_allowing("");
	wait_for_log("put right", repairs + 1);
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(!client_is_answered(family, family->limited));

	repairs = count_in_log("put right");
	load_allowing("ip saddr 192.0.2.0/24 udp dport 53 accept");
	wait_for_log("put right", repairs + 1);
	answers_are_back(&line);
	end_watch(pid);
}
END_TEST

/* A firewall that is loaded behind us, and lets in nobody: once it is at rest, we open it. */
START_TEST(what_shuts_the_host_later_is_opened)
{
	struct line line;
	pid_t pid;

	line = given_a_watched_host(&families[0], "--backend nft", &pid);
	load_allowing("");
	answers_are_back(&line);
	load_allowing("tcp dport 22 accept");
	answers_are_back(&line);
	load_allowing("ip saddr 198.51.100.7 accept");
	answers_are_back(&line);
	end_watch(pid);
}
END_TEST

/* --- where our rules have to go ------------------------------------------ */

/* Of two sources in one rule, which a twin would need, iptables-nft reads one. */
START_TEST(where_it_cannot_be_our_rules_go)
{
	struct line line;
	pid_t pid;

	netns_add_peer();
	write_text(WATCH_CONFIG, "[service dns]\n[service relay]\nports = 7000\nfrom = 192.0.2.0/24\n");
	pid = start_watch("--backend nft");
	line = open_line(&families[_i]);
	answers_are_back(&line);

	restore("iptables-nft-restore", 53);
	must("iptables-nft -I INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	must("iptables-nft -N relays");
	must("iptables-nft -A INPUT ! -s 192.0.2.77 -p udp --dport 7000 -m conntrack --ctstate NEW -j relays");
	wait_for_log("no rule of ours is there now", 1);
	answers_are_back(&line);	/* by rules of the host, as it is tracked */
	ck_assert_int_ne(run("nft list table inet libnotrack").code, 0);
	must("iptables-nft -A INPUT -p tcp --dport 80 -j ACCEPT");

	must("nft flush ruleset");
	wait_for_log("in force", 2);
	answers_are_back(&line);
	ck_assert_uint_eq(count_in_log("no rule of ours is there now"), 1);
	end_watch(pid);
}
END_TEST

/* Whose table nobody else edits, as it is made anew at will. */
static const char firewalld[] =
	"table inet firewalld {\n"
	"	chain filter_INPUT {\n"
	"		type filter hook input priority 10; policy accept;\n"
	"		ct state established,related accept\n"
	"		iifname lo accept\n"
	"		udp dport 53 accept\n"
	"		tcp dport 53 accept\n"
	"		meta l4proto ipv6-icmp accept\n"
	"		reject\n"
	"	}\n"
	"}\n";

/* Nothing of ours is missing, and yet answers to the host would be dropped from now on. */
START_TEST(rules_that_make_it_deaf_later_are_noticed)
{
	struct line line;
	pid_t pid;

	line = given_a_watched_host(&families[0], _i ? "--backend nft" : "--backend legacy", &pid);
	must_as(&(struct how){ .input = firewalld }, "nft -f -");
	wait_for_log("no rule of ours is there now", 1);
	answers_are_back(&line);
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "[service dns]"));

	must("nft delete table inet firewalld");
	wait_for_log("in force", 2);
	all_is_well(&line);
	end_watch(pid);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, what_the_host_closes_stays_closed);
	tcase_add_test(tcase, what_shuts_the_host_later_is_opened);
	tcase_add_loop_test(tcase, a_changed_file_of_nft_is_followed, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_flushed_rule_set_gets_ours_back, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, iptables_nft_restore_is_followed, 0, FAMILY_COUNT);
	tcase_add_test(tcase, a_storm_is_followed_in_steps);
	tcase_add_test(tcase, its_own_commits_are_no_reason_to_work);
	tcase_add_test(tcase, reloads_take_no_memory);
	tcase_add_loop_test(tcase, iptables_legacy_restore_is_followed, 0, FAMILY_COUNT);
	tcase_add_test(tcase, a_rule_of_ours_that_was_replaced_is_put_right);
	tcase_add_loop_test(tcase, a_host_that_begins_to_forward_is_followed, 0, 6);
	tcase_add_test(tcase, a_bridge_that_begins_to_hand_on_is_followed);
	tcase_add_loop_test(tcase, what_cannot_be_waited_for_is_asked_for_again, 3, 6);
	tcase_add_loop_test(tcase, addresses_that_come_last_are_noticed, 0, 2);
	tcase_add_loop_test(tcase, where_it_cannot_be_our_rules_go, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, rules_that_make_it_deaf_later_are_noticed, 0, 2);
}

int main(void)
{
	return netns_main("watch", tests);
}
