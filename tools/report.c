/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "report.h"

/* --- rows ------------------------------------------------------------- */

static char *row_at(const struct report *report, size_t index)
{
	return report->rows + index * report->row_size;
}

const void *report_row(const struct report *report, size_t index)
{
	return row_at(report, index);
}

static void free_words(const struct report *report, size_t index)
{
	for (const struct column *column = report->columns; column->name; column++)
		if (column->type == COLUMN_WORD) {
			char **word = (char **)(row_at(report, index) + column->member);

			free(*word);
			*word = NULL;	/* two columns may show one member */
		}
}

/* The words of a row are the caller's until each is replaced by its copy. */
static int copy_words(const struct report *report, char *row)
{
	const struct column *column = report->columns;
	int err = 0;

	for (; column->name; column++) {
		char **word = (char **)(row + column->member);

		if (column->type != COLUMN_WORD || !*word)
			continue;
		*word = err ? NULL : strdup(*word);
		if (!*word)
			err = -ENOMEM;
	}
	return err;
}

int report_add(struct report *report, const void *row)
{
	char *grown;

	if (!(report->count & (report->count - 1))) {	/* room up to the next power of two */
		size_t room = report->count ? 2 * report->count : 1;

		grown = reallocarray(report->rows, room, report->row_size);
		if (!grown)
			return -ENOMEM;
		report->rows = grown;
	}
	memcpy(row_at(report, report->count), row, report->row_size);
	return copy_words(report, row_at(report, report->count++));
}

void report_clear(struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free_words(report, i);
	free(report->rows);
	report->rows = NULL;
	report->count = 0;
}

/* --- columns ---------------------------------------------------------- */

#define COLUMNS_MAX 32

struct choice {
	const struct column *columns[COLUMNS_MAX];
	size_t count;
};

static bool is_usual(const struct report *report, const struct column *column,
		     const struct report_options *options)
{
	switch (column->use) {
	case USE_ALWAYS:
		return true;
	case USE_ON_TERMINAL:
		return isatty(STDOUT_FILENO) && !options->raw;
	case USE_WITH_RATES:
		return report->rates;
	default:
		return false;
	}
}

/* Stops at the word that is no column of this report, or one too many: returns it, @size long. */
static const char *find_columns(struct choice *choice, const struct column *columns,
				const char *list, size_t *size)
{
	choice->count = 0;
	for (const char *word = list;; word += *size + 1) {
		const struct column *column = columns;

		*size = strcspn(word, ",");
		while (column->name && (strncasecmp(column->name, word, *size) ||
					column->name[*size]))
			column++;
		if (!column->name || choice->count == COLUMNS_MAX)
			return word;
		choice->columns[choice->count++] = column;
		if (!word[*size])
			return NULL;
	}
}

/* None, if one that was asked for is not there. */
static void choose(struct choice *choice, const struct report *report,
		   const struct report_options *options)
{
	size_t size;

	choice->count = 0;
	if (options->columns && find_columns(choice, report->columns, options->columns, &size))
		choice->count = 0;
	for (const struct column *column = report->columns; !options->columns && column->name; column++)
		if (is_usual(report, column, options))
			choice->columns[choice->count++] = column;
}

int reports_check(const struct report *const *reports, size_t count,
		  const struct report_options *options)
{
	const char *word = NULL;
	struct choice choice;
	size_t size = 0;

	if (!options->columns)
		return 0;
	for (size_t i = 0; i < count; i++) {
		word = find_columns(&choice, reports[i]->columns, options->columns, &size);
		if (!word)
			return 0;
	}
	if (count > 1)
		return complain(EXIT_BAD_INPUT, "--output %s: no table has all of these columns; see "
				"--help of the command", options->columns);
	return complain(EXIT_BAD_INPUT, "--output %.*s: not a column of this table, or one of more "
			"than %d; see --help of the command", (int)size, word, COLUMNS_MAX);
}

/* --- the table -------------------------------------------------------- */

#define BAR_WIDTH 20

static void format_bar(char text[BAR_WIDTH + 1], double share, const char *none)
{
	size_t length = (size_t)(share * BAR_WIDTH + 0.5);

	if (length > BAR_WIDTH)
		length = BAR_WIDTH;
	memset(text, '#', length);
	text[length] = '\0';
	if (!length)
		strcpy(text, none);	/* a script takes no cell for no column */
}

/* @text is for what is not a word already. */
static const char *format_cell(char text[64], const struct column *column, const char *row)
{
	const void *member = row + column->member;
	const char *none = column->none ? column->none : "-";
	uint64_t number = 0;
	double real = 0;

	if (column->type == COLUMN_COUNT || column->type == COLUMN_POSITIVE)
		number = *(const uint64_t *)member;
	else if (column->type != COLUMN_WORD && column->type != COLUMN_ANSWER)
		real = *(const double *)member;
	switch (column->type) {
	case COLUMN_WORD:
		return *(const char *const *)member ? *(const char *const *)member : none;
	case COLUMN_ANSWER:
		return *(const uint8_t *)member == ANSWER_NONE ? none :
		       *(const uint8_t *)member == ANSWER_YES ? "yes" : "no";
	case COLUMN_POSITIVE:
	case COLUMN_COUNT:
		snprintf(text, 64, "%" PRIu64, number);
		return report_has_number(column, number) ? text : none;
	case COLUMN_RATE:
		snprintf(text, 64, "%.0f", real);
		return real < 0 ? none : text;
	case COLUMN_SHARE:
		snprintf(text, 64, "%.1f%%", 100 * real);
		return text;
	case COLUMN_SECONDS:
		snprintf(text, 64, "%" PRIu64 "s", (uint64_t)real);
		return text;
	case COLUMN_BAR:
		format_bar(text, real, none);
	}
	return text;
}

static int fill(struct libscols_table *table, const struct choice *choice,
		const struct report *report)
{
	char text[64];

	for (size_t i = 0; i < choice->count; i++) {
		const struct column *column = choice->columns[i];
		bool left = column->type == COLUMN_WORD || column->type == COLUMN_ANSWER ||
			    column->type == COLUMN_BAR;

		if (!scols_table_new_column(table, column->name, 0, left ? 0 : SCOLS_FL_RIGHT))
			return -ENOMEM;
	}
	for (size_t i = 0; i < report->count; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		for (size_t j = 0; j < choice->count; j++)
			if (!line || scols_line_set_data(line, j, format_cell(text,
					choice->columns[j], row_at(report, i))))
				return -ENOMEM;
	}
	return 0;
}

/* libsmartcols leaves out a cell that it has no memory to encode, and only errno tells. */
static int print_whole(struct libscols_table *table)
{
	int err;

	errno = 0;
	err = scols_print_table(table);
	return err ? err : errno == ENOMEM ? -ENOMEM : 0;
}

static int print_table(const struct choice *choice, const struct report *report,
		       const struct report_options *options)
{
	struct libscols_table *table = scols_new_table();
	int err = table ? fill(table, choice, report) : -ENOMEM;

	if (!err) {
		scols_table_enable_noheadings(table, options->no_headings);
		scols_table_enable_raw(table, options->raw);
		err = print_whole(table);
	}
	scols_unref_table(table);
	return err ? out_of_memory() : 0;
}

int reports_print(const struct report *const *reports, size_t count,
		  const struct report_options *options)
{
	bool printed = false;
	int code = 0;

	for (size_t i = 0; i < count && !code; i++) {
		struct choice choice;

		choose(&choice, reports[i], options);
		if (!choice.count || (printed && !reports[i]->count))
			continue;
		if (printed)
			putchar('\n');
		printed = true;
		code = print_table(&choice, reports[i], options);
	}
	return code;
}

/* --- help ------------------------------------------------------------- */

void report_help(const char *heading, const struct column *columns)
{
	printf("\n%s:\n\n", heading);
	for (; columns->name; columns++)
		printf("  %-22s  %s\n", columns->name, columns->help);
}
