/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON on standard output. */
#ifndef JSON_H
#define JSON_H

#include <jansson.h>

enum json_layout {
	JSON_LINES,		/* indented */
	JSON_ONE_LINE,
};

/*
 * Called before anything else of jansson's: from then on json_print() knows whether a value
 * anywhere had no memory, so that nobody else has to ask.
 */
void json_begin(void);

/* A string of bytes that somebody else chose: those that are not UTF-8 become "?". */
json_t *json_text(const char *text);

/*
 * Prints @root and lets go of it: all of it, or nothing where a value had no memory, @root itself
 * (NULL) or one inside.  An exit code.
 */
int json_print(json_t *root, enum json_layout layout);

#endif
