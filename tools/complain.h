/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sentences on standard error, and the exit codes that go with them. */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include "notrack.h"

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

/* The sentence of the library about @err, and the exit code for it. */
int complain_notrack(const struct notrack *nt, int err);

int out_of_memory(void);

/* Prints names that others chose: what a terminal might obey comes out as \xNN. */
void print_escaped(FILE *out, const char *text);

#endif
