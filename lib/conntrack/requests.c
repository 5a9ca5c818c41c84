/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/requests.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/clock.h"

#define HEAD 128		/* of a packet; extension headers beyond it are rare */
#define QUEUE (8 * 1024 * 1024)
#define BATCH 64

/* What IPv6 may have between its header and that of the protocol. */
#define EXTENSIONS_MAX 4

struct sample {
	int (*visit)(const struct request *request, void *data);
	void *data;
	uint64_t seen;			/* packets of all kinds */
};

/* --- packets ---------------------------------------------------------- */

static bool is_request(uint8_t protocol, const uint8_t *header, size_t size)
{
	switch (protocol) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return size >= 4;
	case IPPROTO_TCP:	/* SYN, and neither ACK nor RST */
		return size >= 14 && (header[13] & 0x16) == 0x02;
	case IPPROTO_SCTP:	/* its first chunk is INIT */
		return size >= 13 && header[12] == 1;
	default:
		return false;
	}
}

static bool read_ipv4(const uint8_t *packet, size_t size, struct request *request, size_t *at)
{
	if (size < 20 || packet[0] >> 4 != 4)
		return false;
	*at = (packet[0] & 0xfu) * 4u;
	*request = (struct request){ .family = IPV4, .protocol = packet[9], .source = packet + 12,
				     .destination = packet + 16 };
	/* only the first fragment has the ports */
	return *at >= 20 && !((packet[6] & 0x1f) | packet[7]);
}

static bool read_ipv6(const uint8_t *packet, size_t size, struct request *request, size_t *at)
{
	if (size < 40 || packet[0] >> 4 != 6)
		return false;
	*at = 40;
	*request = (struct request){ .family = IPV6, .protocol = packet[6], .source = packet + 8,
				     .destination = packet + 24 };
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		const uint8_t *extension = packet + *at;

		if (request->protocol != IPPROTO_HOPOPTS && request->protocol != IPPROTO_ROUTING &&
		    request->protocol != IPPROTO_DSTOPTS && request->protocol != IPPROTO_FRAGMENT)
			break;
		if (size < *at + 8 || (request->protocol == IPPROTO_FRAGMENT &&
				       (extension[2] || extension[3] & 0xf8)))
			return false;
		*at += request->protocol == IPPROTO_FRAGMENT ? 8 : (extension[1] + 1u) * 8u;
		request->protocol = extension[0];
	}
	return true;
}

static int take(struct sample *sample, const uint8_t *packet, size_t size)
{
	struct request request;
	size_t at;

	sample->seen++;
	if (!size || !(packet[0] >> 4 == 6 ? read_ipv6 : read_ipv4)(packet, size, &request, &at) ||
	    at >= size || !is_request(request.protocol, packet + at, size - at))
		return 0;
	request.port = (uint16_t)(packet[at + 2] << 8 | packet[at + 3]);
	return sample->visit(&request, sample->data);
}

/* --- sockets ---------------------------------------------------------- */

/* What is sent to this host itself, and of that the head. */
static struct sock_filter to_us[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, HEAD),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int open_socket(uint16_t protocol)
{
	const struct sock_fprog filter = { sizeof(to_us) / sizeof(to_us[0]), to_us };
	const struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	/* bound to no protocol at first: nothing comes in that the filter has not seen */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = QUEUE;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    bind(fd, (const void *)&all, sizeof(all))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int drain(int fd, struct sample *sample)
{
	uint8_t packets[BATCH][HEAD];
	struct mmsghdr messages[BATCH];
	struct iovec rooms[BATCH];
	int result = 0, count;

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < BATCH; i++) {
		rooms[i] = (struct iovec){ packets[i], HEAD };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &rooms[i], .msg_iovlen = 1 };
	}
	count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count && !result; i++)
		result = take(sample, packets[i], messages[i].msg_len);
	return result;
}

static uint64_t count_lost(int fd)
{
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);

	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) ? 0 : stats.tp_drops;
}

static int listen_until(uint64_t end_ms, struct pollfd *fds, struct sample *sample)
{
	uint64_t now;
	int result = 0;

	while (!result && (now = now_ms()) < end_ms) {
		if (poll(fds, FAMILIES, (int)(end_ms - now)) < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < FAMILIES && !result; i++)
			if (fds[i].revents)
				result = drain(fds[i].fd, sample);
	}
	return result;
}

int requests_sample(unsigned int seconds, int (*visit)(const struct request *request, void *data),
		    void *data, double *missed, struct error *error)
{
	struct sample sample = { visit, data, 0 };
	struct pollfd fds[FAMILIES] = {
		[IPV4] = { .fd = open_socket(ETHERTYPE_IP), .events = POLLIN },
		[IPV6] = { .fd = open_socket(ETHERTYPE_IPV6), .events = POLLIN },
	};
	int result = fds[IPV4].fd < 0 ? fds[IPV4].fd : fds[IPV6].fd < 0 ? fds[IPV6].fd : 0;
	uint64_t lost = 0;

	errno = -result;
	if (result)
		result = error_set(error, result == -EPERM ? result : error_of_system(result),
				   "requests cannot be counted as they come in: %m%s", result == -EPERM ?
				   "; that needs CAP_NET_RAW in this network namespace" : "");
	else
		result = listen_until(now_ms() + (uint64_t)seconds * 1000, fds, &sample);
	for (int i = 0; i < FAMILIES; i++)
		if (fds[i].fd >= 0) {
			lost += count_lost(fds[i].fd);
			close(fds[i].fd);
		}
	*missed = sample.seen ? 1 + (double)lost / (double)sample.seen : 1;
	return result;
}
