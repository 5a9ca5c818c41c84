/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the commands that print tables print them. */
#ifndef REPORT_H
#define REPORT_H

#include "options.h"

struct report_options {
	const char *columns;		/* NULL: all that are usual */
	bool no_headings;
	bool raw;
};

#define REPORT_ROWS(options) \
	{ "output", 'o', "COLUMNS", take_word, &(options).columns, \
	  "print these columns, separated by commas; a table\nis printed if it has all of them" }, \
	{ "noheadings", 0, NULL, take_flag, &(options).no_headings, "print the rows alone" }, \
	{ "raw", 0, NULL, take_flag, &(options).raw, \
	  "do not align columns, for scripts" }

#endif
