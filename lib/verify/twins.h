/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Twins: so that an untracked packet goes the way that it went when it was tracked.
 *
 * A rule that asks conntrack for a state no longer takes our packets.  Ahead of it
 * stands its twin, which asks for UNTRACKED, for all that the rule asks but the state,
 * and leads to a chain of ours that picks those packets which would have had the state,
 * and does with them what the rule does.  Where a rule takes packets because they are
 * untracked, which it did not when they were tracked, a graft leads them past it.
 */
#ifndef LIB_TWINS_H
#define LIB_TWINS_H

#include "model/model.h"
#include "rules/graft.h"
#include "verify/finding.h"
#include "verify/picks.h"

struct twins_options {
	const struct model *model;
	unsigned int families;			/* bits, 1 << enum family */
	struct pick_options host;
	const struct grafts *openings;		/* that will stand beside twins; NULL: none */
};

/*
 * @view has nothing of ours in it, and view_reach() has been called.  What cannot be had
 * by twins is said in @findings: NOTRACK_FAILED where packets would go another way.
 * 0, or -ENOMEM.
 */
int twins_make(const struct view *view, const struct twins_options *options,
	       struct grafts *grafts, struct findings *findings);
/*
 * @ask: whether some of them stand where they can tell what comes in by its destination alone,
 * which has to be an address of this host.  Broadcasts and multicasts have none: they pass such
 * twins by, and have to stay tracked.  0, or -ENOMEM.
 */
int twins_ask_local(const struct view *view, const struct twins_options *options, bool *ask);

#endif
