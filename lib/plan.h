/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a commit puts into chains of the host, and whether it may. */
#ifndef LIB_PLAN_H
#define LIB_PLAN_H

#include "context.h"
#include "verify/host.h"
#include "verify/parity.h"

struct plan {
	bool made;		/* else no more than clients have changed: what stands there stays, and
				   only @host is known */
	struct view view;	/* of the host as it was without us */
	struct host host;
	unsigned int ours;	/* bits of enum world: rules of ours may stand in it */
	struct parity parity;
	struct findings misses;	/* what untracked packets would miss */
	struct opening_memory memory;	/* for the next plan, once this one is committed */
	struct model others;	/* services in families that the context is not about */
};

/*
 * Looks at the host's rules, in both worlds, and works out what the model needs there;
 * in the kernel's time.  -ECANCELED, with the rule in the sentence, where packets would fare
 * differently; nothing is changed then.  @whole: also where only clients have changed.
 * plan_free() also where it fails.
 */
int plan_make(struct plan *plan, struct notrack *nt, bool whole);
void plan_free(struct plan *plan);

#endif
