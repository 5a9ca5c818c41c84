/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parity: an untracked packet goes the way that it went when it was tracked.  What has to
 * stand in chains of the host for that, and whether it is enough.
 */
#ifndef LIB_PARITY_H
#define LIB_PARITY_H

#include "model/model.h"
#include "rules/compile.h"
#include "rules/graft.h"
#include "verify/finding.h"
#include "verify/host.h"
#include "verify/opening_memory.h"

struct parity_options {
	const struct model *model;
	unsigned int families;			/* bits, 1 << enum family */
	const struct host *host;
	enum world world;			/* which has our NOTRACK */
	bool edits;				/* twins and openings; else the guard alone decides */
	bool force;				/* open also where a rule forbids the service */
	bool adds;				/* services come, or change */
	bool at_rest;				/* nobody is loading the host's rules just now */
	struct opening_memory *memory;		/* of earlier commits; this one adds to it */
};

struct parity {
	struct grafts grafts;			/* refer to the view */
	struct findings findings;		/* NOTRACK_FAILED: packets would fare differently */
	struct opened opened[FAMILIES];		/* for compile(), where @world is the legacy one */
	flow_set *flows[FAMILIES];		/* what these refer to */
	bool local_only;			/* what comes in is taken where it is for this host */
	bool deferred;				/* more may be opened once the host is at rest */
};

/*
 * @view has all chains of both worlds; what is of ours is taken out, and the change
 * laid over it.  0, or -ENOMEM; parity_free() also then.
 */
int parity_plan(struct view *view, const struct parity_options *options, struct parity *parity);
void parity_free(struct parity *parity);

#endif
