/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What untracked packets would miss is told when a service is added, and by verify: each with
 * a host near it of which there is nothing to tell.
 */
#include "netns.h"
#include "packets.h"

#include <stdio.h>
#include <string.h>

#include "run.h"
#include "said.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { RULES_MAX = 4, REFUSED = 1 };

/* The first host is one of which it is told, the second is not. */
static const struct told {
	const char *code;
	const char *service;
	int exit;			/* of add, on the first host */
	const char *rules[2][RULES_MAX];
} all_told[] = {
	{ "mark", "dns", 0, {
		{ "-t mangle -A OUTPUT -j CONNMARK --restore-mark" },
		{ "-t mangle -A OUTPUT -p tcp --sport 80 -j CONNMARK --restore-mark" } } },
	{ "mark", "dns", 0, {
		{ "-t mangle -A PREROUTING -j CONNMARK --restore-mark" },
		{ "-t mangle -A PREROUTING -j CONNMARK --save-mark" } } },
	{ "mark", "dns", 0, {		/* as wg-quick has it: what has no mark keeps having none */
		{ "-t mangle -A PREROUTING -p udp -j CONNMARK --restore-mark",
		  "-t mangle -A POSTROUTING -p udp -j CONNMARK --save-mark" },
		{ "-t mangle -A PREROUTING -p udp -j CONNMARK --restore-mark",
		  "-t mangle -A POSTROUTING -p udp -m mark --mark 0xca6c -j CONNMARK --save-mark" } } },
	{ "mark", "dns", 0, {
		{ "-t mangle -A PREROUTING -p udp -j CONNMARK --restore-mark",
		  "-t mangle -A OUTPUT -p udp --dport 53 -j MARK --set-mark 0xca6c",
		  "-t mangle -A POSTROUTING -p udp -m mark --mark 0xca6c -j CONNMARK --save-mark" },
		{ "-t mangle -A OUTPUT -p udp --dport 53 -j MARK --set-mark 0xca6c" } } },
	{ "helper", "tftp --ports 69", REFUSED, {
		{ "-t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp" },
		{ "-t raw -A PREROUTING -p udp --dport 6969 -j CT --helper tftp" } } },
	{ "both-ends", "ntp --role inbound", 0, {	/* a client of servers at the same port */
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A INPUT -i eth7 -p udp --dport 123 -m conntrack --ctstate NEW -j ACCEPT",
		  "-A INPUT -j DROP" },
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A INPUT -p udp --dport 123 -m conntrack --ctstate NEW -j ACCEPT",
		  "-A INPUT -j DROP" } } },
	{ "both-ends", "ntp --role inbound", 0, {	/* ... which the host may ask, or not */
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A INPUT -i eth7 -p udp --dport 123 -j ACCEPT", "-A INPUT -j DROP" },
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A INPUT -i eth7 -p udp --dport 123 -j ACCEPT", "-A INPUT -j DROP",
		  "-A OUTPUT -p udp --dport 123 -m conntrack --ctstate NEW -j DROP" } } },
	{ "both-ends", "ntp --role outbound", 0, {	/* a server of such clients */
		{ "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A OUTPUT -o eth7 -p udp --dport 123 -m conntrack --ctstate NEW -j ACCEPT",
		  "-A OUTPUT -j DROP" },
		{ "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A OUTPUT -o eth7 -p udp --dport 123 -m conntrack --ctstate NEW -j ACCEPT",
		  "-A OUTPUT -j DROP",
		  "-A INPUT -p udp --dport 123 -m conntrack --ctstate NEW -j DROP" } } },
	{ "both-ends", "syslog", 0, {	/* messages that nobody answers, be they lost on their way or not */
		{ "-A OUTPUT -p udp --dport 514 -m conntrack --ctstate NEW -j ACCEPT",
		  "-A OUTPUT -o eth7 -m conntrack --ctstate ESTABLISHED -j ACCEPT", "-A OUTPUT -j DROP" },
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A INPUT -i eth7 -p udp --dport 514 -m conntrack --ctstate NEW -j ACCEPT",
		  "-A INPUT -j DROP" } } },
	{ "rate", "dns", 0, {
		{ "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -m limit --limit 5/sec -j ACCEPT" },
		{ "-A INPUT -p udp --dport 53 -m limit --limit 5/sec -j ACCEPT" } } },
	{ "rate", "dns", 0, {
		{ "-A INPUT -m conntrack --ctstate NEW -j LOG" },
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j LOG" } } },
	{ "rate", "dns", 0, {		/* ... and what each packet gets by itself */
		{ "-t mangle -A OUTPUT -m conntrack --ctstate NEW -j NFLOG --nflog-group 5" },
		{ "-t mangle -A OUTPUT -m conntrack --ctstate NEW -j DSCP --set-dscp 46",
		  "-t mangle -A OUTPUT -m conntrack --ctstate NEW -j TOS --set-tos 0x10",
		  "-t mangle -A OUTPUT -m conntrack --ctstate NEW -j CLASSIFY --set-class 1:2",
		  "-t mangle -A POSTROUTING -m conntrack --ctstate NEW -j CHECKSUM --checksum-fill" } } },
	{ "rate", "dns", 0, {		/* who is above it */
		{ "-A INPUT -p udp -m conntrack --ctstate NEW -m hashlimit --hashlimit-above 10/sec "
		  "--hashlimit-mode srcip --hashlimit-name told -j DROP" },
		{ "-A INPUT -p udp -m conntrack --ctstate ESTABLISHED -m hashlimit --hashlimit-above 10/sec "
		  "--hashlimit-mode srcip --hashlimit-name told -j DROP" } } },
	{ "rate", "dns", 0, {		/* later questions were ESTABLISHED, and did not come to it */
		{ "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		  "-A INPUT -p udp --dport 53 -m limit --limit 5/sec -j ACCEPT" },
		{ "-A INPUT -p udp --dport 53 -m limit --limit 5/sec -j ACCEPT",
		  "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT" } } },
	{ "rate", "dns", 0, {		/* so it is where a chain is led to behind that, and not ahead */
		{ "-N told", "-A told -p udp --dport 53 -m limit --limit 5/sec -j ACCEPT",
		  "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -j told" },
		{ "-N told", "-A told -p udp --dport 53 -m limit --limit 5/sec -j ACCEPT",
		  "-A INPUT -j told", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT" } } },
	{ "rate", "dns", 0, {		/* by the port, and what is said of whatever comes */
		{ "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		  "-A INPUT -p udp --dport 53 -m hashlimit --hashlimit-above 5/sec --hashlimit-mode srcip "
		  "--hashlimit-name told -j DROP" },
		{ "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		  "-A INPUT -m limit --limit 5/min -j LOG" } } },
	{ "open-source-port", "dns", 0, {
		{ "-A INPUT -p udp --sport 53 -j ACCEPT" },
		{ "-A INPUT -s @PEER@ -p udp --sport 53 -j ACCEPT" } } },
	{ "shadowed", "dns", REFUSED, {
		{ "-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT",
		  "-A INPUT -p udp -m conntrack --ctexpire 1:9 -j DROP" },
		{ "-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT",
		  "-A INPUT -p udp -m length --length 0:9 -j DROP" } } },
	/* rules of ours ahead of the host's, which have other numbers then; and at the end */
	{ "numbers", "dns", 0, {
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT" },
		{ "-A INPUT -p tcp --dport 22 -j ACCEPT" } } },
	/* everybody over one protocol, and nobody over the other; as the host says of both, or of none */
	{ "opened", "dns", 0, {
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A INPUT -p udp --dport 53 -j ACCEPT", "-P INPUT DROP" },
		{ "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
		  "-A INPUT -p tcp --dport 22 -j ACCEPT", "-P INPUT DROP" } } },
	{ "unsure", "dns", 0, {
		{ "-A OUTPUT -p udp -m connbytes --connbytes 99999: --connbytes-dir both "
		  "--connbytes-mode packets -j LOG" },
		{ "-A OUTPUT -p udp -m length --length 0:9 -j LOG" } } },
	{ "widened", "dns", REFUSED, {
		{ "-A INPUT -p tcp --syn -m connlimit --connlimit-above 20 -j REJECT" },
		{ "-A INPUT -p tcp --syn --dport 80 -m connlimit --connlimit-above 20 -j REJECT" } } },
	{ "widened", "dns", REFUSED, {
		{ "-A INPUT -p udp --dport 53 -m connlimit --connlimit-upto 20 -j ACCEPT" },
		{ "-A INPUT -p udp -m connlimit --connlimit-above 20 -j LOG" } } },
	/* which node a packet is for is asked of its connection: iptables-extensions(8), "cluster" */
	{ "dropped", "dns", REFUSED, {
		{ "-t mangle -A PREROUTING -p udp -m cluster --cluster-total-nodes 2 --cluster-local-node 1 "
		  "--cluster-hash-seed 7 -j MARK --set-mark 0x1",
		  "-t mangle -A PREROUTING -p udp -m mark ! --mark 0x1 -j DROP" },
		{ "-t mangle -A PREROUTING -p udp -m cluster --cluster-total-nodes 2 --cluster-local-node 1 "
		  "--cluster-hash-seed 7 -j LOG" } } },
	{ "widened", "dns", REFUSED, {
		{ "-A INPUT -p udp -m cluster --cluster-total-nodes 2 ! --cluster-local-node 1 "
		  "--cluster-hash-seed 7 -j DROP" },
		{ "-A INPUT -p udp -m cluster --cluster-total-nodes 2 ! --cluster-local-node 1 "
		  "--cluster-hash-seed 7 -j LOG" } } },
};

static const char *with_peer(const struct family *family, const char *rule)
{
	const char *at = strstr(rule, "@PEER@");

	return !at ? rule : format_text("%.*s%s%s", (int)(at - rule), rule, family->peer,
					at + strlen("@PEER@"));
}

/* false: this kernel has no such match, target or helper */
static bool given(const struct family *family, const char *const rules[RULES_MAX])
{
	for (size_t i = 0; i < RULES_MAX && rules[i]; i++)
		if (run("%s -w %s", family->tables, with_peer(family, rules[i])).code)
			return false;
	return true;
}

static bool is_told(const char *text, const char *code)
{
	return strstr(text, format_text("warning: %s: ", code));
}

START_TEST(what_would_be_missed_is_told)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const struct told *told = &all_told[_i / FAMILY_COUNT];
	struct run added;

	if (!given(family, told->rules[0])) {
		skip_test("%s: not in this kernel", told->rules[0][0]);
		return;
	}
	added = run("notrackctl %s add %s", family->option, told->service);
	ck_assert_msg(added.code == told->exit, "%s: %s", told->rules[0][0], added.err);
	if (told->exit)
		added = must("notrackctl %s add %s --force", family->option, told->service);
	ck_assert_msg(is_told(added.err, told->code), "%s: %s", told->rules[0][0], added.err);
}
END_TEST

/* Whoever asks about one service is told of that one. */
START_TEST(both_ends_are_told_of_the_service_that_is_asked_for)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	must("%s -w -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", family->tables);
	must("%s -w -A INPUT -i eth7 -p udp --dport 123 -m conntrack --ctstate NEW -j ACCEPT",
	     family->tables);
	must("%s -w -A INPUT -p udp --dport 123 -j DROP", family->tables);
	must("notrackctl %s add ntp --role inbound", family->option);
	must("notrackctl %s add nt --ports 69", family->option);

	assert_finds(verify(family->option), "both-ends", "warning", "service ntp: ");
	assert_finds(verify(format_text("%s ntp", family->option)), "both-ends", "warning",
		     "service ntp: ");
	ck_assert(!finds(verify(format_text("%s nt", family->option)), "both-ends", "warning",
			 "service"));
}
END_TEST

START_TEST(what_would_not_be_missed_is_not)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const struct told *told = &all_told[_i / FAMILY_COUNT];
	struct run added;

	if (!given(family, told->rules[1])) {
		skip_test("%s: not in this kernel", told->rules[1][0]);
		return;
	}
	added = must("notrackctl %s add %s", family->option, told->service);
	ck_assert_msg(!is_told(added.err, told->code), "%s: %s", told->rules[1][0], added.err);
}
END_TEST

/* Where a port comes from a map that others change, nobody knows which. */
static const struct {
	const char *rule;
	int exit;
	bool told;
} translations[] = {
	{ "dnat ip addr . port to udp dport map { 5300 : 192.0.2.1 . 53 }", REFUSED, true },
	{ "dnat ip addr . port to udp dport map { 5300 : 192.0.2.9 . 53, 80 : 192.0.2.1 . 80 }", 0, false },
	{ "meta l4proto udp dnat to 192.0.2.1 : udp dport map { 5300 : 53 }", REFUSED, true },
	{ "meta l4proto udp dnat to 192.0.2.9 : udp dport map { 5300 : 53 }", 0, false },
	{ "dnat to ip daddr map { 198.51.100.9 : 192.0.2.1 }", REFUSED, true },
	{ "dnat to ip daddr map { 198.51.100.0/24 : 192.0.2.1-192.0.2.5 }", REFUSED, true },
	{ "dnat to 192.0.2.0-192.0.2.9", REFUSED, true },
	{ "dnat to ip daddr map { 192.0.2.1 : 192.0.2.1, 198.51.100.9 : 192.0.2.9 }", REFUSED, true },
	{ "ip daddr 198.51.100.0/24 dnat to ip daddr map { 198.51.100.9 : 192.0.2.9 }", 0, false },
	{ "dnat ip prefix to ip daddr map { 198.51.100.0/24 : 192.0.2.0/24 }", REFUSED, true },
	{ "meta l4proto udp redirect to :th dport map { 5300 : 53 }", REFUSED, true },
	{ "meta l4proto udp redirect to :th dport map { 80 : 5353, 81 : 54 }", 0, false },
	{ "meta l4proto udp redirect to :th dport map @stays", REFUSED, true },
	{ "meta l4proto udp redirect to :th dport map @goes", 0, true },
	{ "ip daddr 198.51.100.9 dnat to ip daddr map @addresses", 0, true },
	{ "meta l4proto udp redirect to :th dport map { 53 : 5353 }", REFUSED, true },
	{ "udp dport 5300 redirect to :53", REFUSED, true },
	{ "dnat ip to udp dport map { 5300 : 192.0.2.9 }", 0, false },
	{ "udp dport 5300 redirect to :5353", 0, false },
};

START_TEST(a_translation_by_a_map_is_told)
{
	const char *rules = format_text("table ip n {\n"
		"map stays {\ntype inet_service : inet_service\nflags constant\n"
		"elements = { 5300 : 53 }\n}\n"
		"map goes {\ntype inet_service : inet_service\nelements = { 5300 : 53 }\n}\n"
		"map addresses {\ntype ipv4_addr : ipv4_addr\n"
		"elements = { 198.51.100.9 : 192.0.2.9 }\n}\n"
		"chain p {\ntype nat hook prerouting priority dstnat\n%s\n}\n}\n", translations[_i].rule);
	struct run added;

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
	added = run("notrackctl -4 add dns --role inbound");
	ck_assert_msg(added.code == translations[_i].exit &&
		      (strstr(added.err, "ip n p 1") != NULL) == translations[_i].told, "exit %d: %s",
		      added.code, added.err);
}
END_TEST

/*
 * Rules of a chain of NAT that leads on by a map, in the family of @families[0].  "%1$s" is this
 * host, whose questions from others chain ep sends elsewhere; chain c99 does the same.
 */
static const struct {
	const char *declared, *rule, *told;	/* NULL: it is no reason to refuse */
} led_to_nat[] = {
	/* as kube-proxy publishes a service at the address of a node */
	{ "map m {\ntype ipv4_addr . inet_service : verdict\nelements = { %1$s . 53 : goto ep }\n}\n",
	  "ip daddr . udp dport vmap @m", "ip n ep 1" },
	{ "map m {\ntype ipv4_addr : verdict\nelements = { 192.0.2.99 : accept, * : goto ep }\n}\n",
	  "ip saddr vmap @m", "ip n ep 1" },
	{ "", "ip saddr vmap { 192.0.2.99 : accept, * : goto ep }", "ip n ep 1" },
	{ "", "numgen random mod 1 vmap { 0 : goto ep }", "ip n ep 1" },
	{ "many", "ip saddr vmap @m", "ip n c99 1" },
	/* elsewhere, to another port, and nowhere at all */
	{ "map m {\ntype ipv4_addr . inet_service : verdict\nelements = { 192.0.2.99 . 53 : goto ep }\n}\n",
	  "ip daddr . udp dport vmap @m", NULL },
	{ "map m {\ntype ipv4_addr . inet_service : verdict\nelements = { %1$s . 80 : goto ep }\n}\n",
	  "ip daddr . udp dport vmap @m", NULL },
	{ "map m {\ntype ipv4_addr : verdict\nelements = { 192.0.2.99 : accept }\n}\n",
	  "ip saddr vmap @m", NULL },
};

/* A map that leads each of a hundred clients to a chain of its own. */
static char *many_chains(void)
{
	char *chains = "", *elements = "";

	for (int i = 0; i < 100; i++) {
		chains = format_text("%schain c%d {\n%s\n}\n", chains, i,
				     i < 99 ? "counter" : "meta l4proto udp dnat to 192.0.2.9:53");
		elements = format_text("%s%s10.9.9.%d : goto c%d", elements, i ? ", " : "", i, i);
	}
	return format_text("%smap m {\ntype ipv4_addr : verdict\nelements = { %s }\n}\n", chains, elements);
}

START_TEST(a_translation_that_a_map_leads_to_is_told)
{
	const char *declared = led_to_nat[_i].declared, *told = led_to_nat[_i].told;
	char *rules;
	struct run added;

	netns_add_peer();
	declared = strcmp(declared, "many") ? format_text(declared, families[0].host) : many_chains();
	rules = format_text("table ip n {\nchain ep {\nmeta l4proto udp dnat to 192.0.2.9:53\n}\n%s"
			    "chain p {\ntype nat hook prerouting priority dstnat\n%s\n}\n}\n",
			    declared, led_to_nat[_i].rule);
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");

	added = run("notrackctl -4 add dns --role inbound");
	ck_assert_msg(added.code == (told ? REFUSED : 0), "exit %d: %s", added.code, added.err);
	if (told)
		ck_assert_msg(strstr(added.err, told) && strstr(added.err, "to another place"), "%s",
			      added.err);
}
END_TEST

/* Answers for others come to this host's address, and are translated only where they are tracked. */
START_TEST(own_questions_stay_tracked_where_others_are_masqueraded)
{
	static const char masquerade[] = "iptables-legacy -t nat -A POSTROUTING -s 10.0.0.0/8 %s -j MASQUERADE";
	struct run added;

	must("sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'");
	must(masquerade, "-p udp --dport 123");
	must("notrackctl add dns");
	must("notrackctl clear");

	must(masquerade, "");
	added = run("notrackctl add dns");
	ck_assert_msg(added.code == REFUSED && strstr(added.err, "nat POSTROUTING 2") &&
		      strstr(added.err, "role inbound"), "%s", added.err);
	must("notrackctl add dns --role inbound");
	must("notrackctl verify");
	must("notrackctl clear");

	must("sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'");
	must("notrackctl add dns");
}
END_TEST

/* Where only IPv6 is forwarded, nobody's IPv4 is masqueraded but this host's own; and so on. */
START_TEST(only_what_is_forwarded_is_masqueraded)
{
	static const char *const switches[] = { "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding" };
	const struct family *family = &families[_i];

	must("sysctl -qw %s=1 %s=0", switches[!_i], switches[_i]);
	must("%s -t nat -A POSTROUTING -j MASQUERADE", family->tables);
	must("notrackctl add dns");
	must("notrackctl verify");
	must("notrackctl clear");

	must("sysctl -qw %s=1", switches[_i]);
	ck_assert_int_eq(run("notrackctl add dns").code, REFUSED);
}
END_TEST

/* In each container of Docker's that asks its resolver. */
START_TEST(what_is_never_forwarded_is_masqueraded_for_nobody)
{
	static const char docker[] = "iptables-%s -t nat -A POSTROUTING -s %s -p udp --sport 45678 "
				     "-j SNAT --to-source :53";
	const char *backend = _i ? "nft" : "legacy";
	struct run added;

	must("sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'");
	must(docker, backend, "127.0.0.11/32");
	must("notrackctl -4 add dns --remote %s", families[0].peer);
	must("notrackctl verify");
	must("notrackctl clear");

	must(docker, backend, "126.0.0.0/7");
	added = run("notrackctl -4 add dns --remote %s", families[0].peer);
	ck_assert_msg(added.code == REFUSED && strstr(added.err, "nat POSTROUTING 2"), "%s", added.err);
}
END_TEST

/* NodeLocal DNSCache untracks what a node asks itself; packets to an own address leave by lo alone. */
START_TEST(nothing_leaves_for_an_own_address_by_another_interface)
{
	static const char *const rules[] = {
		"-P OUTPUT DROP", "-A OUTPUT -o lo -j ACCEPT",
		"-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
	};
	static const char untrack[] = "%s -w -t raw -A OUTPUT -d %s -p udp --dport 53 -j CT --notrack";
	const struct family *family = &families[_i];
	const char *own = _i ? "fd00::10" : "169.254.20.10", *other = _i ? "fd00::11" : "169.254.20.11";
	struct run added;

	netns_add_peer();
	must("ip addr add %s dev lo", own);
	for (size_t i = 0; i < COUNT(rules); i++)
		must("%s -w %s", family->tables, rules[i]);
	must(untrack, family->tables, own);
	must("notrackctl %s add dns --role inbound", family->option);
	must("notrackctl %s verify", family->option);
	must("notrackctl clear");

	must(untrack, family->tables, other);
	added = run("notrackctl %s add dns --role inbound", family->option);
	ck_assert_msg(added.code == REFUSED && strstr(added.err, "would no longer"), "%s", added.err);
}
END_TEST

/* No twin can stand there, so that segments that were ESTABLISHED come to the rate. */
START_TEST(segments_that_meet_a_rate_are_told)
{
	static const char *const protocols[] = { "tcp", "udp" };

	must_as(&(struct how){ .input = format_text(
		"table inet firewalld {\nchain i {\ntype filter hook input priority 10; policy drop;\n"
		"iif lo accept\nct state established,related accept\n%s dport 53 limit rate 20/second accept\n"
		"%s dport 53 accept\n}\n}\n", protocols[_i], protocols[!_i]) }, "nft -f -");
	ck_assert(is_told(must("notrackctl -4 add dns --role inbound").err, "rate"));
}
END_TEST

/* No twin can stand there; whoever asks later hears of it, too, of the service that it is about. */
START_TEST(whom_a_table_of_a_program_singles_out_is_told_later_as_well)
{
	static const char answers[] = "answers of service dns over udp";
	struct run done;

	netns_add_peer();
	must("nft 'add table inet firewalld; "
	     "add chain inet firewalld o { type filter hook output priority 10; }; "
	     "add rule inet firewalld o ct state established,related accept; "
	     "add rule inet firewalld o ip daddr 192.0.2.66 reject'");
	must("notrackctl -4 add ntp --role outbound");
	ck_assert_ptr_null(strstr(must("notrackctl -4 verify").out, "warning  dropped"));
	ck_assert_ptr_nonnull(strstr(must("notrackctl -4 add dns --role inbound").err, answers));
	done = must("notrackctl -4 verify dns");
	ck_assert_msg(strstr(done.out, "warning  dropped") && strstr(done.out, answers), "%s", done.out);
	ck_assert_ptr_null(strstr(must("notrackctl -4 verify ntp").out, answers));
}
END_TEST

/* What is said in the same words of a service that was forced excuses no other one. */
START_TEST(what_is_refused_of_two_is_refused_of_the_second)
{
	must_as(&(struct how){ .input = "table inet f {\nset s {\ntype inet_service\nflags dynamic\n"
		"size 100\n}\nchain i {\ntype filter hook input priority 0;\n"
		"meta l4proto udp update @s { udp sport limit rate over 5/second } ct state new drop\n"
		"meta l4proto udp ct packets > 5 drop\nudp dport { 53, 123 } accept\n}\n}\n" }, "nft -f -");
	ck_assert_int_eq(run("notrackctl -4 add dns --role inbound --proto udp").code, REFUSED);
	must("notrackctl -%d add ntp --role inbound --force", _i ? 6 : 4);
	ck_assert_int_eq(run("notrackctl -4 add dns --role inbound --proto udp").code, REFUSED);
	must("notrackctl -4 add https");
}
END_TEST

/* What NAT makes of other packets says nothing of those of a service. */
START_TEST(what_is_accepted_as_translated_is_none_of_the_service)
{
	const struct family *family = &families[_i];
	struct run added;

	netns_add_peer();
	must("%s -w -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", family->tables);
	must("%s -w -A INPUT -s %s -j ACCEPT", family->tables, family->peer);
	must("%s -w -A INPUT -m conntrack --ctstate DNAT -j ACCEPT", family->tables);
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination :80", family->tables);
	must("%s -w -t nat -A POSTROUTING -p tcp --dport 80 -j MASQUERADE", family->tables);
	must("notrackctl %s add dns --role inbound", family->option);
	ck_assert(client_is_answered(family, family->peer));
	ck_assert(!client_is_answered(family, family->other));
	must("notrackctl verify");
	must("notrackctl clear");

	must("%s -w -t nat -A PREROUTING -s %s -p udp --dport 53 -j DNAT --to-destination :5300",
	     family->tables, family->other);
	added = run("notrackctl %s add dns --role inbound", family->option);
	ck_assert_msg(added.code == REFUSED || is_told(added.err, "nat"), "%s", added.err);
}
END_TEST

/* --- one direction that stays tracked ----------------------------------- */

static const struct end asking = { PEER, "192.0.2.2", 0 }, asked = { HOST, "192.0.2.1", 53 };

static void given_stateful_host(void)
{
	static const char *const rules[] = {
		"-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-A INPUT -m conntrack --ctstate INVALID -j DROP",
		"-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
		"-A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", "-P INPUT DROP",
	};

	netns_add_peer();
	for (size_t i = 0; i < COUNT(rules); i++)
		must("%s -w %s", families[0].tables, rules[i]);
}

/* What a rule of nftables in prerouting, and one in output, makes of packets. */
static const struct {
	int priority;
	const char *in, *out;
	int exit;
	bool warns;			/* add and verify, of what stays tracked */
} zones[] = {
	{ -300, "ct original zone set 1", "", REFUSED, false },
	{ -300, "iifname \"veth*\" ct original zone set 1", "", REFUSED, false },
	{ -310, "iifname != \"lo\" ct original zone set 1", "", REFUSED, false },
	{ -250, "ip saddr 192.0.2.0/24 ct original zone set 1", "", REFUSED, false },
	{ -300, "ip saddr 192.0.2.0/24 ct zone set 1", "ip daddr 192.0.2.2 ct zone set 1", REFUSED, false },
	/* both ways alike, and by what a prefix is not */
	{ -300, "ip saddr 192.0.2.0/24 ct zone set 1", "ip daddr 192.0.2.0/24 ct zone set 1", 0, true },
	{ -250, "ip saddr != 198.51.100.0/24 tcp dport 53 ct zone set 1",
	  "ip daddr != 198.51.100.0/24 tcp sport 53 ct zone set 1", 0, true },
	/* nobody is let in from there, and it is another service's, or one port that clients may have */
	{ -300, "iifname lo ip saddr 198.51.100.7 ct zone set 1", "", 0, false },
	{ -300, "tcp dport { 21, 5060 } ct original zone set 1", "", 0, false },
	{ -300, "udp dport 69 ct zone set 1", "", 0, false },
};

START_TEST(one_direction_that_stays_tracked_is_refused)
{
	struct run added;

	given_stateful_host();
	must_as(&(struct how){ .input = format_text(
		"table ip z {\nchain p {\ntype filter hook prerouting priority %d;\n%s\n}\n"
		"chain o {\ntype filter hook output priority %d;\n%s\n}\n}\n", zones[_i].priority,
		zones[_i].in, zones[_i].priority, zones[_i].out) }, "nft -f -");
	ck_assert(tcp_exchange(&families[0], asking, asked, 2));

	added = run("notrackctl -4 add dns");
	ck_assert_msg(added.code == zones[_i].exit, "%s: %s", zones[_i].in, added.err);
	ck_assert(!added.code || strstr(added.err, *zones[_i].in ? "ip z p 1" : "ip z o 1"));
	ck_assert(tcp_exchange(&families[0], asking, asked, 2));
	if (!added.code) {
		ck_assert_int_eq(is_told(added.err, "tracked"), zones[_i].warns);
		ck_assert_int_eq(finds(verify("-4"), "tracked", "warning", "ip z p 1"), zones[_i].warns);
	}
}
END_TEST

/* Ahead of our jump, in the legacy tables; and where no rule asks for what conntrack says. */
static const struct {
	const char *rule;
	bool stateful, told;
} ahead[] = {
	{ "-i veth+ -j CT --zone-orig 1", true, true },
	{ "-s 192.0.2.2 -p tcp -j CT --ctevents new", true, true },
	{ "-i veth+ -j ACCEPT", true, true },
	{ "-s 192.0.2.2 -j CT --zone-orig 1", false, false },
	{ "-s 192.0.2.2 -j ACCEPT", false, false },
	{ "-p udp --dport 69 -j CT --zone 1", true, false },
	{ "-p tcp --dport 5060 -j ACCEPT", true, false },
	{ "-i veth+ -p tcp --dport 53 -j NOTRACK", true, false },
};

START_TEST(one_direction_that_somebody_keeps_tracked_later_is_told)
{
	struct said said;

	if (ahead[_i].stateful)
		given_stateful_host();
	else
		netns_add_peer();
	must("notrackctl -4 --backend legacy add dns");
	must("%s -w -t raw -I PREROUTING %s", families[0].tables, ahead[_i].rule);
	said = verify("-4");
	ck_assert_int_eq(finds(said, "tracked", "error", "raw PREROUTING 1"), ahead[_i].told);
	ck_assert_int_eq(is_ok(said), !ahead[_i].told);
	ck_assert_int_eq(tcp_exchange(&families[0], asking, asked, 2), !ahead[_i].told);
	ck_assert_int_eq(is_told(run("notrackctl -4 --backend legacy add dns").err, "tracked"),
			 ahead[_i].told || finds(said, "tracked", "warning", "raw PREROUTING 1"));
}
END_TEST

/*
 * As neutron of OpenStack has it: bridged packets of a guest have a zone, and come to a chain of
 * states by what they are bridged from, as do those that are passed on.  Our jump is ahead of it.
 */
START_TEST(a_zone_that_comes_too_late_keeps_nothing_tracked)
{
	static const char *const rules[] = {
		"-t raw -A PREROUTING %s -j CT --zone 4097", "-N guest", "-N passed", "-A INPUT %s -j guest",
		"-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", "-P INPUT DROP",
		"-A guest -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", "-A passed %s -j guest",
		"-A FORWARD -j passed",
	};
	static const char *const guests[] = { "-m physdev --physdev-in tap0 --physdev-is-bridged", "-i tap0" };

	netns_add_peer();
	for (size_t i = 0; i < COUNT(rules); i++)
		must(format_text("%s -w %s", families[0].tables, rules[i]), guests[_i]);
	must("notrackctl -4 --backend legacy add dns --role inbound --proto udp");
	must("notrackctl -4 verify");
}
END_TEST

/* --- what is never untracked --------------------------------------------- */

/* Two services, the first of which may be there or not; and ports of the first that leave some. */
static const struct {
	const char *first, *second, *all, *some;
	const char *service, *protocol;		/* of which nothing is picked */
	bool tracked;				/* nor by a selector of the other one */
} unpicked[] = {
	{ "old", "ntp --role outbound", "100:200", "100:122", "ntp", "udp", true },
	{ "in", "dns --role outbound", "1024:65535", "1024:4000", "dns", "udp", false },
	{ "in --proto tcp", "dns --role outbound --proto tcp", "1:65535", "1:4000", "dns", "tcp", false },
	{ "x --role both", NULL, "1:65535", "1:1023", "x", "udp", true },
};

static struct run add_unpicked(int number, const char *ports)
{
	struct run added = must("notrackctl -4 add %s --ports %s", unpicked[number].first, ports);

	return unpicked[number].second ? must("notrackctl -4 add %s", unpicked[number].second) : added;
}

/* Whoever asks for it does not get what it is for, and nobody is cut off. */
START_TEST(what_is_never_untracked_is_told)
{
	struct said said;
	size_t row, rows = 0;
	json_t *flow;

	netns_add_peer();
	ck_assert(is_told(add_unpicked(_i, unpicked[_i].all).err, "tracked"));
	said = verify(format_text("-4 %s", unpicked[_i].service));
	ck_assert(!is_ok(said));
	assert_finds(said, "tracked", "error", format_text("%s outbound", unpicked[_i].protocol));
	json_array_foreach(json_object_get(said.json, "flows"), row, flow) {
		if (json_object_get(flow, "interface") || strcmp(text_of(flow, "role"), "outbound") ||
		    strcmp(text_of(flow, "protocol"), unpicked[_i].protocol))
			continue;
		rows++;
		ck_assert_str_eq(text_of(flow, "untracked"), unpicked[_i].tracked ? "no" : "yes");
		ck_assert_str_eq(text_of(flow, "verdict"), "accept");
	}
	ck_assert_uint_eq(rows, 2);

	ck_assert(!is_told(add_unpicked(_i, unpicked[_i].some).err, "tracked"));
	ck_assert(is_ok(verify("-4")));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_is_never_untracked_is_told, 0, COUNT(unpicked));
	tcase_add_test(tcase, whom_a_table_of_a_program_singles_out_is_told_later_as_well);
	tcase_add_loop_test(tcase, what_is_refused_of_two_is_refused_of_the_second, 0, 2);
	tcase_add_loop_test(tcase, segments_that_meet_a_rate_are_told, 0, 2);
	tcase_add_loop_test(tcase, what_is_accepted_as_translated_is_none_of_the_service, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_translation_by_a_map_is_told, 0,
			    sizeof(translations) / sizeof(translations[0]));
	tcase_add_loop_test(tcase, a_translation_that_a_map_leads_to_is_told, 0, COUNT(led_to_nat));
	tcase_add_loop_test(tcase, what_would_be_missed_is_told, 0, COUNT(all_told) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, both_ends_are_told_of_the_service_that_is_asked_for, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_would_not_be_missed_is_not, 0, COUNT(all_told) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, one_direction_that_stays_tracked_is_refused, 0, COUNT(zones));
	tcase_add_loop_test(tcase, one_direction_that_somebody_keeps_tracked_later_is_told, 0, COUNT(ahead));
	tcase_add_loop_test(tcase, a_zone_that_comes_too_late_keeps_nothing_tracked, 0, 2);
	tcase_add_loop_test(tcase, only_what_is_forwarded_is_masqueraded, 0, FAMILY_COUNT);
	tcase_add_test(tcase, own_questions_stay_tracked_where_others_are_masqueraded);
	tcase_add_loop_test(tcase, what_is_never_forwarded_is_masqueraded_for_nobody, 0, 2);
	tcase_add_loop_test(tcase, nothing_leaves_for_an_own_address_by_another_interface, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("told", tests);
}
