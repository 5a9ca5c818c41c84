/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complain.h"
#include "lines.h"

/* --- files ------------------------------------------------------------ */

/* "/dev/stdin" and "/dev/fd/N" are descriptors that the caller opened; -1 for any other path. */
static int passed_descriptor(const char *path)
{
	static const char folder[] = "/dev/fd/";
	const char *digits = path + strlen(folder);

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdin"))
		return STDIN_FILENO;
	if (strncmp(path, folder, strlen(folder)) || !*digits || strlen(digits) > 6 ||
	    digits[strspn(digits, "0123456789")])
		return -1;
	return atoi(digits);
}

/* Whoever may write the configuration of a command that root runs is root, as sudoers(5) has it. */
static int check_owner(const char *path, const struct stat *status)
{
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return complain(EXIT_BAD_INPUT, "%s: others than its owner may write it; chmod go-w, or "
				"give it on standard input", path);
	if (status->st_uid && status->st_uid != geteuid())
		return complain(EXIT_BAD_INPUT, "%s: belongs to user %u, who is neither root nor user "
				"%u that runs this; chown it, or give it on standard input", path,
				status->st_uid, geteuid());
	return 0;
}

static int check_file(const char *path, int fd)
{
	struct stat status;

	if (fstat(fd, &status))
		return complain(EXIT_FAILED, "%s: %m", path);
	if (S_ISREG(status.st_mode))
		return check_owner(path, &status);
	if (S_ISDIR(status.st_mode))
		return complain(EXIT_BAD_INPUT, "%s: is a directory", path);
	return complain(EXIT_BAD_INPUT, "%s: is no regular file; what comes from a pipe or a device "
			"goes to standard input, which is -", path);
}

int lines_open(struct lines *lines, const char *path)
{
	int passed = passed_descriptor(path), code = 0;

	lines->path = passed == STDIN_FILENO ? "<stdin>" : path;
	lines->number = 0;
	lines->code = 0;
	lines->ended = lines->skipping = false;
	lines->begin = lines->end = 0;
	if (passed >= 0)
		lines->fd = fcntl(passed, F_DUPFD_CLOEXEC, 3);
	else
		lines->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (lines->fd < 0)
		return complain(errno == ENOMEM ? EXIT_BUSY : EXIT_BAD_INPUT, "%s: %m", lines->path);
	if (passed < 0)
		code = check_file(path, lines->fd);
	if (code)
		lines_close(lines);
	return code;
}

void lines_close(struct lines *lines)
{
	close(lines->fd);
	lines->fd = -1;
}

/* --- lines ------------------------------------------------------------ */

/* More of the input behind what is in the buffer already, which moves to its beginning. */
static void fill(struct lines *lines)
{
	struct pollfd readable = { .fd = lines->fd, .events = POLLIN };
	ssize_t got;

	memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
	lines->end -= lines->begin;
	lines->begin = 0;
	do
		got = read(lines->fd, lines->buffer + lines->end,
			   sizeof(lines->buffer) - 1 - lines->end);
	while (got < 0 && (errno == EINTR || (errno == EAGAIN && poll(&readable, 1, -1) >= 0)));
	if (got < 0)
		lines->code = complain(errno == ENOMEM ? EXIT_BUSY : EXIT_FAILED, "%s: %m",
				       lines->path);
	else if ((size_t)got > *lines->left)
		lines->code = complain(EXIT_BAD_INPUT, "%s: is more than %zu MiB", lines->path,
				       LINES_SIZE_MAX / 1024 / 1024);
	if (lines->code)
		return;
	lines->ended = !got;
	lines->end += (size_t)got;
	*lines->left -= (size_t)got;
}

/* Where the text of the line in the buffer begins. */
static char *text_of(struct lines *lines)
{
	static const char byte_order_mark[] = "\357\273\277";
	char *text = lines->buffer + lines->begin;
	size_t size = strlen(byte_order_mark);

	if (lines->number == 1 && !lines->skipping && lines->end - lines->begin >= size &&
	    !memcmp(text, byte_order_mark, size))
		text += size;
	return text;
}

static bool is_comment(const struct lines *lines, const char *text, size_t size)
{
	while (size && (*text == ' ' || *text == '\t')) {
		text++;
		size--;
	}
	return size && strchr(lines->comments, *text);
}

/* Without the carriage return that ends a line of a file that was written on Windows. */
static size_t length_of(const char *text, size_t size)
{
	return size && text[size - 1] == '\r' ? size - 1 : size;
}

/* Looks at a line, or as much of it as is in the buffer: false after a complaint. */
static bool check(struct lines *lines, const char *text, size_t size)
{
	if (memchr(text, '\0', size)) {
		lines->code = complain_line(lines->path, lines->number, "has a NUL byte");
		return false;
	}
	if (is_comment(lines, text, size))
		lines->skipping = true;
	if (!lines->skipping && length_of(text, size) > lines->line_max)
		lines->code = complain_line(lines->path, lines->number, "is longer than %zu characters%s",
					    lines->line_max, lines->too_long);
	return !lines->code;
}

/* The line that ends at @end in the buffer; "" for one to be skipped. */
static char *take(struct lines *lines, char *end)
{
	char *text = text_of(lines);

	if (!check(lines, text, (size_t)(end - text)))
		return NULL;
	lines->begin = (size_t)(end - lines->buffer);
	if (lines->begin < lines->end)
		lines->begin++;
	*end = '\0';
	if (lines->skipping)
		text = end;
	lines->skipping = false;
	return text;
}

char *lines_next(struct lines *lines)
{
	lines->number++;
	while (!lines->code) {
		char *text = text_of(lines), *end = lines->buffer + lines->end;
		size_t size = (size_t)(end - text);
		char *newline = memchr(text, '\n', size);

		if (newline)
			return take(lines, newline);
		if (lines->ended)
			return size || lines->skipping ? take(lines, end) : NULL;
		if (length_of(text, size) > lines->line_max || lines->skipping) {
			if (!check(lines, text, size))
				break;
			lines->begin = lines->end;	/* more of a comment */
		}
		fill(lines);
	}
	return NULL;
}
