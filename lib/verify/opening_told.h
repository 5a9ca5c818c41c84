/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of openings, of those that cannot be, and of what they go past. */
#ifndef LIB_OPENING_TOLD_H
#define LIB_OPENING_TOLD_H

#include "rules/view.h"
#include "verify/finding.h"
#include "verify/picks.h"

/* 0 or -ENOMEM; @place is that of what drops. */
int opening_refuse(struct findings *findings, enum family family, const struct flow_key *flow,
		   const struct place *place);
int opening_tell_forced(struct findings *findings, enum family family, const struct flow_key *flow,
			const struct place *place);
int opening_tell_opened(struct findings *findings, enum family family, const struct flow_key *flow,
			const struct place *place);
int opening_tell_opened_family(struct findings *findings, enum family family,
			       const struct flow_key *flow, const struct place *place);
/* Whom a service names is not let in, and is not by us, as the host has said whom. */
int opening_tell_others(struct findings *findings, enum family family, const struct flow_key *flow,
			const struct place *place);
/* What we open stays open, though rules of the chain let some in by now. */
int opening_tell_kept(struct findings *findings, enum family family, const struct flow_key *flow,
		      const struct place *place);
/* What the first edition had opened is not open any more. */
int opening_tell_closed(struct findings *findings, enum family family, const struct flow_key *flow,
			const struct place *place);
int opening_tell_errors(struct findings *findings, enum family family, const struct place *place);

#endif
