/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists as users write them: "udp, tcp", "53,8000:8080". */
#ifndef LIB_WORDS_H
#define LIB_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "support/error.h"

/* Calls @take for each word of a comma separated list; ends with its error. */
int words_each(const char *list, struct error *error,
	       int (*take)(const char *word, void *data, struct error *error), void *data);

/* One of @names (ended by NULL): its index, or -1. */
int words_index(const char *const *names, const char *word);

/* A decimal number from 1 to @max, and nothing else. */
bool words_number(const char *word, uint64_t max, uint64_t *number);

/* Appends @word to a list under way. */
void words_append(FILE *list, const char *word);

#endif
