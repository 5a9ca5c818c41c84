/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What main.c knows of a command, and what it gives to it. */
#ifndef COMMAND_H
#define COMMAND_H

#include "complain.h"
#include "options.h"

/* What every command takes: the global options, and the words behind the command. */
struct options {
	unsigned int families;		/* 0: both */
	const char *netns;		/* NULL: the caller's own */
	const char *backend;		/* NULL: not given */
	struct {
		bool given;
		unsigned int milliseconds;
	} wait;
	bool json;
	bool help, version;
	const char *const *words;
	int word_count;
};

struct command {
	const char *name;
	const char *arguments;		/* that follow the name; "" if there are none */
	const char *summary;		/* a line of notrackctl --help */
	const char *help;		/* lines of notrackctl NAME --help */
	void (*print_more_help)(void);	/* what is not known before it runs; or NULL */
	const struct option_row *rows;	/* options of its own; or NULL */
	int words_min, words_max;
	int (*run)(const struct options *options);	/* returns an exit code */
};

extern const struct command command_add, command_del, command_limit, command_unlimit,
	command_apply, command_show, command_stats, command_top, command_advise,
	command_flush_tracked, command_clear, command_doctor, command_verify, command_watch;

#endif
