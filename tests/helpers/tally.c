/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tally.h"

#include <string.h>

#include "run.h"

void tally_add(struct tally *tally, const char *word)
{
	unsigned int row = 0;

	while (row < tally->rows && strcmp(tally->words[row], word))
		row++;
	if (row == TALLY_ROWS)
		return;
	if (row == tally->rows)
		tally->words[tally->rows++] = format_text("%s", word);
	tally->counts[row]++;
}

void tally_print(const struct tally *tally, FILE *out)
{
	for (unsigned int i = 0; i < tally->rows; i++)
		fprintf(out, "%6u %s\n", tally->counts[i], tally->words[i]);
}
