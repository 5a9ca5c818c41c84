/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that have fared alike so far: a set of them, as a probe says, and what
 * became of it.  A traveller is one for two sides, the packets as they are tracked
 * today and the same ones as they would be; both are at the same place until a
 * rule asks for what makes them differ.
 */
#ifndef LIB_TRAVELLER_H
#define LIB_TRAVELLER_H

#include "rules/view.h"
#include "verify/probe.h"

enum side {
	TODAY,			/* tracked: what is of ours untracks nothing */
	WOULD,			/* as the rules say */
	SIDES
};

#define BOTH_SIDES (1u << TODAY | 1u << WOULD)

/* What rules ahead of conntrack did to a packet. */
enum tracking {
	TRACKED,
	TEMPLATE,		/* tracked, and NOTRACK can no longer change it: see xt_CT.c */
	UNTRACKED,
	TRACKINGS
};

/* How one side has fared. */
struct course {
	uint8_t tracking;		/* enum tracking */
	bool seen;			/* by conntrack: what it is, it stays */
	bool confirmed;			/* it has left this host once, over lo */
	struct mark mark, connection_mark;
};

/*
 * Whether packets meet conditions that a probe cannot say: it is the same whenever they are
 * asked.  A walk numbers its conditions, see taking_number(); a bit for each.
 */
#define DECISIONS_MAX 512
#define DECISION_WORDS (DECISIONS_MAX / 64)
struct decisions {
	uint64_t known[DECISION_WORDS], met[DECISION_WORDS];
};

struct traveller {
	struct probe probe;
	bool usual;			/* the usual packet is among them */
	uint8_t sides;			/* bits, 1u << enum side: who is at this place */
	/* more was decided than a walk has numbers for: it may have packets that it is without */
	bool forgot;
	bool tidied;			/* compared with all others in its company that are */
	uint16_t decision_count;
	struct decisions decisions;
	struct course course[SIDES];
	uint32_t split;			/* where its sides parted within this base chain; 0: nowhere */
	struct place dropped;		/* the other side was, in a base chain before */
	struct place passed;		/* where this side went on then */
};

/* At one place; more of them are not followed. */
#define COMPANY_MAX 256

/* A list of them. */
struct company {
	struct traveller *list;
	size_t count, room;
};

int company_add(struct company *company, const struct traveller *traveller);
/*
 * Those of the company whom a rule let go on as they were are known to differ from each other, if
 * they did before: @before is the one that was taken on to @index, or to nowhere, or further on.
 */
void company_keep_tidied(struct company *company, size_t index, const struct traveller *before);
void company_free(struct company *company);
/*
 * Takes out those that others cover, and joins those that differ by one decision alone.  Each is
 * compared with each, but for those that were already.
 */
void company_tidy(struct company *company);
/*
 * Adds a traveller to those of a company that has up to twice COMPANY_MAX.  Where more than
 * that are left once it is tidy, those without the usual packet are left out from then on, and
 * @all is false.  Those with it are to be added first.  Returns -ENOMEM or 0.
 */
int company_add_kind(struct company *company, const struct traveller *traveller, bool *all);

bool traveller_same(const struct traveller *a, const struct traveller *b);
uint32_t traveller_hash(const struct traveller *traveller);

/* -1: never decided, as is what has no number below DECISIONS_MAX */
int traveller_decided(const struct traveller *traveller, uint32_t number);
void traveller_decide(struct traveller *traveller, uint32_t number, bool met);
/* All at once, of one of whom nothing was decided. */
void traveller_know(struct traveller *traveller, const struct decisions *decisions);

/* What both have; false: no packet. */
bool traveller_meet(struct traveller *both, const struct traveller *a, const struct traveller *b);

#endif
