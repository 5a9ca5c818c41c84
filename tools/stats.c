/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats: counters, as tables, JSON or for Prometheus. */
#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "again.h"
#include "context.h"
#include "stats.h"

/* --- options and columns ---------------------------------------------- */

static struct report_options report;
static unsigned int watch_ms;
static bool prometheus;

static const struct option_row rows[] = {
	REPORT_ROWS(report),
	WATCH_ROW(watch_ms, "print again every so often, with rates per second"),
	{ "prometheus", 0, NULL, take_flag, &prometheus, "print the text format that Prometheus reads" },
	{ .name = NULL },
};

#define MEMBER(name) offsetof(struct stats_row, name)

/* The columns of one count: packets, packets a second, bytes. */
#define COUNT_COLUMNS(name, json, what, index) \
	{ name, COLUMN_COUNT, MEMBER(counts[index].packets), json ".packets", "packets " what, \
	  USE_ALWAYS, NULL }, \
	{ name "/S", COLUMN_RATE, MEMBER(rates[index]), NULL, \
	  "the same, a second: with --watch", USE_WITH_RATES, NULL }, \
	{ name "-BYTES", COLUMN_COUNT, MEMBER(counts[index].bytes), json ".bytes", "bytes " what, \
	  USE_ALWAYS, NULL }

static const struct column service_columns[] = {
	{ "SERVICE", COLUMN_WORD, MEMBER(service), "name", "name of the service", USE_ALWAYS, NULL },
	{ "FAMILY", COLUMN_WORD, MEMBER(who), "family", "ipv4 or ipv6", USE_ALWAYS, NULL },
	COUNT_COLUMNS("UNTRACKED", "untracked", "that were not tracked", 0),
	COUNT_COLUMNS("ACCEPTED", "accepted", "that our rules accepted", 1),
	{ .name = NULL },
};

static const struct column client_columns[] = {
	{ "SERVICE", COLUMN_WORD, MEMBER(service), "service", "name of the service", USE_ALWAYS, NULL },
	{ "CLIENT", COLUMN_WORD, MEMBER(who), "prefix", "prefix of the client", USE_ALWAYS, NULL },
	COUNT_COLUMNS("SEEN", "seen", "that the client asked with", 0),
	COUNT_COLUMNS("PASSED", "passed", "that the limit let through", 1),
	COUNT_COLUMNS("DROPPED", "dropped", "that the limit dropped", 2),
	{ .name = NULL },
};

static void print_columns(void)
{
	report_help("Columns of services", service_columns);
	report_help("Columns of clients", client_columns);
}

/* --- reading ---------------------------------------------------------- */

static int add_service(const struct notrack_service_stats *from, void *data)
{
	struct stats *stats = data;

	return report_add(&stats->services, &(struct stats_row){
		.service = from->name, .who = from->family == NOTRACK_IPV6 ? "ipv6" : "ipv4",
		.counts = { from->untracked, from->accepted }, .rates = { -1, -1, -1 } });
}

static int add_client(const struct hashlimit_stats *from, void *data)
{
	struct stats *stats = data;

	return report_add(&stats->clients, &(struct stats_row){
		.service = from->service, .who = from->prefix,
		.counts = { from->seen, from->passed, from->dropped }, .rates = { -1, -1, -1 } });
}

static void init_stats(struct stats *stats)
{
	const bool rates = watch_ms;

	*stats = (struct stats){
		.services = { service_columns, sizeof(struct stats_row), .rates = rates },
		.clients = { client_columns, sizeof(struct stats_row), .rates = rates },
	};
}

static int read_stats(struct notrack *nt, struct stats *stats)
{
	struct timespec now;
	int err;

	init_stats(stats);
	clock_gettime(CLOCK_MONOTONIC, &now);
	stats->seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	err = notrack_stats(nt, add_service, add_client, stats);
	return err ? complain_notrack(nt, err) : 0;
}

static void free_stats(struct stats *stats)
{
	report_clear(&stats->services);
	report_clear(&stats->clients);
}

/* --- the command ------------------------------------------------------ */

static int print(const struct options *options, const struct stats *stats)
{
	const struct report *const both[] = { &stats->services, &stats->clients };

	if (options->json)
		return json_print(json_pack("{s:o, s:o}", "services", report_json(&stats->services),
					    "clients", report_json(&stats->clients)), JSON_LINES);
	if (!prometheus)
		return reports_print(both, 2, &report);
	stats_print_prometheus(stats);
	return 0;
}

static int watch(const struct options *options, struct notrack *nt, struct stats *stats)
{
	struct stats before;
	int code = print(options, stats);

	while (!code && again(watch_ms)) {
		before = *stats;
		code = read_stats(nt, stats);
		if (!code)
			code = stats_fill_rates(stats, &before);
		if (!code)
			code = print(options, stats);
		free_stats(&before);
	}
	return code;
}

static int check_options(const struct options *options)
{
	struct stats none;
	const struct report *const both[] = { &none.services, &none.clients };

	if (prometheus && options->json)
		return complain(EXIT_BAD_INPUT, "--prometheus, --json: one of the two");
	if (prometheus && (report.columns || report.no_headings || report.raw))
		return complain(EXIT_BAD_INPUT, "--prometheus, --%s: one of the two", report.columns ?
				"output" : report.raw ? "raw" : "noheadings");
	init_stats(&none);
	return reports_check(both, 2, &report);
}

static int run_stats(const struct options *options)
{
	int code = check_options(options);
	struct notrack *nt = code ? NULL : open_context(options, &code);
	struct stats stats;

	if (!nt)
		return code;
	code = read_stats(nt, &stats);
	if (!code)
		code = watch(options, nt, &stats);
	free_stats(&stats);
	notrack_free(nt);
	return code;
}

const struct command command_stats = {
	.name = "stats",
	.arguments = "",
	.summary = "print counters",
	.help = "Print the counters of services (packets and bytes not tracked, and accepted) and\n"
		"of limited clients (requests seen, passed, dropped).\n",
	.print_more_help = print_columns,
	.rows = rows,
	.run = run_stats,
};
