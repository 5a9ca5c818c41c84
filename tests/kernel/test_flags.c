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

/* Of one client each: the state of a connection is not theirs to know. */
static const struct {
	const char *name;
	uint8_t flags;
	bool before, after;
} segments[] = {
	{ "SYN", TH_SYN, true, true },
	{ "SYN and FIN", TH_SYN | TH_FIN, false, false },
	{ "SYN and RST", TH_SYN | TH_RST, false, false },
	{ "FIN alone", TH_FIN, false, false },
	{ "none", 0, false, false },
	{ "FIN, PSH and URG", TH_FIN | TH_PUSH | TH_URG, false, false },
	/* to conntrack a stray one is NEW, as of a connection that began before */
	{ "ACK", TH_ACK, true, true },
};
enum { SEGMENTS = sizeof(segments) / sizeof(segments[0]) };

static const char *const rules[] = {
	"-A INPUT -p udp --sport 9 --dport 9 -j ACCEPT",
	"-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
	"-A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	"-A INPUT -p tcp -j DROP",
};

static struct wire_packet packet_of(const struct family *family, unsigned int segment, int round)
{
	struct wire_packet packet = {
		.domain = family->domain,
		.way = WIRE_IN,
		.interface = "veth0",
		.protocol = IPPROTO_TCP,
		.tcp_flags = segments[segment].flags,
		.source_port = (uint16_t)(20000 + 100 * round + (int)segment),
		.destination_port = 53,
	};

	inet_pton(family->domain, family->peer, &packet.source);
	inet_pton(family->domain, family->host, &packet.destination);
	return packet;
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
	const struct family *family = &families[_i];
	struct wire_packet packets[SEGMENTS];
	bool arrived[SEGMENTS] = { false };

	wire_begin();
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		must("%s -w %s", family->tables, rules[i]);
	for (unsigned int i = 0; i < SEGMENTS; i++)
		packets[i] = packet_of(family, i, 0);
	wire_send(packets, arrived, SEGMENTS);
	for (unsigned int i = 0; i < SEGMENTS; i++)
		ck_assert_msg(arrived[i] == segments[i].before, "%s, before", segments[i].name);

	commit_dns(family);
	memset(arrived, 0, sizeof(arrived));
	for (unsigned int i = 0; i < SEGMENTS; i++)
		packets[i] = packet_of(family, i, 1);
	wire_send(packets, arrived, SEGMENTS);
	for (unsigned int i = 0; i < SEGMENTS; i++)
		ck_assert_msg(arrived[i] == segments[i].after, "%s, after", segments[i].name);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, flags_that_no_segment_has_fare_as_invalid, 0,
			    FAMILIES_OF_BOTH_WORLDS);
}

int main(void)
{
	return netns_main("flags", tests);
}
