/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls by which xtables is asked and told, as the library in this program
 * makes them: counted, and one of them failed on its way to the kernel.
 */
#ifndef NOTRACK_TESTS_INJECT_H
#define NOTRACK_TESTS_INJECT_H

#include <stdbool.h>
#include <stddef.h>

/* FAULT_FOR_A_WHILE: as many calls as a table is looked at once it was to be replaced, and that one. */
enum fault { FAULT_ONCE, FAULT_FOR_A_WHILE, FAULT_FROM_THEN_ON };

/* What a call that was failed had asked for. */
struct injected {
	unsigned int count;	/* of calls failed */
	int level;		/* the first one's */
	int option;
	bool write;		/* setsockopt() */
	char name[32];		/* of the table, match or target it is about */
};

/* Fails the @nth call, counted from 1, with @err; 0 fails none. */
void inject_begin(enum fault fault, unsigned int nth, int err);

/* Runs @intrude ahead of the @nth call that sets @option, counted from 1. */
void inject_intruder(int option, unsigned int nth, void (*intrude)(const char *table, int level));

/* Kills this process with SIGKILL ahead of the @nth call, counted from 1. */
void inject_kill(unsigned int nth);

/* From here on all calls go through, and nobody intrudes. */
struct injected inject_end(void);

/* Of the kind that asks which matches and targets there are. */
bool injected_probe(const struct injected *injected);

#endif
