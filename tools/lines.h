/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What users write, line by line.  Files are opened so that a FIFO cannot block and no device is
 * read; a line and the whole have a length beyond which they are an error; and no memory is asked
 * for, so that the end of the input is never where memory ended.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>

/* The longest line that can be read at all; and all that is read of one configuration or list. */
#define LINES_LINE_MAX 65535
#define LINES_SIZE_MAX ((size_t)64 * 1024 * 1024)

struct lines {
	int fd;
	const char *path;		/* as sentences name it */
	size_t line_max;		/* bytes of a line, without its end */
	const char *comments;		/* a line that begins with one of these is given as "" */
	const char *too_long;		/* what to do about a line that is too long */
	size_t *left;			/* bytes that may still be read, of all files together */
	unsigned int number;		/* of the line that was given last, from 1 on */
	int code;			/* of a complaint; 0: there was none */
	bool ended, skipping;
	size_t begin, end;		/* of what is in the buffer */
	char buffer[3 + LINES_LINE_MAX + 3];	/* a byte order mark, a line with its end, and NUL */
};

/*
 * Opens a file, or "-", standard input.  A named file has to be a regular one that nobody but its
 * owner may write, who is root or the caller.  An exit code.
 */
int lines_open(struct lines *lines, const char *path);

/* The next line, without its end; NULL at the end, or after a complaint, with @lines->code. */
char *lines_next(struct lines *lines);

void lines_close(struct lines *lines);

#endif
