/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands, as one would type them: words apart by spaces, 'kept together' by
 * quotes of either kind, without a shell. The word `notrackctl` is the program under test:
 * $NOTRACKCTL. What they return lives as long as the test.
 */
#ifndef NOTRACK_TESTS_RUN_H
#define NOTRACK_TESTS_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "netns.h"

struct run {
	const char *command;
	int code;		/* 128 + N when signal N ended it */
	char *out;
	char *err;
};

struct how {
	enum place where;
	const char *input;	/* stdin, /dev/null without */
	void (*prepare)(void);	/* called in the child before exec */
};

/*
 * Whether this program, and so the command under test, is built with AddressSanitizer: it takes
 * long to begin, and needs more room than a limit of memory leaves it.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define PRINTF(text, first) __attribute__((format(printf, text, first)))

struct run run(const char *command, ...) PRINTF(1, 2);
struct run run_as(const struct how *how, const char *command, ...) PRINTF(2, 3);

/* The same, for a command that may not fail: stops the test with its stderr. */
struct run must(const char *command, ...) PRINTF(1, 2);
struct run must_as(const struct how *how, const char *command, ...) PRINTF(2, 3);
json_t *must_json(const char *command, ...) PRINTF(1, 2);

/* Runs beside the test, stdout and stderr in the file `output`; stop() it. */
pid_t start(enum place where, const char *output, const char *command, ...) PRINTF(3, 4);

/* Sends the signal, waits, returns as `code` above. */
int stop(pid_t pid, int signal_number);
int wait_for(pid_t pid);

/* fork(): the child ends with the test, whatever happens to that. */
pid_t fork_child(void);

/* How many descriptors this process has. */
unsigned int open_files(void);

char *read_file(const char *path);
char *format_text(const char *format, ...) PRINTF(1, 2);

/* Whether the suite runs over nftables: tests/command/meson.build says with which backend. */
bool suite_is_nft(void);

/* Long texts: a failure shows the first line that differs, and no more. */
#define assert_same_text(found, expected)                                          \
	do {                                                                       \
		const char *difference = first_difference(found, expected);        \
		ck_assert_msg(!difference, "%s", difference);                      \
	} while (0)
#define assert_other_text(found, than) \
	ck_assert_msg(first_difference(found, than) != NULL, "nothing changed")
const char *first_difference(const char *found, const char *expected);

/* Frees nothing, but lets a leak checker know who holds it. */
void *keep(void *pointer);

/*
 * For polling: `while (!condition && wait_a_little(&waits)) ;` false after so
 * long that the condition will never hold, which is no time anything must meet.
 */
bool wait_a_little(unsigned int *waits);

#endif
