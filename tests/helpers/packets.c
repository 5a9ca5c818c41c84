/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_BURST = 1024,
	PATIENCE_MS = 15000,		/* for what must come: as good as for ever */
	SYNS_MS = 1500,			/* for what must not come: the second SYN, too */
	BUFFER_BYTES = 8 << 20,		/* so that a socket drops nothing of a burst */
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address_size(const struct family *family)
{
	return family->domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static union address address_of(const struct family *family, struct end end)
{
	union address address = { .any.sa_family = (sa_family_t)family->domain };
	bool v4 = family->domain == AF_INET;
	void *bits = v4 ? (void *)&address.v4.sin_addr : (void *)&address.v6.sin6_addr;

	*(v4 ? &address.v4.sin_port : &address.v6.sin6_port) = htons(end.port);
	ck_assert_msg(inet_pton(family->domain, end.address, bits) == 1, "%s", end.address);
	return address;
}

static int open_bound(const struct family *family, struct end end, int type)
{
	int fd = netns_socket(end.where, family->domain, type, 0), on = 1, size = BUFFER_BYTES;
	union address address = address_of(family, end);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	ck_assert_msg(bind(fd, &address.any, address_size(family)) == 0, "bind %s port %u: %s",
		      end.address, end.port, strerror(errno));
	return fd;
}

int udp_open(const struct family *family, struct end end)
{
	return open_bound(family, end, SOCK_DGRAM);
}

void udp_connect(const struct family *family, int fd, struct end to)
{
	union address address = address_of(family, to);

	ck_assert_msg(connect(fd, &address.any, address_size(family)) == 0, "connect to %s: %s",
		      to.address, strerror(errno));
}

void udp_send(const struct family *family, int fd, struct end to, unsigned int count)
{
	union address address = address_of(family, to);
	struct iovec data = { .iov_base = (char[]){ "query" }, .iov_len = 5 };
	struct mmsghdr message[MAX_BURST];

	ck_assert_uint_le(count, MAX_BURST);
	for (unsigned int i = 0; i < count; i++)
		message[i].msg_hdr = (struct msghdr){
			.msg_name = &address,
			.msg_namelen = address_size(family),
			.msg_iov = &data,
			.msg_iovlen = 1,
		};
	for (unsigned int sent = 0; sent < count;) {
		int now = sendmmsg(fd, message + sent, count - sent, 0);

		/* EPERM: our own OUTPUT dropped it, which is for the receiver to find out. */
		ck_assert_msg(now > 0 || errno == EPERM, "sendmmsg: %s", strerror(errno));
		sent += now > 0 ? (unsigned int)now : 1;
	}
}

static bool readable(int fd, int patience_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, patience_ms) == 1;
}

bool udp_arrive(int fd, unsigned int count)
{
	char data[16];

	for (unsigned int i = 0; i < count; i++)
		if (!readable(fd, PATIENCE_MS) || recv(fd, data, sizeof(data), 0) < 0)
			return false;
	return true;
}

unsigned int udp_pending(int fd)
{
	char data[16];
	unsigned int count = 0;

	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		count++;
	return count;
}

static bool udp_answer(int server_fd)
{
	union address from;
	socklen_t size = sizeof(from);
	char data[16];
	ssize_t got;

	if (!readable(server_fd, PATIENCE_MS))
		return false;
	got = recvfrom(server_fd, data, sizeof(data), 0, &from.any, &size);
	return got >= 0 && sendto(server_fd, data, (size_t)got, 0, &from.any, size) == got;
}

bool udp_passes(const struct family *family, struct end from, struct end to, unsigned int count)
{
	int to_fd = udp_open(family, to), from_fd = udp_open(family, from);
	bool arrived;

	udp_send(family, from_fd, to, count);
	arrived = udp_arrive(to_fd, count);
	close(to_fd);
	close(from_fd);
	return arrived;
}

unsigned int udp_ask(const struct family *family, const char *from, unsigned int count)
{
	struct end server = { HOST, family->host, 53 };
	int server_fd = udp_open(family, server);
	int fd = udp_open(family, (struct end){ PEER, from, 0 });
	unsigned int arrived;

	udp_send(family, fd, server, count);
	arrived = udp_pending(server_fd);
	close(fd);
	close(server_fd);
	return arrived;
}

bool udp_exchange(const struct family *family, int fd, int server_fd, struct end server)
{
	udp_send(family, fd, server, 1);
	return udp_answer(server_fd) && udp_arrive(fd, 1);
}

static unsigned int ms_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned int)((now.tv_sec - begin->tv_sec) * 1000 +
			      (now.tv_nsec - begin->tv_nsec) / 1000000);
}

bool udp_loses_no_answer(const struct family *family, int fd, int server_fd, struct end server)
{
	struct timespec begin;
	bool late;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	udp_send(family, fd, server, 1);
	if (!udp_answer(server_fd))
		return false;
	late = ms_since(&begin) >= ANSWERED_WITHIN_MS;
	return udp_arrive(fd, 1) || late;
}

static bool host_is_answered(const struct family *family)
{
	struct end server = { PEER, family->peer, 53 };
	int server_fd = udp_open(family, server);
	int fd = udp_open(family, (struct end){ HOST, family->host, 0 });
	bool answered = udp_exchange(family, fd, server_fd, server);

	close(server_fd);
	close(fd);
	return answered;
}

/*
 * What the host sent its question for has come back over the same link, behind the query:
 * by then the query has arrived, or was dropped.
 */
bool client_is_answered(const struct family *family, const char *client)
{
	struct end server = { HOST, family->host, 53 };
	int server_fd = udp_open(family, server);
	int fd = udp_open(family, (struct end){ PEER, client, 0 });
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	bool answered = false;
	ssize_t got;
	char data[16];

	udp_send(family, fd, server, 1);
	ck_assert_msg(host_is_answered(family), "this host's own question");
	got = recvfrom(server_fd, data, sizeof(data), MSG_DONTWAIT, (void *)&from, &size);
	if (got >= 0)
		answered = sendto(server_fd, data, (size_t)got, 0, (void *)&from, size) == got &&
			   udp_arrive(fd, 1);
	close(server_fd);
	close(fd);
	return answered;
}

int tcp_listen(const struct family *family, struct end end)
{
	int fd = open_bound(family, end, SOCK_STREAM);

	ck_assert_int_eq(listen(fd, SOMAXCONN), 0);
	return fd;
}

int tcp_begin(const struct family *family, struct end from, struct end to)
{
	int fd = open_bound(family, from, SOCK_STREAM | SOCK_NONBLOCK), on = 1;
	union address address = address_of(family, to);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ck_assert_int_eq(connect(fd, &address.any, address_size(family)), -1);
	ck_assert_msg(errno == EINPROGRESS, "connect: %s", strerror(errno));
	return fd;
}

bool tcp_never_connects(const struct family *family, struct end client, struct end server)
{
	int listener = tcp_listen(family, server);
	int fd = tcp_begin(family, client, server);
	bool never = !readable(listener, SYNS_MS);

	close(fd);
	close(listener);
	return never;
}

static bool pass_byte(int from, int to)
{
	char byte = 'x';

	return send(from, &byte, 1, MSG_NOSIGNAL) == 1 && readable(to, PATIENCE_MS) &&
	       recv(to, &byte, 1, 0) == 1;
}

bool tcp_exchange(const struct family *family, struct end client, struct end server,
		  unsigned int segments)
{
	int listener = tcp_listen(family, server), on = 1, accepted;
	int fd = tcp_begin(family, client, server);
	bool passed = readable(listener, PATIENCE_MS);

	if (passed) {
		accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		for (unsigned int i = 0; passed && i < segments; i++)
			passed = pass_byte(fd, accepted) && pass_byte(accepted, fd);
		close(accepted);
	}
	close(fd);
	close(listener);
	return passed;
}
