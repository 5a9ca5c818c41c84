/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats: counters, as tables, JSON or for Prometheus. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "again.h"
#include "context.h"
#include "json.h"
#include "stats.h"

/* --- reading ---------------------------------------------------------- */

static struct stats_row *add_row(struct stats_row **rows, size_t *count)
{
	if (!(*count & (*count - 1))) {
		size_t room = *count ? 2 * *count : 1;
		struct stats_row *grown = realloc(*rows, room * sizeof(*grown));

		if (!grown)
			return NULL;
		*rows = grown;
	}
	(*rows)[*count] = (struct stats_row){ 0 };
	return &(*rows)[(*count)++];
}

static int add_service(const struct notrack_service_stats *from, void *data)
{
	struct stats *stats = data;
	struct stats_row *row = add_row(&stats->services, &stats->service_count);

	if (!row || !(row->service = strdup(from->name)))
		return -ENOMEM;
	row->family = from->family == NOTRACK_IPV6 ? "ipv6" : "ipv4";
	row->counts[0] = from->untracked;
	row->counts[1] = from->accepted;
	return 0;
}

static int add_client(const struct hashlimit_stats *from, void *data)
{
	struct stats *stats = data;
	struct stats_row *row = add_row(&stats->clients, &stats->client_count);

	if (!row || !(row->service = strdup(from->service)) ||
	    !(row->client = strdup(from->prefix)))
		return -ENOMEM;
	row->counts[0] = from->seen;
	row->counts[1] = from->passed;
	row->counts[2] = from->dropped;
	return 0;
}

int stats_read(struct notrack *nt, struct stats *stats)
{
	struct timespec now;

	*stats = (struct stats){ 0 };
	clock_gettime(CLOCK_MONOTONIC, &now);
	stats->seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	return notrack_stats(nt, add_service, add_client, stats);
}

static void free_rows(struct stats_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(rows[i].service);
		free(rows[i].client);
	}
	free(rows);
}

void stats_free(struct stats *stats)
{
	free_rows(stats->services, stats->service_count);
	free_rows(stats->clients, stats->client_count);
	*stats = (struct stats){ 0 };
}

/* --- JSON ------------------------------------------------------------- */

static json_t *json_count(const struct notrack_count *count)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)count->packets,
			 "bytes", (json_int_t)count->bytes);
}

int stats_print_json(const struct stats *stats)
{
	json_t *services = json_array(), *clients = json_array();
	json_t *root = json_pack("{s:o, s:o}", "services", services, "clients", clients);

	for (size_t i = 0; i < stats->service_count; i++) {
		const struct stats_row *row = &stats->services[i];

		json_array_append_new(services, json_pack("{s:s, s:s, s:o, s:o}",
			"name", row->service, "family", row->family,
			"untracked", json_count(&row->counts[0]),
			"accepted", json_count(&row->counts[1])));
	}
	for (size_t i = 0; i < stats->client_count; i++) {
		const struct stats_row *row = &stats->clients[i];

		json_array_append_new(clients, json_pack("{s:s, s:s, s:o, s:o, s:o}",
			"service", row->service, "prefix", row->client,
			"seen", json_count(&row->counts[0]), "passed", json_count(&row->counts[1]),
			"dropped", json_count(&row->counts[2])));
	}
	return json_print(root, JSON_LINES);
}

static struct report_options report;
static unsigned int watch_ms;
static bool prometheus;

static const struct option_row rows[] = {
	REPORT_ROWS(report),
	WATCH_ROW(watch_ms, "print again every so often, with rates per second"),
	{ "prometheus", 0, NULL, take_flag, &prometheus, "print the text format that Prometheus reads" },
	{ .name = NULL },
};

/* --- the command ------------------------------------------------------ */

static int print(const struct options *options, const struct stats *stats,
		 const struct stats *before)
{
	if (options->json)
		return stats_print_json(stats);
	if (prometheus)
		stats_print_prometheus(stats);
	else
		return stats_print_tables(stats, before, &report, watch_ms);
	return 0;
}

static int watch(const struct options *options, struct notrack *nt, struct stats *stats)
{
	struct stats before = { 0 };
	int code, err;

	do {
		code = print(options, stats, before.seconds > 0 ? &before : NULL);
		if (code || !again(watch_ms))
			break;
		stats_free(&before);
		before = *stats;
		err = stats_read(nt, stats);
		if (err)
			code = complain_notrack(nt, err);
	} while (!code);
	stats_free(&before);
	return code;
}

static int run_stats(const struct options *options)
{
	int code = EXIT_DONE, err;
	struct notrack *nt;
	struct stats stats;

	if (prometheus && options->json)
		return complain(EXIT_BAD_INPUT, "--prometheus, --json: one of the two");
	nt = open_context(options, &code);
	if (!nt)
		return code;
	err = stats_read(nt, &stats);
	if (err)
		code = complain_notrack(nt, err);
	else
		code = watch(options, nt, &stats);
	stats_free(&stats);
	notrack_free(nt);
	return code;
}

const struct command command_stats = {
	.name = "stats",
	.arguments = "",
	.summary = "print counters",
	.help = "Print the counters of services (packets and bytes not tracked, and accepted) and\n"
		"of limited clients (requests seen, passed, dropped).\n"
		"Columns: SERVICE FAMILY UNTRACKED UNTRACKED-BYTES ACCEPTED ACCEPTED-BYTES; CLIENT\n"
		"SEEN SEEN-BYTES PASSED PASSED-BYTES DROPPED DROPPED-BYTES; with --watch also\n"
		"UNTRACKED/S and so on.\n",
	.rows = rows,
	.run = run_stats,
};
