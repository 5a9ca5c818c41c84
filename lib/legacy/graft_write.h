/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A graft as an entry: parts of a rule of the host, and what ours asks and does beyond. */
#ifndef LIB_LEGACY_GRAFT_WRITE_H
#define LIB_LEGACY_GRAFT_WRITE_H

#include "legacy/entry.h"
#include "rules/graft.h"

/* The rule of the host that one of ours has parts of. */
struct graft_original {
	const struct view_rule *rule;
	const void *entry;		/* in libiptc's memory */
	const char *label;		/* as libiptc has it */
	const char *table, *chain;	/* where it stands, for sentences */
	unsigned int number;		/* in its chain, from 1 on */
};

/*
 * Fills @buffer, of ENTRY_MAX bytes, aligned as malloc(3) does, as entry_encode()
 * does.  @to: the chain that it leads to, or NULL; @original: NULL if nothing is copied.
 * -EOPNOTSUPP where both ask for what an entry has room for once.
 */
int graft_write(void *buffer, const struct graft_rule *rule, const char *to,
		const struct graft_original *original, const struct xt_family *family,
		const struct features *features, struct error *error);

#endif
