/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats: counters, as tables or JSON. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stdio.h>

#include "notrackctl.h"

static const char *family_name(unsigned int family)
{
	return family == NOTRACK_IPV6 ? "ipv6" : "ipv4";
}

/* --- JSON ------------------------------------------------------------- */

struct json_lists {
	json_t *services, *clients;
};

static json_t *json_count(const struct notrack_count *count)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)count->packets,
			 "bytes", (json_int_t)count->bytes);
}

static int add_json_service(const struct notrack_service_stats *stats, void *data)
{
	struct json_lists *lists = data;

	json_array_append_new(lists->services, json_pack("{s:s, s:s, s:o, s:o}",
		"name", stats->name, "family", family_name(stats->family),
		"untracked", json_count(&stats->untracked),
		"accepted", json_count(&stats->accepted)));
	return 0;
}

static int add_json_client(const struct hashlimit_stats *stats, void *data)
{
	struct json_lists *lists = data;

	json_array_append_new(lists->clients, json_pack("{s:s, s:s, s:o, s:o, s:o}",
		"service", stats->service, "prefix", stats->prefix,
		"seen", json_count(&stats->seen), "passed", json_count(&stats->passed),
		"dropped", json_count(&stats->dropped)));
	return 0;
}

static int print_json(struct notrack *nt)
{
	struct json_lists lists = { json_array(), json_array() };
	json_t *root = json_pack("{s:o, s:o}", "services", lists.services,
				 "clients", lists.clients);
	int err = notrack_stats(nt, add_json_service, add_json_client, &lists);

	if (!err) {
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(root);
	return err;
}

/* --- tables ----------------------------------------------------------- */

struct tables {
	struct libscols_table *services, *clients;
};

static void set_number(struct libscols_line *line, size_t column, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	scols_line_set_data(line, column, text);
}

static void set_count(struct libscols_line *line, size_t column,
		      const struct notrack_count *count)
{
	set_number(line, column, count->packets);
	set_number(line, column + 1, count->bytes);
}

static int add_service_line(const struct notrack_service_stats *stats, void *data)
{
	struct tables *tables = data;
	struct libscols_line *line = scols_table_new_line(tables->services, NULL);

	if (!line)
		return -ENOMEM;
	scols_line_set_data(line, 0, stats->name);
	scols_line_set_data(line, 1, family_name(stats->family));
	set_count(line, 2, &stats->untracked);
	set_count(line, 4, &stats->accepted);
	return 0;
}

static int add_client_line(const struct hashlimit_stats *stats, void *data)
{
	struct tables *tables = data;
	struct libscols_line *line = scols_table_new_line(tables->clients, NULL);

	if (!line)
		return -ENOMEM;
	scols_line_set_data(line, 0, stats->service);
	scols_line_set_data(line, 1, stats->prefix);
	set_count(line, 2, &stats->seen);
	set_count(line, 4, &stats->passed);
	set_count(line, 6, &stats->dropped);
	return 0;
}

static struct libscols_table *new_table(const char *const *columns, size_t count)
{
	struct libscols_table *table = scols_new_table();

	for (size_t i = 0; table && i < count; i++)
		scols_table_new_column(table, columns[i], 0, i < 2 ? 0 : SCOLS_FL_RIGHT);
	return table;
}

static int print_tables(struct notrack *nt)
{
	static const char *const service_columns[] = {
		"SERVICE", "FAMILY", "UNTRACKED", "BYTES", "ACCEPTED", "BYTES",
	};
	static const char *const client_columns[] = {
		"SERVICE", "CLIENT", "SEEN", "BYTES", "PASSED", "BYTES", "DROPPED", "BYTES",
	};
	struct tables tables = { new_table(service_columns, 6), new_table(client_columns, 8) };
	int err = tables.services && tables.clients ?
		  notrack_stats(nt, add_service_line, add_client_line, &tables) : -ENOMEM;

	if (!err)
		scols_print_table(tables.services);
	if (!err && scols_table_get_nlines(tables.clients)) {
		putchar('\n');
		scols_print_table(tables.clients);
	}
	scols_unref_table(tables.services);
	scols_unref_table(tables.clients);
	return err;
}

static int run_stats(struct options *options)
{
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = options->json ? print_json(nt) : print_tables(nt);
	if (err)
		code = complain_notrack(nt, err);
	notrack_free(nt);
	return code;
}

const struct command command_stats = {
	.name = "stats",
	.usage = "",
	.help = "Print the counters of services (packets and bytes not tracked, and accepted) and\n"
		"of limited clients (requests seen, passed, dropped).\n\n"
		"  --json                 as JSON\n",
	.run = run_stats,
};
