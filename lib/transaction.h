/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what the kernel has to what the model means.
 *
 * The chosen backend gets what the model means, any other one that holds rules of
 * ours gets none.  Moving from one to the other is make before break, too: the
 * new one accepts before it untracks, and untracks before the old one stops; the
 * old one untracks no more before it stops accepting.
 */
#ifndef LIB_TRANSACTION_H
#define LIB_TRANSACTION_H

#include "backend.h"
#include "context.h"
#include "plan.h"

struct transaction {
	struct notrack *nt;
	struct plan plan;			/* what is to stand in chains of the host */
	struct wanted wanted, nothing;
	struct change *changes[BACKENDS];	/* the chosen backend's first */
	struct model had[BACKENDS];		/* services that are there, where the plan is made */
	size_t count;
};

/*
 * Chooses a backend, looks at the host and works out what there is to do; in the kernel's time.
 * @whole: also where only clients have changed, as for somebody who wants to see it.
 * -ECANCELED where the plan refuses something that is a change; GRAFT_OUTDATED: begin again.
 * transaction_end() also where it fails.
 */
int transaction_begin(struct transaction *transaction, struct notrack *nt, bool whole);
/* Makes it so; on failure it is as it was, or -ENOTRECOVERABLE.  GRAFT_OUTDATED: begin again. */
int transaction_run(struct transaction *transaction, struct notrack_changes *changes);
/* The lines that come and go, to @out unless that is NULL, and how many they are. */
int transaction_diff(const struct transaction *transaction, FILE *out,
		     struct notrack_changes *changes);
void transaction_end(struct transaction *transaction);

/*
 * Numbers of the host's rules are other ones, and services opened, only where rules of ours come
 * or go; whoever watches is told once, and hears of it as long as it is so.
 */
void transaction_tell(struct notrack *nt, const struct notrack_changes *changes);

#endif
