/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others wrote, as we print it: no line and no colour of a terminal that we did not mean. */
#include "support/text.h"

#include <stdlib.h>
#include <string.h>

#include "rules/view.h"
#include "support/error.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NAME_ROOM = 64 };

static const struct {
	const char *text, *string, *name, *plain;
} texts[] = {
	{ "word_1-x", "word_1-x", "word_1-x", "word_1-x" },
	{ "", "\"\"", "\"\"", "" },
	{ "two words", "\"two words\"", "\"two words\"", "two words" },
	{ "eth0.100", "\"eth0.100\"", "eth0.100", "eth0.100" },
	{ "it's", "\"it\\'s\"", "\"it\\'s\"", "it's" },
	{ "a \"quote\"", "\"a \\\"quote\\\"\"", "\"a \\\"quote\\\"\"", "a \"quote\"" },
	{ "back\\slash", "\"back\\\\slash\"", "\"back\\\\slash\"", "back\\slash" },
	{ "x\n-A y", "\"x\\x0a-A y\"", "\"x\\x0a-A y\"", "x?-A y" },
	{ "\033[31mred", "\"\\x1b[31mred\"", "\"\\x1b[31mred\"", "?[31mred" },
	{ "a\rb\tc\x7f", "\"a\\x0db\\x09c\\x7f\"", "\"a\\x0db\\x09c\\x7f\"", "a?b?c?" },
	/* letters of others are letters */
	{ "f\xc3\xbcr", "\"f\xc3\xbcr\"", "f\xc3\xbcr", "f\xc3\xbcr" },
	{ "\xe2\x82\xac", "\"\xe2\x82\xac\"", "\xe2\x82\xac", "\xe2\x82\xac" },
	{ "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	/* the control characters of eight bits, alone and in UTF-8 */
	{ "\x9b" "2J", "\"\\x9b2J\"", "\"\\x9b2J\"", "?2J" },
	{ "\xc2\x9b" "2J", "\"\\xc2\\x9b2J\"", "\"\\xc2\\x9b2J\"", "??2J" },
	/* the direction of text turned, a line ended, and nothing to see */
	{ "\xe2\x80\xae", "\"\\xe2\\x80\\xae\"", "\"\\xe2\\x80\\xae\"", "???" },
	{ "\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\"", "\"\\xe2\\x80\\xa8\"", "???" },
	{ "\xe2\x80\x8b", "\"\\xe2\\x80\\x8b\"", "\"\\xe2\\x80\\x8b\"", "???" },
	/* no UTF-8: cut short, longer than need be, halves of a pair, beyond the last one */
	{ "\xc3", "\"\\xc3\"", "\"\\xc3\"", "?" },
	{ "\xc3(", "\"\\xc3(\"", "\"\\xc3(\"", "?(" },
	{ "\xc0\x8a", "\"\\xc0\\x8a\"", "\"\\xc0\\x8a\"", "??" },
	{ "\xe0\x82\x9b", "\"\\xe0\\x82\\x9b\"", "\"\\xe0\\x82\\x9b\"", "???" },
	{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"", "\"\\xed\\xa0\\x80\"", "???" },
	{ "\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"", "\"\\xf4\\x90\\x80\\x80\"", "????" },
};

static char *printed(const char *text, void (*print)(const char *text, FILE *out))
{
	char *buffer = NULL;
	size_t size;
	FILE *out = open_memstream(&buffer, &size);

	ck_assert_ptr_nonnull(out);
	print(text, out);
	fclose(out);
	return buffer;
}

static void print_string(const char *text, FILE *out)
{
	text_print_string(text, strlen(text), out);
}

START_TEST(text_of_others_is_one_word)
{
	char *string = printed(texts[_i].text, print_string);
	char *name = printed(texts[_i].text, text_print_name), formatted[NAME_ROOM];

	ck_assert_str_eq(string, texts[_i].string);
	ck_assert_str_eq(name, texts[_i].name);
	ck_assert_str_eq(text_format_name(formatted, sizeof(formatted), texts[_i].text), name);
	free(string);
	free(name);
}
END_TEST

START_TEST(a_sentence_is_one_line)
{
	struct error error;

	error_set(&error, -1, "chain %s", texts[_i].text);
	ck_assert_int_eq(strncmp(error.text, "chain ", 6), 0);
	ck_assert_str_eq(error.text + 6, texts[_i].plain);
}
END_TEST

/* A string that is longer than it may be, such as a comment with no end of its own. */
START_TEST(no_more_than_the_size_is_printed)
{
	char *buffer = NULL;
	size_t size;
	FILE *out = open_memstream(&buffer, &size);

	text_print_string("word rest", 4, out);
	putc(' ', out);
	text_print_string("word\n", 5, out);
	putc(' ', out);
	text_print_quoted("\xc3\xbc", 1, out);
	fclose(out);
	ck_assert_str_eq(buffer, "word \"word\\x0a\" \"\\xc3\"");
	free(buffer);
}
END_TEST

/* Half an escape would be other bytes. */
START_TEST(a_name_cut_short_ends_between_characters)
{
	char text[NAME_ROOM];

	for (size_t room = 1; room < sizeof(text); room++) {
		text_format_name(text, room, "ab\n\xc3\xbc\n");
		ck_assert_uint_lt(strlen(text), room);
		ck_assert_msg(!strncmp(text, "\"ab\\x0a\xc3\xbc\\x0a\"", strlen(text)) ||
			      text[strlen(text) - 1] == '"', "%s", text);
		ck_assert(!strchr(text, '\\') || strstr(text, "\\x0a"));
	}
}
END_TEST

START_TEST(a_place_in_a_chain_of_any_name_is_one_line)
{
	struct view view = { 0 };
	struct view_table *table = view_add_table(&view, WORLD_NFT, 1u << IPV4, "ip", "a b");
	struct view_chain *chain = view_add_chain(&view, table, "x\nip filter INPUT 1");
	const struct place place = { .chain = chain };
	char text[PLACE_TEXT];

	ck_assert_str_eq(view_format_place(&place, text),
			 "ip \"a b\" \"x\\x0aip filter INPUT 1\" policy");
	view_free(&view);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, text_of_others_is_one_word, 0, COUNT(texts));
	tcase_add_loop_test(tcase, a_sentence_is_one_line, 0, COUNT(texts));
	tcase_add_test(tcase, no_more_than_the_size_is_printed);
	tcase_add_test(tcase, a_name_cut_short_ends_between_characters);
	tcase_add_test(tcase, a_place_in_a_chain_of_any_name_is_one_line);
}

int main(void)
{
	return unit_main("text", tests);
}
