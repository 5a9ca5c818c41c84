/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Accepts in the chains of a host that filters with nftables, whoever writes its rules. */
#include "backend_host.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asked_dns.h"
#include "packets.h"
#include "model.h"
#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	ROUNDS = 60,		/* of add and del under traffic; NFT_ROUNDS overrides it */
	ROUNDS_MAX = 100000,
};

/* --- hosts ---------------------------------------------------------------- */

/* Debian's default iptables with the rules of the textbook. */
static const char iptables[] =
	"*filter\n"
	":INPUT DROP [0:0]\n"
	":FORWARD ACCEPT [0:0]\n"
	":OUTPUT DROP [0:0]\n"
	"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"
	"-A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"
	"-A INPUT -p tcp --dport 7 -m conntrack --ctstate NEW -j ACCEPT\n"
	"-A INPUT -p udp --dport 7 -m conntrack --ctstate NEW -j ACCEPT\n"
	"-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT\n"
	"COMMIT\n";

static void given_iptables(void)
{
	given_iptables_text(iptables);
}

static const char by_policy[] =
	"table inet filter {\n"
	"\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n"
	"\t\tct state established,related accept\n\t\tct state invalid drop\n"
	"\t\ttcp dport { 7, 53 } ct state new accept\n"
	"\t\tudp dport { 7, 53 } ct state new accept\n\t}\n"
	"\tchain output {\n\t\ttype filter hook output priority filter; policy drop;\n"
	"\t\tct state established,related,new accept\n\t}\n}\n";

static const char by_verdict_map[] =
	"table inet filter {\n"
	"\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
	"\t\tct state vmap { established : accept, related : accept, invalid : drop }\n"
	"\t\tmeta l4proto { tcp, udp } th dport { 7, 53 } ct state new counter accept\n"
	"\t\tlimit rate 1/minute log prefix \"in \"\n\t\tcounter reject\n\t}\n}\n";

static const char by_last_rules[] =
	"table ip mine {\n"
	"\tchain in {\n\t\ttype filter hook input priority 10; policy accept;\n"
	"\t\tct state established,related accept\n\t\tct state new th dport { 7, 53 } accept\n"
	"\t\tcounter jump last\n\t\taccept\n\t}\n"
	"\tchain last {\n\t\tip saddr 203.0.113.0/24 return\n\t\tgoto end\n\t}\n"
	"\tchain end {\n\t\tlog\n\t\tcounter drop\n\t}\n}\n"
	"table ip6 mine {\n"
	"\tchain in {\n\t\ttype filter hook input priority 10; policy drop;\n"
	"\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"\t\tct state established,related accept\n\t\tct state new th dport { 7, 53 } accept\n\t}\n}\n";

/* Two base chains at one hook: a packet must pass both. */
static const char by_two_chains[] =
	"table inet first {\n"
	"\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n"
	"\t\tct state established,related accept\n\t\tct state new th dport { 7, 53 } accept\n\t}\n}\n"
	"table inet second {\n"
	"\tchain early {\n\t\ttype filter hook input priority -10; policy accept;\n"
	"\t\tip saddr 203.0.113.7 drop\n\t}\n"
	"\tchain late {\n\t\ttype filter hook input priority 10; policy accept;\n"
	"\t\tct state established,related accept\n\t\tct state new th dport { 7, 53 } accept\n"
	"\t\tdrop\n\t}\n}\n";

static void given_policy(void)
{
	given_text(by_policy);
}

static void given_verdict_map(void)
{
	given_text(by_verdict_map);
}

static void given_last_rules(void)
{
	given_text(by_last_rules);
}

static void given_two_chains(void)
{
	given_text(by_two_chains);
}

static void given_both(void)
{
	given_iptables();
	given_text(by_two_chains);
}

static void (*const hosts[])(void) = {
	given_iptables, given_policy, given_verdict_map, given_last_rules, given_two_chains,
	given_both,
};

/* --- who is answered ------------------------------------------------------ */

START_TEST(whoever_was_answered_is_answered_untracked)
{
	struct backend_host *host = given_dns();

	netns_add_peer();
	hosts[_i]();
	commit_untracks_who_is_answered(host);
	for (int i = 0; i < FAMILY_COUNT; i++)
		ck_assert_uint_gt(host_count(host, "dns", i, NULL).accepted.packets, 0);
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

/* Nobody's rules, and nothing that drops all there is: there is nothing to open. */
START_TEST(a_host_that_lets_everything_in_is_left_alone)
{
	static const char open[] =
		"table inet filter {\n"
		"\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
		"\t\tip saddr 203.0.113.7 drop\n\t\tct state invalid drop\n\t\tcounter\n\t}\n"
		"\tchain more {\n\t\ttype filter hook input priority 5; policy drop;\n"
		"\t\tcounter\n\t\taccept\n\t\tdrop\n\t}\n}\n";
	struct backend_host *host = given_dns();
	char *before;

	given_text(open);
	before = must("nft -a list table inet filter").out;
	host_commit(host);

	assert_same_text(must("nft -a list table inet filter").out, before);
	host_free(host);
}
END_TEST

START_TEST(all_of_others_is_left_as_it_was)
{
	struct backend_host *host = given_dns();
	char *before;

	netns_add_peer();
	hosts[_i]();
	everybody_is_answered(&families[0]);
	before = nft_ruleset();

	host_commit(host);
	host_add(host, "ntp");
	host_commit(host);
	host_remove(host, "dns");
	host_commit(host);
	host_clear(host, NOTRACK_ANY);
	host_commit(host);

	assert_same_text(nft_ruleset(), before);
	host_free(host);
}
END_TEST

START_TEST(a_rollback_leaves_others_as_they_were)
{
	struct backend_host *host = given_dns();
	char *before;

	hosts[_i]();
	before = nft_ruleset();
	ck_assert_msg(!host_try_rollback(host), "%s", host_error(host));
	assert_same_text(nft_ruleset(), before);

	host_commit(host);
	before = must("nft list ruleset").out;
	host_clear(host, NOTRACK_ANY);
	ck_assert_msg(!host_try_rollback(host), "%s", host_error(host));
	ck_assert_uint_eq(strlen(must("nft list ruleset").out), strlen(before));
	host_add(host, "dns");
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

/* --- what iptables-nft reads and writes ------------------------------------- */

static char *saved(const char *command)
{
	return must("sh -c '%s | grep -v ^# | sed \"s/ \\[[0-9:]*\\]//\"'", command).out;
}

START_TEST(iptables_reads_what_is_ours_and_restores_it)
{
	static const char *const tools[] = { "iptables-nft", "ip6tables-nft" };
	struct backend_host *host = given_dns();

	netns_add_peer();
	given_iptables();
	host_add(host, "web: ports = 80, 8000:8080; protocols = udp, tcp; interfaces = veth0, wlan+; "
		 "roles = inbound, outbound; local = 192.0.2.0/25, 2001:db8::1");
	host_commit(host);

	for (size_t i = 0; i < COUNT(tools); i++) {
		char *rules = must("%s -S", tools[i]).out;
		char *before = saved(format_text("%s-save", tools[i]));

		ck_assert_msg(strstr(rules, "-A INPUT -j NOTRACK-INPUT"), "%.3500s", rules);
		ck_assert_msg(strstr(rules, "1024:7999,8081:65535"), "%.3500s", rules);
		ck_assert_msg(strstr(rules, "--dports 80,8000:8080"), "%.3500s", rules);
		ck_assert_msg(strstr(rules, "-i wlan+"), "%.3500s", rules);
		must_as(&(struct how){ .input = before }, "%s-restore", tools[i]);
		assert_same_text(saved(format_text("%s-save", tools[i])), before);
		assert_same_text(must("%s -S", tools[i]).out, rules);
	}
	/* written by iptables-nft now, and the same in meaning */
	assert_same_text(host_diff(host), "");
	everybody_is_answered(&families[0]);
	everybody_is_answered(&families[1]);
	ck_assert_uint_gt(host_count(host, "dns", 0, NULL).accepted.packets, 0);
	host_free(host);
}
END_TEST

/* By the match of xtables, as iptables-nft has no other words for chunks. */
START_TEST(sctp_is_in_the_words_of_iptables)
{
	static const char *const tools[] = { "iptables-nft", "ip6tables-nft" };
	struct backend_host *host = host_new(NOTRACK_ANY);

	given_iptables();
	host_add(host, "signalling: ports = 2905, 3000:3010; protocols = sctp");
	host_commit(host);
	assert_same_text(host_diff(host), "");

	for (int i = 0; i < FAMILY_COUNT; i++) {
		char *rules = must("%s -S", tools[i]).out;
		char *before = saved(format_text("%s-save", tools[i]));

		ck_assert_msg(strstr(rules, "-p sctp -m multiport --dports 2905,3000:3010 "), "%.3500s",
			      rules);
		ck_assert_msg(strstr(rules, " -m sctp ! --chunk-types any INIT "), "%.3500s", rules);
		must_as(&(struct how){ .input = before }, "%s-restore", tools[i]);
		assert_same_text(saved(format_text("%s-save", tools[i])), before);
	}
	assert_same_text(host_diff(host), "");
	host_clear(host, NOTRACK_ANY);
	host_commit(host);
	ck_assert_ptr_null(strstr(nft_ruleset(), "NOTRACK"));
	host_free(host);
}
END_TEST

START_TEST(what_iptables_could_not_read_is_refused)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	char *before;

	given_iptables();
	/* of two sources in one rule, iptables-nft reads one */
	must("iptables-nft -N relays");
	must("iptables-nft -I INPUT ! -s 192.0.2.7 -p udp --dport 7000 -m conntrack --ctstate NEW -j relays");
	before = nft_ruleset();
	host_add(host, "relay: ports = 7000; from = 192.0.2.0/24");

	ck_assert_int_eq(host_try_commit(host), -EOPNOTSUPP);
	ck_assert_msg(strstr(host_error(host), "ip filter"), "%s", host_error(host));
	assert_same_text(nft_ruleset(), before);
	host_free(host);
}
END_TEST

/* --- where the jump stands --------------------------------------------------- */

static const struct {
	const char *chain;	/* of table inet t, at input */
	const char *next;	/* what stands right behind the jump; NULL: nothing */
} places[] = {
	{ "policy drop; counter accept comment \"x\"", "none at all" },
	{ "policy drop;", NULL },
	{ "policy drop; ip saddr 192.0.2.7 drop", NULL },
	{ "policy drop; ip saddr 192.0.2.7 drop; log prefix \"end\"", "log" },
	{ "policy drop; ip saddr 192.0.2.7 drop; udp dport 7 limit rate 1/second log; counter", "udp" },
	/* the host has said whom it lets in, also where it names an IPv4 address alone */
	{ "policy accept; ip saddr 192.0.2.7 accept; drop", "none at all" },
	{ "policy accept; ip saddr 192.0.2.7 accept; log; counter; reject; accept", "none at all" },
	{ "policy accept; ip saddr 192.0.2.7 accept; jump drops; accept", "none at all" },
	{ "policy accept; ip saddr 192.0.2.7 accept; goto drops", "none at all" },
	{ "policy accept; jump returns; accept", "none at all" },
	{ "policy drop; jump returns", NULL },
	{ "policy accept; udp dport 53 jump drops", "none at all" },
	{ "policy accept; meta mark set 7 drop", "meta mark" },
};

static char *host_chain(const char *words)
{
	char *policy = format_text("%s", words), *rules = strchr(policy, ';');

	*rules++ = '\0';
	return format_text("table inet t {\n"
			   "\tchain returns {\n\t\tip saddr 192.0.2.8 drop\n\t\treturn\n\t}\n"
			   "\tchain drops {\n\t\tjump returns\n\t\tlog\n\t\tdrop\n\t}\n"
			   "\tchain c {\n\t\ttype filter hook input priority 0; %s;%s\n\t}\n}\n",
			   policy, rules);
}

START_TEST(the_jump_stands_ahead_of_what_drops_all)
{
	struct backend_host *host = given_dns();
	char *listed, *jump;

	given_text(host_chain(places[_i].chain));
	host_commit(host);

	listed = must("nft list chain inet t c").out;
	jump = strstr(listed, "counter packets 0 bytes 0 jump NOTRACK-INPUT\n");
	if (places[_i].next && !strcmp(places[_i].next, "none at all")) {
		ck_assert_msg(!jump, "%s", listed);
	} else {
		const char *next = places[_i].next ? places[_i].next : "}";

		ck_assert_msg(jump != NULL, "%s", listed);
		jump = strchr(jump, '\n');
		jump += strspn(jump, "\n\t");
		ck_assert_msg(!strncmp(jump, next, strlen(next)), "%s", listed);
	}
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

/* --- drift -------------------------------------------------------------------- */

static const char *const edits[] = {
	"add rule inet filter input counter accept comment \"behind\"",
	"insert rule inet filter input jump NOTRACK-new-accept",
	"flush chain inet filter NOTRACK-new-accept",
	"insert rule inet filter NOTRACK-new-accept drop",
	"add chain inet filter NOTRACK-stray-in\nadd rule inet filter output jump NOTRACK-stray-in",
	"flush chain inet filter input\nadd rule inet filter input ct state new accept",
};

START_TEST(drift_in_chains_of_others_is_repaired)
{
	struct backend_host *host = given_dns();
	char *clean, *before;

	given_policy();
	host_commit(host);
	given_text(edits[_i]);
	host_clear(host, NOTRACK_ANY);
	host_commit(host);
	clean = must("nft list ruleset").out;
	host_add(host, "dns");
	host_commit(host);
	before = must("nft list ruleset").out;
	must("nft flush ruleset");
	given_text(clean);
	host_commit(host);
	assert_same_text(must("nft list ruleset").out, before);
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

START_TEST(a_jump_that_was_moved_or_taken_away_comes_back)
{
	struct backend_host *host = given_dns();
	char *before;

	given_policy();
	host_commit(host);
	before = must("nft list chain inet filter input").out;

	must("nft insert rule inet filter input jump NOTRACK-new-accept");
	assert_other_text(host_diff(host), "");
	host_commit(host);
	assert_same_text(must("nft list chain inet filter input").out, before);

	must("sh -c 'nft delete rule inet filter input handle "
	     "$(nft -a list chain inet filter input | sed -n \"s/.*NOTRACK.*handle //p\" | head -n 1)'");
	assert_other_text(host_diff(host), "");
	host_commit(host);
	assert_same_text(must("nft list chain inet filter input").out, before);
	host_free(host);
}
END_TEST

/* Their names are like ours, but packets come to them by a hook. */
static const struct {
	const char *table;
	bool is_met;			/* by packets of a service, so that rules of ours stand there */
} named_alike[] = {
	{ "table inet theirs {\nchain NOTRACK-INPUT {\n"
	  "type filter hook input priority 0; policy drop;\nct state established accept\n"
	  "ip saddr 192.0.2.0/24 tcp dport 22 accept\n}\n}\n", true },
	{ "table inet theirs {\nchain NOTRACK-INPUT {\n"
	  "type filter hook ingress device lo priority 0;\nudp dport 9 drop\n}\n}\n", false },
	{ "table inet theirs {\nflags dormant;\nchain NOTRACK-est-accept {\n"
	  "type filter hook input priority 0; policy drop;\nct state established accept\n}\n}\n", false },
};

START_TEST(a_base_chain_is_nobody_elses)
{
	struct notrack *nt = new_context();
	char *before;

	must_as(&(struct how){ .input = named_alike[_i].table }, "nft -f -");
	before = must("nft list table inet theirs").out;
	must_do(nt, notrack_set_backend(nt, "nft"));
	must_do(nt, notrack_clear(nt, NULL));
	assert_same_text(must("nft list table inet theirs").out, before);

	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	ck_assert_int_eq(strstr(must("nft list table inet theirs").out, "jump NOTRACK-") != NULL,
			 named_alike[_i].is_met);
	ck_assert_int_eq(must_do(nt, notrack_diff(nt, NULL, NULL)), 0);
	must_do(nt, notrack_clear(nt, NULL));
	assert_same_text(must("nft list table inet theirs").out, before);
	notrack_free(nt);
}
END_TEST

/* A twin's name says what it does, so that there is no other one for it. */
START_TEST(a_twin_is_not_put_into_a_base_chain_of_its_name)
{
	struct notrack *nt = new_context();
	char *before;

	must_as(&(struct how){ .input = "table inet theirs {\nchain NOTRACK-est-accept {\n"
				       "type filter hook input priority 0; policy drop;\n"
				       "ct state established accept\n}\n}\n" }, "nft -f -");
	before = must("nft list ruleset").out;
	must_do(nt, notrack_set_backend(nt, "nft"));
	must_do(nt, add_service(nt, "dns", NULL));
	ck_assert_int_eq(notrack_commit(nt, NULL), -ECANCELED);
	ck_assert_ptr_nonnull(strstr(notrack_error(nt), "table inet theirs, chain NOTRACK-est-accept"));
	assert_same_text(must("nft list ruleset").out, before);
	notrack_free(nt);
}
END_TEST

/* --- tables that others do not let go of --------------------------------------- */

START_TEST(a_table_that_has_an_owner_is_left_alone)
{
	struct backend_host *host = given_dns();
	unsigned int waits = 0;
	pid_t owner = start(HOST, "/run/owner", "sh -c '(echo \"add table inet owned { flags owner; }\"; "
			    "echo \"add chain inet owned input { type filter hook input priority 0; "
			    "policy drop; }\"; sleep 1000) | nft -i'");

	while (run("nft list chain inet owned input").code && wait_a_little(&waits))
		;
	host_commit(host);

	ck_assert_ptr_null(strstr(must("nft list table inet owned").out, "NOTRACK"));
	ck_assert_ptr_nonnull(strstr(must("nft list ruleset").out, "libnotrack"));
	stop(owner, SIGTERM);
	host_free(host);
}
END_TEST

/* --- under traffic ---------------------------------------------------------------- */

struct traffic {
	atomic_uint queries;
	atomic_bool enough;
};

static unsigned int rounds(void)
{
	const char *words = getenv("NFT_ROUNDS");

	return words ? (unsigned int)strtoul(words, NULL, 10) : ROUNDS;
}

static pid_t ask_and_answer(const struct family *family, struct end client, struct end server,
			    struct traffic *traffic)
{
	int server_fd = udp_open(family, server), fd = udp_open(family, client);
	pid_t pid = fork_child();

	if (pid) {
		close(server_fd);
		close(fd);
		return pid;
	}
	while (!traffic->enough) {
		if (!udp_loses_no_answer(family, fd, server_fd, server))
			_exit(EXIT_FAILURE);
		traffic->queries++;
	}
	_exit(EXIT_SUCCESS);
}

/* Fewer and fewer services between packets that meet all of them. */
START_TEST(rounds_of_add_and_del_lose_no_query)
{
	struct traffic *traffic = mmap(NULL, sizeof(*traffic), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct backend_host *host = host_new(NOTRACK_ANY);
	pid_t asking[2 * FAMILY_COUNT];

	ck_assert(traffic != MAP_FAILED);
	netns_add_peer();
	hosts[_i]();
	for (int i = 0; i < FAMILY_COUNT; i++) {
		asking[2 * i] = ask_and_answer(&families[i],
			(struct end){ PEER, families[i].peer, 0 },
			(struct end){ HOST, families[i].host, 53 }, traffic);
		asking[2 * i + 1] = ask_and_answer(&families[i],
			(struct end){ HOST, families[i].lo, 0 },
			(struct end){ HOST, families[i].lo, 53 }, traffic);
	}

	for (unsigned int i = 0, before = 0; i < rounds(); i++) {
		unsigned int waits = 0;

		host_add(host, "dns");
		host_commit(host);
		host_remove(host, "dns");
		host_commit(host);
		while (traffic->queries == before && wait_a_little(&waits))
			;
		before = traffic->queries;
		for (size_t j = 0; j < COUNT(asking); j++)
			ck_assert_msg(!waitpid(asking[j], NULL, WNOHANG), "round %u", i);
	}

	traffic->enough = true;
	for (size_t i = 0; i < COUNT(asking); i++)
		ck_assert_msg(wait_for(asking[i]) == EXIT_SUCCESS, "%s, %s: a query was lost",
			      families[i / 2].name, i % 2 ? "over lo" : "of the peer");
	host_free(host);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, whoever_was_answered_is_answered_untracked, 0, COUNT(hosts));
	tcase_add_test(tcase, a_host_that_lets_everything_in_is_left_alone);
	tcase_add_loop_test(tcase, all_of_others_is_left_as_it_was, 0, COUNT(hosts));
	tcase_add_loop_test(tcase, a_rollback_leaves_others_as_they_were, 0, COUNT(hosts));
	tcase_add_test(tcase, iptables_reads_what_is_ours_and_restores_it);
	tcase_add_test(tcase, sctp_is_in_the_words_of_iptables);
	tcase_add_test(tcase, what_iptables_could_not_read_is_refused);
	tcase_add_loop_test(tcase, the_jump_stands_ahead_of_what_drops_all, 0, COUNT(places));
	tcase_add_loop_test(tcase, drift_in_chains_of_others_is_repaired, 0, COUNT(edits));
	tcase_add_test(tcase, a_jump_that_was_moved_or_taken_away_comes_back);
	tcase_add_loop_test(tcase, a_base_chain_is_nobody_elses, 0,
			    sizeof(named_alike) / sizeof(named_alike[0]));
	tcase_add_test(tcase, a_twin_is_not_put_into_a_base_chain_of_its_name);
	tcase_add_test(tcase, a_table_that_has_an_owner_is_left_alone);
	tcase_add_loop_test(tcase, rounds_of_add_and_del_lose_no_query, 0, COUNT(hosts));
}

int main(void)
{
	return netns_main("nft-host", tests);
}
