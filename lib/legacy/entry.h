/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule as the bytes of an xtables entry, and back.  The only code that
 * knows the layouts of matches and targets, and their revisions.
 */
#ifndef LIB_ENTRY_H
#define LIB_ENTRY_H

#include "legacy/features.h"
#include "legacy/xt_family.h"
#include "rules/rule.h"
#include "support/error.h"

/* The longest entry: its length is a 16 bit number, and aligned. */
#define ENTRY_MAX 65528

/*
 * Fills @buffer, aligned as malloc(3) does, of ENTRY_MAX bytes.  A verdict or
 * chain stands by its label in place of the target's name, as libiptc takes them.
 */
int entry_encode(void *buffer, const struct rule *rule, const struct xt_family *family,
		 const struct features *features, struct error *error);

/*
 * @label: "ACCEPT", the name of a chain or target, or ""; @to: the chain, if it is one.
 * A rule that entry_encode() would not make becomes TARGET_FOREIGN, with a copy.
 */
int entry_decode(struct rule *rule, const void *entry, const char *label, struct chain *to,
		 const struct xt_family *family, struct arena *arena);

/*
 * Makes a copy comparable, in place: what no packet can tell is zeroed, and what
 * entry_forget() is for.
 */
void entry_normalise(void *entry, const struct xt_family *family);
/*
 * No more than what the kernel notes in it, its counters, and what follows the names of
 * its matches and target.
 */
void entry_forget(void *entry, const struct xt_family *family);

/*
 * Whether two entries ask the same and do the same, whatever they have counted: the state,
 * in whatever revision of its match.  Where verdicts and jumps lead is not looked at.
 */
bool entry_same(const void *a, const void *b, const struct xt_family *family);

/* A copy, with the label of a verdict or chain in place of the target's name. */
void *entry_copy(const void *entry, const char *target, const struct xt_family *family,
		 struct arena *arena);

#endif
