/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inih skips what it cannot take apart, and goes on; it cuts long words; and a
 * line that is indented belongs to the key before, even in another section.
 * All that is noticed here, at its line.
 */
#include "config_lines.h"

#include <stdlib.h>
#include <string.h>

#include "config_sections.h"

/* A line that is slipped in behind a section's, so that empty ones count. */
#define SECTION_MARK "+=\n"

#define BLANKS " \t\r\n\f\v"
#define COMMENTS ";#"
#define TITLE_MOST 49		/* MAX_SECTION - 1 in ini.c */

static const char byte_order_mark[] = "\357\273\277";

#define complain_here(lines, ...) \
	((lines)->code = complain_line((lines)->path, (lines)->number, __VA_ARGS__))

static int check_section(struct lines *lines, const char *title)
{
	size_t size = strcspn(title + 1, "]\r\n");
	const char *rest = title + 1 + size;

	if (*rest != ']')
		return complain_here(lines, "%.*s: a [section] that has no ]", (int)size + 1, title);
	if (size > TITLE_MOST)
		return complain_here(lines, "[%.*s]: longer than %d characters", (int)size, title + 1,
				     TITLE_MOST);
	rest += 1 + strspn(rest + 1, BLANKS);
	if (*rest && !strchr(COMMENTS, *rest))
		return complain_here(lines, "[%.*s]: has something behind it", (int)size, title + 1);
	return 0;
}

static bool is_comment(const char *text)
{
	text += strspn(text, BLANKS);
	return *text && strchr(COMMENTS, *text);
}

/* Where the line begins for inih, which takes one that is indented for more of a key. */
static const char *look_at(struct lines *lines, const char *text)
{
	const char *body = text + strspn(text, BLANKS);
	bool section = *body == '[', says = *body && !section;

	if (section && check_section(lines, body))
		return NULL;
	lines->continues = says && lines->has_key && body > text;
	lines->marks = section;
	lines->unheard = says;
	lines->has_key = !section && (lines->has_key || says);
	return lines->continues ? text : body;
}

static const char *take_line(struct lines *lines, int room)
{
	ssize_t size = getline(&lines->text, &lines->size, lines->stream);
	const char *text = lines->text;

	if (size < 0)
		return NULL;
	lines->number++;
	if (memchr(text, '\0', (size_t)size)) {
		complain_here(lines, "has a NUL byte");
		return NULL;
	}
	if (lines->number == 1 && !strncmp(text, byte_order_mark, strlen(byte_order_mark)))
		text += strlen(byte_order_mark);
	if (is_comment(text)) {		/* of any length */
		lines->continues = lines->unheard = false;
		return "\n";
	}
	if (size >= room) {
		complain_here(lines, "is longer than %d characters; a list may go on in the next "
			      "line, which then begins with a blank", room - 2);
		return NULL;
	}
	return look_at(lines, text);
}

char *lines_next(char *line, int room, void *data)
{
	struct lines *lines = data;
	const char *text;

	if (lines->code)
		return NULL;
	if (lines->marks) {
		lines->marks = false;
		return strcpy(line, SECTION_MARK);
	}
	if (lines->unheard) {
		complain_here(lines, "is neither a [section] nor key = value");
		return NULL;
	}
	text = take_line(lines, room);
	return text ? strcpy(line, text) : NULL;
}
