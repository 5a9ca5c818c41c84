/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* top: who fills the connection tracking table; and which sources limits hold. */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "again.h"
#include "context.h"
#include "report.h"

/* --- columns ---------------------------------------------------------- */

enum top_by {
	BY_PORT,
	BY_SOURCE,
	BY_SERVICE,
	BY_CLIENT,
	BYS
};

/* What does not apply is NULL or 0. */
struct top_row {
	const char *protocol;
	uint64_t port;
	const char *source;
	const char *service;
	uint64_t count;
	double share;
	/* by client */
	const char *above;
	uint64_t burst, available;
	uint8_t over;
	double expires;
};

#define MEMBER(name) offsetof(struct top_row, name)

#define SHARE_COLUMNS \
	{ "ENTRIES", COLUMN_COUNT, MEMBER(count), "count", "how many it has", USE_ALWAYS, NULL }, \
	{ "SHARE", COLUMN_SHARE, MEMBER(share), "share", "of the table", USE_ALWAYS, NULL }, \
	{ "BAR", COLUMN_BAR, MEMBER(share), NULL, "the same, drawn: on a terminal", \
	  USE_ON_TERMINAL, NULL }, \
	{ .name = NULL }

static const struct column port_columns[] = {
	{ "PROTOCOL", COLUMN_WORD, MEMBER(protocol), "protocol", "of the first packet", USE_ALWAYS, NULL },
	{ "PORT", COLUMN_POSITIVE, MEMBER(port), "port", "that it was sent to", USE_ALWAYS, NULL },
	{ "SERVICE", COLUMN_WORD, MEMBER(service), "service", "name of that port", USE_ALWAYS, NULL },
	SHARE_COLUMNS,
};

static const struct column source_columns[] = {
	{ "SOURCE", COLUMN_WORD, MEMBER(source), "source", "who sent the first packet", USE_ALWAYS, NULL },
	SHARE_COLUMNS,
};

static const struct column service_columns[] = {
	{ "SERVICE", COLUMN_WORD, MEMBER(service), "service", "in the kernel, or built-in", USE_ALWAYS,
	  "(none)" },
	SHARE_COLUMNS,
};

static const struct column client_columns[] = {
	{ "SOURCE", COLUMN_WORD, MEMBER(source), "source", "that a limit counts", USE_ALWAYS, NULL },
	{ "ABOVE", COLUMN_WORD, MEMBER(above), "above", "rate of the limit", USE_ALWAYS, NULL },
	{ "BURST", COLUMN_COUNT, MEMBER(burst), "burst", "of the limit", USE_ALWAYS, NULL },
	{ "LEFT", COLUMN_COUNT, MEMBER(available), "available", "requests that would pass now",
	  USE_ALWAYS, NULL },
	{ "OVER", COLUMN_ANSWER, MEMBER(over), "over", "whether there are none left", USE_IF_ASKED,
	  NULL },
	{ "EXPIRES", COLUMN_SECONDS, MEMBER(expires), "expires", "when it is forgotten, if quiet",
	  USE_ALWAYS, NULL },
	{ .name = NULL },
};

static const struct {
	const char *word, *heading;
	const struct column *columns;
} tables[BYS] = {
	[BY_PORT] = { "port", "Columns by port", port_columns },
	[BY_SOURCE] = { "source", "Columns by source", source_columns },
	[BY_SERVICE] = { "service", "Columns by service", service_columns },
	[BY_CLIENT] = { "client", "Columns by client", client_columns },
};

static void print_columns(void)
{
	for (enum top_by kind = BY_PORT; kind < BYS; kind++)
		report_help(tables[kind].heading, tables[kind].columns);
}

/* --- options ---------------------------------------------------------- */

#define ROWS_DEFAULT 10

static enum top_by by;
static uint32_t rows_max = ROWS_DEFAULT, srcmask;
static unsigned int watch_ms;
static struct report_options report;

static int take_by(const char *name, const char *word, void *to)
{
	for (enum top_by kind = BY_PORT; kind < BYS; kind++)
		if (!strcmp(tables[kind].word, word)) {
			*(enum top_by *)to = kind;
			return 0;
		}
	return complain(EXIT_BAD_INPUT, "--%s %s: must be port, source, service or client", name, word);
}

static const struct option_row rows[] = {
	{ "by", 0, "WHAT", take_by, &by,
	  "port: by protocol and server port (without --by);\n"
	  "source: by source; service: by service, those in the\n"
	  "kernel, and the built-in ones; client: the sources\n"
	  "that the limits of SERVICE count" },
	{ "srcmask", 0, "N", take_positive, &srcmask,
	  "with --by source and -4 or -6: sources are prefixes\nof length N" },
	{ "number", 'n', "N", take_positive, &rows_max, "so many rows (10)" },
	WATCH_ROW(watch_ms, "print again every so often"),
	REPORT_ROWS(report),
	{ .name = NULL },
};

static int check_options(const struct options *options, const struct report *table)
{
	if (by == BY_CLIENT && !options->word_count)
		return complain(EXIT_BAD_INPUT, "--by client: needs a service");
	if (by != BY_CLIENT && options->word_count)
		return complain(EXIT_BAD_INPUT, "%s: goes with --by client only", options->words[0]);
	if (srcmask && by != BY_SOURCE)
		return complain(EXIT_BAD_INPUT, "--srcmask: goes with --by source only");
	if (srcmask && options->families != NOTRACK_IPV4 && options->families != NOTRACK_IPV6)
		return complain(EXIT_BAD_INPUT, "--srcmask: of which family? with -4 or -6 only");
	return reports_check(&table, 1, &report);
}

/* --- reading ---------------------------------------------------------- */

struct top {
	struct report table;
	struct notrack_conntrack totals;
};

/* The library knows the services it has, /etc/services many more. */
static const char *service_name(const struct notrack_usage *usage, const char *protocol,
				char buffer[1024])
{
	struct servent entry, *found = NULL;

	if (usage->service || !usage->port)
		return usage->service;
	if (getservbyport_r(htons((uint16_t)usage->port), protocol, &entry, buffer, 1024, &found))
		return NULL;
	return found ? found->s_name : NULL;
}

/* Containers have no /etc/protocols. */
static const char *protocol_name(unsigned int number, char buffer[16])
{
	static const struct {
		unsigned int number;
		const char *name;
	} known[] = {
		{ IPPROTO_UDP, "udp" }, { IPPROTO_TCP, "tcp" }, { IPPROTO_ICMP, "icmp" },
		{ IPPROTO_ICMPV6, "icmpv6" }, { IPPROTO_SCTP, "sctp" }, { IPPROTO_UDPLITE, "udplite" },
		{ IPPROTO_DCCP, "dccp" }, { IPPROTO_GRE, "gre" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].number == number)
			return known[i].name;
	snprintf(buffer, 16, "%u", number);
	return buffer;
}

static int add_usage(const struct notrack_usage *usage, void *data)
{
	struct top *top = data;
	char buffer[1024], number[16];
	const char *protocol = by == BY_PORT ? protocol_name(usage->protocol, number) : NULL;

	if (top->table.count >= rows_max)
		return 1;
	return report_add(&top->table, &(struct top_row){
		.protocol = protocol, .port = usage->port, .source = usage->source,
		.service = service_name(usage, protocol, buffer), .count = usage->count,
		.share = usage->share });
}

static int add_bucket(const struct hashlimit_bucket *bucket, void *data)
{
	const bool known = bucket->available != UINT32_MAX;
	struct top *top = data;

	top->totals.count++;
	if (top->table.count >= rows_max)
		return 0;
	return report_add(&top->table, &(struct top_row){
		.source = bucket->source, .above = bucket->above, .burst = bucket->burst,
		.available = known ? bucket->available : UINT64_MAX,
		.over = !known ? ANSWER_NONE : bucket->available ? ANSWER_NO : ANSWER_YES,
		.expires = bucket->expires_ms / 1000.0 });
}

static int read_table(struct notrack *nt, const struct options *options, struct top *top)
{
	static const enum notrack_usage_by kinds[] = {
		[BY_PORT] = NOTRACK_BY_PORT, [BY_SOURCE] = NOTRACK_BY_SOURCE,
		[BY_SERVICE] = NOTRACK_BY_SERVICE,
	};
	struct notrack_usage_request request = { .size = sizeof(request), .by = kinds[by] };
	int err;

	if (options->families == NOTRACK_IPV6)
		request.srcmask6 = srcmask;
	else
		request.srcmask4 = srcmask;
	err = notrack_usage(nt, &request, &top->totals, add_usage, top);
	return err > 0 ? 0 : err;
}

static int read_top(struct notrack *nt, const struct options *options, struct top *top)
{
	int err;

	report_clear(&top->table);
	top->totals = (struct notrack_conntrack){ .size = sizeof(top->totals) };
	err = notrack_load(nt);
	/* the connection tracking table is worth a look without tables of rules, too */
	if (err < 0 && err != -EPROTONOSUPPORT)
		return err;
	if (by == BY_CLIENT)
		return hashlimit_each_bucket(nt, options->words[0], add_bucket, top);
	return read_table(nt, options, top);
}

/* --- printing --------------------------------------------------------- */

static int print_json(const struct top *top)
{
	const struct notrack_conntrack *totals = &top->totals;
	json_t *entries = report_json(&top->table);

	if (by == BY_CLIENT)
		return json_print(json_pack("{s:I, s:o}", "count", (json_int_t)totals->count,
					    "entries", entries), JSON_LINES);
	return json_print(json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}",
				    "count", (json_int_t)totals->count,
				    "max", (json_int_t)totals->max,
				    "dropped", (json_int_t)totals->dropped,
				    "early-dropped", (json_int_t)totals->early_dropped,
				    "insert-failed", (json_int_t)totals->insert_failed,
				    "entries", entries), JSON_LINES);
}

static void print_totals(const struct notrack_conntrack *totals)
{
	printf("%" PRIu64 " entries", totals->count);
	if (totals->max)
		printf(" of at most %" PRIu64 " (%.1f%%)", totals->max,
		       100 * (double)totals->count / (double)totals->max);
	printf("; so far, %" PRIu64 " packets dropped, %" PRIu64 " entries dropped early, %" PRIu64
	       " not inserted\n\n", totals->dropped, totals->early_dropped, totals->insert_failed);
}

static int print(const struct options *options, const struct top *top)
{
	const struct report *table = &top->table;

	if (options->json)
		return print_json(top);
	if (by != BY_CLIENT && !report.no_headings && !report.raw)
		print_totals(&top->totals);
	return reports_print(&table, 1, &report);
}

static int run_top(const struct options *options)
{
	struct top top = { .table = { .columns = tables[by].columns, .row_size = sizeof(struct top_row) } };
	int code = check_options(options, &top.table), err;
	struct notrack *nt = code ? NULL : open_context(options, &code);

	if (!nt)
		return code;
	do {
		err = read_top(nt, options, &top);
		code = err ? complain_notrack(nt, err) : print(options, &top);
	} while (!code && again(watch_ms));
	report_clear(&top.table);
	notrack_free(nt);
	return code;
}

const struct command command_top = {
	.name = "top",
	.arguments = "[SERVICE]",
	.summary = "print who fills the connection tracking table",
	.help = "Print who fills the connection tracking table, most entries first, how full it is,\n"
		"and what it dropped. With --by client, the sources that the limits of SERVICE count;\n"
		"those over their limit have 0 left.\n",
	.print_more_help = print_columns,
	.rows = rows,
	.words_max = 1,
	.run = run_top,
};
