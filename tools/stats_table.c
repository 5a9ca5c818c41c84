/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters as tables, as lsblk(8) prints them. */
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"

enum cell {
	CELL_SERVICE,
	CELL_WHO,		/* family or client */
	CELL_PACKETS,
	CELL_BYTES,
	CELL_RATE,
};

struct column {
	const char *name;
	enum cell cell;
	unsigned int count;		/* of struct stats_row */
};

static const struct column service_columns[] = {
	{ "SERVICE", CELL_SERVICE, 0 },
	{ "FAMILY", CELL_WHO, 0 },
	{ "UNTRACKED", CELL_PACKETS, 0 },
	{ "UNTRACKED/S", CELL_RATE, 0 },
	{ "UNTRACKED-BYTES", CELL_BYTES, 0 },
	{ "ACCEPTED", CELL_PACKETS, 1 },
	{ "ACCEPTED/S", CELL_RATE, 1 },
	{ "ACCEPTED-BYTES", CELL_BYTES, 1 },
	{ NULL, 0, 0 },
};

static const struct column client_columns[] = {
	{ "SERVICE", CELL_SERVICE, 0 },
	{ "CLIENT", CELL_WHO, 0 },
	{ "SEEN", CELL_PACKETS, 0 },
	{ "SEEN/S", CELL_RATE, 0 },
	{ "SEEN-BYTES", CELL_BYTES, 0 },
	{ "PASSED", CELL_PACKETS, 1 },
	{ "PASSED/S", CELL_RATE, 1 },
	{ "PASSED-BYTES", CELL_BYTES, 1 },
	{ "DROPPED", CELL_PACKETS, 2 },
	{ "DROPPED/S", CELL_RATE, 2 },
	{ "DROPPED-BYTES", CELL_BYTES, 2 },
	{ NULL, 0, 0 },
};

#define COLUMNS_MOST 32

struct choice {
	const struct column *columns[COLUMNS_MOST];
	size_t count;
};

static const struct column *find_column(const struct column *columns, const char *name)
{
	for (; columns->name; columns++)
		if (!strcasecmp(columns->name, name))
			return columns;
	return NULL;
}

/* Those asked for, or all; none if the table lacks one of them. */
static int choose(struct choice *choice, const struct column *all, const char *list, bool rates)
{
	char *copy = list ? strdup(list) : NULL, *rest = copy, *word;
	int code = 0;

	*choice = (struct choice){ 0 };
	if (!list)
		for (; all->name; all++)
			if (rates || all->cell != CELL_RATE)
				choice->columns[choice->count++] = all;
	while (!code && copy && (word = strsep(&rest, ","))) {
		const struct column *column = find_column(all, word);

		if (!find_column(service_columns, word) && !find_column(client_columns, word))
			code = complain(EXIT_BAD_INPUT, "%s: no such column; see notrackctl stats "
					"--help", word);
		else if (choice->count == COLUMNS_MOST)
			code = complain(EXIT_BAD_INPUT, "%s: too many columns", word);
		else if (column)
			choice->columns[choice->count++] = column;
		else
			break;
	}
	if (!code && copy && rest)	/* it lacks a column: not this table */
		choice->count = 0;
	if (!code && copy && choice->count && word)
		choice->count = 0;
	free(copy);
	return code;
}

/* The same row of an earlier reading. */
static const struct stats_row *earlier(const struct stats_row *row, const struct stats_row *rows,
				       size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(rows[i].service, row->service) &&
		    (row->client ? !strcmp(rows[i].client, row->client) :
				   !strcmp(rows[i].family, row->family)))
			return &rows[i];
	return NULL;
}

static void format_cell(char *text, size_t size, const struct column *column,
			const struct stats_row *row, const struct stats_row *before, double seconds)
{
	const struct notrack_count *count = &row->counts[column->count];

	switch (column->cell) {
	case CELL_SERVICE:
		snprintf(text, size, "%s", row->service);
		break;
	case CELL_WHO:
		snprintf(text, size, "%s", row->client ? row->client : row->family);
		break;
	case CELL_PACKETS:
		snprintf(text, size, "%" PRIu64, count->packets);
		break;
	case CELL_BYTES:
		snprintf(text, size, "%" PRIu64, count->bytes);
		break;
	case CELL_RATE:		/* counters that began anew say nothing yet */
		if (before && seconds > 0 && count->packets >= before->counts[column->count].packets)
			snprintf(text, size, "%.0f", (double)(count->packets -
				 before->counts[column->count].packets) / seconds);
		else
			snprintf(text, size, "-");
	}
}

static int fill(struct libscols_table *table, const struct choice *choice,
		const struct stats_row *rows, size_t count, const struct stats_row *old,
		size_t old_count, double seconds)
{
	for (size_t i = 0; i < count; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		const struct stats_row *before = earlier(&rows[i], old, old_count);
		char text[64];

		if (!line)
			return -ENOMEM;
		for (size_t j = 0; j < choice->count; j++) {
			format_cell(text, sizeof(text), choice->columns[j], &rows[i], before, seconds);
			if (scols_line_set_data(line, j, text))
				return -ENOMEM;
		}
	}
	return 0;
}

static struct libscols_table *new_table(const struct choice *choice, const struct options *options)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	for (size_t i = 0; i < choice->count; i++)
		if (!scols_table_new_column(table, choice->columns[i]->name, 0,
					    choice->columns[i]->cell <= CELL_WHO ? 0 : SCOLS_FL_RIGHT)) {
			scols_unref_table(table);
			return NULL;
		}
	scols_table_enable_noheadings(table, options->no_headings);
	scols_table_enable_raw(table, options->raw);
	return table;
}

int stats_print_tables(const struct stats *stats, const struct stats *before,
		       const struct options *options)
{
	const struct stats none = { 0 };
	struct libscols_table *services = NULL, *clients = NULL;
	struct choice service_choice, client_choice;
	double seconds = before ? stats->seconds - before->seconds : 0;
	int err = 0, code;

	code = choose(&service_choice, service_columns, options->columns, options->watch_ms);
	if (!code)
		code = choose(&client_choice, client_columns, options->columns, options->watch_ms);
	if (code)
		return code;
	before = before ? before : &none;
	services = new_table(&service_choice, options);
	clients = new_table(&client_choice, options);
	if (!services || !clients ||
	    fill(services, &service_choice, stats->services, stats->service_count, before->services,
		 before->service_count, seconds) ||
	    fill(clients, &client_choice, stats->clients, stats->client_count, before->clients,
		 before->client_count, seconds))
		err = -ENOMEM;
	if (!err && service_choice.count)
		scols_print_table(services);
	if (!err && client_choice.count && (stats->client_count || !service_choice.count)) {
		if (service_choice.count)
			putchar('\n');
		scols_print_table(clients);
	}
	scols_unref_table(services);
	scols_unref_table(clients);
	return err ? complain(EXIT_BUSY, "out of memory") : 0;
}
