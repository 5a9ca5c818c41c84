/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* top as a table, as lsblk(8) prints them. */
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "top.h"

#define BAR_WIDTH 20

enum cell {
	CELL_PROTOCOL,
	CELL_PORT,
	CELL_SOURCE,
	CELL_SERVICE,
	CELL_ENTRIES,
	CELL_SHARE,
	CELL_BAR,
	CELL_ABOVE,
	CELL_BURST,
	CELL_LEFT,
	CELL_EXPIRES,
	CELLS
};

static const struct {
	const char *name;
	bool right;
	unsigned int by;		/* bits of enum top_by: where it is shown */
} cells[CELLS] = {
	[CELL_PROTOCOL] = { "PROTOCOL", false, 1u << TOP_BY_PORT },
	[CELL_PORT] = { "PORT", true, 1u << TOP_BY_PORT },
	[CELL_SOURCE] = { "SOURCE", false, 1u << TOP_BY_SOURCE | 1u << TOP_BY_CLIENT },
	[CELL_SERVICE] = { "SERVICE", false, 1u << TOP_BY_PORT | 1u << TOP_BY_SERVICE },
	[CELL_ENTRIES] = { "ENTRIES", true, ~(1u << TOP_BY_CLIENT) },
	[CELL_SHARE] = { "SHARE", true, ~(1u << TOP_BY_CLIENT) },
	[CELL_BAR] = { "BAR", false, ~(1u << TOP_BY_CLIENT) },
	[CELL_ABOVE] = { "ABOVE", false, 1u << TOP_BY_CLIENT },
	[CELL_BURST] = { "BURST", true, 1u << TOP_BY_CLIENT },
	[CELL_LEFT] = { "LEFT", true, 1u << TOP_BY_CLIENT },
	[CELL_EXPIRES] = { "EXPIRES", true, 1u << TOP_BY_CLIENT },
};

struct choice {
	enum cell cells[2 * CELLS];
	size_t count;
};

static int find_cell(const char *name)
{
	for (int cell = 0; cell < CELLS; cell++)
		if (!strcasecmp(cells[cell].name, name))
			return cell;
	return -1;
}

/* Those asked for; or all that there are, with a bar where somebody looks. */
static int choose(struct choice *choice, const struct top *top, const struct report_options *options)
{
	bool bars = isatty(STDOUT_FILENO) && !options->raw;
	const char *list = options->columns;
	char *copy = list ? strdup(list) : NULL, *rest = copy, *word;
	int code = 0;

	choice->count = 0;
	if (list && !copy)
		return out_of_memory();
	for (int cell = 0; !list && cell < CELLS; cell++)
		if (cells[cell].by & 1u << top->by && (cell != CELL_BAR || bars))
			choice->cells[choice->count++] = (enum cell)cell;
	while (!code && (word = strsep(&rest, ","))) {
		int cell = find_cell(word);

		if (cell < 0 || !(cells[cell].by & 1u << top->by))
			code = complain(EXIT_BAD_INPUT, "%s: no such column of this table; see "
					"notrackctl top --help", word);
		else if (choice->count == 2 * CELLS)
			code = complain(EXIT_BAD_INPUT, "%s: too many columns", word);
		else
			choice->cells[choice->count++] = (enum cell)cell;
	}
	free(copy);
	return code;
}

static void format_bar(char *text, size_t size, double share)
{
	size_t length = (size_t)(share * BAR_WIDTH + 0.5);

	if (length >= size)
		length = size - 1;
	memset(text, '#', length);
	text[length] = '\0';
	if (!length)
		strcpy(text, "-");	/* a column that is empty is none to a script */
}

static void format_cell(char *text, size_t size, enum cell cell, const struct top *top,
			const struct top_row *row)
{
	switch (cell) {
	case CELL_PROTOCOL:
		snprintf(text, size, "%s", row->protocol);
		break;
	case CELL_PORT:
		snprintf(text, size, row->port ? "%u" : "-", row->port);
		break;
	case CELL_SOURCE:
		snprintf(text, size, "%s", row->source);
		break;
	case CELL_SERVICE:
		snprintf(text, size, "%s", *row->service ? row->service :
			 top->by == TOP_BY_SERVICE ? "(none)" : "-");
		break;
	case CELL_ENTRIES:
		snprintf(text, size, "%" PRIu64, row->count);
		break;
	case CELL_SHARE:
		snprintf(text, size, "%.1f%%", 100 * row->share);
		break;
	case CELL_BAR:
		format_bar(text, size, row->share);
		break;
	case CELL_ABOVE:
		snprintf(text, size, "%s", row->above);
		break;
	case CELL_BURST:
		snprintf(text, size, "%u", row->burst);
		break;
	case CELL_LEFT:
		snprintf(text, size, "%u", row->available);
		break;
	default:
		snprintf(text, size, "%us", row->expires_ms / 1000);
	}
}

static struct libscols_table *new_table(const struct choice *choice, const struct report_options *options)
{
	struct libscols_table *table = scols_new_table();

	for (size_t i = 0; table && i < choice->count; i++)
		if (!scols_table_new_column(table, cells[choice->cells[i]].name, 0,
					    cells[choice->cells[i]].right ? SCOLS_FL_RIGHT : 0)) {
			scols_unref_table(table);
			table = NULL;
		}
	if (table) {
		scols_table_enable_noheadings(table, options->no_headings);
		scols_table_enable_raw(table, options->raw);
	}
	return table;
}

static int fill(struct libscols_table *table, const struct choice *choice, const struct top *top)
{
	char text[64];

	for (size_t i = 0; i < top->count; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			return -ENOMEM;
		for (size_t j = 0; j < choice->count; j++) {
			format_cell(text, sizeof(text), choice->cells[j], top, &top->rows[i]);
			if (scols_line_set_data(line, j, text))
				return -ENOMEM;
		}
	}
	return 0;
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

int top_print_table(const struct top *top, const struct report_options *options)
{
	struct libscols_table *table;
	struct choice choice;
	int code = choose(&choice, top, options);

	if (code)
		return code;
	table = new_table(&choice, options);
	if (!table || fill(table, &choice, top)) {
		scols_unref_table(table);
		return out_of_memory();
	}
	if (top->by != TOP_BY_CLIENT && !options->no_headings && !options->raw)
		print_totals(&top->totals);
	scols_print_table(table);
	scols_unref_table(table);
	return 0;
}
