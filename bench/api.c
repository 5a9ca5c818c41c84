/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times calls of the API, in the network namespace it is started in, IPv4
 * only.  Prefixes come from standard input, one a line.
 *
 *	api bulk	a model of all of them, from nothing to the kernel
 *	api add N	on an open context: N times one more client, and commit
 *	api remove N	the same, taking them off
 *	api load	from the kernel to a model
 *
 * Prints milliseconds, a line a measurement, and the peak memory in KiB last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "notrack.h"

static const struct hashlimit limit = { .size = sizeof(limit), .above = "10/sec", .burst = 20 };

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void check(struct notrack *nt, int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "api: %s\n", notrack_error(nt));
	exit(1);
}

static size_t read_words(char ***words)
{
	size_t count = 0, room = 0, size = 0;
	char *line = NULL;
	ssize_t got;

	*words = NULL;
	while ((got = getline(&line, &size, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (count == room) {
			room = room ? 2 * room : 1024;
			*words = realloc(*words, room * sizeof(**words));
		}
		(*words)[count++] = strdup(line);
	}
	free(line);
	return count;
}

static void bulk(struct notrack *nt, char **words, size_t count)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns" };
	double start = now_ms(), built;

	check(nt, notrack_add_service(nt, &dns));
	if (count)
		check(nt, hashlimit_add_clients(nt, "dns", (const char *const *)words, count, &limit));
	built = now_ms();
	check(nt, notrack_commit(nt, NULL));
	printf("%.3f\n", now_ms() - start);
	fprintf(stderr, "model %.1f ms, commit %.1f ms\n", built - start, now_ms() - built);
}

static void one_by_one(struct notrack *nt, int times, int remove)
{
	char prefix[32];

	check(nt, notrack_load(nt));
	for (int i = 0; i < times; i++) {
		double start = now_ms();

		snprintf(prefix, sizeof(prefix), "203.0.113.%d", i % 256);
		check(nt, remove ? hashlimit_remove_client(nt, "dns", prefix) :
				   hashlimit_add_client(nt, "dns", prefix, &limit));
		check(nt, notrack_commit(nt, NULL));
		printf("%.3f\n", now_ms() - start);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int times = argc > 2 ? atoi(argv[2]) : 1;
	struct notrack *nt = notrack_new();
	struct rusage usage;
	char **words = NULL;
	size_t count;
	double start;

	check(nt, notrack_set_families(nt, NOTRACK_IPV4));
	if (!strcmp(what, "bulk")) {
		count = read_words(&words);
		bulk(nt, words, count);
	} else if (!strcmp(what, "add") || !strcmp(what, "remove")) {
		one_by_one(nt, times, *what == 'r');
	} else {
		start = now_ms();
		check(nt, notrack_load(nt));
		printf("%.3f\n", now_ms() - start);
	}
	notrack_free(nt);
	getrusage(RUSAGE_SELF, &usage);
	printf("%ld\n", usage.ru_maxrss);
	return 0;
}
