/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a packet costs on its way in: sends UDP datagrams of a source address
 * to port 53 over lo, where the sender's own CPU takes them through PREROUTING
 * and INPUT before the call returns.
 *
 *	packet SOURCE MILLISECONDS
 *
 * With "-" for SOURCE, from all those on standard input in turn, which finds
 * the processor's caches as cold as many clients leave them.
 *
 * Prints nanoseconds a packet: the median of batches, so that those in which
 * another process had the CPU do not count.
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
#define BATCH 50
#define BATCHES_MAX 100000
#define SOURCES_MAX 1000000

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

static struct packet make_packet(void)
{
	struct packet packet = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.tot_len = htons(sizeof(packet)) },
		.udp = { .source = htons(40000), .dest = htons(53),
			 .len = htons(sizeof(packet.udp) + PAYLOAD) },
	};

	inet_pton(AF_INET, "127.0.0.1", &packet.ip.daddr);
	return packet;
}

struct sources {
	in_addr_t address[SOURCES_MAX];
	size_t count, next;
};

static void read_sources(struct sources *sources, const char *word)
{
	char line[INET_ADDRSTRLEN + 2];

	if (strcmp(word, "-")) {
		sources->address[sources->count++] = inet_addr(word);
		return;
	}
	while (sources->count < SOURCES_MAX && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		sources->address[sources->count++] = inet_addr(line);
	}
}

static int send_batch(int sockfd, struct packet *packet, struct sources *sources, double *ns)
{
	double start = now_ns();

	for (int i = 0; i < BATCH; i++) {
		packet->ip.saddr = sources->address[sources->next++];
		if (sources->next == sources->count)
			sources->next = 0;
		if (send(sockfd, packet, sizeof(*packet), 0) < 0)
			return -1;
	}
	*ns = (now_ns() - start) / BATCH;
	return 0;
}

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

int main(int argc, char **argv)
{
	static double batches[BATCHES_MAX];
	static struct sources sources;
	int sockfd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct packet packet = make_packet();
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = packet.ip.daddr };
	double end = now_ns() + (argc > 2 ? atof(argv[2]) : 100) * 1e6;
	size_t count = 0;

	read_sources(&sources, argc > 1 ? argv[1] : "127.0.0.1");
	if (!sources.count || sockfd < 0 || connect(sockfd, (void *)&to, sizeof(to))) {
		perror("packet");
		return 1;
	}
	while (count < BATCHES_MAX && (!count || now_ns() < end))
		if (send_batch(sockfd, &packet, &sources, &batches[count++])) {
			perror("packet");
			return 1;
		}
	qsort(batches, count, sizeof(*batches), compare);
	printf("%.1f\n", batches[count / 2]);
	return 0;
}
