/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever the walk says of a packet, yes or no, the kernel does: on hosts by chance. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <random.h>
#include <stdlib.h>
#include <string.h>

#include "random_rules.h"
#include "run.h"
#include "walker.h"
#include "wire.h"

enum { HOSTS = 100, PACKETS = 12 };

static unsigned int said_yes, said_no, unsure, of_kind[RANDOM_KINDS], hosts;

/* --- packets by chance ------------------------------------------------ */

struct line {
	const char *interface;
	const char *own[2], *others[2][5];
};

static const struct line lines[] = {
	{ "veth0", { "192.0.2.1", "2001:db8::1" },
	  { { "192.0.2.2", "192.0.2.66", "192.0.2.70", "198.51.100.7", "10.9.8.7" },
	    { "2001:db8::2", "2001:db8::66", "2001:db8::70", "2001:db8:2::7", "2001:db8:9::9" } } },
	{ "veth1", { "203.0.113.1", "2001:db8:f::1" },
	  { { "203.0.113.2", "203.0.113.9", "203.0.113.9", "203.0.113.100", "203.0.113.2" },
	    { "2001:db8:f::2", "2001:db8:f::9", "2001:db8:f::9", "2001:db8:f::2", "2001:db8:f::2" } } },
};

/* Each exchange is one that conntrack has not seen before. */
static uint16_t client_port(void)
{
	static uint16_t next = 1023;

	next = next == 60000 ? 1024 : (uint16_t)(next + 1);
	return next;
}

static const char *random_address(bool six)
{
	return six ? format_text("2001:db8:9::%x:%x", random_below(65536), random_from(1, 65535)) :
		     format_text("10.%u.%u.%u", random_below(256), random_below(256),
				 random_from(1, 254));
}

static void put_address(struct in6_addr *address, int domain, const char *text)
{
	memset(address, 0, sizeof(*address));
	ck_assert_int_eq(inet_pton(domain, text, address), 1);
}

/* A request, in or out, or over lo. */
static struct wire_packet random_packet(void)
{
	const struct line *line = &lines[random_chance(35)];
	bool six = random_chance(40), tcp = random_chance(35);
	struct wire_packet packet = {
		.domain = six ? AF_INET6 : AF_INET,
		.way = random_chance(45) ? WIRE_IN : random_chance(75) ? WIRE_OUT : WIRE_LO,
		.interface = line->interface,
		.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.tcp_flags = tcp ? (random_chance(70) ? TH_SYN : TH_ACK) : 0,
		.source_port = client_port(),
		.destination_port = random_chance(70) ? 53 : random_chance(50) ? 80 : 1500,
	};
	const char *other = line->others[six][random_below(5)], *own = line->own[six];

	if (packet.way == WIRE_LO) {
		packet.interface = "lo";
		other = own;
	} else if (line == lines && random_chance(15)) {
		other = random_address(six);
		packet.source_port = random_chance(50) ? 53 : 5353;
	}
	put_address(&packet.source, packet.domain, packet.way == WIRE_IN ? other : own);
	put_address(&packet.destination, packet.domain, packet.way == WIRE_IN ? own : other);
	return packet;
}

static struct wire_packet reply_to(const struct wire_packet *packet)
{
	struct wire_packet reply = *packet;

	reply.way = packet->way == WIRE_IN ? WIRE_OUT : packet->way == WIRE_OUT ? WIRE_IN : WIRE_LO;
	reply.source = packet->destination;
	reply.destination = packet->source;
	reply.source_port = packet->destination_port;
	reply.destination_port = packet->source_port;
	if (packet->protocol == IPPROTO_TCP)
		reply.tcp_flags = TH_SYN | TH_ACK;
	return reply;
}

static bool is_unsure(const struct walker_says *says)
{
	return (says->through && says->dropped) || says->translated ||
	       (says->tracked && says->untracked);
}

/* --- a host ----------------------------------------------------------- */

static void explain(const struct random_rules *rules, const struct wire_packet *packet,
		    const char *which, const struct walker_says *says)
{
	random_rules_print(rules, stderr);
	ck_abort_msg("host %u: %s %s, %s: %s", hosts, which, wire_text(packet),
		     says->untracked ? "untracked" : "tracked", says->through ?
		     format_text("did not arrive; accepted by %s", says->accepted_by) :
		     format_text("arrived; dropped by %s", says->dropped_by));
}

/* One packet: returns whether it is known what became of it, and it got there. */
static bool try_packet(struct walker *walker, const struct random_rules *rules,
		       const struct wire_packet *packet, enum walker_state state, const char *which,
		       struct walker_says *said)
{
	struct walker_says says = walker_ask(walker, packet, state);
	bool arrived;

	wire_send(packet, &arrived, 1);
	*said = says;
	if (is_unsure(&says)) {
		unsure++;
		return false;
	}
	if (arrived)
		said_yes++;
	else
		said_no++;
	if (arrived != (says.through))
		explain(rules, packet, which, &says);
	return arrived;
}

/* A request, and, where it got there, its reply. */
static void try_exchange(struct walker *walker, const struct random_rules *rules)
{
	struct wire_packet packet = random_packet(), reply = reply_to(&packet);
	/* a segment without SYN begins no connection that a reply could belong to */
	bool begins = packet.protocol == IPPROTO_UDP || packet.tcp_flags & TH_SYN;
	struct walker_says says, answer;

	if (!try_packet(walker, rules, &packet, WALKER_NEW, "request", &says) || !begins)
		return;
	/* conntrack knows the reply by its zone as well */
	answer = walker_ask(walker, &reply, WALKER_ESTABLISHED);
	if (says.zone == answer.zone)
		try_packet(walker, rules, &reply, says.tracked ? WALKER_ESTABLISHED : WALKER_NEW,
			   "reply", &says);
}

static void try_host(void)
{
	struct random_rules rules = random_rules();
	struct walker *walker;

	random_rules_install(&rules);
	walker = walker_read();
	for (unsigned int i = 0; i < PACKETS; i++)
		try_exchange(walker, &rules);
	walker_free(walker);
	for (unsigned int i = 0; i < RANDOM_KINDS; i++)
		of_kind[i] += rules.kinds.there[i];
	hosts++;
}

static void report(void)
{
	fprintf(stderr, "%u hosts: %u packets arrive, %u do not, %u unsure (%.1f%%)\n", hosts,
		said_yes, said_no, unsure, 100. * unsure / (said_yes + said_no + unsure));
	for (unsigned int i = 0; i < RANDOM_KINDS; i++)
		if (random_kind_name(i) && of_kind[i] * 50 < hosts)
			fprintf(stderr, "%s: in %u hosts\n", random_kind_name(i), of_kind[i]);
}

START_TEST(what_the_walk_says_the_kernel_does)
{
	const char *count = getenv("NOTRACK_TEST_HOSTS");
	unsigned int wanted = count ? (unsigned int)atoi(count) : HOSTS;

	wire_begin();
	random_rules_begin();
	while (hosts < wanted)
		try_host();
	report();
	ck_assert_uint_lt(20 * unsure, said_yes + said_no + unsure);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_set_timeout(tcase, 0);
	tcase_add_checked_fixture(tcase, random_begin, NULL);
	tcase_add_test(tcase, what_the_walk_says_the_kernel_does);
}

int main(void)
{
	return netns_main("view-random", tests);
}
