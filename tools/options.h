/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options as rows of a table: what getopt_long(3) takes and what --help prints come from it. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* An option.  To add one to a command, add a row to the command's table. */
struct option_row {
	const char *name;		/* the long name; NULL ends a table */
	char letter;			/* the short name; 0 if there is none */
	const char *argument;		/* what --help calls the argument; NULL if it takes none */
	/* Stores the option in @to; returns 0, or an exit code after a complaint. */
	int (*take)(const char *name, const char *word, void *to);
	void *to;
	const char *help;		/* lines, for --help */
};

/* Those below for @to as in the comment; words are kept as pointers. */
int take_flag(const char *name, const char *word, void *to);		/* bool */
int take_word(const char *name, const char *word, void *to);		/* const char *, not "" */
int take_positive(const char *name, const char *word, void *to);	/* uint32_t */
int take_seconds(const char *name, const char *word, void *to);		/* milliseconds, unsigned int */

/* A number from 1 to @max, for the take functions of commands. */
int take_number(const char *name, const char *word, uint32_t max, uint32_t *number);

/*
 * Takes the options of @argv that are in one of the two tables (@own may be NULL) and returns an
 * exit code.  With @command NULL it ends ahead of the first word that is no option; else it takes
 * all of them.  The words that are left begin at @argv[*@next].
 */
int options_take(const struct option_row *everywhere, const struct option_row *own,
		 const char *command, int argc, char **argv, int *next);

/* The lines that --help has about the rows of a table. */
void options_help(const struct option_row *rows);

#endif
