/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* top: who fills the connection tracking table; and which sources limits hold. */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "again.h"
#include "context.h"
#include "json.h"
#include "top.h"

#define ROWS_DEFAULT 10

static enum top_by by;
static uint32_t number = ROWS_DEFAULT, srcmask;
static unsigned int watch_ms;
static struct report_options report;

static int take_by(const char *name, const char *word, void *to)
{
	static const char *const words[] = { "port", "source", "service", "client" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word)) {
			*(enum top_by *)to = (enum top_by)i;
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
	{ "number", 'n', "N", take_positive, &number, "so many rows (10)" },
	WATCH_ROW(watch_ms, "print again every so often"),
	REPORT_ROWS(report),
	{ .name = NULL },
};

/* --- rows ------------------------------------------------------------- */

static struct top_row *add_row(struct top *top)
{
	if (!(top->count & (top->count - 1))) {
		size_t room = top->count ? 2 * top->count : 1;
		struct top_row *grown = realloc(top->rows, room * sizeof(*grown));

		if (!grown)
			return NULL;
		top->rows = grown;
	}
	top->rows[top->count] = (struct top_row){ 0 };
	return &top->rows[top->count++];
}

static bool is_full(const struct top *top)
{
	return top->count >= top->most;
}

/* The library knows the services it has, /etc/services many more. */
static void name_service(struct top_row *row, const struct notrack_usage *usage)
{
	char buffer[1024];
	struct servent entry, *found = NULL;

	if (usage->service)
		snprintf(row->service, sizeof(row->service), "%s", usage->service);
	else if (usage->port && !getservbyport_r(htons((uint16_t)usage->port), row->protocol, &entry,
						 buffer, sizeof(buffer), &found) && found)
		snprintf(row->service, sizeof(row->service), "%s", found->s_name);
}

static void name_protocol(struct top_row *row, unsigned int protocol)
{
	static const struct {
		unsigned int number;
		const char *name;
	} known[] = {	/* of containers without /etc/protocols, too */
		{ IPPROTO_UDP, "udp" }, { IPPROTO_TCP, "tcp" }, { IPPROTO_ICMP, "icmp" },
		{ IPPROTO_ICMPV6, "icmpv6" }, { IPPROTO_SCTP, "sctp" }, { IPPROTO_UDPLITE, "udplite" },
		{ IPPROTO_DCCP, "dccp" }, { IPPROTO_GRE, "gre" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].number == protocol)
			snprintf(row->protocol, sizeof(row->protocol), "%s", known[i].name);
	if (!*row->protocol)
		snprintf(row->protocol, sizeof(row->protocol), "%u", protocol);
}

static int add_usage(const struct notrack_usage *usage, void *data)
{
	struct top *top = data;
	struct top_row *row;

	if (is_full(top))
		return 1;
	row = add_row(top);
	if (!row)
		return -ENOMEM;
	row->count = usage->count;
	row->share = usage->share;
	row->port = usage->port;
	if (top->by == TOP_BY_PORT)
		name_protocol(row, usage->protocol);
	if (usage->source)
		snprintf(row->source, sizeof(row->source), "%s", usage->source);
	name_service(row, usage);
	return 0;
}

static int add_bucket(const struct hashlimit_bucket *bucket, void *data)
{
	struct top *top = data;
	struct top_row *row;

	top->totals.count++;
	if (is_full(top))
		return 0;
	row = add_row(top);
	if (!row)
		return -ENOMEM;
	snprintf(row->source, sizeof(row->source), "%s", bucket->source);
	snprintf(row->above, sizeof(row->above), "%s", bucket->above);
	row->burst = bucket->burst;
	row->available = bucket->available;
	row->expires_ms = bucket->expires_ms;
	return 0;
}

/* --- reading ---------------------------------------------------------- */

static int choose_by(struct top *top, const struct options *options)
{
	top->most = number;
	top->by = by;
	if (top->by == TOP_BY_CLIENT && !options->word_count)
		return complain(EXIT_BAD_INPUT, "--by client: needs a service");
	if (top->by != TOP_BY_CLIENT && options->word_count)
		return complain(EXIT_BAD_INPUT, "%s: goes with --by client only", options->words[0]);
	if (srcmask && top->by != TOP_BY_SOURCE)
		return complain(EXIT_BAD_INPUT, "--srcmask: goes with --by source only");
	if (srcmask && options->families != NOTRACK_IPV4 &&
	    options->families != NOTRACK_IPV6)
		return complain(EXIT_BAD_INPUT, "--srcmask: of which family? with -4 or -6 only");
	return 0;
}

static int read_table(struct notrack *nt, const struct options *options, struct top *top)
{
	static const enum notrack_usage_by kinds[] = {
		[TOP_BY_PORT] = NOTRACK_BY_PORT, [TOP_BY_SOURCE] = NOTRACK_BY_SOURCE,
		[TOP_BY_SERVICE] = NOTRACK_BY_SERVICE,
	};
	struct notrack_usage_request request = { .size = sizeof(request), .by = kinds[top->by] };
	int err;

	if (options->families == NOTRACK_IPV6)
		request.srcmask6 = srcmask;
	else
		request.srcmask4 = srcmask;
	err = notrack_usage(nt, &request, &top->totals, add_usage, top);
	return err > 0 ? 0 : err;
}

/* The look is worth having where there are no tables of rules. */
static int load(struct notrack *nt)
{
	int err = notrack_load(nt);

	return err == -EPROTONOSUPPORT ? 0 : err;
}

static int read_top(struct notrack *nt, const struct options *options, struct top *top)
{
	int err;

	top->count = 0;
	top->totals = (struct notrack_conntrack){ .size = sizeof(top->totals) };
	err = load(nt);
	if (err < 0)
		return err;
	if (top->by == TOP_BY_CLIENT)
		return hashlimit_each_bucket(nt, options->words[0], add_bucket, top);
	return read_table(nt, options, top);
}

/* --- JSON ------------------------------------------------------------- */

static void set_word(json_t *object, const char *key, const char *word)
{
	if (*word)
		json_object_set_new(object, key, json_string(word));
}

static json_t *json_row(const struct top *top, const struct top_row *row)
{
	json_t *object = json_object();

	set_word(object, "protocol", row->protocol);
	if (row->port)
		json_object_set_new(object, "port", json_integer(row->port));
	set_word(object, "source", row->source);
	set_word(object, "service", row->service);
	if (top->by == TOP_BY_CLIENT) {
		set_word(object, "above", row->above);
		json_object_set_new(object, "burst", json_integer(row->burst));
		json_object_set_new(object, "available", json_integer(row->available));
		json_object_set_new(object, "over", json_boolean(!row->available));
		json_object_set_new(object, "expires", json_real(row->expires_ms / 1000.0));
	} else {
		json_object_set_new(object, "count", json_integer((json_int_t)row->count));
		json_object_set_new(object, "share", json_real(row->share));
	}
	return object;
}

static int print_json(const struct top *top)
{
	const struct notrack_conntrack *totals = &top->totals;
	json_t *root = json_object(), *entries = json_array();

	json_object_set_new(root, "count", json_integer((json_int_t)totals->count));
	if (top->by != TOP_BY_CLIENT) {
		json_object_set_new(root, "max", json_integer((json_int_t)totals->max));
		json_object_set_new(root, "dropped", json_integer((json_int_t)totals->dropped));
		json_object_set_new(root, "early-dropped",
				    json_integer((json_int_t)totals->early_dropped));
		json_object_set_new(root, "insert-failed",
				    json_integer((json_int_t)totals->insert_failed));
	}
	for (size_t i = 0; i < top->count; i++)
		json_array_append_new(entries, json_row(top, &top->rows[i]));
	json_object_set_new(root, "entries", entries);
	return json_print(root, JSON_LINES);
}

/* --- the command ------------------------------------------------------ */

static int run_top(const struct options *options)
{
	struct top top = { .by = TOP_BY_PORT };
	int code = choose_by(&top, options), err;
	struct notrack *nt = code ? NULL : open_context(options, &code);

	if (!nt)
		return code;
	do {
		err = read_top(nt, options, &top);
		if (err)
			code = complain_notrack(nt, err);
		else if (options->json)
			code = print_json(&top);
		else
			code = top_print_table(&top, &report);
	} while (!code && again(watch_ms));
	free(top.rows);
	notrack_free(nt);
	return code;
}

const struct command command_top = {
	.name = "top",
	.arguments = "[SERVICE]",
	.summary = "print who fills the connection tracking table",
	.help = "Print who fills the connection tracking table, most entries first, how full it is,\n"
		"and what it dropped. With --by client, the sources that the limits of SERVICE count;\n"
		"those over their limit have 0 left.\n"
		"Columns: PROTOCOL PORT SOURCE SERVICE ENTRIES SHARE BAR; by client SOURCE ABOVE\n"
		"BURST LEFT EXPIRES.\n",
	.rows = rows,
	.words_max = 1,
	.run = run_top,
};
