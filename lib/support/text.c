/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "support/text.h"

/* --- characters -------------------------------------------------------- */

/* Characters that terminals obey (C1), that end lines, or that turn the direction of text. */
static bool is_control(uint32_t code)
{
	return code < 0xa0 || code == 0xad || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
	       (code >= 0xd800 && code <= 0xdfff) || code == 0xfeff || code > 0x10ffff;
}

/* How many bytes a character of UTF-8 has whose first byte this is; 0: none begins so. */
static size_t size_by_first(unsigned char first)
{
	return first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 :
	       first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* The bytes of the character at @text that a terminal shows; 0: the first byte is to be escaped. */
static size_t shown_size(const char *text, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *byte = (const unsigned char *)text;
	size_t size = size_by_first(*byte);
	uint32_t code;

	if (*byte < 0x80)
		return *byte >= ' ' && *byte != 0x7f;
	if (!size || size > left)
		return 0;
	code = *byte & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (byte[i] & 0x3f);
	}
	return code < least[size] || is_control(code) ? 0 : size;
}

void text_make_plain(char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t size = shown_size(text, left);

		if (!size) {
			*text = '?';
			size = 1;
		}
		text += size;
		left -= size;
	}
}

/* --- pieces ------------------------------------------------------------- */

#define PIECE_ROOM sizeof("\\x0a")

/* One character of the string at @text, as it is printed; returns how many bytes it had. */
static size_t take_piece(char piece[PIECE_ROOM], const char *text, size_t left)
{
	size_t size = shown_size(text, left);

	if (!size) {
		sprintf(piece, "\\x%02x", (unsigned char)*text);
		return 1;
	}
	if (strchr("\"'\\", *text)) {
		piece[0] = '\\';
		memcpy(piece + 1, text, size);
		piece[1 + size] = '\0';
	} else {
		memcpy(piece, text, size);
		piece[size] = '\0';
	}
	return size;
}

void text_print_quoted(const char *text, size_t size, FILE *out)
{
	size_t left = strnlen(text, size);
	char piece[PIECE_ROOM];

	putc('"', out);
	while (left) {
		size_t taken = take_piece(piece, text, left);

		fputs(piece, out);
		text += taken;
		left -= taken;
	}
	putc('"', out);
}

void text_print_string(const char *text, size_t size, FILE *out)
{
	static const char plain[] = "_-0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t length = strnlen(text, size);

	if (length && strspn(text, plain) >= length)
		fwrite(text, 1, length, out);
	else
		text_print_quoted(text, length, out);
}

/* --- names -------------------------------------------------------------- */

static bool is_word(const char *name)
{
	size_t left = strlen(name);

	if (!left)
		return false;
	while (left) {
		size_t size = shown_size(name, left);

		if (!size || strchr(" \"'\\", *name))
			return false;
		name += size;
		left -= size;
	}
	return true;
}

void text_print_name(const char *name, FILE *out)
{
	if (is_word(name))
		fputs(name, out);
	else
		text_print_quoted(name, strlen(name), out);
}

/* A piece that does not fit whole is left out: half an escape would be another character. */
static bool append(char **end, size_t *room, const char *piece)
{
	size_t size = strlen(piece);

	if (size >= *room)
		return false;
	memcpy(*end, piece, size + 1);
	*end += size;
	*room -= size;
	return true;
}

const char *text_format_name(char *text, size_t room, const char *name)
{
	bool quoted = !is_word(name), fits = true;
	size_t left = strlen(name);
	char piece[PIECE_ROOM], *end = text;

	*text = '\0';
	if (quoted)
		append(&end, &room, "\"");
	while (left && fits) {
		size_t taken = take_piece(piece, name, left);

		fits = append(&end, &room, piece);
		name += taken;
		left -= taken;
	}
	if (quoted)
		append(&end, &room, "\"");
	return text;
}
