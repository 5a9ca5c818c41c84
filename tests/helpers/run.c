/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_WORDS = 128,
	MAX_WAITS = 1500,	/* of 10 ms */
	EXIT_NO_COMMAND = 127,	/* as a shell has it */
};

struct kept {
	struct kept *next;
	void *pointer;
};

static struct kept *all_kept;

void *keep(void *pointer)
{
	struct kept *kept = malloc(sizeof(*kept));

	ck_assert_ptr_nonnull(pointer);
	ck_assert_ptr_nonnull(kept);
	*kept = (struct kept){ .next = all_kept, .pointer = pointer };
	all_kept = kept;
	return pointer;
}

bool wait_a_little(unsigned int *waits)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	return ++*waits < MAX_WAITS;
}

static PRINTF(1, 0) char *format_list(const char *format, va_list arguments)
{
	char *text;

	ck_assert_int_ge(vasprintf(&text, format, arguments), 0);
	return keep(text);
}

char *format_text(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_list(format, arguments);
	va_end(arguments);
	return text;
}

static const char *line_at(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return format_text("%.*s", (int)strcspn(at, "\n"), at);
}

const char *first_difference(const char *found, const char *expected)
{
	size_t same = 0;

	while (found[same] && found[same] == expected[same])
		same++;
	if (found[same] == expected[same])
		return NULL;
	return format_text("found    %.1000s\nexpected %.1000s", line_at(found, found + same),
			   line_at(expected, expected + same));
}

static char *read_all(int fd)
{
	size_t size = 0, room = 65536;
	char *text = malloc(room + 1);
	ssize_t got;

	while (text && (got = read(fd, text + size, room - size)) > 0) {
		size += (size_t)got;
		if (size == room)
			text = realloc(text, (room *= 2) + 1);
	}
	ck_assert_ptr_nonnull(text);
	text[size] = '\0';
	return keep(text);
}

unsigned int open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int count = 0;

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	text = read_all(fd);
	close(fd);
	return text;
}

/* The next word, unquoted in place, and past it; NULL at the end. */
static char *next_word(char **at)
{
	char *word, *to, quote = 0;

	*at += strspn(*at, " \n");
	if (!**at)
		return NULL;
	for (word = to = *at; **at && (quote || !strchr(" \n", **at)); ++*at)
		if (quote ? **at == quote : **at == '\'' || **at == '"')
			quote = quote ? 0 : **at;
		else
			*to++ = **at;
	if (**at)
		++*at;
	*to = '\0';
	return strcmp(word, "notrackctl") ? word : getenv("NOTRACKCTL");
}

/* $NOTRACK_BACKEND is what a whole suite runs with, but for commands that name one. */
static void add_backend(char **words, size_t count)
{
	char *backend = getenv("NOTRACK_BACKEND"), *program = getenv("NOTRACKCTL");

	if (!backend || !program || strcmp(words[0], program))
		return;
	for (size_t i = 1; i < count; i++)
		if (!strcmp(words[i], "--backend"))
			return;
	ck_assert_uint_lt(count + 2, MAX_WORDS);
	memmove(&words[3], &words[1], count * sizeof(words[0]));	/* and what ends them */
	words[1] = "--backend";
	words[2] = backend;
}

bool suite_is_nft(void)
{
	const char *backend = getenv("NOTRACK_BACKEND");

	return backend && !strcmp(backend, "nft");
}

static void split(char *text, char **words)
{
	size_t count = 0;

	while ((words[count] = next_word(&text)))
		ck_assert_uint_lt(++count, MAX_WORDS);
	ck_assert_msg(count > 0, "no command, or no NOTRACKCTL in the environment");
	add_backend(words, count);
}

pid_t fork_child(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static pid_t spawn(const struct how *how, int in, int out, int err, char *command)
{
	char *words[MAX_WORDS];
	pid_t pid;

	split(command, words);
	pid = fork_child();
	if (pid)
		return pid;
	if (how->where != HOST)
		netns_move_to(how->where);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(EXIT_NO_COMMAND);
	if (how->prepare)
		how->prepare();
	execvp(words[0], words);
	dprintf(2, "%s: %s\n", words[0], strerror(errno));
	_exit(EXIT_NO_COMMAND);
}

int wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int stop(pid_t pid, int signal_number)
{
	ck_assert_int_eq(kill(pid, signal_number), 0);
	return wait_for(pid);
}

static int memory_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	if (text) {
		ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
		lseek(fd, 0, SEEK_SET);
	}
	return fd;
}

static char *read_output(int fd)
{
	char *text;

	lseek(fd, 0, SEEK_SET);
	text = read_all(fd);
	close(fd);
	return text;
}

/* Whatever code a command may end with, it may not end with this. */
static void assert_no_sanitizer_speaks(const struct run *done)
{
	static const char *const words[] = { "ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
					     ": runtime error: " };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ck_assert_msg(!strstr(done->err, words[i]), "%s: %.4000s", done->command, done->err);
}

/* Files, not pipes: no output is too long for them, so nobody waits for anybody. */
static PRINTF(2, 0) struct run run_list(const struct how *how, const char *format, va_list arguments)
{
	int in = how->input ? memory_file(how->input) : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = memory_file(NULL), err = memory_file(NULL);
	struct run done = { .command = format_list(format, arguments) };

	done.code = wait_for(spawn(how, in, out, err, format_text("%s", done.command)));
	done.out = read_output(out);
	done.err = read_output(err);
	close(in);
	assert_no_sanitizer_speaks(&done);
	return done;
}

static struct run must_succeed(struct run done)
{
	ck_assert_msg(done.code == 0, "%s: exit %d\n%.2000s%.2000s", done.command, done.code, done.err,
		      done.out);
	return done;
}

struct run run(const char *command, ...)
{
	va_list arguments;
	struct run done;

	va_start(arguments, command);
	done = run_list(&(struct how){ .where = HOST }, command, arguments);
	va_end(arguments);
	return done;
}

struct run run_as(const struct how *how, const char *command, ...)
{
	va_list arguments;
	struct run done;

	va_start(arguments, command);
	done = run_list(how, command, arguments);
	va_end(arguments);
	return done;
}

struct run must(const char *command, ...)
{
	va_list arguments;
	struct run done;

	va_start(arguments, command);
	done = run_list(&(struct how){ .where = HOST }, command, arguments);
	va_end(arguments);
	return must_succeed(done);
}

struct run must_as(const struct how *how, const char *command, ...)
{
	va_list arguments;
	struct run done;

	va_start(arguments, command);
	done = run_list(how, command, arguments);
	va_end(arguments);
	return must_succeed(done);
}

json_t *must_json(const char *command, ...)
{
	va_list arguments;
	json_error_t error;
	struct run done;
	json_t *json;

	va_start(arguments, command);
	done = must_succeed(run_list(&(struct how){ .where = HOST }, command, arguments));
	va_end(arguments);
	json = json_loads(done.out, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(json != NULL, "%s: not JSON: %s\n%.2000s", done.command, error.text, done.out);
	return keep(json);
}

pid_t start(enum place where, const char *output, const char *command, ...)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	va_list arguments;
	pid_t pid;

	ck_assert_msg(out >= 0, "%s: %s", output, strerror(errno));
	va_start(arguments, command);
	pid = spawn(&(struct how){ .where = where }, null, out, out, format_list(command, arguments));
	va_end(arguments);
	close(null);
	close(out);
	return pid;
}
