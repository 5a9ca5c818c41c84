/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a walk is about, and what it finds out on its way. */
#ifndef LIB_WALK_TASK_H
#define LIB_WALK_TASK_H

#include "verify/journey.h"

struct walk {
	const struct view *view;
	struct journey *journeys[SIDES];	/* of the sides that are walked */
	/* Where not NULL, told what the usual packet meets, in that order; @kind: enum step_kind. */
	int (*meet)(void *data, enum hook hook, const struct place *place, int kind, bool unsure);
	void *data;
	/* travellers whose sides fared differently, at the end of the way */
	struct company parted;
	/* Where not NULL, gets travellers as they come to conntrack; and who gave them a template first. */
	struct company *seen;
	struct place template;
	struct company *passed;		/* where not NULL, gets those who got past all chains */
	const struct decisions *begin;	/* where not NULL, what is known of all from the start */
	bool any_mark;			/* others may have marked the packets, or rules ahead */
	/*
	 * What conntrack would say of packets that it looks for and has no entry of, where
	 * that is another thing than today: of enum ct_state; 0: the same.
	 */
	uint32_t would_be;
	bool incomplete;			/* too many kinds of packets to follow them all */
	struct condition_numbers *numbers;	/* of conditions, by which decisions are known */
};

#endif
