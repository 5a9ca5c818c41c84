/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of a configuration file, as they are given to inih. */
#ifndef CONFIG_LINES_H
#define CONFIG_LINES_H

#include <stdbool.h>
#include <stdio.h>

struct lines {
	FILE *stream;
	const char *path;
	int number;		/* of the line that was given last */
	int code;		/* other than 0: no more lines */
	bool continues;		/* it goes on with the one before */
	bool marks;		/* the next line is the mark of a section */
	bool has_key;		/* in its section: an indented line may go on with it */
	bool unheard;		/* inih was given a key, and has not said so */
	char *text;
	size_t size;
};

/* What inih reads by: @data is a struct lines; NULL at the end, and with a code. */
char *lines_next(char *line, int room, void *data);

/* inih said what it made of the line. */
static inline void lines_heard(struct lines *lines)
{
	lines->unheard = false;
}

#endif
