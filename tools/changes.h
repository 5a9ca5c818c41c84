/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What commands that change the kernel have in common, and what they print. */
#ifndef CHANGES_H
#define CHANGES_H

#include "command.h"

/* The row of --flush-tracked, for a command that may untrack something. */
#define FLUSH_TRACKED_ROW(flag) \
	{ "flush-tracked", 0, NULL, take_flag, &(flag), \
	  "then delete the entries that untracked flows have\nin the connection tracking table" }

/* The row of --force, for a command that may be refused for what it does. */
#define FORCE_ROW(flag) \
	{ "force", 0, NULL, take_flag, &(flag), \
	  "also where packets would fare differently from today,\nor a service could not be read" }

/*
 * Takes the lock, loads, lets @change work on the model, commits, prints.
 * @change returns 0 or -errno.
 */
int change_model(const struct options *options, bool flush_tracked,
		 int (*change)(struct notrack *nt, const struct options *options));

/* What a changing command ends with: --flush-tracked, and what it prints; an exit code. */
int print_changes(const struct options *options, bool flush_tracked, struct notrack *nt,
		  const struct notrack_changes *changes);

void print_flushed(const struct notrack_flushed *flushed);

#endif
