/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules of ours in chains of a host that filters with nftables, whoever writes its rules:
 * twins, as they are computed from what is there.
 */
#include "backend_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asked_dns.h"
#include "packets.h"
#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- hosts ---------------------------------------------------------------- */

/* Debian's default iptables: who may ask, and what it knows. */
static const char iptables[] =
	"*filter\n"
	":INPUT DROP [0:0]\n"
	":FORWARD ACCEPT [0:0]\n"
	":OUTPUT DROP [0:0]\n"
	":asked - [0:0]\n"
	":mangled - [0:0]\n"
	"-A INPUT -i lo -j ACCEPT\n"
	"-A INPUT -m conntrack --ctstate INVALID -j DROP\n"
	"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A INPUT ! -i lo -m conntrack --ctstate NEW -m addrtype --dst-type LOCAL -j asked\n"
	"-A OUTPUT -o lo -j ACCEPT\n"
	"-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A OUTPUT -m conntrack --ctstate NEW -m limit --limit 1000/sec -j LOG --log-prefix \"out \"\n"
	"-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT\n"
	"-A asked -p udp -m state --state NEW -m multiport --dports 53,7 -m comment "
	"--comment theirs -g mangled\n"
	"-A asked -p tcp -m tcp --dport 53 --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack "
	"--ctstate NEW -j ACCEPT\n"
	"-A asked -p tcp --dport 7 -m conntrack --ctstate NEW -j ACCEPT\n"
	"-A mangled -m mark --mark 0x7 -j RETURN\n"
	"-A mangled -m conntrack ! --ctstate NEW -j DROP\n"
	"-A mangled -m conntrack --ctstate NEW -m limit --limit 500/sec -j ACCEPT\n"
	"COMMIT\n";

static void given_iptables(void)
{
	given_iptables_text(iptables);
}

static const char native[] =
	"table inet filter {\n"
	"\tset banned {\n\t\ttype ipv4_addr\n\t\tflags interval\n"
	"\t\telements = { 203.0.113.0/24 }\n\t}\n"
	"\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n"
	"\t\tct state vmap { established : accept, related : accept, invalid : drop }\n"
	"\t\tip saddr @banned ct state new drop\n"
	"\t\tct state new limit rate 500/second burst 100 packets counter jump asked\n\t}\n"
	"\tchain asked {\n"
	"\t\tiifname { \"lo\", \"veth0\" } ct state new tcp dport { 7, 53 } accept\n"
	"\t\tudp dport { 7, 53 } ct state new limit rate 1000/second log prefix \"asked \" accept\n\t}\n"
	"\tchain output {\n\t\ttype filter hook output priority filter; policy drop;\n"
	"\t\tct state established,related,new accept\n\t}\n}\n";

static const char leading[] =
	"table inet filter {\n"
	"\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
	"\t\tct state { established, related } goto known\n"
	"\t\tct state . meta l4proto . th dport vmap { new . udp . 53 : jump asked, "
	"new . tcp . 53 : goto asked, new . tcp . 7 : accept, new . udp . 7 : accept }\n"
	"\t\tcounter reject\n\t}\n"
	"\tchain known {\n\t\tmeta mark 0x7 drop\n\t\tct state != invalid accept\n\t\tdrop\n\t}\n"
	"\tchain asked {\n\t\tct state untracked drop\n\t\tct state != new return\n\t\taccept\n\t}\n}\n"
	"table ip mine {\n"
	"\tchain in {\n\t\ttype filter hook input priority 10; policy drop;\n"
	"\t\tct state established,related accept\n"
	"\t\tct state new ip saddr 192.0.2.0/24 th dport { 7, 53 } accept\n"
	"\t\tct state new iifname \"lo\" accept\n\t}\n}\n";

/* What people do besides. */
static const char odd[] =
	"table inet fw {\n"
	"\tlimit lim {\n\t\trate 900/second\n\t}\n"
	"\tquota much {\n\t\tover 5000 mbytes\n\t}\n"
	"\tset recent {\n\t\ttype ipv4_addr\n\t\tsize 1000\n\t\tflags dynamic,timeout\n"
	"\t\ttimeout 1m\n\t}\n"
	"\tchain input {\n\t\ttype filter hook input priority filter - 5; policy drop;\n"
	"\t\tct state established,related ip saddr { 192.0.2.0/25, 198.51.100.7-198.51.100.9, "
	"127.0.0.1 } counter accept\n"
	"\t\tct state established,related ip6 saddr { 2001:db8::/32, ::1 } accept\n"
	"\t\tct state { established, related } accept\n"
	"\t\tct state new quota name \"much\" drop\n"
	"\t\tct state new limit name \"lim\" meta mark set 0x10\n"
	"\t\tct state new symhash mod 2 1 counter\n"
	"\t\tct state new meta nftrace set 0\n"
	"\t\tct state new osf name \"Linux\" counter\n"
	"\t\tct state new update @recent { ip saddr limit rate over 400/second } drop\n"
	"\t\tct state new add @recent { ip saddr } continue\n"
	"\t\tct state . ip saddr . meta l4proto { new . 192.0.2.2 . udp, new . 127.0.0.1 . udp } accept\n"
	"\t\tct state new meta l4proto . th dport { tcp . 53, udp . 53, tcp . 7, udp . 7 } "
	"tcp flags & (fin|syn|rst|ack) == syn counter drop\n"
	"\t\tmeta l4proto { tcp, udp } th dport { 7, 50-60 } ct state new ct mark != 0x5 "
	"fib daddr type local jump more\n"
	"\t\tct state new meta l4proto { tcp, udp } iifname vmap { \"lo\" : accept, \"veth*\" : jump more }\n\t}\n"
	"\tchain more {\n\t\tct state invalid,new,untracked ip ttl 1 drop\n"
	"\t\tct state new th dport vmap { 7 : accept, 53 : accept }\n"
	"\t\tct state new,established udp length > 8 reject with icmpx admin-prohibited\n"
	"\t\tct state new accept\n\t}\n}\n";

static void given_native(void)
{
	given_text(native);
}

static void given_leading(void)
{
	given_text(leading);
}

static void given_odd(void)
{
	given_text(odd);
}

static void given_both(void)
{
	given_iptables();
	given_text(native);
}

static void (*const hosts[])(void) = {
	given_iptables, given_native, given_leading, given_both,
};
/* Here nobody is asked to answer. */
static void (*const more_hosts[])(void) = {
	given_iptables, given_native, given_leading, given_both, given_odd,
};

/* --- who is answered ------------------------------------------------------ */

START_TEST(whoever_was_answered_is_answered_untracked)
{
	struct backend_host *host = given_dns();

	netns_add_peer();
	hosts[_i]();
	commit_untracks_who_is_answered(host);
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

/* Rules of the host with their counters and handles: ours are to leave none behind. */
static char *host_rules(void)
{
	return must("sh -c 'nft -a list ruleset'").out;
}

START_TEST(clear_leaves_what_was_there_byte_for_byte)
{
	struct backend_host *host = given_dns();
	char *before;

	netns_add_peer();
	more_hosts[_i]();
	if (more_hosts[_i] != given_odd)
		everybody_is_answered(&families[0]);
	before = host_rules();

	ck_assert_uint_gt(host_commit(host).added, 0);
	assert_other_text(host_rules(), before);
	ck_assert_ptr_nonnull(strstr(host_rules(), "NOTRACK-"));
	host_clear(host, NOTRACK_ANY);
	ck_assert_uint_gt(host_commit(host).removed, 0);
	assert_same_text(host_rules(), before);
	host_free(host);
}
END_TEST

START_TEST(a_second_commit_changes_nothing)
{
	struct backend_host *host = given_dns();
	struct notrack_changes changes;
	char *before;

	more_hosts[_i]();
	host_commit(host);
	before = nft_ruleset();
	changes = host_commit(host);

	ck_assert_uint_eq(changes.added + changes.removed, 0);
	assert_same_text(nft_ruleset(), before);
	host_free(host);
}
END_TEST

START_TEST(rollback_leaves_what_was_there)
{
	struct backend_host *host = given_dns();
	char *before;

	more_hosts[_i]();
	before = host_rules();
	ck_assert_msg(!host_try_rollback(host), "%s", host_error(host));
	assert_same_text(host_rules(), before);
	host_commit(host);
	before = host_rules();
	host_clear(host, NOTRACK_ANY);
	ck_assert_msg(!host_try_rollback(host), "%s", host_error(host));
	host_load(host);
	assert_same_text(host_diff(host), "");
	ck_assert_uint_eq(strlen(host_rules()) > 0, 1);
	host_free(host);
}
END_TEST

/* --- after other programs wrote it ------------------------------------------ */

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
	host_add(host, "web: ports = 80, 8000:8080; protocols = udp, tcp; roles = inbound");
	host_commit(host);

	for (size_t i = 0; i < COUNT(tools); i++) {
		char *rules = must("%s -S", tools[i]).out;
		char *before = saved(format_text("%s-save", tools[i]));

		ck_assert_ptr_nonnull(strstr(rules, "-A INPUT -m conntrack --ctstate UNTRACKED "
					     "-j NOTRACK-est-rel-accept"));
		ck_assert_ptr_nonnull(strstr(rules, "--comment NOTRACK-twin -j asked"));
		ck_assert_ptr_nonnull(strstr(rules, "--comment NOTRACK-twin -g mangled"));
		must_as(&(struct how){ .input = before }, "%s-restore", tools[i]);
		assert_same_text(saved(format_text("%s-save", tools[i])), before);
		assert_same_text(must("%s -S", tools[i]).out, rules);
	}
	/* written by iptables-nft now, and the same in meaning */
	assert_same_text(host_diff(host), "");
	everybody_is_answered(&families[0]);
	everybody_is_answered(&families[1]);
	host_free(host);
}
END_TEST

static void (*const native_hosts[])(void) = { given_native, given_leading, given_odd };

START_TEST(after_nft_wrote_it_anew_there_is_nothing_to_do)
{
	struct backend_host *host = given_dns();
	char *rules;

	native_hosts[_i]();
	host_commit(host);
	rules = must("nft list ruleset").out;
	must("nft flush ruleset");
	given_text(rules);

	assert_same_text(host_diff(host), "");
	host_clear(host, NOTRACK_ANY);
	host_commit(host);
	ck_assert_ptr_null(strstr(nft_ruleset(), "NOTRACK"));
	host_free(host);
}
END_TEST

/* --- where they stand --------------------------------------------------------- */

START_TEST(a_rule_put_between_is_drift_and_the_twin_moves)
{
	struct backend_host *host = given_dns();
	struct notrack_changes changes;

	given_iptables();
	host_commit(host);
	must("iptables-nft -I INPUT 4 -p udp -m udp --dport 9 -j DROP");
	assert_same_text(host_diff(host), "");		/* which is nothing to our packets */
	must("iptables-nft -I INPUT 4 -s 192.0.2.66 -j DROP");
	changes = host_commit(host);

	ck_assert_uint_eq(changes.added, 1);
	ck_assert_uint_eq(changes.removed, 1);
	ck_assert_ptr_nonnull(strstr(must("iptables-nft -S INPUT").out,
		"-A INPUT -s 192.0.2.66/32 -j DROP\n"
		"-A INPUT -m conntrack --ctstate UNTRACKED -j NOTRACK-est-rel-accept\n"
		"-A INPUT -p udp -m udp --dport 9 -j DROP\n"
		"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"));
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

static void change_rules(void)
{
	must("iptables-nft -R INPUT 3 -m conntrack --ctstate ESTABLISHED -j ACCEPT");
}

START_TEST(rules_that_changed_since_they_were_looked_at_are_left_alone)
{
	struct backend_host *host = given_dns();
	char *after;

	given_iptables();
	host_let_happen(host, change_rules);
	ck_assert_int_eq(host_try_commit(host), -ERESTART);
	ck_assert_ptr_nonnull(strstr(host_error(host), "table ip filter"));
	ck_assert_ptr_nonnull(strstr(host_error(host), "try again"));
	after = nft_ruleset();
	ck_assert_ptr_null(strstr(after, "NOTRACK"));
	host_let_happen(host, NULL);
	host_commit(host);
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

/* What it asks changes with the rule that it was made for, and so does what it does. */
START_TEST(a_twin_follows_its_rule)
{
	struct backend_host *host = given_dns();

	given_iptables();
	host_commit(host);
	must("iptables-nft -R OUTPUT 5 -m conntrack --ctstate NEW -m limit --limit 7/min -j LOG "
	     "--log-prefix other");
	ck_assert(*host_diff(host));
	host_commit(host);
	ck_assert_ptr_nonnull(strstr(must("iptables-nft -S").out,
				     "-m limit --limit 7/min -j LOG --log-prefix other\n-A NOTRACK"));
	ck_assert_ptr_null(strstr(must("iptables-nft -S").out, "1000/sec -j LOG"));
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

/* A program that owns its table, and one that rebuilds it. */
START_TEST(tables_that_others_manage_are_left_alone)
{
	static const char managed[] =
		"table inet firewalld {\n"
		"\tchain input {\n\t\ttype filter hook input priority 10; policy drop;\n"
		"\t\tct state established,related accept\n\t\tct state new accept\n\t}\n}\n";
	struct backend_host *host = given_dns();
	char *before;

	given_text(managed);
	given_native();
	before = must("nft -a list table inet firewalld").out;
	host_commit(host);
	ck_assert_ptr_nonnull(strstr(must("nft list table inet filter").out, "NOTRACK"));
	assert_same_text(must("nft -a list table inet firewalld").out, before);
	host_free(host);
}
END_TEST

/* --- told ---------------------------------------------------------------------- */

START_TEST(a_dry_run_prints_what_it_would_do)
{
	static const char plain[] =
		"table inet filter {\n"
		"\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n"
		"\t\tip saddr 192.0.2.0/24 ct state new udp dport 53 accept\n\t}\n}\n";
	struct backend_host *host = host_new(NOTRACK_IPV4);
	const char *diff;

	given_text(plain);
	host_add(host, "dns: ports = 53; roles = inbound; protocols = udp");
	diff = host_diff(host);

	ck_assert_ptr_nonnull(strstr(diff, "+inet filter input ct state untracked meta nfproto ipv4 "
		"ip saddr 192.0.2.0/24 udp dport 53 counter jump NOTRACK-new-accept\n"));
	ck_assert_ptr_nonnull(strstr(diff, "+inet filter NOTRACK-new-accept meta nfproto ipv4 "
		"udp dport 53 counter accept\n"));
	host_commit(host);
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, whoever_was_answered_is_answered_untracked, 0, COUNT(hosts));
	tcase_add_loop_test(tcase, clear_leaves_what_was_there_byte_for_byte, 0, COUNT(more_hosts));
	tcase_add_loop_test(tcase, a_second_commit_changes_nothing, 0, COUNT(more_hosts));
	tcase_add_loop_test(tcase, rollback_leaves_what_was_there, 0, COUNT(more_hosts));
	tcase_add_test(tcase, iptables_reads_what_is_ours_and_restores_it);
	tcase_add_loop_test(tcase, after_nft_wrote_it_anew_there_is_nothing_to_do, 0,
			    COUNT(native_hosts));
	tcase_add_test(tcase, a_rule_put_between_is_drift_and_the_twin_moves);
	tcase_add_test(tcase, rules_that_changed_since_they_were_looked_at_are_left_alone);
	tcase_add_test(tcase, a_twin_follows_its_rule);
	tcase_add_test(tcase, tables_that_others_manage_are_left_alone);
	tcase_add_test(tcase, a_dry_run_prints_what_it_would_do);
}

int main(void)
{
	return netns_main("nft-graft", tests);
}
