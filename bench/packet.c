/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a packet costs on its way in: sends UDP datagrams of a source address
 * to port 53 over lo, where the sender's own CPU takes them through PREROUTING
 * and INPUT before the call returns.
 *
 *	packet SOURCE MILLISECONDS
 *
 * Prints nanoseconds a packet.
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PAYLOAD 32

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	char payload[PAYLOAD];
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct packet make_packet(const char *source)
{
	struct packet packet = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.tot_len = htons(sizeof(packet)) },
		.udp = { .source = htons(40000), .dest = htons(53),
			 .len = htons(sizeof(packet.udp) + PAYLOAD) },
	};

	inet_pton(AF_INET, source, &packet.ip.saddr);
	inet_pton(AF_INET, "127.0.0.1", &packet.ip.daddr);
	return packet;
}

int main(int argc, char **argv)
{
	int sockfd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct packet packet = make_packet(argc > 1 ? argv[1] : "127.0.0.1");
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = packet.ip.daddr };
	double limit = (argc > 2 ? atof(argv[2]) : 100) * 1e6, start, now;
	unsigned long sent = 0;

	if (sockfd < 0 || connect(sockfd, (void *)&to, sizeof(to))) {
		perror("packet");
		return 1;
	}
	start = now_ns();
	do {
		for (int i = 0; i < 100; i++)
			if (send(sockfd, &packet, sizeof(packet), 0) < 0) {
				perror("packet");
				return 1;
			}
		sent += 100;
		now = now_ns();
	} while (now - start < limit);
	printf("%.1f\n", (now - start) / (double)sent);
	return 0;
}
