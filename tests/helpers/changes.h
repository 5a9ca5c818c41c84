/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes of a model that take a commit through all that it does. */
#ifndef NOTRACK_TESTS_CHANGES_H
#define NOTRACK_TESTS_CHANGES_H

#include <notrack.h>
#include <stdbool.h>

struct change {
	const char *name;
	int (*given)(struct notrack *nt);	/* the model that is there before */
	int (*edit)(struct notrack *nt);	/* of that model */
	bool locked;				/* from load to commit */
};

/* Those with most steps to undo come first, the locked one last. */
#define CHANGES 5
extern const struct change changes[CHANGES];

struct attempt {
	const struct change *change;
	struct notrack *nt;
	bool prepared;
};

/* Loads and edits, unless that was done. */
int prepare_it(struct attempt *attempt);
/* Loads, edits and commits; goes on where the last one failed. */
int attempt_it(struct attempt *attempt);

#endif
