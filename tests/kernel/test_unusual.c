/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets of a service that few send, and that rules of a host tell from all others: from where no
 * route leads back, to the address of another interface, with extension headers of IPv6, with ECN.
 * Who of them was let in goes on being let in, and who was not, is not.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "model.h"
#include "run.h"
#include "wire.h"

/* --- packets ---------------------------------------------------------- */

/* How a packet is unusual. */
enum kind {
	USUAL, FORGED, ELSEWHERE, HOP_BY_HOP, TO_DESTINATION, ROUTED, ECN, PUSHED, TO_ALL, KINDS
};

static const char *const kind_names[KINDS] = {
	"usual", "forged", "to another interface's address", "with options for each hop",
	"with options for the destination", "with a route", "with ECN", "pushed", "to all on the link",
};

#define ONLY(kind) (1u << (kind))
#define ALL (ONLY(KINDS) - 1)
#define BUT(kind) (ALL & ~ONLY(kind))
#define WITH_EXTENSION (ONLY(HOP_BY_HOP) | ONLY(TO_DESTINATION) | ONLY(ROUTED))

/* The address behind veth1 that asks, one behind veth0, and this host's at both. */
static const struct addresses {
	int domain;
	const char *near, *far, *here, *there;
} addresses[] = {
	{ AF_INET, "203.0.113.9", "192.0.2.66", "203.0.113.1", "192.0.2.1" },
	{ AF_INET6, "2001:db8:f::9", "2001:db8::66", "2001:db8:f::1", "2001:db8::1" },
};

static bool may_be(enum kind kind, int domain, uint8_t protocol)
{
	if (ONLY(kind) & WITH_EXTENSION)
		return domain == AF_INET6;
	if (kind == ECN || kind == PUSHED)
		return protocol == IPPROTO_TCP;
	return kind != TO_ALL || protocol == IPPROTO_UDP;
}

static struct wire_packet packet_of(const struct addresses *of, enum kind kind, uint8_t protocol,
				    unsigned int round)
{
	static const enum wire_extension extensions[KINDS] = {
		[HOP_BY_HOP] = WIRE_HOP_BY_HOP, [TO_DESTINATION] = WIRE_TO_DESTINATION,
		[ROUTED] = WIRE_ROUTING,
	};
	struct wire_packet packet = {
		.domain = of->domain, .way = WIRE_IN, .interface = "veth1", .protocol = protocol,
		.source_port = (uint16_t)(20000 + KINDS * round + kind), .destination_port = 53,
		.extension = extensions[kind], .to_all = kind == TO_ALL,
	};

	if (protocol == IPPROTO_TCP)
		packet.tcp_flags = (uint8_t)(TH_SYN | (kind == ECN ? 0xc0 : 0) |
					     (kind == PUSHED ? TH_PUSH : 0));
	ck_assert_int_eq(inet_pton(of->domain, kind == FORGED ? of->far : of->near, &packet.source), 1);
	ck_assert_int_eq(inet_pton(of->domain, kind == ELSEWHERE ? of->there : of->here,
				   &packet.destination), 1);
	return packet;
}

/* @lets: bits of the kinds that get in, and no others do. */
static void send_all(const struct addresses *of, unsigned int lets, const char *rule, unsigned int round)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP };

	for (enum kind kind = USUAL; kind < KINDS; kind++)
		for (size_t i = 0; i < 2; i++) {
			struct wire_packet packet = packet_of(of, kind, protocols[i], round);
			bool arrived;

			if (!may_be(kind, of->domain, protocols[i]))
				continue;
			wire_send(&packet, &arrived, 1);
			ck_assert_msg(arrived == !!(lets & ONLY(kind)),
				      "%s: %s packet of %s %s %s", rule, kind_names[kind],
				      i ? "TCP" : "UDP", arrived ? "arrives" : "does not arrive",
				      round ? "after" : "before");
		}
}

static void commit_dns(const char *backend)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_set_backend(nt, backend));
	add_service(nt, "dns", NULL);
	must_do(nt, notrack_commit(nt, NULL));
	notrack_free(nt);
}

/* --- hosts ------------------------------------------------------------ */

/* Between what accepts answers, and what accepts questions that are NEW. */
static const struct {
	const char *rule;
	unsigned int lets[2];		/* of IPv4, of IPv6 */
} lines[] = {
	/* where a source is reached */
	{ "fib saddr . iif oif missing drop", { BUT(FORGED), BUT(FORGED) } },
	{ "ct state new fib saddr . iif oif missing drop", { BUT(FORGED), BUT(FORGED) } },
	{ "ct state new fib saddr . iif oif exists accept", { ALL, ALL } },
	{ "ct state new fib saddr . iif oif vmap { 0 : drop }", { BUT(FORGED), BUT(FORGED) } },
	{ "ct state new fib saddr . iif oif missing accept", { ALL, ALL } },
	/* an address of another interface */
	{ "fib daddr . iif type != { local, broadcast, multicast, anycast } drop",
	  { BUT(ELSEWHERE), BUT(ELSEWHERE) } },
	{ "ct state new fib daddr . iif type local accept", { ALL, ALL } },
	{ "ct state new fib daddr . iif type != local drop", { BUT(ELSEWHERE), BUT(ELSEWHERE) } },
	/* extension headers */
	{ "exthdr hbh exists drop", { ALL, BUT(HOP_BY_HOP) } },
	{ "ct state new exthdr dst exists drop", { ALL, BUT(TO_DESTINATION) } },
	{ "ct state new exthdr rt missing accept", { ALL, ALL } },
	{ "hbh nexthdr { 6, 17 } drop", { ALL, BUT(HOP_BY_HOP) } },
	{ "rt type 0 drop", { ALL, BUT(ROUTED) } },
	/* one header says nothing of another */
	{ "exthdr hbh exists ct state new accept\nexthdr dst exists drop", { ALL, BUT(TO_DESTINATION) } },
	{ "exthdr hbh exists drop\nct state new exthdr dst exists accept\nexthdr rt exists drop",
	  { ALL, BUT(HOP_BY_HOP) & BUT(ROUTED) } },
	{ "ip6 nexthdr { 0, 43, 60 } drop", { ALL, ALL & ~WITH_EXTENSION } },
	{ "ip6 nexthdr != { 6, 17, 58 } drop", { ALL, ALL & ~WITH_EXTENSION } },
	{ "ct state new ip6 nexthdr 60 drop", { ALL, BUT(TO_DESTINATION) } },
	/* flags beside SYN */
	{ "tcp flags != syn ct state new drop", { BUT(ECN) & BUT(PUSHED), BUT(ECN) & BUT(PUSHED) } },
	{ "tcp flags & (ecn|cwr) != 0 drop", { BUT(ECN), BUT(ECN) } },
	{ "ct state new tcp flags & cwr == cwr reject", { BUT(ECN), BUT(ECN) } },
	{ "ct state new tcp flags { syn, syn | psh } accept", { ALL, ALL } },
	/* whom a frame was for */
	{ "meta pkttype != host drop", { BUT(TO_ALL), BUT(TO_ALL) } },
	{ "ct state new meta pkttype broadcast drop", { BUT(TO_ALL), BUT(TO_ALL) } },
	/* what is used up stays so in a copy */
	{ "meta pkttype != host quota over 1000 bytes used 1000 bytes ct state new drop",
	  { BUT(TO_ALL), BUT(TO_ALL) } },
	{ "meta pkttype != host ct state new quota over 1000 bytes used 1000 bytes drop",
	  { BUT(TO_ALL), BUT(TO_ALL) } },
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

START_TEST(what_nft_tells_apart_goes_on_being_told_apart)
{
	const char *rule = lines[_i].rule;

	wire_begin();
	must_as(&(struct how){ .input = format_text(
		"table inet host { chain in { type filter hook input priority filter; policy drop;\n"
		"iif lo accept\nudp sport 9 udp dport 9 accept\nmeta l4proto { icmp, ipv6-icmp } accept\n"
		"ct state established,related accept\n%s\n"
		"meta l4proto { tcp, udp } th dport 53 ct state new accept\n}\n}\n", rule) }, "nft -f -");
	for (unsigned int six = 0; six < 2; six++)
		send_all(&addresses[six], lines[_i].lets[six], rule, 0);
	commit_dns("auto");
	for (unsigned int six = 0; six < 2; six++)
		send_all(&addresses[six], lines[_i].lets[six], rule, 1);
}
END_TEST

/* The same, in the words of iptables. */
static const struct {
	const char *rule;
	unsigned int lets;
	bool ipv6;			/* of that alone */
} xt_lines[] = {
	{ "-t mangle -A PREROUTING -m conntrack --ctstate NEW -m rpfilter --invert -j DROP",
	  BUT(FORGED), false },
	{ "-t mangle -A PREROUTING -m conntrack --ctstate NEW -m rpfilter -j ACCEPT", ALL, false },
	{ "-A INPUT -m addrtype --limit-iface-in ! --dst-type LOCAL -j DROP", BUT(ELSEWHERE), false },
	{ "-A INPUT -m conntrack --ctstate NEW -m addrtype --limit-iface-in ! --dst-type LOCAL -j DROP",
	  BUT(ELSEWHERE), false },
	{ "-A INPUT -m hbh -j DROP", BUT(HOP_BY_HOP), true },
	{ "-A INPUT -m dst -m conntrack --ctstate NEW -j REJECT", BUT(TO_DESTINATION), true },
	{ "-A INPUT -m rt -j DROP", BUT(ROUTED), true },
	{ "-A INPUT -m ipv6header --header dst --soft -j DROP", BUT(TO_DESTINATION), true },
	{ "-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp ! --tcp-flags ALL SYN -j DROP",
	  BUT(PUSHED), false },
	{ "-A INPUT -p tcp -m tcp --tcp-flags PSH PSH -j DROP", BUT(PUSHED), false },
	{ "-A INPUT -m pkttype ! --pkt-type unicast -j DROP", BUT(TO_ALL), false },
};
enum { XT_LINES = sizeof(xt_lines) / sizeof(xt_lines[0]) };

static const struct {
	const char *backend;
	bool nft;			/* iptables-nft, and not -legacy */
} worlds[] = { { "auto", false }, { "nft", false }, { "auto", true } };
enum { WORLDS = sizeof(worlds) / sizeof(worlds[0]) };

START_TEST(what_iptables_tells_apart_goes_on_being_told_apart)
{
	const int line = _i % XT_LINES, world = _i / XT_LINES % WORLDS, six = _i / XT_LINES / WORLDS;
	const char *tables = families[six + (worlds[world].nft ? FAMILY_COUNT : 0)].tables;
	const char *rule = xt_lines[line].rule;

	if (xt_lines[line].ipv6 && !six)
		return;
	wire_begin();
	must("%s -w -A INPUT -p udp --sport 9 --dport 9 -j ACCEPT", tables);
	must("%s -w -t mangle -A PREROUTING -p udp --sport 9 --dport 9 -j ACCEPT", tables);
	must("%s -w -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", tables);
	must("%s -w %s", tables, rule);
	must("%s -w -A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", tables);
	must("%s -w -A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", tables);
	must("%s -w -P INPUT DROP", tables);
	send_all(&addresses[six], xt_lines[line].lets, rule, 0);
	commit_dns(worlds[world].backend);
	send_all(&addresses[six], xt_lines[line].lets, rule, 1);
}
END_TEST

/* A mark that no rule gave, between what accepts answers and what accepts questions. */
static const struct {
	const char *rule;
	bool lets_marked;
} mark_lines[] = {
	{ "meta mark 0x1 drop", false },
	{ "meta mark & 0x3 != 0 drop", false },
	{ "ct state new meta mark 0x1-0x5 reject", false },
	{ "ct state new meta mark 0 accept", true },
	{ "meta mark set 0 meta mark 0x1 drop", true },
};
enum { MARK_LINES = sizeof(mark_lines) / sizeof(mark_lines[0]) };

static void send_marked(const char *rule, bool lets_marked, unsigned int round)
{
	for (unsigned int i = 0; i < 4; i++) {
		const struct addresses *of = &addresses[i / 2];
		struct wire_packet packet = packet_of(of, USUAL, IPPROTO_UDP, round);
		const struct in6_addr here = packet.destination;
		bool arrived;

		packet.way = WIRE_OUT;
		packet.mark = i % 2;
		packet.destination = packet.source;
		packet.source = here;
		packet.source_port = (uint16_t)(packet.source_port + i);
		wire_send(&packet, &arrived, 1);
		ck_assert_msg(arrived == (lets_marked || !packet.mark), "%s: mark %u, %s %s", rule,
			      packet.mark, arrived ? "arrives" : "does not arrive",
			      round ? "after" : "before");
	}
}

START_TEST(what_a_socket_marks_goes_on_being_told_apart)
{
	const char *rule = mark_lines[_i].rule;

	wire_begin();
	must_as(&(struct how){ .input = format_text(
		"table inet host { chain out { type filter hook output priority filter; policy drop;\n"
		"oif lo accept\nudp sport 9 udp dport 9 accept\nmeta l4proto { icmp, ipv6-icmp } accept\n"
		"ct state established,related accept\n%s\n"
		"meta l4proto { tcp, udp } th dport 53 ct state new accept\n}\n}\n", rule) }, "nft -f -");
	send_marked(rule, mark_lines[_i].lets_marked, 0);
	commit_dns("auto");
	send_marked(rule, mark_lines[_i].lets_marked, 1);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_a_socket_marks_goes_on_being_told_apart, 0, MARK_LINES);
	tcase_add_loop_test(tcase, what_nft_tells_apart_goes_on_being_told_apart, 0, LINES);
	tcase_add_loop_test(tcase, what_iptables_tells_apart_goes_on_being_told_apart, 0,
			    XT_LINES * WORLDS * FAMILY_COUNT);
}

int main(void)
{
	return netns_main("unusual", tests);
}
