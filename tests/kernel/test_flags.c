/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Segments of TCP whose flags no connection has: to conntrack they are INVALID, and so they
 * have to fare where they are not tracked any more.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "model.h"
#include "run.h"
#include "wire.h"

/*
 * What each host does with segments to the service's port, by the state that conntrack sees in
 * them; it lets the marks of the wire in.
 */
static const struct {
	const char *rules[6];
	/* what of them gets in before the service is added, and after it */
	bool before, after;
} hosts[] = {
	/* accepts by state, with twins of ours */
	{ { "-A INPUT -p udp --sport 9 --dport 9 -j ACCEPT",
	    "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
	    "-A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	    "-A INPUT -p tcp -j DROP" }, true, true },
	/* an accept of the host's own, which asks for no state */
	{ { "-A INPUT -m conntrack --ctstate INVALID -j DROP",
	    "-A INPUT -p tcp --dport 53 -j ACCEPT" }, true, true },
	{ { "-A INPUT -m state --state INVALID -j DROP" }, true, true },
	/* an opening of ours */
	{ { "-A INPUT -p udp --sport 9 --dport 9 -j ACCEPT", "-A INPUT -p tcp -j DROP",
	    "-P INPUT DROP" }, false, true },
};
enum { HOSTS = sizeof(hosts) / sizeof(hosts[0]) };

/* All of FIN, SYN, RST, PSH, ACK and URG. */
enum { SEGMENTS = 0x40 };

/* RFC 9293, section 3.10.7, as nf_conntrack_proto_tcp.c reads it. */
static bool is_possible(uint8_t flags)
{
	switch (flags & ~TH_PUSH) {
	case TH_SYN:
	case TH_SYN | TH_URG:
	case TH_SYN | TH_ACK:
	case TH_RST:
	case TH_RST | TH_ACK:
	case TH_FIN | TH_ACK:
	case TH_FIN | TH_ACK | TH_URG:
	case TH_ACK:
	case TH_ACK | TH_URG:
		return true;
	default:
		return false;
	}
}

/*
 * Those that conntrack takes for the first of a connection that it sees; of others that are
 * possible it asks for a connection, and who keeps no state cannot.
 */
static bool is_stray(uint8_t flags)
{
	return is_possible(flags) && (flags & (TH_SYN | TH_ACK)) != TH_SYN &&
	       (flags & (TH_SYN | TH_RST | TH_FIN | TH_ACK)) != TH_ACK;
}

/* Of one client each: the state of a connection is not theirs to know. */
static struct wire_packet packet_of(const struct family *family, unsigned int flags, int round)
{
	struct wire_packet packet = {
		.domain = family->domain,
		.way = WIRE_IN,
		.interface = "veth0",
		.protocol = IPPROTO_TCP,
		.tcp_flags = (uint8_t)flags,
		.source_port = (uint16_t)(20000 + 100 * round + (int)flags),
		.destination_port = 53,
	};

	inet_pton(family->domain, family->peer, &packet.source);
	inet_pton(family->domain, family->host, &packet.destination);
	return packet;
}

static void send_all(const struct family *family, int round, bool gets_in)
{
	struct wire_packet packets[SEGMENTS];
	bool arrived[SEGMENTS] = { false };

	for (unsigned int flags = 0; flags < SEGMENTS; flags++)
		packets[flags] = packet_of(family, flags, round);
	wire_send(packets, arrived, SEGMENTS);
	for (unsigned int flags = 0; flags < SEGMENTS; flags++)
		ck_assert_msg(is_stray((uint8_t)flags) ||
			      arrived[flags] == (gets_in && is_possible((uint8_t)flags)),
			      "flags %#x, %s: %d", flags, round ? "after" : "before", arrived[flags]);
}

static void commit_dns(const struct family *family)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_set_families(nt, family->domain == AF_INET ? NOTRACK_IPV4 : NOTRACK_IPV6));
	add_service(nt, "dns", NULL);
	must_do(nt, notrack_commit(nt, NULL));
	notrack_free(nt);
}

START_TEST(flags_that_no_segment_has_fare_as_invalid)
{
	const struct family *family = &families[_i / HOSTS];
	const char *const *rules = hosts[_i % HOSTS].rules;

	wire_begin();
	for (size_t i = 0; rules[i]; i++)
		must("%s -w %s", family->tables, rules[i]);
	send_all(family, 0, hosts[_i % HOSTS].before);
	commit_dns(family);
	send_all(family, 1, hosts[_i % HOSTS].after);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, flags_that_no_segment_has_fare_as_invalid, 0,
			    FAMILIES_OF_BOTH_WORLDS * HOSTS);
}

int main(void)
{
	return netns_main("flags", tests);
}
