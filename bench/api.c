/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times calls of the API through one backend, in the network namespace it is started
 * in, IPv4 only.  Prefixes come from standard input, one a line.
 *
 *	api BACKEND bulk	a model of all of them, from nothing to the kernel
 *	api BACKEND one N	on an open context, N times: one more client and a commit,
 *				the kernel's floor and that of libiptc (legacy), that
 *				client off again and a commit
 *	api BACKEND load	from the kernel to a model
 *	api BACKEND counters	of all services and clients
 *	api legacy floor	the kernel's floor alone
 *	api BACKEND usage	the connection tracking table by source
 *	api BACKEND model	a model of all of them: the memory it takes, in KiB
 *
 * The heap is prepared as libnotrack(3), MEMORY, tells a daemon that changes large
 * tables.  Prints milliseconds, a line a measurement, and the peak memory in KiB last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"
#include "heap.h"
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

static long resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (!file || fscanf(file, "%*s %ld", &pages) != 1)
		exit(1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Of this program alone: ru_maxrss has what was before exec(2), too. */
static long peak_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long peak = 0;

	while (file && !peak && fgets(line, sizeof(line), file))
		sscanf(line, "VmHWM: %ld", &peak);
	if (file)
		fclose(file);
	return peak;
}

static int ignore(const struct notrack_usage *row, void *data)
{
	(void)row;
	(void)data;
	return 0;
}

static void usage(struct notrack *nt)
{
	const struct notrack_usage_request request = { .size = sizeof(request),
						       .by = NOTRACK_BY_SOURCE };
	double start = now_ms();

	check(nt, notrack_usage(nt, &request, NULL, ignore, NULL));
	printf("%.3f\n", now_ms() - start);
}

static void model(struct notrack *nt, char **words, size_t count)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns" };
	long before;

	check(nt, notrack_add_service(nt, &dns));
	before = resident_kib();
	check(nt, hashlimit_add_clients(nt, "dns", (const char *const *)words, count, &limit));
	printf("%ld\n", resident_kib() - before);
}

static int take_service(const struct notrack_service_stats *stats, void *data)
{
	*(uint64_t *)data += stats->untracked.packets;
	return 0;
}

static int take_client(const struct hashlimit_stats *stats, void *data)
{
	*(uint64_t *)data += stats->seen.packets;
	return 0;
}

static void counters(struct notrack *nt)
{
	double start = now_ms();
	uint64_t sum = 0;

	check(nt, notrack_stats(nt, take_service, take_client, &sum));
	printf("%.3f\n", now_ms() - start);
}

/* The peers take turns, in one process: what disturbs one disturbs the other. */
static void one_by_one(struct notrack *nt, int times, int has_floor)
{
	heap_prepare(notrack_table_bytes(nt));
	check(nt, notrack_load(nt));
	for (int i = -1; i < times; i++) {	/* the first round is for the caches */
		double start = now_ms(), added, floor, libiptc, removed;

		check(nt, hashlimit_add_client(nt, "dns", "203.0.113.1", &limit));
		check(nt, notrack_commit(nt, NULL));
		added = now_ms() - start;
		floor = has_floor ? floor_ms("filter") : 0;
		libiptc = has_floor ? libiptc_ms("filter") : 0;
		start = now_ms();
		check(nt, hashlimit_remove_client(nt, "dns", "203.0.113.1"));
		check(nt, notrack_commit(nt, NULL));
		removed = now_ms() - start;
		if (i >= 0)
			printf("%.3f %.3f %.3f %.3f\n", added, floor, libiptc, removed);
	}
}

int main(int argc, char **argv)
{
	const char *backend = argc > 1 ? argv[1] : "auto";
	const char *what = argc > 2 ? argv[2] : "";
	int times = argc > 3 ? atoi(argv[3]) : 1;
	struct notrack *nt = notrack_new();
	char **words = NULL;
	size_t count;
	double start;

	check(nt, notrack_set_families(nt, NOTRACK_IPV4));
	check(nt, notrack_set_backend(nt, backend));
	if (!strcmp(what, "bulk")) {
		count = read_words(&words);
		heap_prepare(count * HEAP_CLIENT_BYTES);
		bulk(nt, words, count);
	} else if (!strcmp(what, "usage")) {
		usage(nt);
	} else if (!strcmp(what, "model")) {
		count = read_words(&words);
		model(nt, words, count);
	} else if (!strcmp(what, "one")) {
		one_by_one(nt, times, !strcmp(backend, "legacy"));
	} else if (!strcmp(what, "counters")) {
		counters(nt);
	} else if (!strcmp(what, "floor")) {
		printf("%.3f\n", floor_ms("filter"));
	} else {
		start = now_ms();
		check(nt, notrack_load(nt));
		printf("%.3f\n", now_ms() - start);
	}
	notrack_free(nt);
	printf("%ld\n", peak_kib());
	return 0;
}
