/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Targets for libFuzzer: each feeds what it gets to the code that reads such a thing
 * from others, and stops (abort(3)) where a promise does not hold.  run-fuzz runs them.
 */
#ifndef NOTRACK_TESTS_FUZZ_H
#define NOTRACK_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input. */
#define promise(condition) do {								\
	if (!(condition)) {								\
		fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);	\
		abort();								\
	}										\
} while (0)

/* A copy that ends where the input does: a sanitizer sees what is read past it. */
static inline void *fuzz_copy(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	promise(copy);
	memcpy(copy, data, size);
	return copy;
}

/* The same as a string; a NUL in it ends it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	promise(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* One line without control characters, and more than nothing. */
static inline void promise_sentence(const char *sentence)
{
	promise(*sentence);
	for (; *sentence; sentence++)
		promise((unsigned char)*sentence >= ' ' && *sentence != 0x7f);
}

#endif
