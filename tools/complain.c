/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "support/text.h"

static bool to_journal;

void complain_to_journal(void)
{
	const char *journal = getenv("JOURNAL_STREAM");

	to_journal = journal && *journal;
}

static void print_line(FILE *to, int priority, const char *format, va_list args)
{
	char text[1500];

	vsnprintf(text, sizeof(text), format, args);
	text_make_plain(text);
	if (to_journal)
		fprintf(to, "<%d>%s\n", priority, text);
	else
		fprintf(to, "%s%s\n", to == stderr ? "notrackctl: " : "", text);
}

int complain(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(stderr, code ? LOG_ERR : LOG_WARNING, format, args);
	va_end(args);
	return code;
}

void report_line(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(stdout, priority, format, args);
	va_end(args);
}

int complain_line(const char *path, unsigned int line, const char *format, ...)
{
	char text[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return complain(EXIT_BAD_INPUT, "%s:%u: %s", path, line, text);
}

int complain_check(const char *path, unsigned int line, int err, const char *key,
		   const char *sentence)
{
	if (err == -ENOMEM)
		return out_of_memory();
	return complain_line(path, line, "%s%s%s", key ? key : "", key ? ": " : "", sentence);
}

int complain_error(int err, const char *sentence)
{
	int code;

	switch (err) {
	case -EINVAL:
	case -ENOENT:
		code = EXIT_BAD_INPUT;
		break;
	case -EPROTONOSUPPORT:
		code = EXIT_LACKS;
		break;
	case -EBUSY:
	case -ENOMEM:
		code = EXIT_BUSY;
		break;
	default:
		code = EXIT_FAILED;
	}
	return complain(code, "%s", *sentence ? sentence : strerror(-err));
}

int complain_notrack(const struct notrack *nt, int err)
{
	return complain_error(err, notrack_error(nt));
}

void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*text);
		else
			putc(*text, out);
}

int out_of_memory(void)
{
	return complain(EXIT_BUSY, "out of memory");
}
