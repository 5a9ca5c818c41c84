/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a question and its answer cost: one process is both ends of a UDP
 * exchange on port 53, its sockets in the network namespaces of a host and of
 * a client, and does one exchange after the other.  Pairs of namespaces take
 * turns, so that what disturbs one disturbs all.
 *
 *	exchange ROUNDS HOST CLIENT [HOST CLIENT]...
 *
 * Names are those of ip-netns(8); a host has 192.0.2.1, a client 192.0.2.100.
 * Prints a line a round: nanoseconds an exchange, a column a pair.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PAIRS_MAX 16
#define WARM_UP 50
#define EXCHANGES 300
#define QUESTION_SIZE 40
#define ANSWER_SIZE 60

struct pair {
	int host, client;
};

static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(1);
}

static int socket_in(const char *namespace, const char *address, in_port_t port)
{
	const struct timeval patience = { .tv_sec = 2 };
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(port),
				   .sin_addr.s_addr = inet_addr(address) };
	char path[256];
	int fd, sockfd;

	snprintf(path, sizeof(path), "/run/netns/%s", namespace);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd, path);
	check(setns(fd, CLONE_NEWNET), path);
	close(fd);
	sockfd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(sockfd, "socket");
	check(setsockopt(sockfd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), "socket");
	check(bind(sockfd, (const struct sockaddr *)&own, sizeof(own)), address);
	return sockfd;
}

static struct pair open_pair(const char *host, const char *client)
{
	const struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(53),
					    .sin_addr.s_addr = inet_addr("192.0.2.1") };
	struct pair pair = {
		.host = socket_in(host, "192.0.2.1", 53),
		.client = socket_in(client, "192.0.2.100", 40000),
	};

	check(connect(pair.client, (const struct sockaddr *)&server, sizeof(server)), client);
	return pair;
}

static void exchange(const struct pair *pair)
{
	char data[ANSWER_SIZE] = "";
	struct sockaddr_in from;
	socklen_t size = sizeof(from);

	check((int)send(pair->client, data, QUESTION_SIZE, 0), "question");
	check((int)recvfrom(pair->host, data, sizeof(data), 0, (struct sockaddr *)&from, &size),
	      "question");
	check((int)sendto(pair->host, data, ANSWER_SIZE, 0, (struct sockaddr *)&from, size), "answer");
	check((int)recv(pair->client, data, sizeof(data), 0), "answer");
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double measure(const struct pair *pair)
{
	double start;

	for (int i = 0; i < WARM_UP; i++)
		exchange(pair);
	start = now_ns();
	for (int i = 0; i < EXCHANGES; i++)
		exchange(pair);
	return (now_ns() - start) / EXCHANGES;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0, count = (argc - 2) / 2;
	struct pair pairs[PAIRS_MAX];
	double spent[PAIRS_MAX];

	if (rounds < 1 || count < 1 || count > PAIRS_MAX)
		return 2;
	for (int i = 0; i < count; i++)
		pairs[i] = open_pair(argv[2 + 2 * i], argv[3 + 2 * i]);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < count; i++) {
			int turn = round % 2 ? count - 1 - i : i;

			spent[turn] = measure(&pairs[turn]);
		}
		for (int i = 0; i < count; i++)
			printf("%.1f%c", spent[i], i + 1 < count ? ' ' : '\n');
	}
	return 0;
}
