/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "lines.h"
#include "prefixes.h"

static int enlarge(struct prefix_words *prefixes)
{
	size_t room = prefixes->room ? 2 * prefixes->room : 64;
	char **words = reallocarray(prefixes->words, room, sizeof(*words));
	unsigned int *lines;

	if (words)
		prefixes->words = words;
	lines = words ? reallocarray(prefixes->lines, room, sizeof(*lines)) : NULL;
	if (!lines)
		return out_of_memory();
	prefixes->lines = lines;
	prefixes->room = room;
	return 0;
}

static int add_word(struct prefix_words *prefixes, const char *word, size_t size, unsigned int line)
{
	int code = prefixes->count == prefixes->room ? enlarge(prefixes) : 0;

	if (code)
		return code;
	prefixes->words[prefixes->count] = strndup(word, size);
	if (!prefixes->words[prefixes->count])
		return out_of_memory();
	prefixes->lines[prefixes->count++] = line;
	return 0;
}

static const char blanks[] = " \t\r", separators[] = " \t\r,";

static int split(struct prefix_words *prefixes, const char *text, unsigned int line)
{
	int code = 0;

	text += strspn(text, separators);
	while (!code && *text) {
		size_t size = strcspn(text, separators);

		code = add_word(prefixes, text, size, line);
		text += size;
		text += strspn(text, separators);
	}
	return code;
}

static int read_list(struct prefix_words *prefixes)
{
	size_t left = LINES_SIZE_MAX;
	struct lines lines = { .line_max = LINES_LINE_MAX, .comments = "#",
			       .too_long = "; put fewer prefixes in a line", .left = &left };
	char *line;
	int code = lines_open(&lines, "-");

	if (code)
		return code;
	while (!code && (line = lines_next(&lines))) {
		line[strcspn(line, "#")] = '\0';
		code = split(prefixes, line, lines.number);
	}
	lines_close(&lines);
	return code ? code : lines.code;
}

/* As a variable of a script leaves it that is not set; lists that are read may have what they like. */
static bool has_empty_word(const char *list)
{
	size_t size;

	do {
		list += strspn(list, blanks);
		size = strcspn(list, ",");
		if (!size)
			return true;
		list += size;
	} while (*list++);
	return false;
}

int prefixes_read(struct prefix_words *prefixes, const char *argument)
{
	*prefixes = (struct prefix_words){ 0 };
	if (!strcmp(argument, "-"))
		return read_list(prefixes);
	if (has_empty_word(argument))
		return complain(EXIT_BAD_INPUT, "\"%s\": an empty word in a list of prefixes", argument);
	return split(prefixes, argument, 0);
}

void prefixes_free(struct prefix_words *prefixes)
{
	for (size_t i = 0; i < prefixes->count; i++)
		free(prefixes->words[i]);
	free(prefixes->words);
	free(prefixes->lines);
	*prefixes = (struct prefix_words){ 0 };
}
