/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of notrackctl share. */
#ifndef NOTRACKCTL_H
#define NOTRACKCTL_H

#include <stdbool.h>
#include <stddef.h>

#include "notrack.h"

/* iptables' own exit codes. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_BAD_INPUT = 2,
	EXIT_LACKS = 3,
	EXIT_BUSY = 4,
};

/* The command line, taken apart. */
struct options {
	unsigned int families;		/* 0: both */
	const char *netns;
	unsigned int wait_ms;
	bool waits;			/* -w was given */
	bool json;
	struct notrack_service service;
	struct hashlimit limit;
	bool dry_run;
	bool rules;
	bool prometheus;
	unsigned int watch_ms;		/* 0: once */
	const char *columns;
	bool no_headings, raw;
	const char *by;			/* of top; NULL: port */
	uint32_t number;		/* of rows; 0: the default */
	double threshold;		/* share of the table; 0: the default */
	uint32_t times;			/* of the median; 0: the default */
	bool flush_tracked;
	const char *const *words;	/* after the command */
	int word_count;
};

struct command {
	const char *name;
	const char *usage;		/* what follows the name */
	const char *help;		/* lines, for --help */
	const char *options;		/* long names of its own, each between blanks */
	int words_least, words_most;
	int (*run)(struct options *options);
};

extern const struct command command_add, command_del, command_limit, command_unlimit,
	command_apply, command_show, command_stats, command_top, command_advise,
	command_flush_tracked, command_clear, command_doctor, command_verify;

/* A sentence on standard error; returns the exit code. */
int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The sentence of the library, and the exit code for @err. */
int complain_notrack(const struct notrack *nt, int err);

/* A context as the global options say; NULL after a complaint with *@code. */
struct notrack *open_context(const struct options *options, int *code);

/*
 * Takes the lock, loads, lets @change work on the model, commits, tells.
 * @change returns 0 or -errno; -ENOENT is nothing to do.
 */
int change_model(const struct options *options,
		 int (*change)(struct notrack *nt, const struct options *options));
/*
 * What a changing command ends with: --flush-tracked, and what it prints; an
 * exit code.
 */
int tell_changes(const struct options *options, struct notrack *nt,
		 const struct notrack_changes *changes);

/* With --watch: shows what was printed, waits; false when nobody reads any more. */
bool watch_again(const struct options *options);

#endif
