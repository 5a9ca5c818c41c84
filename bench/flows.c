/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fills a connection tracking table with real packets:
 *
 *	flows COUNT PORT DESTINATION FIRST-SOURCE SOURCES
 *
 * COUNT UDP datagrams to one port, from as many sources, one after another, and
 * then from the next source port of each.
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 256
#define FIRST_PORT 1024

struct datagram {
	struct iphdr ip;
	struct udphdr udp;
	char text[12];
};

static void make(struct datagram *datagram, uint32_t source, struct in_addr destination,
		 unsigned int from, unsigned int to)
{
	*datagram = (struct datagram){
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.tot_len = htons(sizeof(*datagram)),
			.saddr = htonl(source), .daddr = destination.s_addr },
		.udp = { .source = htons((uint16_t)from), .dest = htons((uint16_t)to),
			 .len = htons(sizeof(datagram->udp) + sizeof(datagram->text)) },
	};
}

int main(int argc, char **argv)
{
	static struct datagram datagrams[BATCH];
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	unsigned long count, port, sources;
	struct in_addr first;

	if (argc != 6 || fd < 0 || !inet_aton(argv[3], &address.sin_addr) || !inet_aton(argv[4], &first)) {
		perror("flows");
		return 1;
	}
	count = strtoul(argv[1], NULL, 10);
	port = strtoul(argv[2], NULL, 10);
	sources = strtoul(argv[5], NULL, 10);
	for (unsigned long i = 0; i < count;) {
		unsigned int batch = 0;
		int sent;

		for (; batch < BATCH && i + batch < count; batch++) {
			unsigned long number = i + batch;

			make(&datagrams[batch], ntohl(first.s_addr) + (uint32_t)(number % sources),
			     address.sin_addr, FIRST_PORT + (unsigned int)(number / sources),
			     (unsigned int)port);
			parts[batch] = (struct iovec){ &datagrams[batch], sizeof(datagrams[batch]) };
			messages[batch].msg_hdr = (struct msghdr){ .msg_name = &address,
				.msg_namelen = sizeof(address), .msg_iov = &parts[batch], .msg_iovlen = 1 };
		}
		sent = sendmmsg(fd, messages, batch, 0);
		if (sent <= 0) {
			perror("flows");
			return 1;
		}
		i += (unsigned long)sent;
	}
	return 0;
}
