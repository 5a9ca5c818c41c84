/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exchange.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "entries.h"
#include "random.h"
#include "run.h"
#include "unit.h"

enum { SERVICE_PORT = 53, UNPRIVILEGED = 1024 };

/* RFC 3168, section 6.1, of the header of TCP */
enum { WITH_ECE = 0x40, WITH_CWR = 0x80 };

/* --- by chance -------------------------------------------------------- */

struct line {
	const char *interface;
	const char *own[2], *others[2][6];
};

/* Of the first, the last one is an address by chance. */
static const struct line lines[] = {
	{ "veth0", { "192.0.2.1", "2001:db8::1" },
	  { { "192.0.2.2", "192.0.2.66", "192.0.2.70", "198.51.100.7", "10.9.8.7", NULL },
	    { "2001:db8::2", "2001:db8::66", "2001:db8::70", "2001:db8:2::7", "2001:db8:9::9", NULL } } },
	{ "veth1", { "203.0.113.1", "2001:db8:f::1" },
	  { { "203.0.113.2", "203.0.113.9", "203.0.113.9", "203.0.113.100", "203.0.113.2",
	      "203.0.113.44" },
	    { "2001:db8:f::2", "2001:db8:f::9", "2001:db8:f::9", "2001:db8:f::2", "2001:db8:f::2",
	      "2001:db8:f::44" } } },
};

static const char *address_by_chance(bool six)
{
	return six ? format_text("2001:db8:9::%x:%x", random_below(65536), random_from(1, 65535)) :
		     format_text("10.%u.%u.%u", random_below(256), random_below(256),
				 random_from(1, 254));
}

static void put_address(struct in6_addr *address, int domain, const char *text)
{
	memset(address, 0, sizeof(*address));
	expect(inet_pton(domain, text, address) == 1, "%s", text);
}

static void put_addresses(struct wire_packet *packet, const struct line *line)
{
	bool six = packet->domain == AF_INET6;
	const char *own = line->own[six], *other = line->others[six][random_below(6)];

	if (packet->way == WIRE_LO)
		other = own;
	else if (!other)
		other = address_by_chance(six);
	put_address(&packet->source, packet->domain, packet->way == WIRE_IN ? other : own);
	put_address(&packet->destination, packet->domain, packet->way == WIRE_IN ? own : other);
}

/* Over lo, from a service's port to its port, nobody knows who asks whom. */
static void put_ports(struct wire_packet *packet, unsigned int number)
{
	packet->source_port = wire_client_ports[number];
	packet->destination_port = SERVICE_PORT;
	/* one a host: of two, one may be the answer to the other */
	if (random_chance(12))
		packet->destination_port = wire_ports[random_from(1, 2)];
	else if (packet->way != WIRE_LO && packet->protocol == IPPROTO_UDP && !number &&
		 random_chance(50))
		packet->source_port = SERVICE_PORT;
}

static struct wire_packet question_by_chance(unsigned int number)
{
	const struct line *line = &lines[random_chance(35)];
	bool tcp = random_chance(35);
	struct wire_packet packet = {
		.domain = random_chance(40) ? AF_INET6 : AF_INET,
		.way = random_chance(45) ? WIRE_IN : random_chance(75) ? WIRE_OUT : WIRE_LO,
		.interface = line->interface,
		.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.tcp_flags = tcp ? TH_SYN : 0,
	};

	if (packet.way == WIRE_LO)
		packet.interface = "lo";
	put_addresses(&packet, line);
	put_ports(&packet, number);
	return packet;
}

static struct wire_packet answer_to(const struct wire_packet *question)
{
	struct wire_packet answer = *question;

	answer.way = question->way == WIRE_IN ? WIRE_OUT : question->way == WIRE_OUT ? WIRE_IN :
										      WIRE_LO;
	answer.source = question->destination;
	answer.destination = question->source;
	answer.source_port = question->destination_port;
	answer.destination_port = question->source_port;
	if (question->protocol == IPPROTO_TCP)
		answer.tcp_flags = TH_SYN | TH_ACK;
	return answer;
}

/* INVALID to conntrack, whatever it knows of the connection. */
static uint8_t flags_of_no_segment(void)
{
	static const uint8_t flags[] = { 0, TH_FIN, TH_SYN | TH_FIN, TH_SYN | TH_RST, TH_RST | TH_URG };

	return flags[random_below(sizeof(flags))];
}

/* --- what few packets have -------------------------------------------- */

/* By chance, one of the flags of ECN, or a push, beside those that a segment is told by. */
static void put_flags(struct exchange *exchange)
{
	static const uint8_t beside[] = { TH_PUSH, WITH_ECE, WITH_CWR, WITH_ECE | WITH_CWR };

	for (unsigned int i = 0; i < exchange->count; i++)
		if (i || random_chance(50))
			exchange->packets[i].tcp_flags |= beside[random_below(sizeof(beside))];
	if (random_chance(50))
		exchange->packets[0].tcp_flags = TH_SYN | WITH_ECE | WITH_CWR;
}

static void put_extensions(struct exchange *exchange)
{
	for (unsigned int i = 0; i < exchange->count; i++)
		if (random_chance(70))
			exchange->packets[i].extension = (enum wire_extension)
				random_from(WIRE_HOP_BY_HOP, WIRE_TO_DESTINATION);
}

/* All go from and to other addresses: of another line, or this host's at another one. */
static void put_other_line(struct exchange *exchange, bool own)
{
	struct wire_packet *packets = exchange->packets;
	const bool six = packets->domain == AF_INET6, in = packets->way == WIRE_IN;
	const struct line *line = &lines[packets->interface[4] != '1'];
	const char *text = own ? line->own[six] : line->others[six][random_below(5)];
	struct in6_addr address;

	put_address(&address, packets->domain, text);
	for (unsigned int i = 0; i < exchange->count; i++)
		if ((i == 1) == (own == in))
			packets[i].source = address;
		else
			packets[i].destination = address;
}

static void make_unusual(struct exchange *exchange)
{
	const unsigned int kind = random_below(4);

	if (exchange->packets->way == WIRE_LO)
		return;
	exchange->is_unusual = true;
	if (kind == 0 && exchange->packets->domain == AF_INET6)
		put_extensions(exchange);
	else if (kind == 1 && exchange->packets->protocol == IPPROTO_UDP)
		for (unsigned int i = 0; i < exchange->count; i++)
			exchange->packets[i].to_all = true;
	else if (kind < 4 && exchange->packets->way == WIRE_IN)
		put_other_line(exchange, kind == 3);
	else
		exchange->is_unusual = false;
}

struct exchange exchange_by_chance(unsigned int number)
{
	struct exchange exchange = { .count = 2, .asked = random_chance(90) };
	struct wire_packet *packets = exchange.packets;

	packets[0] = question_by_chance(number);
	packets[1] = answer_to(&packets[0]);
	if (packets[0].protocol == IPPROTO_TCP) {
		packets[2] = packets[0];
		packets[2].tcp_flags = random_chance(85) ? TH_ACK : flags_of_no_segment();
		exchange.count = 3;
	}
	if (packets[0].way == WIRE_LO)
		exchange.asked = true;
	if (packets[0].protocol == IPPROTO_TCP && random_chance(40))
		put_flags(&exchange);
	if (random_chance(50))
		make_unusual(&exchange);
	return exchange;
}

/* --- of a service ----------------------------------------------------- */

static bool has_word(const char *words, const char *word)
{
	return !words || strstr(words, word);
}

static bool has_role(const struct notrack_service *service, const char *role)
{
	if (!service->roles)
		return strcmp(service->name, "dns-auth") || !strcmp(role, "inbound");
	return !strcmp(service->roles, "both") || strstr(service->roles, role);
}

/* The prefixes are those of test_wire.c. */
static bool is_from(const struct notrack_service *service, const struct wire_packet *question)
{
	static const uint8_t from4[] = { 192, 0, 2 }, from6[] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0 };

	return !service->from ||
	       (question->domain == AF_INET ? !memcmp(&question->source, from4, sizeof(from4)) :
					      !memcmp(&question->source, from6, sizeof(from6)));
}

/* Of a service with both roles, packets with its port at both ends stay tracked. */
static bool is_of_service(const struct notrack_service *service, const struct wire_packet *question)
{
	bool in = has_role(service, "inbound"), out = has_role(service, "outbound");

	if (question->destination_port != SERVICE_PORT ||
	    (question->way == WIRE_IN && !is_from(service, question)) ||
	    !has_word(service->protocols, question->protocol == IPPROTO_TCP ? "tcp" : "udp"))
		return false;
	if (question->source_port < UNPRIVILEGED && out)
		return false;
	return question->way == WIRE_LO || (question->way == WIRE_IN ? in : out);
}

/*
 * A service of one role takes all packets from its port to its port for that role's: this host
 * does not ask from there.
 */
static void ask_from_elsewhere(struct exchange *exchange, uint16_t port)
{
	for (unsigned int i = 0; i < exchange->count; i++) {
		struct wire_packet *packet = &exchange->packets[i];

		*(packet->way == WIRE_OUT ? &packet->source_port : &packet->destination_port) = port;
	}
}

void exchanges_begin(const struct notrack_service *service, struct exchange *exchanges,
		     unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (exchanges[i].packets[0].way == WIRE_OUT && !has_role(service, "outbound") &&
		    exchanges[i].packets[0].source_port == SERVICE_PORT)
			ask_from_elsewhere(&exchanges[i], wire_client_ports[i]);
	for (unsigned int i = 0; i < count; i++) {
		exchanges[i].of_service = is_of_service(service, &exchanges[i].packets[0]);
		exchanges[i].is_exempt = !is_from(service, &exchanges[i].packets[0]);
	}
}

/* --- conntrack -------------------------------------------------------- */

struct search {
	struct exchange *exchanges;
	unsigned int count;
};

static bool is_between(const struct entry *entry, const struct wire_packet *packet)
{
	return (entry->source_port == packet->source_port &&
		entry->destination_port == packet->destination_port) ||
	       (entry->source_port == packet->destination_port &&
		entry->destination_port == packet->source_port);
}

static void find(const struct entry *entry, void *data)
{
	struct search *search = data;

	for (unsigned int i = 0; i < search->count; i++) {
		const struct wire_packet *packet = &search->exchanges[i].packets[0];

		search->exchanges[i].tracked |= search->exchanges[i].of_service &&
			entry->protocol == packet->protocol && entry->domain == packet->domain &&
			is_between(entry, packet);
	}
}

static void find_tracked(struct exchange *exchanges, unsigned int count)
{
	struct search search = { exchanges, count };

	entries_each(find, &search);
}

unsigned int exchange_tracked(const struct exchange *exchanges, unsigned int count)
{
	unsigned int tracked = 0;

	for (unsigned int i = 0; i < count; i++)
		tracked += exchanges[i].tracked;
	return tracked;
}

/* --- on the wire ------------------------------------------------------ */

static void run_one(struct exchange *exchange, enum when when)
{
	bool *arrived = exchange->arrived[when];

	memset(arrived, 0, sizeof(exchange->arrived[when]));
	if (!exchange->asked) {
		wire_send(&exchange->packets[1], &arrived[1], 1);
		return;
	}
	for (unsigned int i = 0; i < exchange->count; i++) {
		wire_send(&exchange->packets[i], &arrived[i], 1);
		if (!arrived[i])
			break;
	}
}

void exchanges_run(struct exchange *exchanges, unsigned int count, enum when when)
{
	entries_forget();
	for (unsigned int i = 0; i < count; i++)
		if (exchanges[i].of_service)
			run_one(&exchanges[i], when);
	if (when == AFTER)
		find_tracked(exchanges, count);
	for (unsigned int i = 0; i < count; i++)
		if (!exchanges[i].of_service)
			run_one(&exchanges[i], when);
}

/* The answer to a SYN has to acknowledge its number, which no later one does. */
static void go_on(struct exchange *exchange)
{
	unsigned int first = exchange->packets[0].protocol == IPPROTO_TCP ? 2 : 1;

	for (unsigned int i = first; i < exchange->count && exchange->arrived[BEFORE][i]; i++) {
		wire_send(&exchange->packets[i], &exchange->went_on[i], 1);
		exchange->tried[i] = true;
	}
}

void exchanges_go_on(struct exchange *exchanges, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (exchanges[i].of_service && exchanges[i].asked)
			go_on(&exchanges[i]);
}
