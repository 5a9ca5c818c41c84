/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often each of a few things was said. */
#ifndef NOTRACK_TESTS_TALLY_H
#define NOTRACK_TESTS_TALLY_H

#include <stdio.h>

enum { TALLY_ROWS = 64 };

struct tally {
	const char *words[TALLY_ROWS];
	unsigned int counts[TALLY_ROWS], rows;
};

void tally_add(struct tally *tally, const char *word);
void tally_print(const struct tally *tally, FILE *out);

#endif
