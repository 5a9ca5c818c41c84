/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets of a flow on their way through the hooks, as the kernel has them. */
#ifndef LIB_WALK_H
#define LIB_WALK_H

#include "rules/view.h"
#include "verify/probe.h"

/* What rules ahead of conntrack did to a packet. */
enum tracking {
	TRACKED,
	TEMPLATE,		/* tracked, and NOTRACK can no longer change it: see xt_CT.c */
	UNTRACKED,
	TRACKINGS
};

/*
 * A packet on its way is in a state: what became of its tracking, whether it is
 * the usual one or one of those that a rule has picked, and whether a rule has
 * set a mark.  Sets of states are bits.
 */
#define STATES (4 * TRACKINGS)
#define USUAL(tracking) (1u << (tracking))
#define PICKED(tracking) (1u << (TRACKINGS + (tracking)))
#define MARKED(states) ((states) << 2 * TRACKINGS)
#define ALL_TRACKINGS (USUAL(TRACKINGS) - 1)
#define ANY_USUAL (ALL_TRACKINGS | MARKED(ALL_TRACKINGS))
#define ANY_PICKED (ANY_USUAL << TRACKINGS)
#define WITH(tracking) (USUAL(tracking) | PICKED(tracking) | \
			MARKED(USUAL(tracking) | PICKED(tracking)))
#define ANY_TRACKED (WITH(TRACKED) | WITH(TEMPLATE))
#define ANY_UNTRACKED WITH(UNTRACKED)

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
};

struct journey {
	/*
	 * Who is accepted goes on to the next base chain, where it may be dropped: ACCEPTED
	 * tells of the chain whose priority is that of a filter, or nearest to it.
	 */
	struct ending endings[FATES][STATES];
	unsigned int through;			/* the states in which packets got past all chains */
	/* accepted by a chain ahead of conntrack */
	struct ending untracking[STATES];
	unsigned int at_conntrack;		/* the states in which packets came there */
	struct translated usual, picked;
	unsigned int time;
};

struct walk {
	const struct view *view;
	const struct probe *probe;
	bool as_tracked;			/* chains of ours untrack nothing */
	struct journey *journey;
};

/*
 * Takes packets that are in @states through the chains of a hook, and adds what
 * becomes of them to the journey.  Returns the states in which they go on, or
 * -ENOMEM.
 */
int walk_hook(const struct walk *walk, enum hook hook, unsigned int states);

/* The states in which packets met a fate. */
unsigned int journey_states(const struct journey *journey, enum fate fate);

/* Of so many endings, the one among @states that was reached first, or last; NULL if none was. */
const struct ending *endings_first(const struct ending endings[STATES], unsigned int states);
const struct ending *endings_last(const struct ending endings[STATES], unsigned int states);

/* Whether packets of the probe could meet a rule, whatever conntrack says of them. */
unsigned int walk_could_meet(const struct probe *probe, const struct view_rule *rule);

/* Chains and tables of ours are known by their names. */
bool chain_is_ours(const struct view_chain *chain);

#endif
