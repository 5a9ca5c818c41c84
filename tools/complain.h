/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sentences on standard error, and the exit codes that go with them. */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include <stdio.h>
#include <syslog.h>

#include "notrack.h"

/* Room for a sentence of the library's checks. */
#define SENTENCE_SIZE 1024

/* iptables' own exit codes. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_BAD_INPUT = 2,
	EXIT_LACKS = 3,
	EXIT_BUSY = 4,
};

/* Prints a sentence; returns @code, so that a function can end with it. */
int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * From now on, lines begin with their priority, as in "<4>", where they go to the journal of
 * systemd ($JOURNAL_STREAM is set), which knows already who writes them.
 */
void complain_to_journal(void);

/* A line on standard output; @priority: LOG_INFO, LOG_NOTICE. */
void report_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "path:line: ..."; returns the exit code of bad input. */
int complain_line(const char *path, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What a check of the library said about a value of that line, and the exit code for it. */
int complain_check(const char *path, unsigned int line, int err, const char *key,
		   const char *sentence);

/* @sentence, or what @err means where it is "", and the exit code for @err. */
int complain_error(int err, const char *sentence);

/* The sentence of the library about @err, and the exit code for it. */
int complain_notrack(const struct notrack *nt, int err);

int out_of_memory(void);

/* Prints names that others chose: what a terminal might obey comes out as \xNN. */
void print_escaped(FILE *out, const char *text);

#endif
