/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files share that open base chains. */
#ifndef LIB_OPENING_WORK_H
#define LIB_OPENING_WORK_H

#include "verify/opening_options.h"

/* What a base chain is about to get. */
struct work {
	const struct view *view;
	const struct opening_options *options;
	struct openings *openings;
	struct view_chain *base;
	enum direction direction;
	flow_set *flows[FAMILIES];	/* to be accepted there */
	flow_set *decided[FAMILIES];	/* whom the host lets in, or keeps out, by its own rules */
	bool errors[FAMILIES];
	struct view_rule *before;	/* where */
	bool placed;			/* @before is known */
};

static inline flow_set bit_of(const struct flow_key *flow)
{
	return flow_bit(flow->direction, flow->role, flow->request, flow->protocol);
}

/* The packets of a flow, as the chain meets them. */
int opening_pick_flow(const struct work *work, enum family family, const struct flow_key *flow,
		      struct picks *picks);

/* opening_stands.c: 0 or -ENOMEM, and what stands already. */

/* The first edition went ahead of all rules, whomever these let in. */
bool opening_is_of_first_edition(const struct work *work, enum family family);
/* Whether the opening that stands accepts all of a flow already. */
int opening_ask_opened(const struct work *work, enum family family, const struct flow_key *flow,
		       bool *is);
/* Whether we opened it before, in an earlier commit of this context. */
bool opening_was_opened(const struct work *work, enum family family, const struct flow_key *flow);
/* Whether a flow that nobody is let in by, and that is not open, may be opened. */
int opening_may_open(const struct work *work, enum family family, size_t index,
		     const struct flow_key *flow, bool *may);
/* For the next commit. */
int opening_remember(const struct work *work);

#endif
