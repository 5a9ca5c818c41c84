/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets at HOST or at PEER, both ends of a flow in the hands of one test: it
 * sends at one end and looks whether it comes out of the other.
 */
#ifndef NOTRACK_TESTS_PACKETS_H
#define NOTRACK_TESTS_PACKETS_H

#include <stdint.h>

#include "netns.h"

/* One end; port 0 is any. */
struct end {
	enum place where;
	const char *address;
	uint16_t port;
};

/* A UDP socket bound to the end. */
int udp_open(const struct family *family, struct end end);

/* From then on, what comes from elsewhere is no answer. */
void udp_connect(const struct family *family, int fd, struct end to);

/* So many packets in one system call. */
void udp_send(const struct family *family, int fd, struct end to, unsigned int count);

/* Whether that many arrive; those that are there, without waiting. */
bool udp_arrive(int fd, unsigned int count);
unsigned int udp_pending(int fd);

/* Whether so many packets from one end arrive at the other. */
bool udp_passes(const struct family *family, struct end from, struct end to, unsigned int count);

/* So many questions to HOST's port 53 at once; how many come out. */
unsigned int udp_ask(const struct family *family, const char *from, unsigned int count);

/* A query from fd to the server's socket, and its reply: whether both arrive. */
bool udp_exchange(const struct family *family, int fd, int server_fd, struct end server);

/*
 * Whether the answer came; or the server could not give it in the time for which a service that
 * leaves waits for answers (support/packets.c), as a busy machine lets nobody run for longer.
 */
#define ANSWERED_WITHIN_MS 40
bool udp_loses_no_answer(const struct family *family, int fd, int server_fd, struct end server);

/*
 * Whether a client at PEER who asks HOST at port 53 gets an answer.  HOST has to let its own
 * questions out, and the answers in: by one of them it is known, without waiting, that the
 * client's question was dropped.
 */
bool client_is_answered(const struct family *family, const char *client);

int tcp_listen(const struct family *family, struct end end);

/* Sends the SYN and does not wait for what becomes of it. */
int tcp_begin(const struct family *family, struct end from, struct end to);

/* Whether none comes about: neither for the SYN nor for the one that is sent a second later. */
bool tcp_never_connects(const struct family *family, struct end client, struct end server);

/* A connection, and `segments` of a byte each way, one after another: whether all arrive. */
bool tcp_exchange(const struct family *family, struct end client, struct end server,
		  unsigned int segments);

#endif
