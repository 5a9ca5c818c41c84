/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rules mean, in the words of a view: each kind of condition, effect and verdict. */
#include <string.h>

#include "run.h"
#include "view_reader.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Where versions of nft write a rule in two ways, a line each. */
struct meaning {
	const char *rule, *steps;
};

static bool is_line_of(const char *line, const char *lines)
{
	const size_t length = strlen(line);
	const char *end;

	for (; (end = strchr(lines, '\n')); lines = end + 1)
		if ((size_t)(end - lines) == length && !strncmp(line, lines, length))
			return true;
	return !strcmp(line, lines);
}

/* --- nft -------------------------------------------------------------- */

static const struct meaning nft_rules[] = {
	/* addresses */
	{ "ip saddr 192.0.2.7 drop", "family 2, source 192.0.2.7/32, drop" },
	{ "ip saddr 192.0.2.0/24 drop", "family 2, source 192.0.2.0/24, drop" },
	{ "ip saddr 192.0.0.0/15 drop", "family 2, source 192.0.0.0/15, drop" },
	{ "ip daddr != 192.0.2.0/24 drop", "family 2, not destination 192.0.2.0/24, drop" },
	{ "ip saddr & 255.255.0.0 == 192.0.0.0 drop", "family 2, source 192.0.0.0/16, drop" },
	{ "ip saddr & 255.0.255.0 == 192.0.2.0 drop",
	  "family 2, unknown part of an address, drop" },
	{ "ip6 saddr fe80::/10 drop", "family 10, source fe80::/10, drop" },
	{ "ip6 daddr 2001:db8::1 drop", "family 10, destination 2001:db8::1/128, drop" },
	{ "ip saddr 192.0.2.1-192.0.2.9 drop",
	  "family 2, source 192.0.2.1-255.255.255.255, source 0.0.0.0-192.0.2.9, drop\n"
	  "family 2, source 192.0.2.1-192.0.2.9, drop" },
	{ "ip saddr != 192.0.2.1-192.0.2.9 drop",
	  "family 2, not source 192.0.2.1-192.0.2.9, drop" },
	{ "ip saddr { 192.0.2.1, 192.0.2.3 } drop", "family 2, source 192.0.2.1,192.0.2.3, drop" },
	{ "ip saddr { 192.0.2.0/25, 192.0.2.200-192.0.2.205 } drop",
	  "family 2, source 192.0.2.0-192.0.2.127,192.0.2.200-192.0.2.205, drop" },
	{ "ip saddr != { 192.0.2.1, 192.0.2.3 } drop",
	  "family 2, not source 192.0.2.1,192.0.2.3, drop" },
	{ "ip saddr @some drop", "family 2, source @some, drop" },
	{ "ip saddr & 255.255.255.0 @some drop", "family 2, source&0xffffff00 @some, drop" },
	/* ports and protocols */
	{ "meta l4proto udp accept", "protocol 17, accept" },
	{ "meta l4proto { tcp, udp } accept", "protocol 6,17, accept" },
	{ "ip protocol udp accept", "family 2, protocol 17, accept" },
	{ "ip6 nexthdr udp accept", "family 10, next-header 17, accept" },
	{ "meta protocol ip accept", "ether-type 2048, accept" },
	{ "udp dport 53 accept", "protocol 17, destination-port 53, accept" },
	{ "udp dport != 53 accept", "protocol 17, not destination-port 53, accept" },
	{ "udp sport 53-60 accept",
	  "protocol 17, source-port 53-65535, source-port 0-60, accept\n"
	  "protocol 17, source-port 53-60, accept" },
	{ "tcp dport > 1023 accept", "protocol 6, not destination-port 0-1023, accept" },
	{ "tcp dport < 1024 accept", "protocol 6, not destination-port 1024-65535, accept" },
	{ "tcp dport >= 1024 accept", "protocol 6, destination-port 1024-65535, accept" },
	{ "udp dport { 53, 123 } accept", "protocol 17, destination-port 53,123, accept" },
	{ "udp dport { 53-60, 61, 123 } accept", "protocol 17, destination-port 53-61,123, accept" },
	{ "tcp sport 22 tcp dport 23 accept",
	  "protocol 6, source-port 22, destination-port 23, accept" },
	{ "tcp flags syn accept", "protocol 6, not tcp-flags&0x2 0, accept" },
	{ "tcp flags syn / fin,syn,rst,ack accept", "protocol 6, tcp-flags&0x17 2, accept" },
	{ "icmp type echo-request accept", "family 2, protocol 1, icmp-type 8, accept" },
	{ "icmp type 3 icmp code 4 accept",
	  "family 2, protocol 1, icmp-type 3, icmp-code 4, accept" },
	{ "icmpv6 type { 1, 2 } accept", "family 10, protocol 58, icmp-type 1-2, accept" },
	{ "ip frag-off & 0x1fff != 0 drop", "family 2, not fragment&0x1fff 0, drop" },
	{ "ip frag-off & 0x4000 != 0 drop", "family 2, unknown part of a field, drop" },
	{ "exthdr frag exists drop", "family 10, extension 1, drop" },
	/* interfaces and what the kernel knows of the packet */
	{ "iifname \"eth0\" accept", "in eth0, accept" },
	{ "iifname \"eth*\" accept", "in eth*, accept" },
	{ "oifname != \"lo\" accept", "not out lo, accept" },
	{ "iif lo accept", "in lo, accept" },
	{ "iifname { \"a\", \"b*\" } accept", "in {a b*}, accept" },
	{ "meta mark 5 accept", "mark 5, accept" },
	{ "meta mark & 0xff == 0x10 accept", "mark&0xff 16, accept" },
	{ "meta mark { 1, 5 } accept", "mark 1,5, accept" },
	{ "meta pkttype broadcast drop", "link-type 1, drop" },
	{ "fib saddr . iif oif missing drop", "not reverse-path 1, drop" },
	{ "fib saddr . iif oif 0 drop", "not reverse-path 1, drop" },
	{ "fib saddr type local drop", "source-type 2, drop" },
	{ "fib daddr type != { local, multicast } drop", "not destination-type 2,5, drop" },
	{ "fib daddr . iif type local drop", "destination-type-here 2, drop" },
	{ "ether saddr 02:00:00:00:00:01 drop", "unknown comparison, source in a set, drop" },
	{ "meta length 100 drop", "unknown comparison, drop" },
	{ "meta skuid 0 drop", "unknown comparison, drop" },
	{ "numgen inc mod 2 0 drop", "unknown comparison, drop" },
	/* conntrack */
	{ "ct state new accept", "not state&0x8 0, accept" },
	{ "ct state established,related accept", "not state&0x6 0, accept" },
	{ "ct state { established, related } accept", "state 2,4, accept" },
	{ "ct state != { new, untracked } accept", "not state 8,64, accept" },
	{ "ct direction reply accept", "ct-direction 0-1, ct-direction 1, accept" },
	{ "ct status seen-reply accept", "ct-direction 0-1, not ct-status&0x2 0, accept" },
	{ "ct mark 5 accept", "ct-direction 0-1, ct-mark 5, accept" },
	{ "ct expiration 5s accept", "ct-direction 0-1, unknown ct comparison, accept" },
	/* sets and maps of several fields */
	{ "ip saddr . udp dport { 192.0.2.1 . 53 } accept",
	  "family 2, protocol 17, source.destination-port {192.0.2.1.53}, accept" },
	{ "ip saddr . udp dport { 192.0.2.0/24 . 53-60 } accept",
	  "family 2, protocol 17, source.destination-port {192.0.2.0-192.0.2.255.53-60}, accept" },
	{ "ct state vmap { established : accept, invalid : drop, new : jump other }",
	  "state {1:drop 2:accept 8:jump other}" },
	{ "ct state . meta l4proto . th dport vmap { new . udp . 53 : goto other }",
	  "state.protocol.destination-port {8.17.53:goto other}" },
	{ "udp dport vmap { 53 : accept, 100-200 : return }",
	  "protocol 17, destination-port {53:accept 100-200:return}" },
	{ "iifname vmap { \"lo\" : accept }", "in {lo:accept}" },
	{ "ip saddr vmap @who", "family 2, source @who" },
	/* rates and memory */
	{ "limit rate 5/second accept", "within-rate remembers, accept" },
	{ "limit rate over 5/second drop", "not within-rate remembers, drop" },
	{ "quota over 100 bytes drop", "not within-rate remembers, drop" },
	{ "limit name \"fast\" drop", "not within-rate remembers, drop" },
	{ "ct count over 5 drop", "not within-rate remembers, drop" },
	{ "add @seen { ip saddr } accept", "family 2, count remembers, accept" },
	{ "update @seen { ip saddr limit rate over 5/second } drop",
	  "family 2, count remembers, not within-rate remembers, drop" },
	/* effects and verdicts */
	{ "counter", "count" },
	{ "log prefix \"x\" group 0", "count" },
	{ "meta mark set 5", "mark &~0xffffffff ^0x5" },
	{ "meta mark set meta mark | 0x10", "mark &~0x10 ^0x10" },
	{ "meta mark set meta mark & 0xff", "mark &~0xffffff00 ^0" },
	{ "meta mark set ct mark", "ct-direction 0-1, restore-mark" },
	{ "meta mark set numgen inc mod 5", "mark anything" },
	{ "ct mark set 5", "ct-mark" },
	{ "ip saddr 192.0.2.1 notrack", "family 2, source 192.0.2.1/32, notrack" },
	{ "reject", "reject" },
	{ "reject with icmpx port-unreachable", "reject" },
	{ "return", "return" },
	{ "continue", "" },
	{ "jump other", "jump other" },
	{ "goto other", "goto other" },
	{ "ip daddr set 192.0.2.1", "family 2, anything payload set" },
	{ "ip dscp set cs1", "family 2, count" },
	{ "ip ttl set 5", "family 2, count" },		/* and the protocol, as it was */
	{ "ip protocol set 6", "family 2, anything payload set" },
	{ "ip6 hoplimit set 5", "family 10, count" },
	{ "udp checksum set 0", "protocol 17, count" },
	{ "udp dport set 53", "protocol 17, anything payload set" },
	{ "tcp flags set syn", "protocol 6, anything payload set" },
	{ "@th,32,16 set 0", "anything payload set" },
};

static const char nft_head[] =
	"table inet f {\n"
	" set some { type ipv4_addr; }\n"
	" set seen { type ipv4_addr; size 9; flags dynamic; }\n"
	" map who { type ipv4_addr : verdict; }\n"
	" limit fast { rate over 5/second; }\n"
	" chain other {\n }\n";

/* All in one table, a chain each, reached from an input chain, so that sets are read. */
START_TEST(each_kind_of_rule_of_nft_is_understood)
{
	char *text = format_text("%s", nft_head), *steps;
	struct view *view;

	for (int i = 0; i < COUNT(nft_rules); i++)
		text = format_text("%s chain c%d {\n%s\n}\n", text, i, nft_rules[i].rule);
	text = format_text("%s chain input { type filter hook input priority 0;\n", text);
	for (int i = 0; i < COUNT(nft_rules); i++)
		text = format_text("%s jump c%d;\n", text, i);
	text = format_text("%s }\n}\n", text);
	must_as(&(struct how){ .input = text }, "nft -f -");
	view = view_of_namespace();

	for (int i = 0; i < COUNT(nft_rules); i++) {
		steps = view_rule_text(view, "inet", "f", format_text("c%d", i), 1);
		ck_assert_ptr_nonnull(steps);
		ck_assert_msg(is_line_of(steps, nft_rules[i].steps), "%s: %s, not %s",
			      nft_rules[i].rule, steps, nft_rules[i].steps);
	}
	view_forget(view);
}
END_TEST

START_TEST(nat_of_nft_is_understood)
{
	struct view *view;

	must_as(&(struct how){ .input = "table ip n {\n"
		"map m { type ipv4_addr : ipv4_addr; }\n"
		"chain pre { type nat hook prerouting priority -100;\n"
		"udp dport 53 dnat to 192.0.2.5:5353;\n"
		"tcp dport 80 redirect to :8080-8090;\n tcp dport 81 redirect;\n"
		"tcp dport 82 dnat to 192.0.2.5 : tcp dport map { 82 : 8082, 83 : 8083 };\n"
		"dnat to tcp dport map { 84 : 192.0.2.5 } : tcp dport map { 84 : 8084 };\n"
		"dnat ip addr . port to udp dport map { 85 : 192.0.2.5-192.0.2.9 . 8085 };\n"
		"dnat to ip daddr map @m; meta l4proto tcp dnat to 192.0.2.5-192.0.2.9:80; }\n"
		"chain post { type nat hook postrouting priority 100;\n"
		"oifname \"eth0\" masquerade;\n ip saddr 192.0.2.0/24 snat to 203.0.113.1; }\n}\n" },
		"nft -f -");
	view = view_of_namespace();

	ck_assert_str_eq(view_rule_text(view, "ip", "n", "pre", 1),
			 "protocol 17, destination-port 53, "
			 "translate destination 192.0.2.5 port 5353-5353");
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "pre", 2),
			 "protocol 6, destination-port 80, translate redirect port 8080-8090");
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "pre", 3),
			 "protocol 6, destination-port 81, translate redirect");
	/* what a map of data says, whichever registers it fills */
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "pre", 4),
			 "protocol 6, destination-port 82, destination-port 82-83, "
			 "translate destination 192.0.2.5 port {1f92 1f93} at 0-0");
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "pre", 5),
			 "protocol 6, destination-port 84, destination-port 84, "
			 "translate destination {c0000205} at 0-0 port {1f94} at 0-0");
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "pre", 6),
			 "protocol 17, destination-port 85, translate destination "
			 "{c00002051f950000c00002091f950000} at 0-8 "
			 "port {c00002051f950000c00002091f950000} at 4-12");
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "pre", 7),
			 "destination @m, translate destination {unread} at 0-0");
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "pre", 8),
			 "protocol 6, translate destination 192.0.2.5-192.0.2.9 port 80-80");
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "post", 1), "out eth0, translate masquerade");
	ck_assert_str_eq(view_rule_text(view, "ip", "n", "post", 2),
			 "source 192.0.2.0/24, translate source 203.0.113.1");
	view_forget(view);
}
END_TEST

/* --- iptables, of both kinds ------------------------------------------ */

/* In filter, chain c; both backends say the same, but for what one counts. */
static const struct meaning xt_rules[] = {
	{ "-s 192.0.2.0/24 -j DROP", "source 192.0.2.0/24, drop" },
	{ "! -d 192.0.2.7 -j DROP", "not destination 192.0.2.7/32, drop" },
	{ "-i eth0 -j DROP", "in eth0, drop" },
	{ "! -i eth+ -j DROP", "not in eth*, drop" },
	{ "-p udp -j ACCEPT", "protocol 17, accept" },
	{ "! -p tcp -j ACCEPT", "not protocol 6, accept" },
	{ "-p udp -m udp --dport 53 -j ACCEPT", "protocol 17, destination-port 53, accept" },
	{ "-p tcp -m tcp --syn -j ACCEPT", "protocol 6, tcp-flags&0x17 2, accept" },
	{ "-p tcp -m tcp ! --syn -j ACCEPT", "protocol 6, not tcp-flags&0x17 2, accept" },
	{ "-p udp -m multiport --sports 53,60:70 -j ACCEPT", "protocol 17, source-port 53,60-70, accept" },
	{ "-p udp -m multiport ! --ports 53,54 -j ACCEPT", "protocol 17, not port 53-54, accept" },
	{ "-p icmp -m icmp --icmp-type 3/4 -j ACCEPT", "protocol 1, icmp-type 3, icmp-code 4, accept" },
	{ "-p icmp -m icmp --icmp-type any -j ACCEPT", "protocol 1, accept" },
	{ "-m iprange --src-range 192.0.2.1-192.0.2.9 -j DROP", "source 192.0.2.1-192.0.2.9, drop" },
	{ "-m mark --mark 0x10/0xff -j DROP", "mark&0xff 16, drop" },
	{ "-m mark ! --mark 0x10 -j DROP", "not mark 16, drop" },
	{ "-m addrtype --dst-type LOCAL -j DROP", "destination-type 2, drop" },
	{ "-m addrtype ! --src-type UNICAST,LOCAL -j DROP", "not source-type 1-2, drop" },
	{ "-m addrtype --limit-iface-in --dst-type LOCAL -j DROP", "destination-type-here 2, drop" },
	{ "-m pkttype --pkt-type broadcast -j DROP", "link-type 1, drop" },
	{ "-m mac --mac-source 02:00:00:00:00:01 -j DROP", "source in a set, drop" },
	{ "-m comment --comment x -j DROP", "drop" },
	{ "-m length --length 1:9 -j DROP", "unknown length, drop" },
	{ "-m conntrack --ctstate NEW,UNTRACKED -j ACCEPT", "not state&0x48 0, accept" },
	{ "-m conntrack ! --ctstate NEW -j ACCEPT", "state&0x8 0, accept" },
	{ "-m state --state ESTABLISHED,RELATED -j ACCEPT", "not state&0x6 0, accept" },
	{ "-m conntrack --ctdir REPLY -j ACCEPT", "not ct-direction 0, accept" },
	{ "-m conntrack --ctstate NEW --ctstatus SEEN_REPLY -j ACCEPT",
	  "not state&0x8 0, not ct-status&0x2 0 or without entry, accept" },
	{ "-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1 -j ACCEPT",
	  "ct 0, accept" },
	{ "-m conntrack --ctproto 17 -j ACCEPT", "unknown ct conntrack, accept" },
	{ "-m connmark --mark 5 -j ACCEPT", "ct-mark 5, accept" },
	{ "-m helper --helper ftp -j ACCEPT", "ct-status&0x1 1, accept" },
	{ "-m limit --limit 5/sec -j ACCEPT", "within-rate remembers, accept" },
	{ "-m hashlimit --hashlimit-above 5/sec --hashlimit-name a -j DROP",
	  "not within-rate remembers, drop" },
	{ "-m hashlimit --hashlimit-upto 5/sec --hashlimit-name b -j ACCEPT",
	  "within-rate remembers, accept" },
	{ "-m connlimit --connlimit-above 5 -j DROP", "not within-rate remembers, drop" },
	{ "-m quota --quota 100 -j ACCEPT", "within-rate remembers, accept" },
	{ "-m recent --set --name a -j ACCEPT", "count remembers, accept" },
	{ "-m recent ! --set --name a -j ACCEPT", "count remembers, protocol never, accept" },
	{ "-m recent --update --seconds 60 --name a -j DROP", "remembered remembers, drop" },
	{ "-m recent ! --rcheck --name a -j DROP", "not remembered remembers, drop" },
	{ "-j REJECT", "reject" },
	{ "-j RETURN", "return" },
	{ "-j NFLOG", "count" },
	{ "-j MARK --set-xmark 0x1/0x3", "mark &~0x3 ^0x1" },
	{ "-j CONNMARK --save-mark", "ct-mark" },
	{ "-j CONNMARK --restore-mark", "restore-mark" },
	{ "-j d", "jump d" },
	{ "-g d", "goto d" },
	{ "-p udp", "protocol 17" },
};

/* iptables-nft has a counter in each rule, ahead of its target. */
static char *without_counters(char *steps)
{
	char *last = strstr(steps, "count"), *at = last;

	while (at && (at = strstr(at + 1, "count")))
		if (at[5] == ',' || !at[5])
			last = at;
	if (last && last[5] == ',')
		memmove(last, last + 7, strlen(last + 7) + 1);
	else if (last && last > steps)
		last[-2] = '\0';
	return steps;
}

START_TEST(each_kind_of_rule_of_iptables_is_understood)
{
	const char *program = _i ? "iptables-nft-restore" : "iptables-legacy-restore";
	char *text = format_text("*filter\n:c -\n:d -\n-A INPUT -j c\n"), *steps;
	struct view *view;

	for (int i = 0; i < COUNT(xt_rules); i++)
		text = format_text("%s-A c %s\n", text, xt_rules[i].rule);
	must_as(&(struct how){ .input = format_text("%sCOMMIT\n", text) }, "%s", program);
	view = view_of_namespace();

	for (int i = 0; i < COUNT(xt_rules); i++) {
		steps = view_rule_text(view, _i ? "ip" : "legacy", "filter", "c", (unsigned int)i + 1);
		ck_assert_ptr_nonnull(steps);
		if (_i)
			steps = without_counters(steps);
		ck_assert_msg(!strcmp(steps, xt_rules[i].steps), "%s %s: %s, not %s", program,
			      xt_rules[i].rule, steps, xt_rules[i].steps);
	}
	view_forget(view);
}
END_TEST

/* --- hooks and tables ------------------------------------------------- */

START_TEST(packets_meet_both_worlds_in_order_of_priority)
{
	struct view *view;

	must("iptables-legacy -t raw -P PREROUTING ACCEPT");
	must("iptables-legacy -t mangle -P PREROUTING DROP");
	must("iptables-legacy -P INPUT DROP");
	must_as(&(struct how){ .input = "table inet f {\n"
		"chain a { type filter hook input priority -5; policy drop; }\n"
		"chain b { type filter hook input priority 5; }\n"
		"chain c { type filter hook prerouting priority -200; }\n }\n"
		"table ip g {\nchain a { type filter hook input priority -5; }\n}\n"
		"table inet asleep {\n flags dormant;\n"
		"chain a { type filter hook input priority 0; }\n}\n" }, "nft -f -");
	view = view_of_namespace();

	ck_assert_str_eq(view_hook_text(view, "prerouting"), "raw PREROUTING -300 accept; "
			 "inet f c -200 accept; mangle PREROUTING -150 drop");
	ck_assert_str_eq(view_hook_text(view, "input"), "mangle INPUT -150 accept; ip g a -5 accept; "
			 "inet f a -5 drop; filter INPUT 0 drop; inet f b 5 accept");
	ck_assert_str_eq(view_table_text(view, "inet", "asleep"), "dormant");
	ck_assert_str_eq(view_table_text(view, "inet", "f"), "");
	view_forget(view);
}
END_TEST

START_TEST(a_namespace_without_rules_has_no_tables_afterwards_either)
{
	struct view *view = view_of_namespace();

	ck_assert_str_eq(view_hook_text(view, "input"), "");
	ck_assert_str_eq(must("iptables-legacy-save").out, "");
	ck_assert_str_eq(must("nft list ruleset").out, "");
	view_forget(view);
}
END_TEST

/* Tables of families that our packets do not go through are known by name. */
START_TEST(other_families_are_named)
{
	struct view *view;

	must("nft add table bridge b");
	must("nft add table arp a");
	view = view_of_namespace();

	ck_assert_str_eq(view_table_text(view, "bridge", "b"), "");
	ck_assert_str_eq(view_table_text(view, "arp", "a"), "");
	view_forget(view);
}
END_TEST

/* What there is no room to record is read all the same, and what came before it as well. */
START_TEST(a_recording_without_room_loses_no_rule)
{
	enum { RULES = 2000, STEPS = 8 };
	char *text = format_text("table ip f {\nchain c {\n");
	size_t whole, recorded;

	for (int i = 0; i < RULES; i++)
		text = format_text("%sip saddr 192.0.2.%d udp dport %d counter drop\n", text, i % 256, i + 1);
	must_as(&(struct how){ .input = format_text("%s}\n}\n", text) }, "nft -f -");

	ck_assert_uint_eq(view_rules_recorded(1 << 26, &whole), RULES);
	ck_assert_uint_gt(whole, STEPS * 32 * 1024);	/* several datagrams */
	for (size_t i = 0; i < STEPS; i++) {
		ck_assert_uint_eq(view_rules_recorded(whole * i / STEPS, &recorded), RULES);
		ck_assert_uint_lt(recorded, 32 * 1024);		/* the tables, and no rules */
	}
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, each_kind_of_rule_of_nft_is_understood);
	tcase_add_test(tcase, nat_of_nft_is_understood);
	tcase_add_loop_test(tcase, each_kind_of_rule_of_iptables_is_understood, 0, 2);
	tcase_add_test(tcase, packets_meet_both_worlds_in_order_of_priority);
	tcase_add_test(tcase, a_namespace_without_rules_has_no_tables_afterwards_either);
	tcase_add_test(tcase, other_families_are_named);
	tcase_add_test(tcase, a_recording_without_room_loses_no_rule);
}

int main(void)
{
	return netns_main("view", tests);
}
