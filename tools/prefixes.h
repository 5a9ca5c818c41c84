/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prefixes of the command line or of standard input. */
#ifndef PREFIXES_H
#define PREFIXES_H

#include <stddef.h>

struct prefix_words {
	char **words;
	unsigned int *lines;	/* of standard input, by word; or 0 */
	size_t count, room;
};

/* "PREFIX,PREFIX", or "-": lines of them, '#' begins a comment.  An exit code. */
int prefixes_read(struct prefix_words *prefixes, const char *argument);
void prefixes_free(struct prefix_words *prefixes);

#endif
