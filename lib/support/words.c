/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/words.h"

static const char blank[] = " \t";

static int take_trimmed(const char *list, const char *start, size_t size, struct error *error,
			int (*take)(const char *, void *, struct error *), void *data)
{
	char word[256];
	size_t skip = 0;

	while (skip < size && strchr(blank, start[skip]))
		skip++;
	while (size > skip && strchr(blank, start[size - 1]))
		size--;
	if (size == skip)
		return error_set(error, -EINVAL, "\"%.80s\": an empty word in a list", list);
	if (size - skip >= sizeof(word))
		return error_set(error, -EINVAL, "%.40s...: too long a word", start + skip);
	memcpy(word, start + skip, size - skip);
	word[size - skip] = '\0';
	return take(word, data, error);
}

int words_each(const char *list, struct error *error,
	       int (*take)(const char *word, void *data, struct error *error), void *data)
{
	for (const char *start = list;;) {
		size_t size = strcspn(start, ",");
		int err = take_trimmed(list, start, size, error, take, data);

		if (err || !start[size])
			return err;
		start += size + 1;
	}
}

int words_index(const char *const *names, const char *word)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], word))
			return i;
	return -1;
}

bool words_number(const char *word, uint64_t max, uint64_t *number)
{
	char *end;

	if (*word < '0' || *word > '9')
		return false;
	errno = 0;
	*number = strtoull(word, &end, 10);
	return !*end && !errno && *number && *number <= max;
}

void words_append(FILE *list, const char *word)
{
	fprintf(list, "%s%s", ftell(list) ? ", " : "", word);
}
