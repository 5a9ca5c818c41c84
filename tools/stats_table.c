/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters as tables, as lsblk(8) prints them. */
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
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

static bool lacks(const struct column *columns, const char *list)
{
	char *copy = strdup(list), *rest = copy, *word;
	bool lacking = !copy;

	while (!lacking && (word = strsep(&rest, ",")))
		lacking = !find_column(columns, word);
	free(copy);
	return lacking;
}

/* A table is printed if it has all columns that are asked for. */
static int check_columns(const char *list)
{
	char *copy = strdup(list), *rest = copy, *word;
	size_t count = 0;
	int code = copy ? 0 : out_of_memory();

	while (!code && (word = strsep(&rest, ","))) {
		if (!find_column(service_columns, word) && !find_column(client_columns, word))
			code = complain(EXIT_BAD_INPUT, "%s: no such column; see notrackctl stats "
					"--help", word);
		else if (++count > COLUMNS_MOST)
			code = complain(EXIT_BAD_INPUT, "%s: too many columns", word);
	}
	if (!code && lacks(service_columns, list) && lacks(client_columns, list))
		code = complain(EXIT_BAD_INPUT, "%s: no table has all of these columns; see "
				"notrackctl stats --help", list);
	free(copy);
	return code;
}

/* Those of @list, which was checked, or all; none if the table lacks one of them. */
static void choose(struct choice *choice, const struct column *all, const char *list, bool rates)
{
	char *copy, *rest, *word;

	*choice = (struct choice){ 0 };
	if (!list)
		for (; all->name; all++)
			if (rates || all->cell != CELL_RATE)
				choice->columns[choice->count++] = all;
	if (!list || lacks(all, list))
		return;
	copy = rest = strdup(list);
	while (copy && (word = strsep(&rest, ",")))
		choice->columns[choice->count++] = find_column(all, word);
	free(copy);
}

/* --- an earlier reading, for rates ------------------------------------ */

static int compare_rows(const void *a, const void *b)
{
	const struct stats_row *one = *(const struct stats_row *const *)a;
	const struct stats_row *other = *(const struct stats_row *const *)b;
	int order = strcmp(one->service, other->service);

	if (order)
		return order;
	return one->client ? strcmp(one->client, other->client) :
			     strcmp(one->family, other->family);
}

/* The rows, to be found by bsearch(3); to be freed; NULL if out of memory. */
static const struct stats_row **sort_rows(const struct stats_row *rows, size_t count)
{
	const struct stats_row **sorted = malloc((count + 1) * sizeof(*sorted));

	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = &rows[i];
	if (sorted)
		qsort(sorted, count, sizeof(*sorted), compare_rows);
	return sorted;
}

/* The same row of an earlier reading. */
static const struct stats_row *earlier(const struct stats_row *row,
				       const struct stats_row *const *sorted, size_t count)
{
	const struct stats_row *const *found = bsearch(&row, sorted, count, sizeof(*sorted),
						       compare_rows);

	return found ? *found : NULL;
}

/* --- the tables ------------------------------------------------------- */

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

static int fill_line(struct libscols_line *line, const struct choice *choice,
		     const struct stats_row *row, const struct stats_row *before, double seconds)
{
	char text[64];

	for (size_t i = 0; i < choice->count; i++) {
		format_cell(text, sizeof(text), choice->columns[i], row, before, seconds);
		if (scols_line_set_data(line, i, text))
			return -ENOMEM;
	}
	return 0;
}

static int fill(struct libscols_table *table, const struct choice *choice,
		const struct stats_row *rows, size_t count, const struct stats_row *old,
		size_t old_count, double seconds)
{
	const struct stats_row **sorted = sort_rows(old, old_count);
	int err = sorted ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !err; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		err = line ? fill_line(line, choice, &rows[i], earlier(&rows[i], sorted, old_count),
				       seconds) : -ENOMEM;
	}
	free(sorted);
	return err;
}

static struct libscols_table *new_table(const struct choice *choice, const struct report_options *options)
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
		       const struct report_options *options, bool rates)
{
	const struct stats none = { 0 };
	struct libscols_table *services = NULL, *clients = NULL;
	struct choice service_choice, client_choice;
	double seconds = before ? stats->seconds - before->seconds : 0;
	int err = 0, code = options->columns ? check_columns(options->columns) : 0;

	if (code)
		return code;
	choose(&service_choice, service_columns, options->columns, rates);
	choose(&client_choice, client_columns, options->columns, rates);
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
	return err ? out_of_memory() : 0;
}
