/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services that would be opened one way only: requests get in, or out, and no answer gets back. */
#ifndef LIB_HALF_OPEN_H
#define LIB_HALF_OPEN_H

#include "verify/finding.h"
#include "verify/picks.h"
#include "verify/walk.h"

/* What becomes of the usual packets of one role of a service, over one protocol. */
struct half_open {
	bool opened;			/* requests get through that do not today */
	bool answered;			/* so do answers, */
	bool some_answered;		/* or those to some */
	struct place dropped;		/* where they do not */
};

/* @walk: of packets of either flow, today and as they would be. */
void half_open_note(struct half_open *half, const struct probe *probe, const struct walk *walk);

/* 0, or -ENOMEM. */
int half_open_tell(const struct half_open *half, enum family family, const struct flow_key *flow,
		   struct findings *findings);

#endif
