/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way through one base chain: what the files that walk share. */
#ifndef LIB_WALK_WAY_H
#define LIB_WALK_WAY_H

#include "verify/walk_task.h"

/* Where a traveller ended its way through a base chain. */
struct result {
	struct traveller traveller;
	struct place place;
	bool dropped;
};

/* A traveller that entered a chain, and what came back from it. */
struct visit {
	struct visit *next;
	const struct view_chain *chain;
	struct traveller traveller;
	const struct traveller *back;
	size_t back_count;
};

/* Lists that wait for their next use: a host may have more chains than memory is quick for. */
#define SPARES_MAX 64

struct way {
	struct walk *walk;
	const struct view_chain *base;
	enum hook hook;
	bool ahead;			/* of conntrack */
	unsigned int depth;
	uint32_t splits;		/* how often sides parted in this base chain */
	struct result *results;
	size_t result_count;
	struct visit **visits;		/* hash table, made when the first chain is entered */
	size_t visit_count, slot_count;
	struct arena arena;		/* of the visits */
	struct progress *pending;	/* in rules, the innermost last: see walk_taking.h */
	size_t pending_count, pending_room;
	struct company spares[SPARES_MAX];
	size_t spare_count;
};

/*
 * Takes travellers through a base chain, and leaves those that go on.  @ahead: of
 * conntrack.  0, or -ENOMEM.
 */
int way_go(struct walk *walk, const struct view_chain *base, enum hook hook, bool ahead,
	   struct company *company);
/* walk_join.c: who goes on, of the results of a way. */
int way_join(struct way *way, struct company *company);

/*
 * walk_rule.c: one rule.  Who goes on to the next one is added to @next, who leaves the chain
 * to @back.  0, or -ENOMEM.
 */
int way_take_rule(struct way *way, const struct place *place, const struct traveller *traveller,
		  struct company *next, struct company *back);
/* Whether all of the traveller's packets pass the rule by; a cheap question. */
bool way_passes(const struct way *way, const struct view_rule *rule,
		const struct traveller *traveller);
/*
 * walk_run.c: where a run of rules begins at @place, and all travellers go on behind it as they
 * were, puts @place there and returns true.
 */
bool way_skip_run(struct way *way, struct place *place, const struct traveller *list, size_t count);
/* Whether all packets of a probe are not dropped by a run, but a few at most. */
bool run_spares(const struct view_run *run, const struct probe *probe);
/* A chain that a rule leads to; adds who comes back from it. */
int way_enter(struct way *way, const struct view_chain *chain, const struct traveller *traveller,
	      struct place place, struct company *back);

/* The traveller took a rule, or a policy, that does this. */
int way_tell(const struct way *way, const struct traveller *traveller, const struct place *place,
	     int kind);

int way_accept(struct way *way, const struct traveller *traveller, struct place place);
int way_drop(struct way *way, const struct traveller *traveller, struct place place);

#endif
