/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever nftables and xtables over it can say, in a namespace whose owner nobody trusts:
 * every call gives a true answer or a refusal with a reason, and nothing of it is touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "model.h"
#include "run.h"

enum { AT_ONCE = 10 };

/* Rules in a base chain at input of "table inet others", with what they need in that table. */
static const struct {
	const char *objects;
	const char *rule;
} rules[] = {
	{ "counter c { }", "counter name c" },
	{ "counter c { }", "counter name tcp dport map { 53 : \"c\", 80 : \"c\" }" },
	{ "quota q { over 10 mbytes }", "quota name q drop" },
	{ "", "quota over 25 mbytes used 3 mbytes drop" },
	{ "limit l { rate 5/second }", "limit name l accept" },
	{ "", "limit rate over 10 kbytes/second burst 5 kbytes drop" },
	{ "ct helper h { type \"ftp\" protocol tcp; }", "tcp dport 21 ct helper set h" },
	{ "ct timeout t { protocol udp; policy = { unreplied : 10, replied : 20 } }",
	  "udp dport 53 ct timeout set t" },
	{ "ct expectation e { protocol udp; dport 99; timeout 1m; size 3; l3proto ip; }",
	  "tcp dport 21 ct expectation set e" },
	{ "synproxy s { mss 1460; wscale 7; timestamp sack-perm; }",
	  "tcp dport 53 ct state invalid,untracked synproxy name s" },
	{ "", "tcp dport 53 synproxy mss 1460 wscale 7 timestamp sack-perm" },
	{ "secmark x { \"system_u:object_r:dns_t:s0\" }", "meta secmark set x" },
	{ "map v { type inet_service : verdict; elements = { 53 : accept, 80 : drop } }",
	  "udp dport vmap @v" },
	{ "map v { type ipv4_addr . inet_service : verdict; flags interval; "
	  "elements = { 192.0.2.0/24 . 50-60 : continue } }", "ip saddr . udp dport vmap @v" },
	{ "map m { type ipv4_addr : mark; flags timeout; elements = { 192.0.2.1 timeout 1h : 5 } }",
	  "meta mark set ip saddr map @m" },
	{ "set s { type ipv4_addr; flags dynamic,timeout; size 9; timeout 5s; }",
	  "add @s { ip saddr timeout 9s limit rate 1/second } counter" },
	{ "set s { type ipv4_addr; flags dynamic; size 9; }", "update @s { ip saddr ct count over 3 } drop" },
	{ "set s { type ipv4_addr; flags dynamic; size 9; counter; }", "add @s { ip saddr counter }" },
	{ "set s { type ipv4_addr; flags dynamic,timeout; size 9; }", "delete @s { ip saddr }" },
	{ "set s { typeof ip saddr . ether saddr; }", "ip saddr . ether saddr @s drop" },
	{ "set s { type ipv4_addr; flags interval; auto-merge; elements = { 192.0.2.0/24 counter "
	  "comment \"a \\\" comment\" } }", "ip saddr @s drop" },
	{ "set s { type ipv4_addr; flags constant; elements = { 192.0.2.9 } }", "ip saddr != @s drop" },
	{ "set s { type ifname; elements = { \"lo\", \"eth0\" } }", "iifname @s accept" },
	{ "set s { type mark; elements = { 1, 2 } }", "meta mark and 0xff @s drop" },
	{ "chain x { numgen inc mod 3 0 drop; }", "udp dport 53 goto x" },
	{ "chain x { return; }", "udp dport vmap { 53 : jump x, 80 : goto x }" },
	{ "", "numgen random mod 4 vmap { 0 : accept, 1-2 : drop, 3 : continue }" },
	{ "", "jhash ip saddr . ip daddr mod 8 seed 0xabc 1 drop" },
	{ "", "symhash mod 2 0 drop" },
	{ "", "meta random > 1000000 drop" },
	{ "", "meta time \"2026-01-01\"-\"2026-12-31\" accept" },
	{ "", "meta hour \"09:00\"-\"17:00\" accept" },
	{ "", "meta day { 0, 6 } drop" },
	{ "", "meta skuid 0 accept" },
	{ "", "meta cgroup 5 accept" },
	{ "", "socket transparent 1 meta mark set 1 accept" },
	{ "", "socket wildcard 0 accept" },
	{ "", "meta iifgroup 5 drop" },
	{ "", "meta iifkind \"veth\" accept" },
	{ "", "meta sdifname \"red\" accept" },
	{ "", "meta priority set 1:2" },
	{ "", "meta nftrace set 1" },
	{ "", "meta length > 1200 drop" },
	{ "", "meta protocol vlan drop" },
	{ "", "rt classid 5 accept" },
	{ "", "rt ip nexthop 192.0.2.9 accept" },
	{ "", "rt ipsec exists accept" },
	{ "", "ipsec in reqid 1 accept" },
	{ "", "ipsec in ip saddr 192.0.2.1 accept" },
	{ "", "osf name \"Linux\" accept" },
	{ "", "osf ttl skip version \"Linux:4.20\" accept" },
	{ "", "fib saddr . iif oif missing drop" },
	{ "", "fib saddr . mark . iif oif eq 0 drop" },
	{ "", "fib daddr type { local, broadcast } accept" },
	{ "", "fib saddr oifname \"lo\" drop" },
	{ "", "ip option lsrr exists drop" },
	{ "", "ip6 nexthdr 44 drop" },
	{ "", "exthdr rt exists drop" },
	{ "", "exthdr frag exists drop" },
	{ "", "rt type 0 drop" },
	{ "", "frag more-fragments 1 drop" },
	{ "", "ip frag-off & 0x1fff != 0 drop" },
	{ "", "tcp option maxseg size 1-535 drop" },
	{ "", "tcp option timestamp exists accept" },
	{ "", "tcp flags syn tcp option maxseg size set rt mtu" },
	{ "", "tcp flags syn tcp option maxseg size set 1200" },
	{ "", "tcp flags syn reset tcp option sack-perm" },
	{ "", "sctp chunk init initiate-tag 5 drop" },
	{ "", "dccp type request drop" },
	{ "", "ah spi 5 accept" },
	{ "", "esp sequence 5 accept" },
	{ "", "comp cpi 5 accept" },
	{ "", "udplite checksum 5 accept" },
	{ "", "@th,0,32 0x00350035 drop" },
	{ "", "@nh,64,8 0x11 @th,160,16 & 0x1234 == 0x1000 drop" },
	{ "", "@ll,0,48 0x112233445566 drop" },
	{ "", "@ih,0,8 5 drop" },
	{ "", "ip dscp set cs1" },
	{ "", "udp checksum set 0" },
	{ "", "ip6 hoplimit set 64" },
	{ "", "ether saddr 00:11:22:33:44:55 drop" },
	{ "", "vlan id 5 drop" },
	{ "", "arp operation request drop" },
	{ "", "ct state established,related,new,untracked,invalid accept" },
	{ "", "ct state & (new | established) != 0 accept" },
	{ "", "ct count over 10 drop" },
	{ "", "ct label 5 accept" },
	{ "", "ct zone 5 accept" },
	{ "", "ct event set new,destroy" },
	{ "", "ct mark set meta mark" },
	{ "", "ct mark set ct mark or 0x5" },
	{ "", "ct original saddr 192.0.2.1 drop" },
	{ "", "ct reply proto-dst 53 drop" },
	{ "", "ct direction reply accept" },
	{ "", "ct status dnat,snat accept" },
	{ "", "ct expiration > 5s accept" },
	{ "", "ct original packets > 20 drop" },
	{ "", "ct avgpkt > 200 drop" },
	{ "", "ct helper \"ftp\" accept" },
	{ "", "ct id 5 drop" },
	{ "", "ct state . meta l4proto vmap { new . udp : accept, established . tcp : accept }" },
	{ "", "ct state new limit rate 3/minute burst 9 packets log prefix \"a \\\\ b\" level audit" },
	{ "", "log group 5 queue-threshold 2 snaplen 64 prefix \"x\"" },
	{ "", "log flags all prefix \"$%s\"" },
	{ "", "udp dport 53 queue flags bypass to 1-3" },
	{ "", "udp dport 53 queue flags bypass,fanout to 1-3" },
	{ "", "udp dport 53 queue to symhash mod 2" },
	{ "", "udp dport 53 reject with icmpx admin-prohibited" },
	{ "", "tcp dport 53 reject with tcp reset" },
	{ "", "meta nfproto ipv4 dup to 192.0.2.9 device \"lo\"" },
	{ "", "last" },
	{ "", "notrack" },
	{ "", "udp dport { 53, 100-200, 5353 } comment \"\\u1234 escaped\"" },
	{ "", "meta l4proto { tcp, udp } th dport 53 accept" },
	{ "", "th dport . ip saddr { 53 . 192.0.2.1, 54 . 192.0.2.0/24 } drop" },
	{ "", "meta mark & 0xff00 == 0x500 meta mark set meta mark & 0xff | 0x9" },
	{ "", "meta mark set jhash ip saddr mod 16" },
	{ "", "ip saddr & 0.0.0.1 == 0.0.0.1 drop" },
	{ "", "ip saddr 192.0.2.1-192.0.2.200 ip daddr != 192.0.2.0/24 drop" },
	{ "", "iif lo accept" },
	{ "", "iifname . udp dport vmap { \"lo\" . 53 : accept, \"eth*\" . 53 : drop }" },
};

/* Tables, beside those that hold the rules above. */
static const char *const tables[] = {
	"table inet weird { flowtable f { hook ingress priority 0; devices = { lo }; counter; }\n"
	"chain forward { type filter hook forward priority 0; ip protocol tcp flow add @f; }\n}",
	"table netdev weird { chain ingress { type filter hook ingress device lo priority 0;\n"
	"fwd to lo; }\n}",
	"table netdev weird { chain ingress { type filter hook ingress device lo priority -500;\n"
	"policy drop; udp dport 53 notrack; }\n}",
	"table bridge weird { chain input { type filter hook input priority 0; policy drop;\n"
	"ct state new accept; }\n}",
	"table arp weird { chain input { type filter hook input priority 0; policy drop;\n"
	"arp saddr ip 192.0.2.1 accept; }\n}",
	"table inet weird { flags dormant;\n"
	"chain input { type filter hook input priority 0; policy drop; }\n}",
	"table inet weird { comment \"\\\"; drop\"; chain input { comment \"\x7f\xff\";\n"
	"type filter hook input priority 0; }\n}",
	"table ip weird { chain output { type route hook output priority mangle;\n"
	"meta mark set 5; }\n}",
	"table inet weird { chain pre { type nat hook prerouting priority dstnat;\n"
	"udp dport 53 redirect to :numgen inc mod 2 map { 0 : 5353, 1 : 5354 }; }\n}",
	"table ip weird { map to { type ipv4_addr . inet_service : ipv4_addr . inet_service; }\n"
	"chain post { type nat hook postrouting priority srcnat;\n"
	"snat to 192.0.2.1-192.0.2.9 random,persistent; }\n}",
	"table ip weird { chain post { type nat hook postrouting priority srcnat;\n"
	"masquerade random to :1024-2048; }\n}",
	"table ip weird { chain post { type nat hook postrouting priority srcnat;\n"
	"snat prefix to ip saddr map { 192.0.2.0/24 : 198.51.100.0/24 }; }\n}",
	"table ip weird { chain pre { type filter hook prerouting priority mangle;\n"
	"udp dport 53 tproxy to 127.0.0.1:5353 meta mark set 1 accept; }\n}",
	"table inet weird { chain input { type filter hook input priority 2147483647; policy drop;\n"
	"}\n}",
	"table inet weird { chain pre { type filter hook prerouting priority -2147483648;\n"
	"notrack; }\n}",
	"table inet weird { chain ingress { type filter hook ingress device lo priority 0;\n"
	"udp dport 53 drop; }\n}",
	"table ip weird { chain a { jump b; }\nchain b { goto c; }\nchain c { udp dport 53 jump d; }\n"
	"chain d { drop; }\nchain input { type filter hook input priority 0; jump a; }\n}",
	"table inet weird-0123456789012345678901234567890123456789 { chain "
	"input-0123456789012345678901234567890123456789 { type filter hook input priority 0;\n"
	"accept; }\n}",
};

/* What stands in a table that has our name, and that somebody else has made. */
static const char *const ours[] = {
	"flags dormant;",
	"comment \"1/1 service dns: ports = 53\";",
	"chain prerouting { type filter hook prerouting priority -2147483648; policy drop;\nnotrack;\n}",
	"chain prerouting { type nat hook output priority 5; goto service-dns;\n}\n"
	"chain service-dns {\nnotrack comment \"1/1 service dns: ports = 53\";\n}",
	"chain service-dns {\nreturn comment \"1/1 service dns: ports = 53\";\n}",
	"chain service-dns {\nreturn comment \"1/2 service dns: ports = 53\";\n}",
	"chain service-dns {\nreturn comment \"2/1 service dns: ports = 53\";\n"
	"return comment \"99999999999/1 service\";\n}",
	"chain service-dns {\nreturn comment \"1/1 service ntp: ports = 53\";\n}",
	"chain service-dns {\ncounter packets 18446744073709551615 bytes 18446744073709551615 notrack accept;\n"
	"return comment \"1/1 service dns: ports = 53; protocols = udp; roles = inbound\";\n}",
	"chain service- { accept;\n}\nchain limits- { accept;\n}\nchain segments- { accept;\n}",
	"chain service-a-name-that-is-longer-than-any-that-a-service-of-ours-may-have { accept;\n}",
	"chain segments-dns { jump service-dns;\n}\nchain service-dns { drop;\n}",
	"set clients4-32-dns { type ipv6_addr; }",
	"map clients4-32-dns { type ipv4_addr : verdict; elements = { 192.0.2.1 : accept } }",
	"map clients4-32-dns { type inet_service : verdict; }",
	"map clients4-99-dns { type ipv4_addr : verdict; }",
	"map clients4-32.4294967295-dns { type ipv4_addr : verdict; }",
	"map clients4-24-dns { type ipv4_addr : verdict; flags interval; elements = { 192.0.2.0-192.0.2.9 "
	": drop } }",
	"set dropped4-32-dns { type ifname; elements = { \"lo\" } }",
	"set dropped4-32-dns { type ipv4_addr; flags dynamic,timeout; timeout 1s; size 1; }",
	"set buckets4-100000-20-32-0-0-2000-dns { type ipv4_addr; flags dynamic; size 2; }",
	"set buckets4-0-0-0-0-0-0-dns { type ipv4_addr; flags dynamic; size 2; }",
	"set buckets4-18446744073709551615-4294967295-128-1-1-1-dns { type ipv4_addr; }",
	"set members4-32.2-dns { type ipv4_addr; flags constant; }",
	"chain limit4-32-dns { jump limit4-32.2-dns;\n}\nchain limit4-32.2-dns { return;\n}",
	"chain input { type filter hook input priority -1; jump limits-dns;\n}\nchain limits-dns { drop;\n}",
	"counter service-dns { packets 5 bytes 5; }",
};

/* What iptables-nft takes behind "-A INPUT". */
static const char *const xtables[] = {
	"-m u32 --u32 \"0&0xFFFF=0x100:0x200\" -j DROP",
	"-m string --string \"a b\" --algo bm -j DROP",
	"-m bpf --bytecode \"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\" -j DROP",
	"-m time --timestart 09:00 --timestop 17:00 -j ACCEPT",
	"-m statistic --mode nth --every 2 -j DROP",
	"-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 5 -j DROP",
	"-m devgroup --src-group 5 -j DROP",
	"-m cpu --cpu 0 -j ACCEPT",
	"-m helper --helper ftp -j ACCEPT",
	"-m connbytes --connbytes 100: --connbytes-dir both --connbytes-mode packets -j DROP",
	"-m connlabel --label 5 -j ACCEPT",
	"-m nfacct --nfacct-name x",
	"-m policy --dir in --pol none -j DROP",
	"-m realm --realm 5 -j DROP",
	"-m socket --transparent -j MARK --set-mark 1",
	"-m tos --tos 0x10 -j DROP",
	"-m ttl --ttl-lt 5 -j DROP",
	"-m rateest --rateest x --rateest-lt --rateest-bps 5 -j DROP",
	"-m set --match-set nothing src -j DROP",
	"-p tcp -m osf --genre Linux --ttl 0 -j DROP",
	"-p tcp -m tcpmss --mss 1:500 -j DROP",
	"-p sctp -m sctp --chunk-types any INIT:tab -j DROP",
	"-p dccp -m dccp --dccp-types REQUEST -j DROP",
	"-p 50 -m esp --espspi 5 -j DROP",
	"-m ah --ahspi 5 -j DROP",
	"-f -j DROP",
	"-m iprange --src-range 192.0.2.1-192.0.2.9 -j DROP",
	"-m hashlimit --hashlimit-above 5/sec --hashlimit-mode srcip,dstport --hashlimit-name x -j DROP",
	"-p udp --dport 53 -j NFLOG --nflog-group 5 --nflog-prefix \"a ' b\"",
	"-p udp --dport 53 -j NFQUEUE --queue-balance 1:3 --queue-bypass",
	"-p tcp --dport 53 -j REJECT --reject-with tcp-reset",
	"-j IDLETIMER --timeout 5 --label x",
	"-j AUDIT --type drop",
	"-j CONNSECMARK --save",
	"-j TRACE",
	"-p udp --dport 53 -j LOG --log-prefix \"a \\\" b\" --log-uid",
	"-m comment --comment \"a 'b' \\\"c\\\" \\\\ d\" -j RETURN",
};

static const struct {
	const char *name;
	int (*make)(struct notrack *nt);
} calls[] = {
	{ "load", call_load }, { "diff", call_diff }, { "stats", call_stats },
	{ "doctor", call_doctor }, { "commit", call_commit }, { "verify", call_verify },
	{ "load", call_load }, { "clear", call_clear }, { "forced commit", call_forced_commit },
	{ "verify", call_verify }, { "clear", call_clear },
};

/*
 * The guard may refuse what it knows to be wrong, and what is called ours may be told to be
 * damaged; nothing else may fail.
 */
static void make_calls(int netns_fd, const char *what, bool is_ours)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct notrack *nt = new_context();
		int result;

		must_do(nt, notrack_set_netns_fd(nt, netns_fd));
		must_do(nt, notrack_set_backend(nt, "nft"));
		must_do(nt, add_service(nt, "dns", NULL));
		result = calls[i].make(nt);
		ck_assert_msg(result >= 0 || result == -ECANCELED || (is_ours && result == -EBADMSG),
			      "%s: %s: %d: %s", what, calls[i].name, result, notrack_error(nt));
		notrack_free(nt);
	}
}

static const struct how there = { .where = PEER };

static char *ruleset(void)
{
	return must_as(&there, "nft -s list ruleset").out;
}

/* Nothing of it is touched. */
static void survive(int netns_fd, const char *what)
{
	char *before = ruleset();

	make_calls(netns_fd, what, false);
	assert_same_text(ruleset(), before);
	must_as(&there, "nft flush ruleset");
}

/* It ends with all that has our name. */
static void survive_ours(int netns_fd, const char *what)
{
	make_calls(netns_fd, what, true);
	assert_same_text(ruleset(), "");
}

static int given_a_stranger(void)
{
	int netns_fd;

	netns_add_peer();
	netns_move_to(PEER);
	netns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_move_to(HOST);
	ck_assert_int_ge(netns_fd, 0);
	return netns_fd;
}

/* Returns whether nft, and the kernel, know all of it. */
static bool give(const char *text)
{
	return !run_as(&(struct how){ .where = PEER, .input = text }, "nft -f -").code;
}

static void assert_most_are_known(size_t known, size_t count)
{
	ck_assert_msg(known > count / 2, "only %zu of %zu are known here", known, count);
}

/* By itself; as what a twin repeats; and behind what packets that are not tracked must leave. */
static const struct {
	const char *nft, *xtables_rule, *xtables_match;
} ahead[] = {
	{ "", "", "" },
	{ "ct state new", "", "-m conntrack --ctstate NEW" },
	{ "ct state invalid,untracked drop\n", "-m conntrack --ctstate INVALID,UNTRACKED -j DROP", "" },
};

/* Many at once, as each look takes its time. */
START_TEST(rules_of_all_kinds_are_survived)
{
	const size_t count = sizeof(rules) / sizeof(rules[0]);
	const int netns_fd = given_a_stranger();
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		if (!give(format_text("table inet others%zu {\n%s\nchain input {\n"
				      "type filter hook input priority 0; policy accept;\n"
				      "%s %s\nct state established accept\n}\n}\n", i, rules[i].objects,
				      ahead[_i].nft, rules[i].rule)))
			continue;
		if (++known % AT_ONCE == 0)
			survive(netns_fd, rules[i].rule);
	}
	survive(netns_fd, "the last rules");
	assert_most_are_known(known, count);
	close(netns_fd);
}
END_TEST

START_TEST(xtables_of_all_kinds_are_survived)
{
	const size_t count = sizeof(xtables) / sizeof(xtables[0]);
	const int netns_fd = given_a_stranger();
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		if (known % AT_ONCE == 0 && *ahead[_i].xtables_rule)
			must_as(&there, "iptables-nft -I INPUT %s", ahead[_i].xtables_rule);
		if (run_as(&there, "iptables-nft -A INPUT %s %s", ahead[_i].xtables_match,
			   xtables[i]).code)
			continue;
		must_as(&there, "iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
		if (++known % AT_ONCE == 0)
			survive(netns_fd, xtables[i]);
	}
	survive(netns_fd, "the last matches");
	assert_most_are_known(known, count);
	close(netns_fd);
}
END_TEST

static void each_is_survived(const char *const *texts, size_t count, const char *around,
			     void (*survives)(int netns_fd, const char *what))
{
	const int netns_fd = given_a_stranger();
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		if (!give(format_text("%s%s%s", around, texts[i], *around ? "\n}\n" : "")))
			continue;
		survives(netns_fd, texts[i]);
		known++;
	}
	assert_most_are_known(known, count);
	close(netns_fd);
}

START_TEST(tables_of_all_kinds_are_survived)
{
	each_is_survived(tables, sizeof(tables) / sizeof(tables[0]), "", survive);
}
END_TEST

START_TEST(tables_that_have_our_name_are_survived)
{
	each_is_survived(ours, sizeof(ours) / sizeof(ours[0]), "table inet libnotrack {\n",
			 survive_ours);
}
END_TEST

START_TEST(a_table_that_its_owner_holds_is_survived)
{
	const int netns_fd = given_a_stranger();
	unsigned int waits = 0;
	pid_t owner = start(PEER, "/run/owner", "sh -c '(echo \"add table inet owned { flags owner; }\"; "
			    "echo \"add chain inet owned input { type filter hook input priority 0; "
			    "policy accept; }\"; echo \"add rule inet owned input ct state established "
			    "accept\"; sleep 1000) | nft -i'");

	char *before;

	while (!strstr(before = ruleset(), "established") && wait_a_little(&waits))
		;
	make_calls(netns_fd, "a table of somebody", false);
	assert_same_text(ruleset(), before);
	stop(owner, SIGTERM);
	close(netns_fd);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, rules_of_all_kinds_are_survived, 0,
			    sizeof(ahead) / sizeof(ahead[0]));
	tcase_add_test(tcase, tables_of_all_kinds_are_survived);
	tcase_add_test(tcase, tables_that_have_our_name_are_survived);
	tcase_add_test(tcase, a_table_that_its_owner_holds_is_survived);
	tcase_add_loop_test(tcase, xtables_of_all_kinds_are_survived, 0,
			    sizeof(ahead) / sizeof(ahead[0]));
}

int main(void)
{
	return netns_main("wild_nft", tests);
}
