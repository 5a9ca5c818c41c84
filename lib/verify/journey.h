/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What became of packets, and where. */
#ifndef LIB_JOURNEY_H
#define LIB_JOURNEY_H

#include "verify/traveller.h"

/*
 * What is told of packets is whether they are tracked, and whether they are the
 * usual one or some that a rule has picked.  Sets of such states are bits.
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

/* Packets of one state that met one fate. */
struct ending {
	const struct view_chain *base;		/* the base chain that they went through */
	struct place first, last;
	unsigned int first_time, last_time;	/* in the order of the rules; 0: none did */
};

/* Where NAT translates packets for the first time. */
struct translated {
	struct place place;			/* chain NULL: nowhere */
	enum hook hook;
	struct prefix destination;		/* that packets had until then */
};

/* Of packets that rules pick, so many translations are told. */
#define PICKED_TRANSLATED 16

struct journey {
	/*
	 * Who is accepted goes on to the next base chain, where it may be dropped: ACCEPTED
	 * tells of the chain whose priority is that of a filter, or nearest to it.
	 */
	struct ending endings[FATES][STATES];
	/* accepted by a chain ahead of conntrack */
	struct ending untracking[STATES];
	unsigned int at_conntrack;		/* the states in which packets came there */
	unsigned int through;			/* those in which they got past all chains */
	struct translated usual, picked[PICKED_TRANSLATED];
	unsigned int picked_count;
	unsigned int time;
};

/* How a side of a traveller counts. */
unsigned int journey_state(const struct traveller *traveller, enum side side);

/* @ahead: of conntrack */
void journey_end(struct journey *journey, enum fate fate, unsigned int state,
		 const struct view_chain *base, bool ahead, struct place place);

/* The states in which packets met a fate. */
unsigned int journey_states(const struct journey *journey, enum fate fate);

/* Whether a rule translates some of the packets, among those that are told. */
bool journey_meets_translation(const struct journey *journey, const struct view_rule *rule);

/* Of so many endings, the one among @states that was reached first, or last; NULL if none was. */
const struct ending *endings_first(const struct ending endings[STATES], unsigned int states);
const struct ending *endings_last(const struct ending endings[STATES], unsigned int states);

#endif
