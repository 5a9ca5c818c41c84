/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report is rows of a struct, and a table of columns that says what each member of it is.
 * From the two come the table that people read, the raw one for scripts, JSON, and the help.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

#include "json.h"
#include "options.h"

/* What the member of a row is; "none" is printed as "-", and left out of JSON. */
enum column_type {
	COLUMN_WORD,			/* const char *; NULL: none */
	COLUMN_COUNT,			/* uint64_t; UINT64_MAX: none */
	COLUMN_POSITIVE,		/* uint64_t; 0: none */
	COLUMN_RATE,			/* double, of a second; below 0: none */
	COLUMN_SHARE,			/* double, 0 to 1 */
	COLUMN_BAR,			/* the same, drawn */
	COLUMN_SECONDS,			/* double */
	COLUMN_ANSWER,			/* uint8_t: enum report_answer */
};

enum report_answer {
	ANSWER_NO,
	ANSWER_YES,
	ANSWER_NONE,			/* nobody knows */
};

/* When a column is printed that nobody asked for. */
enum column_use {
	USE_ALWAYS,
	USE_ON_TERMINAL,
	USE_WITH_RATES,
	USE_IF_ASKED,
};

struct column {
	const char *name;		/* heading, and word of --output; NULL ends a table */
	enum column_type type;
	size_t member;			/* where it is in a row */
	const char *json;		/* key, "a.b" for b of the object a; NULL: not in JSON */
	const char *help;
	enum column_use use;
	const char *none;		/* what is printed in place of "-" */
};

struct report {
	const struct column *columns;
	size_t row_size;
	size_t count;
	char *rows;
	bool rates;			/* there are rates to print */
};

struct report_options {
	const char *columns;		/* NULL: those that are usual */
	bool no_headings;
	bool raw;
};

#define REPORT_ROWS(options) \
	{ "output", 'o', "COLUMNS", take_word, &(options).columns, \
	  "print these columns, separated by commas; a table\nis printed if it has all of them" }, \
	{ "noheadings", 0, NULL, take_flag, &(options).no_headings, "print the rows alone" }, \
	{ "raw", 0, NULL, take_flag, &(options).raw, \
	  "do not align columns, for scripts" }

/* Copies a row, and the words in it; -ENOMEM. */
int report_add(struct report *report, const void *row);
const void *report_row(const struct report *report, size_t index);
void report_clear(struct report *report);

/* Whether one of the reports has all columns that were asked for; an exit code. */
int reports_check(const struct report *const *reports, size_t count,
		  const struct report_options *options);

/*
 * Prints, of the reports, those that have all columns that were asked for; of those behind the
 * first one, none that is empty.  An exit code.
 */
int reports_print(const struct report *const *reports, size_t count,
		  const struct report_options *options);

/* The rows as an array of objects; NULL if out of memory. */
json_t *report_json(const struct report *report);

/* The lines that --help has about the columns of a table. */
void report_help(const char *heading, const struct column *columns);

/* Whether a COLUMN_COUNT or COLUMN_POSITIVE has a number. */
static inline bool report_has_number(const struct column *column, uint64_t number)
{
	return number != (column->type == COLUMN_COUNT ? UINT64_MAX : 0);
}

#endif
