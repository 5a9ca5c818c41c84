/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exchanges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"

enum { PORT = 53, BARRIER_PROTOCOL = 0x88b5, SERVED = 3 };	/* IEEE 802: for experiments */

enum link { TO_HOST, TO_PEER, OVER_LO, LINKS };

/* Where a barrier is sent, and where it arrives. */
static struct barrier {
	int sender, receiver;
	int index;
} barriers[LINKS];

/* Servers by place and family; those over lo have an address of their own. */
static int datagrams[2][FAMILY_COUNT][2], listeners[2][FAMILY_COUNT][2];

static const struct {
	enum asker asker;
	const char *name;
} askers[] = {
	{ OTHER, "other" }, { LIMITED, "limited" }, { OWN, "own" },
	{ SELF, "itself over lo" }, { SELF, "itself by its address" },
};
#define ASKERS (sizeof(askers) / sizeof(askers[0]))

/* --- barriers --------------------------------------------------------- */

static int open_link(enum place where, const char *interface, int *index)
{
	int fd = netns_socket(where, AF_PACKET, SOCK_DGRAM, htons(BARRIER_PROTOCOL));
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(BARRIER_PROTOCOL) };

	netns_move_to(where);
	*index = address.sll_ifindex = (int)if_nametoindex(interface);
	netns_move_to(HOST);
	ck_assert_msg(bind(fd, (void *)&address, sizeof(address)) == 0, "%s: %s", interface,
		      strerror(errno));
	return fd;
}

static void open_barriers(void)
{
	int at_host, at_peer, on_lo, host, peer, lo;

	host = open_link(HOST, "veth0", &at_host);
	peer = open_link(PEER, "veth0", &at_peer);
	lo = open_link(HOST, "lo", &on_lo);
	barriers[TO_HOST] = (struct barrier){ peer, host, at_peer };
	barriers[TO_PEER] = (struct barrier){ host, peer, at_host };
	barriers[OVER_LO] = (struct barrier){ lo, lo, on_lo };
}

/* All that was sent over the link before has arrived, and what it made the kernel do is done. */
static void wait_behind(enum link link)
{
	const struct barrier *barrier = &barriers[link];
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6,
				  .sll_protocol = htons(BARRIER_PROTOCOL),
				  .sll_ifindex = barrier->index, .sll_addr = { 2, 0, 0, 0, 0, 9 } };
	unsigned int waits = 0;
	char data[64] = "";

	ck_assert_int_eq(sendto(barrier->sender, data, sizeof(data), 0, (void *)&to, sizeof(to)),
			 sizeof(data));
	while (recv(barrier->receiver, data, sizeof(data), MSG_DONTWAIT) < 0)
		ck_assert_msg(wait_a_little(&waits), "a frame that nobody filters did not arrive");
}

static void wait_for_link(enum place from, enum place to)
{
	wait_behind(from == to ? OVER_LO : to == HOST ? TO_HOST : TO_PEER);
}

/* --- servers ---------------------------------------------------------- */

/* All links then hand over their packets on one processor, one after another. */
static void stay_on_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

static const char *address_of(const struct family *family, enum place where, unsigned int which)
{
	return where == PEER ? family->peer : which ? family->lo : family->host;
}

void exchanges_begin(void)
{
	stay_on_one_processor();
	open_barriers();
	for (enum place where = HOST; where <= PEER; where++)
		for (unsigned int i = 0; i < FAMILY_COUNT; i++)
			for (unsigned int j = 0; j < (where == HOST ? 2 : 1); j++) {
				struct end end = { where, address_of(&families[i], where, j), PORT };

				datagrams[where][i][j] = udp_open(&families[i], end);
				listeners[where][i][j] = tcp_listen(&families[i], end);
				ck_assert_int_eq(fcntl(listeners[where][i][j], F_SETFL, O_NONBLOCK), 0);
			}
}

/* --- one exchange ----------------------------------------------------- */

/* Who asks whom. */
struct exchange {
	const struct family *family;
	struct end from, to;
	int datagrams, listener;		/* of the server */
};

static bool take(int fd, void *from, socklen_t *size)
{
	char data[16];

	return recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, from, size) > 0;
}

static bool ask_by_udp(const struct exchange *exchange)
{
	int fd = udp_open(exchange->family, exchange->from);
	struct sockaddr_storage client;
	socklen_t size = sizeof(client);
	bool answered = false;

	udp_send(exchange->family, fd, exchange->to, 1);
	wait_for_link(exchange->from.where, exchange->to.where);
	if (take(exchange->datagrams, &client, &size)) {
		sendto(exchange->datagrams, "answer", 6, 0, (void *)&client, size);
		wait_for_link(exchange->to.where, exchange->from.where);
		answered = take(fd, NULL, NULL);
	}
	close(fd);
	return answered;
}

/* A byte each way, over a connection that is there. */
static bool pass_bytes(const struct exchange *exchange, int client, int server)
{
	char byte = 'x';

	send(client, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	wait_for_link(exchange->from.where, exchange->to.where);
	if (recv(server, &byte, 1, MSG_DONTWAIT) != 1)
		return false;
	send(server, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	wait_for_link(exchange->to.where, exchange->from.where);
	return recv(client, &byte, 1, MSG_DONTWAIT) == 1;
}

/* A reset ends both ends at once, so that nothing of this exchange comes later. */
static void end_connection(const struct exchange *exchange, int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	wait_for_link(exchange->from.where, exchange->to.where);
	wait_for_link(exchange->to.where, exchange->from.where);
}

static bool ask_by_tcp(const struct exchange *exchange)
{
	int fd = tcp_begin(exchange->family, exchange->from, exchange->to), accepted;
	bool answered;

	wait_for_link(exchange->from.where, exchange->to.where);
	wait_for_link(exchange->to.where, exchange->from.where);
	wait_for_link(exchange->from.where, exchange->to.where);
	accepted = accept4(exchange->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	answered = accepted >= 0 && pass_bytes(exchange, fd, accepted);
	end_connection(exchange, fd);
	end_connection(exchange, accepted);
	return answered;
}

/* --- all of them ------------------------------------------------------ */

static struct exchange exchange_of(unsigned int family_index, size_t asker)
{
	const struct family *family = &families[family_index];
	enum asker who = askers[asker].asker;
	enum place server = who == OWN ? PEER : HOST;
	unsigned int which = asker == SERVED;
	const char *own = address_of(family, HOST, which);

	return (struct exchange){
		.family = family,
		.from = { who & (OTHER | LIMITED) ? PEER : HOST,
			  who == OTHER ? family->other : who == LIMITED ? family->limited : own, 0 },
		.to = { server, server == PEER ? family->peer : own, PORT },
		.datagrams = datagrams[server][family_index][which],
		.listener = listeners[server][family_index][which],
	};
}

static void print_line(FILE *out, const struct family *family, const char *protocol, size_t asker,
		       bool answered)
{
	fprintf(out, "%s %s %s: %s\n", family->name, protocol, askers[asker].name,
		answered ? "answered" : "not answered");
}

char *exchanges(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned int i = 0; i < FAMILY_COUNT; i++)
		for (size_t j = 0; j < ASKERS; j++) {
			struct exchange exchange = exchange_of(i, j);

			print_line(out, &families[i], "udp", j, ask_by_udp(&exchange));
			print_line(out, &families[i], "tcp", j, ask_by_tcp(&exchange));
		}
	fclose(out);
	return keep(text);
}

char *exchanges_expected(unsigned int ipv4, unsigned int ipv6)
{
	const unsigned int answered[FAMILY_COUNT] = { ipv4, ipv6 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned int i = 0; i < FAMILY_COUNT; i++)
		for (size_t j = 0; j < ASKERS; j++) {
			print_line(out, &families[i], "udp", j, answered[i] & askers[j].asker);
			print_line(out, &families[i], "tcp", j, answered[i] & askers[j].asker);
		}
	fclose(out);
	return keep(text);
}

unsigned int exchanges_answered(const struct family *family, const char *client,
				unsigned int questions)
{
	/*
	 * A port that asked before would be let in as ESTABLISHED.  The kernel's choice of ports
	 * repeats one of a dozen in about one run of three hundred.
	 */
	static uint16_t next_port = 10000;
	unsigned int index = (unsigned int)(family - families), answered = 0;
	struct exchange exchange = exchange_of(index, 0);

	exchange.from.address = client;
	for (unsigned int i = 0; i < questions; i++) {
		exchange.from.port = next_port++;
		answered += ask_by_udp(&exchange);
	}
	return answered;
}
