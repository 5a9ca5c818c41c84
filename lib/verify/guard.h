/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guard: whoever was answered before a change is answered after it, and whoever was
 * refused is refused, but for what was opened on purpose.
 */
#ifndef LIB_GUARD_H
#define LIB_GUARD_H

#include "model/model.h"
#include "rules/selector.h"
#include "verify/finding.h"
#include "verify/entrances.h"
#include "verify/picks.h"

struct guard {
	const struct view *view;	/* with the change laid over it */
	const struct model *model;
	unsigned int families;		/* bits, 1 << enum family */
	const struct host *host;
	const struct entrances *entrances;
	const struct pick_options *picks;
};

/* Says in @findings where packets would fare differently.  0, or -ENOMEM. */
int guard_walk(const struct guard *guard, struct findings *findings);

#endif
