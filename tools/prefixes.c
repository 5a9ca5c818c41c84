/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "prefixes.h"

#define BYTE_ORDER_MARK "\357\273\277"

static int enlarge(struct prefix_words *prefixes)
{
	size_t room = prefixes->room ? 2 * prefixes->room : 64;
	const char **words = realloc(prefixes->words, room * sizeof(*words));
	unsigned int *lines;

	if (words)
		prefixes->words = words;
	lines = words ? realloc(prefixes->lines, room * sizeof(*lines)) : NULL;
	if (!lines)
		return out_of_memory();
	prefixes->lines = lines;
	prefixes->room = room;
	return 0;
}

static int add_word(struct prefix_words *prefixes, const char *word, unsigned int line)
{
	int code = prefixes->count == prefixes->room ? enlarge(prefixes) : 0;

	if (code)
		return code;
	prefixes->words[prefixes->count] = word;
	prefixes->lines[prefixes->count++] = line;
	return 0;
}

static int split(struct prefix_words *prefixes, char *text, const char *separators,
		 unsigned int line)
{
	char *rest = text, *word;
	int code = 0;

	while (!code && (word = strsep(&rest, separators)))
		if (*word)
			code = add_word(prefixes, word, line);
	return code;
}

static int read_all(char **text)
{
	size_t size = 0, room = 1 << 16, got;
	char *grown = malloc(room);

	*text = grown;
	while (grown && (got = fread(*text + size, 1, room - size - 1, stdin))) {
		size += got;
		if (size < room - 1)
			continue;
		room *= 2;
		grown = realloc(*text, room);
		if (grown)
			*text = grown;
	}
	if (!grown)
		return out_of_memory();
	if (ferror(stdin))
		return complain(EXIT_FAILED, "standard input: %m");
	if (memchr(*text, '\0', size))
		return complain(EXIT_BAD_INPUT, "standard input: has a NUL byte");
	(*text)[size] = '\0';
	return 0;
}

static int split_lines(struct prefix_words *prefixes)
{
	char *rest = prefixes->text, *line;
	unsigned int number = 0;
	int code = 0;

	if (!strncmp(rest, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)))
		rest += strlen(BYTE_ORDER_MARK);
	while (!code && (line = strsep(&rest, "\n"))) {
		line[strcspn(line, "#")] = '\0';
		code = split(prefixes, line, " \t\r,", ++number);
	}
	return code;
}

int prefixes_read(struct prefix_words *prefixes, const char *argument)
{
	int code = 0;

	*prefixes = (struct prefix_words){ 0 };
	if (!strcmp(argument, "-")) {
		code = read_all(&prefixes->text);
		return code ? code : split_lines(prefixes);
	}
	prefixes->text = strdup(argument);
	if (!prefixes->text)
		return out_of_memory();
	code = split(prefixes, prefixes->text, ", ", 0);
	if (!code && !prefixes->count)
		code = complain(EXIT_BAD_INPUT, "\"%s\": names no prefix", argument);
	return code;
}

void prefixes_free(struct prefix_words *prefixes)
{
	free(prefixes->words);
	free(prefixes->lines);
	free(prefixes->text);
	*prefixes = (struct prefix_words){ 0 };
}
