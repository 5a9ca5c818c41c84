/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What services mean, as rules, and as what becomes of packets. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/print.h"
#include "lowered.h"
#include "packet.h"
#include "random.h"
#include "rules/segment.h"
#include "unit.h"

enum { MODELS = 300, PACKETS = 300 };

static const char *const tops[TABLES][2] = {
	[RAW] = { "NOTRACK-PREROUTING", "NOTRACK-OUTPUT" },
	[FILTER] = { "NOTRACK-INPUT", "NOTRACK-OUTPUT" },
};

/* A model, and the rules that it makes in one family. */
struct compiled {
	struct notrack *nt;
	enum family family;
	struct lowered made;
};

static struct compiled compile_now(struct notrack *nt, enum family family)
{
	return (struct compiled){ .nt = nt, .family = family, .made = lower_model(nt, family) };
}

static struct compiled compile_service(const struct notrack_service *words, enum family family)
{
	struct notrack_service service = *words;
	struct notrack *nt = notrack_new();

	service.size = sizeof(service);
	expect(!notrack_add_service(nt, &service), "%s", notrack_error(nt));
	return compile_now(nt, family);
}

static void discard_rules(struct compiled *compiled)
{
	lowered_free(&compiled->made);
}

static void discard(struct compiled *compiled)
{
	discard_rules(compiled);
	notrack_free(compiled->nt);
}

/* The rules of a chain, a line each. */
static char *print_chain(const struct ruleset *rules, const char *name, enum family family)
{
	const struct chain *chain = ruleset_find(rules, name);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; chain && i < chain->count; i++) {
		rule_print(&chain->rules[i], name, family, out);
		fputs("\n", out);
	}
	fclose(out);
	return text;
}

static void chain_is(const struct compiled *compiled, enum table_id table, const char *name,
		     const char *expected)
{
	char *text = print_chain(&compiled->made.rules[table], name, compiled->family);

	ck_assert_msg(!strcmp(text, expected), "%s of %s is\n%snot\n%s", name, table_name(table),
		      text, expected);
	free(text);
}

/* --- the classic set -------------------------------------------------- */

static size_t count_target(const struct ruleset *rules, enum target target, uint8_t protocol)
{
	size_t count = 0;

	for (size_t i = 0; i < rules->count; i++)
		for (size_t j = 0; j < rules->chains[i]->count; j++) {
			const struct rule *rule = &rules->chains[i]->rules[j];

			count += rule->target == target && rule->match->protocol == protocol;
		}
	return count;
}

START_TEST(classic_dns_is_the_eight_and_eight_rules)
{
	const struct notrack_service dns = { .name = "dns", .mode = "classic" };
	struct compiled made = compile_service(&dns, (enum family)_i);

	chain_is(&made, RAW, "NOTRACK-dns-in",
		 "-A NOTRACK-dns-in -p udp -m udp --dport 53 -j NOTRACK\n"
		 "-A NOTRACK-dns-in -p udp -m udp --sport 53 -j NOTRACK\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --dport 53 -j NOTRACK\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --sport 53 -j NOTRACK\n");
	chain_is(&made, RAW, "NOTRACK-dns-out",
		 "-A NOTRACK-dns-out -p udp -m udp --sport 53 -j NOTRACK\n"
		 "-A NOTRACK-dns-out -p udp -m udp --dport 53 -j NOTRACK\n"
		 "-A NOTRACK-dns-out -p tcp -m tcp --sport 53 -j NOTRACK\n"
		 "-A NOTRACK-dns-out -p tcp -m tcp --dport 53 -j NOTRACK\n");
	chain_is(&made, FILTER, "NOTRACK-dns-in",
		 "-A NOTRACK-dns-in -p udp -m udp --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-in -p udp -m udp --sport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --sport 53 -j ACCEPT\n");
	chain_is(&made, FILTER, "NOTRACK-dns-out",
		 "-A NOTRACK-dns-out -p udp -m udp --sport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-out -p udp -m udp --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-out -p tcp -m tcp --sport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-out -p tcp -m tcp --dport 53 -j ACCEPT\n");
	for (int protocol = 0; protocol < 2; protocol++) {
		uint8_t number = protocol ? IPPROTO_TCP : IPPROTO_UDP;

		ck_assert_uint_eq(count_target(&made.made.rules[RAW], TARGET_NOTRACK, number), 4);
		ck_assert_uint_eq(count_target(&made.made.rules[FILTER], TARGET_ACCEPT, number), 4);
	}
	discard(&made);
}
END_TEST

/* Segments that have flags of their kind, and no others. */
#define ACCEPTED_AS(rule, flags) "-A " rule " --tcp-flags " flags " -j ACCEPT\n"
#define ASKED(rule) \
	ACCEPTED_AS(rule, "FIN,SYN,RST,ACK ACK") ACCEPTED_AS(rule, "FIN,SYN,RST,ACK SYN") \
	ACCEPTED_AS(rule, "FIN,SYN,RST,ACK FIN,ACK") ACCEPTED_AS(rule, "FIN,SYN,RST,URG RST")
#define ANSWERED(rule) \
	ACCEPTED_AS(rule, "FIN,SYN,RST,ACK ACK") ACCEPTED_AS(rule, "FIN,SYN,RST,ACK,URG SYN,ACK") \
	ACCEPTED_AS(rule, "FIN,SYN,RST,ACK FIN,ACK") ACCEPTED_AS(rule, "FIN,SYN,RST,URG RST")

START_TEST(strict_dns_narrows_replies_and_serves_lo)
{
	struct compiled made = compile_service(&(struct notrack_service){ .name = "dns" }, IPV4);

	chain_is(&made, RAW, "NOTRACK-PREROUTING",
		 "-A NOTRACK-PREROUTING -p udp -m udp ! --sport 53 --dport 53 -g NOTRACK-dns-in\n"
		 "-A NOTRACK-PREROUTING -p udp -m udp --sport 53 --dport 1024:65535 -g NOTRACK-dns-in\n"
		 "-A NOTRACK-PREROUTING -i lo -p udp -m udp --sport 53 ! --dport 53 -g NOTRACK-dns-in\n"
		 "-A NOTRACK-PREROUTING -p tcp -m tcp ! --sport 53 --dport 53 "
		 "! --tcp-flags FIN,SYN,RST,ACK SYN,ACK -g NOTRACK-dns-in\n"
		 "-A NOTRACK-PREROUTING -p tcp -m tcp --sport 53 ! --dport 53 "
		 "! --tcp-flags FIN,SYN,RST,ACK SYN -g NOTRACK-dns-in\n"
		 "-A NOTRACK-PREROUTING -i lo -p tcp -m tcp --sport 53 ! --dport 53 "
		 "! --tcp-flags FIN,SYN,RST,ACK SYN -g NOTRACK-dns-in\n");
	chain_is(&made, RAW, "NOTRACK-dns-in",
		 "-A NOTRACK-dns-in -p udp -j NOTRACK\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -j NOTRACK\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j NOTRACK\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK,URG SYN,ACK -j NOTRACK\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK FIN,ACK -j NOTRACK\n"
		 "-A NOTRACK-dns-in -p tcp -m tcp --tcp-flags FIN,SYN,RST,URG RST -j NOTRACK\n");
	chain_is(&made, FILTER, "NOTRACK-dns-in",
		 "-A NOTRACK-dns-in -p udp -m udp ! --sport 53 --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-in -p udp -m udp --sport 53 --dport 1024:65535 -j ACCEPT\n"
		 "-A NOTRACK-dns-in -i lo -p udp -m udp --sport 53 ! --dport 53 -j ACCEPT\n"
		 ASKED("NOTRACK-dns-in -p tcp -m tcp ! --sport 53 --dport 53")
		 ANSWERED("NOTRACK-dns-in -p tcp -m tcp --sport 53 ! --dport 53")
		 ANSWERED("NOTRACK-dns-in -i lo -p tcp -m tcp --sport 53 ! --dport 53"));
	chain_is(&made, FILTER, "NOTRACK-dns-out",
		 "-A NOTRACK-dns-out -p udp -m udp --sport 53 ! --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-out -p udp -m udp --sport 1024:65535 --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-dns-out -o lo -p udp -m udp ! --sport 53 --dport 53 -j ACCEPT\n"
		 ANSWERED("NOTRACK-dns-out -p tcp -m tcp --sport 53 ! --dport 53")
		 ASKED("NOTRACK-dns-out -p tcp -m tcp ! --sport 53 --dport 53")
		 ASKED("NOTRACK-dns-out -o lo -p tcp -m tcp ! --sport 53 --dport 53"));
	discard(&made);
}
END_TEST

START_TEST(built_in_chains_enter_ours_once_each)
{
	struct compiled made = compile_service(&(struct notrack_service){ .name = "dns" }, IPV6);

	for (int table = RAW; table < TABLES; table++) {
		const struct jump *jumps = made.made.rules[table].jumps;

		ck_assert_uint_eq(made.made.rules[table].jump_count, 2);
		ck_assert_str_eq(jumps[0].chain, table == RAW ? "PREROUTING" : "INPUT");
		ck_assert_str_eq(jumps[0].to->name, tops[table][IN]);
		ck_assert_str_eq(jumps[1].chain, "OUTPUT");
		ck_assert_str_eq(jumps[1].to->name, tops[table][OUT]);
		ck_assert_uint_eq(jumps[0].position, 0);
	}
	discard(&made);
}
END_TEST

START_TEST(an_empty_model_is_no_rules)
{
	struct compiled made = compile_now(notrack_new(), IPV4);

	ck_assert_uint_eq(made.made.rules[RAW].count, 0);
	ck_assert_uint_eq(made.made.rules[RAW].jump_count, 0);
	ck_assert_uint_eq(made.made.rules[FILTER].count, 0);
	ck_assert_uint_eq(made.made.rules[FILTER].jump_count, 0);
	discard(&made);
}
END_TEST

START_TEST(icmp_errors_are_accepted_by_their_type_unless_told_not_to)
{
	const struct notrack_service with = { .name = "ntp" };
	const struct notrack_service without = { .name = "dns", .icmp_errors = "no" };
	static const uint8_t protocols[] = { IPPROTO_ICMP, IPPROTO_ICMPV6 };
	static const size_t counts[] = { 3, 4 };
	struct compiled made = compile_service(&with, (enum family)_i);

	ck_assert_uint_eq(count_target(&made.made.rules[FILTER], TARGET_ACCEPT, protocols[_i]), counts[_i]);
	ck_assert_uint_eq(count_target(&made.made.rules[FILTER], TARGET_ACCEPT, protocols[!_i]), 0);
	discard(&made);
	made = compile_service(&without, (enum family)_i);
	ck_assert_uint_eq(count_target(&made.made.rules[FILTER], TARGET_ACCEPT, protocols[_i]), 0);
	discard(&made);
}
END_TEST

/* --- what becomes of packets ------------------------------------------ */

static struct prefix address(const char *word)
{
	struct prefix prefix;
	struct error error;

	expect(!prefix_parse(&prefix, word, &error), "%s", error.text);
	return prefix;
}

/* "yes": untracked and accepted; "no": neither; else they differ. */
static const char *handled(const struct compiled *made, const struct packet *packet, enum direction way)
{
	struct journey raw = { 0 }, filter = { 0 };

	if (made->made.rules[RAW].count)
		raw = packet_walk(packet, &made->made.rules[RAW], tops[RAW][way], NULL, NULL);
	if (made->made.rules[FILTER].count)
		filter = packet_walk(packet, &made->made.rules[FILTER], tops[FILTER][way], NULL, NULL);
	if (raw.untracked)
		return filter.fate == ACCEPTED ? "yes" : "untracked and not accepted";
	return filter.fate == RETURNED ? "no" : "accepted and tracked";
}

#define DNS { .name = "dns" }
#define CLASSIC { .name = "dns", .mode = "classic" }
#define AUTH { .name = "dns-auth" }
#define ASKER { .name = "dns", .roles = "outbound" }
#define WITH(...) { .name = "dns", __VA_ARGS__ }
#define UDP_PACKET(s, d) .protocol = IPPROTO_UDP, .source_port = (s), .destination_port = (d)
#define SEGMENT(s, d, flags) .protocol = IPPROTO_TCP, .source_port = (s), .destination_port = (d), \
	.tcp_flags = (flags)
#define TCP_PACKET(s, d) SEGMENT(s, d, 0x10)
#define TCP_SYN_PACKET(s, d) SEGMENT(s, d, 0x02)

static const struct {
	struct notrack_service service;
	enum direction way;
	const char *from, *to;
	struct packet packet;
	const char *handled;
} flows[] = {
	/* a server's four flows */
	{ AUTH, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(5353, 53) }, "yes" },
	{ AUTH, OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(53, 5353) }, "yes" },
	{ AUTH, IN, "192.0.2.9", "192.0.2.1", { TCP_SYN_PACKET(5353, 53) }, "yes" },
	{ AUTH, OUT, "192.0.2.1", "192.0.2.9", { TCP_PACKET(53, 5353) }, "yes" },
	/* and no others */
	{ AUTH, OUT, "192.0.2.1", "192.0.2.9", { TCP_SYN_PACKET(53, 5353) }, "no" },
	{ AUTH, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 5353) }, "no" },
	{ AUTH, OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(5353, 53) }, "no" },
	{ AUTH, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(5353, 54) }, "no" },
	{ AUTH, IN, "192.0.2.9", "192.0.2.1", { .protocol = IPPROTO_SCTP, .destination_port = 53 }, "no" },
	/* classic: whoever sends from port 53 gets in anywhere */
	{ CLASSIC, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 22) }, "yes" },
	{ CLASSIC, IN, "192.0.2.9", "192.0.2.1", { TCP_SYN_PACKET(53, 22) }, "yes" },
	/* strict: to the reply ports, and to none with a SYN */
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 22) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 1023) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 1024) }, "yes" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 65535) }, "yes" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { TCP_SYN_PACKET(53, 22) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { TCP_PACKET(53, 5353) }, "yes" },
	/* a server's first answer, to a question that is asked from the service's port */
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(443, 53, 0x12) }, "no" },
	{ DNS, OUT, "192.0.2.1", "192.0.2.9", { SEGMENT(443, 53, 0x12) }, "no" },
	{ DNS, OUT, "192.0.2.1", "192.0.2.1", { SEGMENT(443, 53, 0x12), .out = "lo" }, "no" },
	{ ASKER, OUT, "192.0.2.1", "192.0.2.9", { SEGMENT(443, 53, 0x12) }, "no" },
	{ CLASSIC, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(443, 53, 0x12) }, "yes" },
	/* flags that no segment has: SYN with FIN, with RST, or with ACK and URG; FIN without ACK,
	   RST with URG; none of all */
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(5353, 53, 0x03) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(5353, 53, 0x06) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(53, 5353, 0x32) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(5353, 53, 0x01) }, "no" },
	{ DNS, OUT, "192.0.2.1", "192.0.2.9", { SEGMENT(53, 5353, 0x24) }, "no" },
	{ DNS, OUT, "192.0.2.1", "192.0.2.9", { SEGMENT(5353, 53, 0x00) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(5353, 53, 0x00) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(5353, 53, 0xc2) }, "yes" },	/* ECN */
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(5353, 53, 0x39) }, "yes" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(53, 5353, 0x14) }, "yes" },
	{ CLASSIC, IN, "192.0.2.9", "192.0.2.1", { SEGMENT(5353, 53, 0x03) }, "yes" },
	/* and what is asked from a port that gets no answer stays tracked */
	{ DNS, OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(1023, 53) }, "no" },
	{ DNS, OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(1024, 53) }, "yes" },
	{ DNS, OUT, "192.0.2.1", "192.0.2.9", { TCP_SYN_PACKET(1023, 53) }, "yes" },
	{ WITH(.reply_ports = "5000:5001"), OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(5001, 53) }, "yes" },
	{ WITH(.reply_ports = "5000:5001"), OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(5002, 53) }, "no" },
	/* both ends of NTP use one port: who asks whom is known where just one of them does */
	{ { .name = "ntp", .roles = "outbound" }, IN, "192.0.2.9", "192.0.2.1",
	  { UDP_PACKET(123, 123) }, "yes" },
	{ { .name = "ntp", .roles = "outbound" }, OUT, "192.0.2.1", "192.0.2.9",
	  { UDP_PACKET(123, 123) }, "yes" },
	{ { .name = "ntp", .roles = "outbound" }, IN, "192.0.2.9", "192.0.2.1",
	  { UDP_PACKET(123, 124) }, "no" },
	{ { .name = "ntp", .roles = "inbound" }, IN, "192.0.2.9", "192.0.2.1",
	  { UDP_PACKET(123, 123) }, "yes" },
	{ { .name = "ntp" }, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(123, 123) }, "no" },
	{ { .name = "ntp" }, OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(123, 123) }, "no" },
	{ { .name = "ntp" }, OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(5353, 123) }, "yes" },
	{ { .name = "ntp" }, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(123, 124) }, "no" },
	{ DNS, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 53) }, "no" },
	{ CLASSIC, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 53) }, "yes" },
	/* a named upstream */
	{ WITH(.remote = "192.0.2.9"), IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 5353) }, "yes" },
	{ WITH(.remote = "192.0.2.9"), IN, "192.0.2.8", "192.0.2.1", { UDP_PACKET(53, 5353) }, "no" },
	{ WITH(.remote = "192.0.2.9"), OUT, "192.0.2.1", "192.0.2.8", { UDP_PACKET(5353, 53) }, "no" },
	{ WITH(.remote = "192.0.2.9"), IN, "192.0.2.8", "192.0.2.1", { UDP_PACKET(5353, 53) }, "yes" },
	{ WITH(.remote = "2001:db8::9"), IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 5353) }, "no" },
	{ WITH(.remote = "2001:db8::9"), IN, "2001:db8::9", "2001:db8::1", { UDP_PACKET(53, 5353) }, "yes" },
	{ WITH(.remote = "192.0.2.9", .mode = "classic"), IN, "192.0.2.8", "192.0.2.1",
	  { UDP_PACKET(53, 5353) }, "no" },
	/* some of this host's addresses */
	{ WITH(.local = "192.0.2.1,192.0.2.4/30"), IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(5353, 53) }, "yes" },
	{ WITH(.local = "192.0.2.1,192.0.2.4/30"), IN, "192.0.2.9", "192.0.2.7", { UDP_PACKET(5353, 53) }, "yes" },
	{ WITH(.local = "192.0.2.1,192.0.2.4/30"), IN, "192.0.2.9", "192.0.2.2", { UDP_PACKET(5353, 53) }, "no" },
	{ WITH(.local = "192.0.2.1,192.0.2.4/30"), OUT, "192.0.2.2", "192.0.2.9", { UDP_PACKET(53, 5353) }, "no" },
	{ WITH(.local = "192.0.2.1"), IN, "2001:db8::9", "2001:db8::1", { UDP_PACKET(5353, 53) }, "no" },
	/* some of its interfaces */
	{ WITH(.interfaces = "eth+,wan"), IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(5353, 53), .in = "eth7" }, "yes" },
	{ WITH(.interfaces = "eth+,wan"), IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(5353, 53), .in = "wan" }, "yes" },
	{ WITH(.interfaces = "eth+,wan"), IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(5353, 53), .in = "wan0" }, "no" },
	{ WITH(.interfaces = "eth+,wan"), OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(53, 5353), .out = "eth7" }, "yes" },
	{ WITH(.interfaces = "eth+,wan"), OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(53, 5353), .out = "lan" }, "no" },
	/* this host asks itself: each packet at both jumps, over lo only */
	{ AUTH, OUT, "192.0.2.1", "192.0.2.1", { UDP_PACKET(5353, 53), .out = "lo" }, "yes" },
	{ AUTH, OUT, "192.0.2.1", "192.0.2.9", { UDP_PACKET(5353, 53), .out = "eth0" }, "no" },
	{ AUTH, IN, "192.0.2.1", "192.0.2.1", { UDP_PACKET(53, 5353), .in = "lo" }, "yes" },
	{ AUTH, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(53, 5353), .in = "eth0" }, "no" },
	{ AUTH, IN, "192.0.2.1", "192.0.2.1", { TCP_PACKET(53, 5353), .in = "lo" }, "yes" },
	{ ASKER, IN, "192.0.2.1", "192.0.2.1", { UDP_PACKET(5353, 53), .in = "lo" }, "yes" },
	{ ASKER, IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(5353, 53), .in = "eth0" }, "no" },
	{ ASKER, OUT, "192.0.2.1", "192.0.2.1", { UDP_PACKET(53, 5353), .out = "lo" }, "yes" },
	{ WITH(.interfaces = "eth0"), OUT, "192.0.2.1", "192.0.2.1", { UDP_PACKET(5353, 53), .out = "lo" }, "no" },
	{ WITH(.interfaces = "l+"), OUT, "192.0.2.1", "192.0.2.1", { UDP_PACKET(5353, 53), .out = "lo" }, "yes" },
	{ WITH(.mode = "classic", .roles = "inbound"), OUT, "192.0.2.1", "192.0.2.1",
	  { UDP_PACKET(5353, 53), .out = "lo" }, "no" },
	/* all four protocols */
	{ WITH(.protocols = "sctp,udplite"), IN, "192.0.2.9", "192.0.2.1",
	  { .protocol = IPPROTO_SCTP, .source_port = 5353, .destination_port = 53 }, "yes" },
	{ WITH(.protocols = "sctp,udplite"), IN, "192.0.2.9", "192.0.2.1",
	  { .protocol = IPPROTO_UDPLITE, .source_port = 53, .destination_port = 1023 }, "no" },
	{ WITH(.protocols = "sctp,udplite"), IN, "192.0.2.9", "192.0.2.1",
	  { .protocol = IPPROTO_UDPLITE, .source_port = 53, .destination_port = 1024 }, "yes" },
	{ WITH(.protocols = "sctp,udplite"), IN, "192.0.2.9", "192.0.2.1", { UDP_PACKET(5353, 53) }, "no" },
	/* both families */
	{ DNS, IN, "2001:db8::9", "2001:db8::1", { UDP_PACKET(5353, 53) }, "yes" },
	{ WITH(.families = "ipv4"), IN, "2001:db8::9", "2001:db8::1", { UDP_PACKET(5353, 53) }, "no" },
};

START_TEST(a_packet_is_handled_as_the_manual_says)
{
	struct packet packet = flows[_i].packet;
	struct compiled made;

	packet.source = address(flows[_i].from);
	packet.destination = address(flows[_i].to);
	made = compile_service(&flows[_i].service, packet.source.family);
	ck_assert_str_eq(handled(&made, &packet, flows[_i].way), flows[_i].handled);
	discard(&made);
}
END_TEST

/* --- the law ---------------------------------------------------------- */

/* The next rule with @target, and to the chain @to where there is one; of limits, there may be any. */
static const struct rule *next_with(const struct chain *chain, enum target target,
				    const struct chain *to, size_t *next)
{
	while (*next < chain->count) {
		const struct rule *rule = &chain->rules[(*next)++];

		if (rule->target == target && (!to || rule->to == to))
			return rule;
	}
	return NULL;
}

/* Of TCP in strict mode, filter has a rule for each kind of segment. */
static bool is_one_of(const struct rule *accepts, const struct rule *untracks, bool classic)
{
	struct match match = *accepts->match;
	struct rule copy = *untracks, one = *accepts;

	if (!classic && match.protocol == IPPROTO_TCP) {
		match.syn = untracks->match->syn;
		match.tcp_mask = untracks->match->tcp_mask;
		match.tcp_flags = untracks->match->tcp_flags;
	}
	one.match = &match;
	copy.target = TARGET_ACCEPT;
	copy.to = NULL;
	return rule_same(&copy, &one);
}

/* How many rules of filter there are to be for one of raw. */
static size_t kinds_of(const struct rule *untracks, bool classic)
{
	return classic || untracks->match->protocol != IPPROTO_TCP ? 1 : 4;
}

static bool has_selector(const struct chain *selectors, enum target target, const struct chain *to,
			 const struct rule *accepts, bool classic)
{
	const struct rule *rule;
	size_t i = 0;

	while ((rule = next_with(selectors, target, to, &i)))
		if (is_one_of(accepts, rule, classic))
			return true;
	return false;
}

/* In strict mode those in the top chain that go to the service's, which untracks. */
static void same_selectors(const struct compiled *made, const struct service *service, enum direction way)
{
	const bool classic = service->classic;
	const enum target target = classic ? TARGET_NOTRACK : TARGET_GOTO;
	const struct chain *raw, *filter, *selectors;
	const struct rule *rule;
	char name[CHAIN_NAME_MAX + 1];
	size_t i = 0, j = 0, count = 0;

	service_chain_name(name, service->name, way == IN ? CHAIN_IN : CHAIN_OUT);
	raw = ruleset_find(&made->made.rules[RAW], name);
	filter = ruleset_find(&made->made.rules[FILTER], name);
	expect(raw && filter, "there is no chain %s", name);
	selectors = classic ? raw : ruleset_find(&made->made.rules[RAW], tops[RAW][way]);
	while ((rule = next_with(selectors, target, classic ? NULL : raw, &i)))
		count += kinds_of(rule, classic);
	while ((rule = next_with(filter, TARGET_ACCEPT, NULL, &j))) {
		expect(has_selector(selectors, target, classic ? NULL : raw, rule, classic),
		       "%s: rule %zu of filter is none of raw's", name, j);
		expect(count--, "%s: filter has more rules", name);
	}
	expect(!count, "%s: raw has more rules", name);
	for (i = 0; i < raw->count; i++)
		expect(raw->rules[i].target == TARGET_NOTRACK, "%s: rule %zu does not untrack", name, i);
}

START_TEST(what_raw_untracks_filter_accepts_rule_by_rule)
{
	for (int i = 0; i < MODELS; i++) {
		struct notrack *nt = notrack_new();

		random_model(nt, 5, 30);
		for (enum family family = IPV4; family < FAMILIES; family++) {
			struct compiled made = compile_now(nt, family);

			for (size_t j = 0; j < nt->model.families[family].count; j++) {
				const struct service *service =
					nt->model.families[family].served[j].service;

				same_selectors(&made, service, IN);
				same_selectors(&made, service, OUT);
			}
			discard_rules(&made);
		}
		notrack_free(nt);
	}
}
END_TEST

static const struct service *random_served(const struct compiled *made)
{
	const struct family_model *model = &made->nt->model.families[made->family];

	return model->served[random_below((unsigned int)model->count)].service;
}

static struct prefix random_address(enum family family, const struct prefix *list, size_t count)
{
	struct prefix address = { .family = family, .length = (uint8_t)family_bits(family) };
	unsigned int fixed = 0;

	for (unsigned int i = 0; i < address.length / 8u; i++)
		address.address[i] = (uint8_t)random_below(256);
	if (count && random_chance(80)) {
		const struct prefix *within = &list[random_below((unsigned int)count)];

		fixed = within->family == family ? within->length : 0;
		for (unsigned int bit = 0; bit < fixed; bit++) {
			uint8_t mask = (uint8_t)(0x80u >> bit % 8);

			address.address[bit / 8] = (uint8_t)((address.address[bit / 8] & ~mask) |
							     (within->address[bit / 8] & mask));
		}
	}
	return address;
}

static uint16_t random_port(const struct port_range *ranges, size_t count)
{
	const struct port_range *range = &ranges[random_below((unsigned int)count)];
	unsigned int port = random_from(range->first, range->last);

	if (random_chance(10))
		return (uint16_t)random_below(65536);
	return (uint16_t)(random_chance(80) ? port : port + random_below(3) - 1);
}

/* One that the service could mean. */
static struct packet random_packet(const struct compiled *made, enum direction way)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_SCTP, IPPROTO_UDPLITE };
	static const char *const interfaces[] = { "lo", "eth0", "eth7", "wan.100", "exactly15bytes0",
						  "fourteenbytes1", "lan" };
	const struct service *service = random_served(made);
	struct prefix here = random_address(made->family, service->local, service->local_count);
	struct prefix there = random_address(made->family, service->remote, service->remote_count);
	uint16_t port = random_port(service->ports, service->port_count);
	uint16_t other = random_port(&service->reply_ports, 1);
	bool incoming = way == IN, request = random_chance(50);
	const char *interface = interfaces[random_below(7)];
	uint8_t flags = (uint8_t)(random_chance(50) ? 0x10 : random_below(256));

	return (struct packet){
		.source = incoming ? there : here,
		.destination = incoming ? here : there,
		.in = incoming ? interface : NULL,
		.out = incoming ? NULL : interface,
		.protocol = protocols[random_below(4)],
		.source_port = request ? other : port,
		.destination_port = request ? port : other,
		.tcp_flags = flags,
		.init = random_chance(50),
	};
}

static bool is_impossible(const struct packet *packet)
{
	for (size_t i = 0; i < SEGMENTS; i++)
		if ((packet->tcp_flags & segments[i].mask) == segments[i].flags)
			return false;
	return packet->protocol == IPPROTO_TCP;
}

/*
 * A strict service keeps segments tracked that are INVALID, those of a classic one on its ports
 * as well: that accepts them, as it did before.
 */
static void obey_the_law(const struct compiled *made, unsigned int count[2])
{
	for (int i = 0; i < PACKETS; i++) {
		enum direction way = random_chance(50) ? IN : OUT;
		struct packet packet = random_packet(made, way);
		const char *what = handled(made, &packet, way);

		if (!strcmp(what, "accepted and tracked") && is_impossible(&packet))
			continue;
		expect(!strcmp(what, "yes") || !strcmp(what, "no"), "packet %d was %s", i, what);
		count[!strcmp(what, "yes")]++;
	}
}

START_TEST(no_packet_is_untracked_and_not_accepted_or_accepted_and_tracked)
{
	unsigned int count[2] = { 0 };

	for (int i = 0; i < MODELS; i++) {
		struct notrack *nt = notrack_new();

		random_model(nt, 5, 30);
		for (enum family family = IPV4; family < FAMILIES; family++) {
			struct compiled made = compile_now(nt, family);

			if (nt->model.families[family].count)
				obey_the_law(&made, count);
			discard_rules(&made);
		}
		notrack_free(nt);
	}
	ck_assert_uint_gt(count[0], MODELS * PACKETS / 10);
	ck_assert_uint_gt(count[1], MODELS * PACKETS / 10);
}
END_TEST

/* The same packet leaves over lo and comes in over lo. */
START_TEST(over_lo_both_hooks_agree)
{
	unsigned int count[2] = { 0 };

	for (int i = 0; i < MODELS * 2; i++) {
		enum family family = random_chance(50) ? IPV4 : IPV6;
		struct random_service words;
		struct compiled made;

		random_service(&words, 1u << family);
		words.words.mode = "strict";
		made = compile_service(&words.words, family);
		for (int j = 0; j < PACKETS; j++) {
			struct packet packet = random_packet(&made, random_chance(50) ? IN : OUT);
			bool out, in;

			packet.in = NULL;
			packet.out = "lo";
			out = !strcmp(handled(&made, &packet, OUT), "yes");
			packet.in = "lo";
			packet.out = NULL;
			in = !strcmp(handled(&made, &packet, IN), "yes");
			expect(in == out, "packet %d of service %d: out %d, in %d", j, i, out, in);
			count[in]++;
		}
		discard(&made);
	}
	ck_assert_uint_gt(count[0], MODELS * PACKETS / 10);
	ck_assert_uint_gt(count[1], MODELS * PACKETS / 10);
}
END_TEST

/* --- many ports ------------------------------------------------------- */

static void add_ports(char *list, bool *wanted, unsigned int first, unsigned int last)
{
	sprintf(list + strlen(list), first == last ? "%s%u" : "%s%u:%u", *list ? "," : "", first, last);
	for (unsigned int port = first; port <= last; port++)
		wanted[port] = true;
}

static unsigned int slots_of(const struct ports *ports)
{
	unsigned int slots = 0;

	for (unsigned int i = 0; i < ports->count; i++)
		slots += ports->range[i].first == ports->range[i].last ? 1 : 2;
	return slots;
}

START_TEST(any_number_of_ports_is_matched_port_by_port)
{
	static const char *const protocols[] = { "udp", "tcp", "sctp", "udplite" };
	static const uint8_t numbers[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_SCTP, IPPROTO_UDPLITE };
	static bool wanted[65536];
	struct notrack_service words = { .name = "x", .protocols = protocols[_i] };
	struct compiled made;
	const struct chain *chain;
	char list[2048] = "";

	for (int i = 0; i < 60; i++) {
		unsigned int first = random_from(1, 65000);

		add_ports(list, wanted, first, first + (random_chance(50) ? 0 : random_below(500)));
	}
	words.ports = list;
	made = compile_service(&words, IPV4);
	chain = ruleset_find(&made.made.rules[FILTER], "NOTRACK-x-in");
	for (size_t i = 0; i < chain->count; i++) {
		const struct match *match = chain->rules[i].match;

		expect(slots_of(&match->source) <= 15 && slots_of(&match->destination) <= 15,
		       "rule %zu: too many ports for a multiport match", i);
	}
	for (unsigned int port = 0; port < 65536; port++) {
		const struct packet packet = { .protocol = numbers[_i], .in = "eth0", .tcp_flags = 0x10,
					       .destination_port = (uint16_t)port };

		expect(strcmp(handled(&made, &packet, IN), wanted[port] ? "yes" : "no") == 0,
		       "port %u", port);
	}
	discard(&made);
}
END_TEST

/* --- limits ----------------------------------------------------------- */

struct encounters {
	unsigned int limits;
};

static void note_limit(void *data, const struct chain *chain, const struct rule *rule)
{
	struct encounters *met = data;

	(void)rule;
	met->limits += !strcmp(chain->name, "NOTRACK-dns-lim");
}

static struct compiled limited_dns(const char *client, enum family family)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns",
					     .protocols = "udp,tcp,sctp" };
	const struct hashlimit limit = { .size = sizeof(limit), .above = "10/sec" };
	struct notrack *nt = notrack_new();

	expect(!notrack_add_service(nt, &dns), "%s", notrack_error(nt));
	expect(!hashlimit_add_client(nt, "dns", client, &limit), "%s", notrack_error(nt));
	return compile_now(nt, family);
}

static const struct {
	enum direction way;
	const char *from;
	struct packet packet;
	bool limited;
} limited[] = {
	{ IN, "192.0.2.9", { UDP_PACKET(5353, 53) }, true },
	{ IN, "192.0.2.9", { TCP_SYN_PACKET(5353, 53) }, true },
	{ IN, "192.0.2.9", { .protocol = IPPROTO_SCTP, .destination_port = 53, .init = true }, true },
	/* segments of an open connection are no requests */
	{ IN, "192.0.2.9", { TCP_PACKET(5353, 53) }, false },
	{ IN, "192.0.2.9", { .protocol = IPPROTO_SCTP, .destination_port = 53 }, false },
	/* replies to this host's own queries */
	{ IN, "192.0.2.9", { UDP_PACKET(53, 5353) }, false },
	{ OUT, "192.0.2.9", { UDP_PACKET(5353, 53) }, false },
	{ OUT, "192.0.2.9", { UDP_PACKET(53, 5353) }, false },
	/* others, and other services */
	{ IN, "192.0.3.9", { UDP_PACKET(5353, 53) }, false },
	{ IN, "192.0.2.9", { UDP_PACKET(5353, 123) }, false },
};

START_TEST(a_limit_sees_the_requests_of_its_service_and_no_others)
{
	struct compiled made = limited_dns("192.0.2.0/24", IPV4);
	struct packet packet = limited[_i].packet;
	struct encounters met = { 0 };
	const char *top = tops[FILTER][limited[_i].way];
	struct journey calm, above;

	packet.source = address(limited[_i].from);
	if (limited[_i].way == IN)
		packet_walk(&packet, &made.made.rules[FILTER], CHAIN_LIMITS, note_limit, &met);
	calm = packet_walk(&packet, &made.made.rules[FILTER], top, NULL, NULL);
	packet.above = true;
	above = packet_walk(&packet, &made.made.rules[FILTER], CHAIN_LIMITS, NULL, NULL);
	if (above.fate != DROPPED || limited[_i].way != IN)
		above = packet_walk(&packet, &made.made.rules[FILTER], top, NULL, NULL);

	/* jumped to its limit, and counted as passed */
	ck_assert_uint_eq(met.limits, limited[_i].limited ? 2 : 0);
	ck_assert_int_eq(above.fate, limited[_i].limited ? DROPPED : calm.fate);
	if (limited[_i].limited)
		ck_assert_int_eq(calm.fate, ACCEPTED);
	discard(&made);
}
END_TEST

START_TEST(a_limit_is_one_drop_rule_that_names_the_service)
{
	struct compiled made = limited_dns("2001:db8::/32", IPV6);
	const struct ruleset *rules = &made.made.rules[FILTER];
	unsigned int found = 0;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = rules->chains[i]->rules;

		if (!rule->match || !rule->match->above)
			continue;
		found++;
		ck_assert_uint_eq(rules->chains[i]->count, 1);
		ck_assert_int_eq(rule->target, TARGET_DROP);
		ck_assert_str_eq(rule->match->comment, "drop_overly_frequent_dns");
		ck_assert_uint_eq(rule->match->above->srcmask, 64);
	}
	ck_assert_uint_eq(found, 1);
	discard(&made);
}
END_TEST

/* However many clients there are: what they become is the backend's. */
START_TEST(clients_go_through_their_limits_by_one_rule)
{
	struct compiled made = limited_dns("2001:db8::/32", IPV6);
	const struct ruleset *compiled = &made.made.compiled[FILTER];
	const struct chain *limits = ruleset_find(compiled, "NOTRACK-dns-lim");
	unsigned int found = 0;

	ck_assert_ptr_nonnull(limits);
	ck_assert_str_eq(limits->service, "dns");
	ck_assert_int_eq(limits->direction, IN);
	ck_assert_uint_eq(limits->count, 1);
	ck_assert_int_eq(limits->rules[0].target, TARGET_LIMITS);
	for (size_t i = 0; i < compiled->count; i++)
		for (size_t j = 0; j < compiled->chains[i]->count; j++) {
			const struct rule *rule = &compiled->chains[i]->rules[j];

			found += rule->target == TARGET_LIMITS;
			ck_assert(!rule->match || !rule->match->above);
		}
	ck_assert_uint_eq(found, 1);
	discard(&made);
}
END_TEST

START_TEST(a_chain_says_whose_it_is)
{
	struct compiled made = compile_service(&(struct notrack_service){ .name = "dns" }, IPV4);

	for (int table = RAW; table < TABLES; table++) {
		const struct ruleset *compiled = &made.made.compiled[table];
		const struct chain *in = ruleset_find(compiled, "NOTRACK-dns-in");
		const struct chain *out = ruleset_find(compiled, "NOTRACK-dns-out");

		ck_assert_str_eq(in->service, "dns");
		ck_assert_str_eq(out->service, "dns");
		ck_assert_int_eq(in->direction, IN);
		ck_assert_int_eq(out->direction, OUT);
		for (int way = IN; way <= OUT; way++) {
			const struct chain *top = ruleset_find(compiled, tops[table][way]);

			ck_assert_ptr_null(top->service);
			ck_assert_int_eq(top->direction, way);
		}
	}
	discard(&made);
}
END_TEST

/* --- well-formed, whatever the model ---------------------------------- */

/* A chain that was lowered is another one of the same name, for rules that were not. */
static bool is_in(const struct ruleset *rules, const struct ruleset *compiled,
		  const struct chain *chain)
{
	const struct chain *found = ruleset_find(rules, chain->name);

	return found && (found == chain || ruleset_find(compiled, chain->name) == chain);
}

static void check_rule(const struct compiled *made, enum table_id table, const struct rule *rule)
{
	enum family family = made->family;

	expect(!rule->source.length || rule->source.family == family, "a source of the other family");
	expect(!rule->match || !rule->match->to.length || rule->match->to.family == family,
	       "a destination of the other family");
	expect(rule->target != TARGET_NOTRACK || table == RAW, "NOTRACK in filter");
	expect(rule->target != TARGET_DROP || rule->match->above, "a DROP without a limit");
	if (rule->target == TARGET_JUMP || rule->target == TARGET_GOTO)
		expect(is_in(&made->made.rules[table], &made->made.compiled[table], rule->to),
		       "%s is not the chain of that name", rule->to->name);
}

static void check_chains(const struct compiled *made, enum table_id table)
{
	const struct ruleset *rules = &made->made.rules[table];

	for (size_t i = 0; i < rules->count; i++) {
		const struct chain *chain = rules->chains[i];

		expect(!strncmp(chain->name, "NOTRACK-", 8) && strlen(chain->name) <= 28,
		       "chain %s", chain->name);
		expect(!i || strcmp(rules->chains[i - 1]->name, chain->name) < 0,
		       "chain %s is out of order", chain->name);
		for (size_t j = 0; j < chain->count; j++)
			check_rule(made, table, &chain->rules[j]);
	}
}

START_TEST(rules_of_any_model_are_well_formed)
{
	for (int i = 0; i < MODELS; i++) {
		struct notrack *nt = notrack_new();

		random_model(nt, 6, 200);
		for (enum family family = IPV4; family < FAMILIES; family++) {
			struct compiled made = compile_now(nt, family);

			check_chains(&made, RAW);
			check_chains(&made, FILTER);
			discard_rules(&made);
		}
		notrack_free(nt);
	}
}
END_TEST

/* --- names ------------------------------------------------------------ */

static const struct {
	const char *name;
	bool ours;
} names[] = {
	{ "NOTRACK-PREROUTING", true }, { "NOTRACK-INPUT", true }, { "NOTRACK-OUTPUT", true },
	{ "NOTRACK-LIMITS", true }, { "NOTRACK-FORWARD", false },
	{ "NOTRACK-dns-in", true }, { "NOTRACK-x-out", true }, { "NOTRACK-my-own-lim", true },
	{ "NOTRACK--in", false }, { "NOTRACK-in", false }, { "NOTRACK-inbound", false },
	{ "NOTRACK-est-accept", true }, { "NOTRACK-est-rel-accept-any", true },
	{ "NOTRACK-rel-accept-out", true }, { "NOTRACK-accept", false },
	{ "NOTRACK-new-n4q1k2m7x0a", true }, { "NOTRACK-dns-n4q1k2m7x0ab", true },
	{ "NOTRACK-INPUT-n4q1k2m7x0a", true }, { "NOTRACK-n4q1k2m7x0a", false },
	{ "NOTRACK-new-n4q1k2m7x0", false }, { "NOTRACK-new-n4q1k2m7x0i", false },
	{ "NOTRACK-dns-N4q1k2m7x0ab", false }, { "NOTRACK-dns-nn4q1k2m7x0ab", false },
	{ "NOTRACK-x", false }, { "NOTRACK-", false }, { "NOTRACK", false }, { "", false },
	{ "notrack-dns-in", false }, { "MYNOTRACK-dns-in", false },
	{ "NOTRACK-est-accept_out", true }, { "NOTRACK-dns_out", false },
	{ "NOTRACK-dns-accept_out", false }, { "NOTRACK-_out", false },
};

/* And what is made is ours. */
START_TEST(names_of_ours_are_known_by_all_of_them)
{
	char name[CHAIN_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(name_is_ours(names[i].name) == names[i].ours, "%s", names[i].name);
	for (unsigned int i = 0; i < 1000; i++) {
		name_chain(name, i & 1 ? "x" : "a-service-of-ours", "lnc"[i % 3], &i, sizeof(i));
		ck_assert_msg(name_is_ours(name), "%s", name);
		name_twin(name, i & 1 ? "do" : "new-est-rel", &i, sizeof(i));
		ck_assert_msg(name_is_ours(name), "%s", name);
	}
}
END_TEST

START_TEST(names_of_one_kind_are_none_of_another)
{
	static const char *const suffixes[] = { CHAIN_IN, CHAIN_OUT, CHAIN_LIMIT };
	static const char *const stems[] = { "new", "est", "rel", "new-est", "new-rel", "est-rel", "all" };
	static const char *const places[] = { "", CHAIN_OUT, CHAIN_ANY };
	static const char *const builtins[] = { "INPUT", "OUTPUT" };
	char name[CHAIN_NAME_MAX + 1], accepts[7 * 3][CHAIN_NAME_MAX + 1];
	size_t count = 0;

	for (size_t i = 0; i < 7; i++)
		for (size_t j = 0; j < 3; j++)
			name_accept(accepts[count++], stems[i], places[j]);
	for (int i = 0; i < 3000; i++) {
		char service[SERVICE_NAME_MAX + 1], other[SERVICE_NAME_MAX + 1];
		struct random_service words;

		random_service(&words, NOTRACK_ANY);
		for (size_t j = 0; j < 3; j++) {
			service_chain_name(name, words.name, suffixes[j]);
			ck_assert_msg(!chain_is_opening(name) && !chain_is_top(name), "%s", name);
			ck_assert_msg(chain_service(name, suffixes[j], service), "%s", name);
			ck_assert_str_eq(service, words.name);
			for (size_t k = 0; k < count; k++)
				ck_assert_str_ne(name, accepts[k]);
			for (size_t k = 0; k < 3; k++)
				ck_assert_msg(k == j || !chain_service(name, suffixes[k], other), "%s", name);
		}
		name_chain(name, words.name, "lnc"[i % 3], &i, sizeof(i));
		ck_assert_msg(!chain_is_opening(name), "%s", name);
		name_twin(name, builtins[i & 1], &i, sizeof(i));
		ck_assert_msg(chain_is_opening(name), "%s", name);
	}
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < 3; j++)
			ck_assert_msg(!chain_service(accepts[i], suffixes[j], name), "%s", accepts[i]);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, names_of_ours_are_known_by_all_of_them);
	tcase_add_test(tcase, names_of_one_kind_are_none_of_another);
	tcase_add_loop_test(tcase, classic_dns_is_the_eight_and_eight_rules, IPV4, FAMILIES);
	tcase_add_test(tcase, strict_dns_narrows_replies_and_serves_lo);
	tcase_add_test(tcase, built_in_chains_enter_ours_once_each);
	tcase_add_test(tcase, an_empty_model_is_no_rules);
	tcase_add_loop_test(tcase, icmp_errors_are_accepted_by_their_type_unless_told_not_to, IPV4,
			    FAMILIES);
	tcase_add_loop_test(tcase, a_packet_is_handled_as_the_manual_says, 0,
			    sizeof(flows) / sizeof(flows[0]));
	tcase_add_test(tcase, what_raw_untracks_filter_accepts_rule_by_rule);
	tcase_add_test(tcase, no_packet_is_untracked_and_not_accepted_or_accepted_and_tracked);
	tcase_add_test(tcase, over_lo_both_hooks_agree);
	tcase_add_loop_test(tcase, any_number_of_ports_is_matched_port_by_port, 0, 4);
	tcase_add_loop_test(tcase, a_limit_sees_the_requests_of_its_service_and_no_others, 0,
			    sizeof(limited) / sizeof(limited[0]));
	tcase_add_test(tcase, a_limit_is_one_drop_rule_that_names_the_service);
	tcase_add_test(tcase, clients_go_through_their_limits_by_one_rule);
	tcase_add_test(tcase, a_chain_says_whose_it_is);
	tcase_add_test(tcase, rules_of_any_model_are_well_formed);
}

int main(void)
{
	return unit_main("compile", tests);
}
