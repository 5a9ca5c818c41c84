/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What openings are made of, and what comes of it. */
#ifndef LIB_OPENING_OPTIONS_H
#define LIB_OPENING_OPTIONS_H

#include "model/model.h"
#include "rules/compile.h"
#include "rules/graft.h"
#include "verify/finding.h"
#include "verify/entrances.h"
#include "verify/opening_memory.h"
#include "verify/picks.h"

struct opening_options {
	const struct model *model;
	const struct entrances *entrances;
	struct pick_options picks;
	bool compiled;		/* the legacy tables get the chains that compile() made */
	bool force;		/* also where a rule forbids the service by name */
	bool adds;		/* services come, or change: what was forced before is told again */
	bool edits;		/* else nothing is opened */
	bool at_rest;		/* nobody is loading the host's rules just now, as far as is known */
	struct opening_memory *memory;	/* of earlier commits, and of this one */
};

/* What came of it. */
struct openings {
	struct grafts *grafts;			/* the jumps, and the chains that they lead to */
	struct findings *findings;		/* refusals */
	flow_set *compiled[FAMILIES];		/* in table filter of the legacy world */
	bool errors[FAMILIES];			/* ICMP errors, there */
	bool deferred;				/* more may be opened once the rules are at rest */
};

#endif
