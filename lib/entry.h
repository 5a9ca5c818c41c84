/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule as the bytes of an xtables entry, and back.  The only code that
 * knows the layouts of matches and targets, and their revisions.
 */
#ifndef LIB_ENTRY_H
#define LIB_ENTRY_H

#include "error.h"
#include "kernel.h"
#include "rule.h"

/* What a kernel has, asked once; 0: not there. */
struct revisions {
	bool asked;
	int hashlimit;		/* 3, 2 or 1 */
	bool notrack;		/* a target of its own */
	int ct;			/* 2 or 1 */
};

int revisions_ask(struct revisions *revisions, const struct kernel *kernel,
		  struct error *error);

/* The longest entry: its length is a 16 bit number, and aligned. */
#define ENTRY_MOST 65528

/*
 * Fills @buffer, aligned as malloc(3) does, of ENTRY_MOST bytes.  A verdict or
 * chain stands by its label in place of the target's name; see blob_replace().
 */
int entry_encode(void *buffer, const struct rule *rule, const struct kernel *kernel,
		 const struct revisions *revisions, struct error *error);

/*
 * @target: the label of its target, which @rule may point to from then on.  A
 * rule that entry_encode() would not make becomes TARGET_FOREIGN, with a copy.
 */
int entry_decode(struct rule *rule, const void *entry, const char *target,
		 const struct kernel *kernel, struct arena *arena);

/* A copy, with the label of a verdict or chain in place of the target's name. */
void *entry_copy(const void *entry, const char *target, const struct kernel *kernel,
		 struct arena *arena);

#endif
