/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets of a flow on their way through a table as the kernel has it. */
#ifndef LIB_SIMULATE_H
#define LIB_SIMULATE_H

#include "legacy/blob.h"
#include "verify/probe.h"

/* What raw did to a packet. */
enum tracking {
	TRACKED,
	TEMPLATE,		/* tracked, and NOTRACK can no longer change it: see xt_CT.c */
	UNTRACKED,
	TRACKINGS
};

/*
 * A packet on its way is in a state: what raw did to it, and whether it is the
 * usual one or one of those that a rule has picked.  Sets of states are bits.
 */
#define STATES (2 * TRACKINGS)
#define USUAL(tracking) (1u << (tracking))
#define PICKED(tracking) (1u << (TRACKINGS + (tracking)))
#define ANY_USUAL (USUAL(TRACKINGS) - 1)
#define ANY_PICKED (ANY_USUAL << TRACKINGS)
#define ANY_TRACKED (USUAL(TRACKED) | USUAL(TEMPLATE) | PICKED(TRACKED) | PICKED(TEMPLATE))
#define ANY_UNTRACKED (USUAL(UNTRACKED) | PICKED(UNTRACKED))

enum fate {
	ACCEPTED,
	DROPPED,
	FATES
};

struct place {
	enum table_id table;
	const char *chain;		/* as long as the blob */
	uint32_t rule;			/* from 1 on; 0 is the policy */
};

/* Packets of one state that met one fate. */
struct ending {
	struct place first, last;
	unsigned int first_time, last_time;	/* in the order of the rules; 0: none did */
};

struct journey {
	struct ending endings[FATES][STATES];
	unsigned int time;
	bool translated;		/* by NAT, the first time at: */
	struct place translation;
};

/*
 * Takes packets that are in @states through the built-in chain @hook, and adds
 * what becomes of them to @journey.  A blob without chains is a table that is
 * not there.  0, or -ENOMEM.
 */
int walk_table(const struct blob *blob, const char *hook, const struct probe *probe,
	     unsigned int states, struct journey *journey);

/* The states in which packets met a fate. */
unsigned int journey_states(const struct journey *journey, enum fate fate);

/* The ending among @states that was reached first, or last; NULL if none was. */
const struct ending *journey_first(const struct journey *journey, enum fate fate,
				   unsigned int states);
const struct ending *journey_last(const struct journey *journey, enum fate fate,
				  unsigned int states);

#endif
