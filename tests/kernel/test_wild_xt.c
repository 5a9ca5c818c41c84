/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Targets and matches that the kernel takes in some tables, at some hooks, and beside some others
 * alone: what ours repeat of them it takes as well, and nothing else is changed.
 */
#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <string.h>
#include <sys/socket.h>

#include "calls.h"
#include "inject.h"
#include "model.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SYN "-p tcp -m tcp --tcp-flags SYN,RST SYN "

enum { CALLS_MAX = 500 };

/* A chain, and what stands behind it and a state. */
static const struct {
	const char *chain, *rule;
} rules[] = {
	/* targets that change packets */
	{ "-t mangle -A POSTROUTING", SYN "-j TCPMSS --clamp-mss-to-pmtu" },
	{ "-t mangle -A OUTPUT", "-p tcp --syn -j TCPMSS --set-mss 1220" },
	{ "-t mangle -A PREROUTING", SYN "-m tcpmss --mss 1300:65535 -j TCPMSS --set-mss 1220" },
	{ "-t mangle -A INPUT", SYN "-m limit --limit 5/sec -j TCPMSS --set-mss 1220" },
	{ "-t mangle -A INPUT", "-m limit --limit 5/sec " SYN "-j TCPMSS --set-mss 1220" },
	{ "-t mangle -A OUTPUT", "-p tcp -m multiport --dports 53 -m tcp --syn -j TCPMSS --set-mss 1220" },
	{ "-A OUTPUT", SYN "-j TCPMSS --clamp-mss-to-pmtu" },
	{ "-t mangle -A OUTPUT", "-p tcp -j TCPOPTSTRIP --strip-options timestamp" },
	{ "-t mangle -A OUTPUT", "-p tcp -j ECN --ecn-tcp-remove" },
	{ "-t mangle -A PREROUTING", "-j TTL --ttl-set 64" },
	{ "-t mangle -A PREROUTING", "-j HL --hl-set 64" },
	{ "-t mangle -A OUTPUT", "-j DSCP --set-dscp 46" },
	{ "-t mangle -A OUTPUT", "-j TOS --set-tos 0x10" },
	{ "-t mangle -A OUTPUT", "-j CLASSIFY --set-class 1:2" },
	{ "-t mangle -A POSTROUTING", "-j CHECKSUM --checksum-fill" },
	{ "-t mangle -A POSTROUTING", "-p udp -j CHECKSUM --checksum-fill" },
	/* ... that keep something of them */
	{ "-t mangle -A PREROUTING", "-j IDLETIMER --timeout 60 --label wild" },
	{ "-A INPUT", "-j LED --led-trigger-id wild" },
	{ "-A INPUT", "-j AUDIT --type accept" },
	{ "-A INPUT", "-j RATEEST --rateest-name wild --rateest-interval 250ms --rateest-ewmalog 2s" },
	{ "-A INPUT", "-j NFLOG --nflog-group 5 --nflog-prefix wild" },
	{ "-A INPUT", "-j LOG --log-prefix wild --log-tcp-options" },
	{ "-A INPUT", "-p udp -j SET --add-set wild src --exist" },
	{ "-t mangle -A PREROUTING", "-j TEE --gateway $PEER" },
	{ "-t mangle -A PREROUTING", "-p udp -j HMARK --hmark-tuple src,dst --hmark-mod 4 --hmark-offset 1 "
	  "--hmark-rnd 7" },
	{ "-t security -A INPUT", "-j CONNSECMARK --save" },
	/* ... that decide */
	{ "-t mangle -A PREROUTING", "-p udp -j TPROXY --on-port 53" },
	{ "-t mangle -A PREROUTING", "-p tcp -m socket --transparent -j MARK --set-mark 1" },
	{ "-A INPUT", "-p tcp -m tcp --syn -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460" },
	{ "-A INPUT", "-p tcp --dport 53 -j REJECT --reject-with tcp-reset" },
	{ "-A INPUT", "-p udp --dport 5353 -j NFQUEUE --queue-balance 1:3 --queue-bypass" },
	/* matches of some protocols, at some hooks */
	{ "-A INPUT", "-p tcp -m ecn --ecn-tcp-cwr -j DROP" },
	{ "-A INPUT", "-p tcp -m osf --genre Linux -j DROP" },
	{ "-A INPUT", "-p tcp -m limit --limit 5/sec -m tcpmss --mss 1:500 -j DROP" },
	{ "-A INPUT", "-p tcp -m recent --set --name wild -m multiport --dports 53,80 -j ACCEPT" },
	{ "-A INPUT", "-p udp -m recent --update --name wild --seconds 5 -m udp --dport 53 -j DROP" },
	{ "-A INPUT", "-p sctp -m limit --limit 5/sec -m sctp --chunk-types any INIT -j DROP" },
	{ "-A OUTPUT", "-m owner --uid-owner 77 -j DROP" },
	{ "-A OUTPUT", "-m cgroup --cgroup 7 -j DROP" },
	{ "-A INPUT", "-m devgroup --src-group 5 -j DROP" },
	{ "-A INPUT", "-m policy --dir in --pol ipsec -j MARK --set-mark 2" },
	{ "-A OUTPUT", "-m policy --dir out --pol ipsec -j DROP" },
	{ "-A INPUT", "-m physdev --physdev-in tap0 -j DROP" },
	{ "-A INPUT", "-m realm --realm 3 -j DROP" },
	{ "-t mangle -A PREROUTING", "-m rpfilter --invert -j DROP" },
	{ "-A INPUT", "-m eui64 -j DROP" },
	{ "-A INPUT", "-p mobility -m mh --mh-type 1 -j DROP" },
	{ "-A INPUT", "-p 51 -m ah --ahspi 5 -j DROP" },
	{ "-A INPUT", "-m hl --hl-lt 2 -j DROP" },
	{ "-A INPUT", "-m ttl --ttl-lt 2 -j DROP" },
};

/* By itself; as what a twin repeats; and behind what packets that are not tracked must leave. */
static const struct {
	const char *before, *state;
} ahead[] = {
	{ "", "" },
	{ "", "-m conntrack --ctstate NEW" },
	{ "-m conntrack --ctstate INVALID,UNTRACKED -j DROP", "" },
};

static const struct {
	const char *name;
	int (*make)(struct notrack *nt);
} calls[] = {
	{ "commit", call_commit }, { "diff", call_diff }, { "verify", call_verify },
	{ "forced commit", call_forced_commit }, { "clear", call_clear },
};

static struct notrack *context_of(const struct family *family)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_set_backend(nt, "legacy"));
	must_do(nt, notrack_set_families(nt, family->domain == AF_INET ? NOTRACK_IPV4 : NOTRACK_IPV6));
	must_do(nt, add_service(nt, "dns", NULL));
	return nt;
}

/* The guard may refuse what it knows to be wrong; nothing else may fail. */
static void make_calls(const struct family *family, const char *what)
{
	for (size_t i = 0; i < COUNT(calls); i++) {
		struct notrack *nt = context_of(family);
		int result = calls[i].make(nt);

		ck_assert_msg(result >= 0 || result == -ECANCELED, "%s: %s: %d: %s", what, calls[i].name,
			      result, notrack_error(nt));
		notrack_free(nt);
	}
}

/* false: this kernel, or iptables, has no such thing, or has it in the other family alone */
static bool give(const struct family *family, int way, size_t number)
{
	const char *rule = rules[number].rule, *peer = strstr(rule, "$PEER");

	if (peer)
		rule = format_text("%.*s%s", (int)(peer - rule), rule, family->peer);
	if (*ahead[way].before)
		must("%s -w %s %s", family->tables, rules[number].chain, ahead[way].before);
	return !run("%s -w %s %s %s", family->tables, rules[number].chain, ahead[way].state, rule).code;
}

/* The tables that the rules above are in. */
static const char *const tables[] = { "filter", "mangle", "security" };

static char *host_rules(const struct family *family)
{
	char *all = "";

	for (size_t i = 0; i < COUNT(tables); i++)
		all = format_text("%s%s", all, without_counters(table_save(family, tables[i])));
	return all;
}

START_TEST(what_ours_repeat_the_kernel_takes)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const int way = _i / FAMILY_COUNT;
	size_t known = 0;

	netns_add_peer();
	run("ipset create wild hash:ip family %s", family->domain == AF_INET ? "inet" : "inet6");
	for (size_t i = 0; i < COUNT(rules); i++) {
		const char *before;

		if (give(family, way, i)) {
			before = host_rules(family);
			make_calls(family, rules[i].rule);
			assert_same_text(host_rules(family), before);
			known++;
		}
		for (size_t j = 0; j < COUNT(tables); j++)
			must("%s -w -t %s -F", family->tables, tables[j]);
	}
	ck_assert_msg(known > COUNT(rules) / 2, "only %zu are known here", known);
}
END_TEST

/* The one that is to blame, as far as anybody can know. */
START_TEST(what_the_kernel_does_not_take_is_told_with_the_rule_it_is_of)
{
	const struct family *family = &families[_i];
	bool told = false;

	must("%s -w -t mangle -A OUTPUT -j MARK --set-mark 1", family->tables);
	must("%s -w -t mangle -A OUTPUT -m conntrack --ctstate NEW -j DSCP --set-dscp 46", family->tables);
	for (unsigned int nth = 1; nth < CALLS_MAX && !told; nth++) {
		struct notrack *nt = context_of(family);
		struct injected injected;

		inject_begin(FAULT_ONCE, nth, EINVAL);
		call_commit(nt);
		injected = inject_end();
		if (injected.write && injected.option == IPT_SO_SET_REPLACE && !strcmp(injected.name, "mangle")) {
			told = true;
			ck_assert_msg(strstr(notrack_error(nt), "Invalid argument") &&
				      strstr(notrack_error(nt), "rule 2 of chain OUTPUT (-j DSCP)"), "%s",
				      notrack_error(nt));
		}
		must_do(nt, call_clear(nt));
		notrack_free(nt);
	}
	ck_assert(told);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, what_ours_repeat_the_kernel_takes, 0, COUNT(ahead) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_the_kernel_does_not_take_is_told_with_the_rule_it_is_of, 0,
			    FAMILY_COUNT);
}

int main(void)
{
	return netns_main("wild_xt", tests);
}
