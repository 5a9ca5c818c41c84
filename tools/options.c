/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "options.h"

/* --- values ----------------------------------------------------------- */

int take_flag(const char *name, const char *word, void *to)
{
	(void)name;
	(void)word;
	*(bool *)to = true;
	return 0;
}

int take_word(const char *name, const char *word, void *to)
{
	if (!*word)
		return complain(EXIT_BAD_INPUT, "--%s: is empty", name);
	*(const char **)to = word;
	return 0;
}

int take_number(const char *name, const char *word, uint32_t max, uint32_t *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || !value || value > max)
		return complain(EXIT_BAD_INPUT, "--%s %s: must be 1 to %u", name, word, max);
	*number = (uint32_t)value;
	return 0;
}

/* To the library, 0 is the default: whoever names a number does not mean that. */
int take_positive(const char *name, const char *word, void *to)
{
	if (!word[strspn(word, "0")])		/* how many it may be, the library says */
		return complain(EXIT_BAD_INPUT, "--%s %s: must be at least 1", name, word);
	return take_number(name, word, UINT32_MAX, to);
}

int take_seconds(const char *name, const char *word, void *to)
{
	char *end;
	double seconds = strtod(word, &end);

	if (!word[strspn(word, ".")] || word[strspn(word, "0123456789.")] || *end ||
	    seconds > UINT_MAX / 1000)
		return complain(EXIT_BAD_INPUT, "--%s %s: must be a number of seconds", name, word);
	*(unsigned int *)to = (unsigned int)(seconds * 1000);
	return 0;
}

/* --- the command line ------------------------------------------------- */

#define ROWS_MAX 64
/* What getopt_long(3) returns for the first row; above all letters. */
#define FIRST_ROW 256

struct rows {
	const struct option_row *list[ROWS_MAX];
	size_t count;
	struct option long_options[ROWS_MAX + 1];
	char letters[2 * ROWS_MAX + 3];
};

static void add_table(struct rows *rows, const struct option_row *row)
{
	for (; row && row->name && rows->count < ROWS_MAX; row++) {
		rows->list[rows->count] = row;
		rows->long_options[rows->count] = (struct option){
			row->name, row->argument ? required_argument : no_argument, NULL,
			FIRST_ROW + (int)rows->count,
		};
		rows->count++;
		if (!row->letter)
			continue;
		strncat(rows->letters, &row->letter, 1);
		if (row->argument)
			strcat(rows->letters, ":");
	}
}

static const struct option_row *find_row(const struct rows *rows, int value)
{
	if (value >= FIRST_ROW)
		return rows->list[value - FIRST_ROW];
	for (size_t i = 0; i < rows->count; i++)
		if (value && rows->list[i]->letter == value)
			return rows->list[i];
	return NULL;
}

/* After getopt_long(3) has returned '?' about @word. */
static int complain_option(const struct rows *rows, const char *command, const char *word)
{
	const char letter[3] = { '-', (char)optopt, '\0' };

	if (optopt >= FIRST_ROW)
		return complain(EXIT_BAD_INPUT, "--%s: takes no argument",
				find_row(rows, optopt)->name);
	if (optopt)		/* it may be one of several behind a "-" */
		word = letter;
	if (!command)
		return complain(EXIT_BAD_INPUT, "%s: not an option of every command, or short for "
				"several; options of one command go behind its name; see "
				"notrackctl --help", word);
	return complain(EXIT_BAD_INPUT, "%s: not an option of %s, or short for several; see "
			"notrackctl %s --help", word, command, command);
}

int options_take(const struct option_row *everywhere, const struct option_row *own,
		 const char *command, int argc, char **argv, int *next)
{
	struct rows rows = { .count = 0 };
	int value, code = 0;

	strcpy(rows.letters, command ? ":" : "+:");
	add_table(&rows, everywhere);
	add_table(&rows, own);
	opterr = 0;
	optind = 0;		/* begins anew */
	while (!code &&
	       (value = getopt_long(argc, argv, rows.letters, rows.long_options, NULL)) != -1) {
		const struct option_row *row = find_row(&rows, value);

		if (value == ':')
			return complain(EXIT_BAD_INPUT, "%s: needs an argument", argv[optind - 1]);
		if (value == '?')
			return complain_option(&rows, command, argv[optind - 1]);
		code = row->take(row->name, optarg, row->to);
	}
	*next = optind;
	return code;
}

/* --- help ------------------------------------------------------------- */

#define HELP_COLUMN 26

static int print_head(const struct option_row *row)
{
	int column = row->letter ? printf("  -%c, ", row->letter) : printf("      ");

	column += printf("--%s", row->name);
	if (row->argument)
		column += printf(" %s", row->argument);
	return column;
}

void options_help(const struct option_row *row)
{
	for (; row->name; row++) {
		int column = print_head(row);

		if (column + 2 > HELP_COLUMN) {
			putchar('\n');
			column = 0;
		}
		for (const char *line = row->help; *line;) {
			int size = (int)strcspn(line, "\n");

			printf("%*s%.*s\n", HELP_COLUMN - column, "", size, line);
			column = 0;
			line += size + (line[size] == '\n');
		}
	}
}
