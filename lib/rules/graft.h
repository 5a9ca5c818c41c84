/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grafts: the rules of ours that stand in chains of the host, and the chains of
 * ours that they lead to.  Plain data: who computes them knows no backend, and a
 * backend that writes them needs nothing but a graft and the rule it was made for,
 * which the backend itself has read (view_rule.handle).
 *
 * A graft chain belongs to the table of the rules that lead to it.  Our chains never
 * refer to a chain of the host, since its owner could not delete it any more.
 */
#ifndef LIB_GRAFT_H
#define LIB_GRAFT_H

#include <errno.h>

#include "rules/rule.h"
#include "rules/view.h"

/*
 * What a backend says, with a sentence, where the host's rules are not those any more that grafts
 * were made for: others have to be made.  Never what a public call returns.
 */
#define GRAFT_OUTDATED (-ERESTART)

/* Which parts of a rule of the host one of ours repeats; what asks conntrack never is. */
enum graft_copy {
	/* its conditions ahead of the first step that remembers or has an effect */
	COPY_HEAD = 1 << 0,
	/* everything from that step on, in the rule's own order, but for its verdict */
	COPY_TAIL = 1 << 1,
	/* its verdict; of a legacy rule the target, whatever that does */
	COPY_VERDICT = 1 << 2,
	/* COPY_TAIL without the steps that remember sources; rates stay, for a log's sake */
	COPY_FORGETFUL = 1 << 3,
};

/*
 * What a rule of the host means; one that looks something up in a map, or a state
 * together with something else in a set, means a row of steps for each element.
 */
struct meaning {
	const struct view_rule *row;		/* has the handle of the rule */
	/* those of its steps that are there for an element, and not in the rule itself */
	uint8_t extra_first, extra_count;
};

/*
 * In a copy of a rule that looks up a map of its own, what becomes of elements that lead to a
 * chain of the host.
 */
struct graft_lead {
	const struct view_chain *from;	/* that they lead to, by a STEP_JUMP or a STEP_GOTO: */
	uint8_t verdict;
	uint8_t becomes;		/* enum step_kind; STEP_COUNT: the next rule */
	struct graft_chain *to;		/* of STEP_JUMP and STEP_GOTO */
};

/*
 * A rule of ours.  It asks, in this order: rule.match->states (first, so that only
 * packets of ours meet what follows), the head of @original, what else rule.source
 * and rule.match ask, the tail of @original.  Then comes the verdict of @original, or
 * rule.target.
 */
struct graft_rule {
	struct rule rule;
	struct graft_chain *to;			/* of TARGET_JUMP and TARGET_GOTO, in place of
						   rule.to */
	struct meaning original;		/* row NULL: nothing is copied */
	const struct graft_lead *leads;		/* for each chain that the map of @original leads to */
	size_t lead_count;
	uint8_t copies;				/* bits of enum graft_copy */
	uint8_t families;			/* bits, 1 << enum family: those that it is
						   for, of those that the table has */
};

struct graft_chain {
	struct graft_chain *next;
	struct view_table *table;
	char name[CHAIN_NAME_MAX + 1];
	struct graft_rule *rules;
	size_t count;
	bool is_compiled;			/* one of struct wanted's rulesets has it, with these
						   or more rules */
};

enum graft_kind {
	GRAFT_LIMITS,		/* at the top of the chain: the jump to the limits */
	GRAFT_OPENING,		/* the jump to the chain that accepts a service */
	GRAFT_TWIN,		/* does what a rule does, with packets that it no longer takes */
	GRAFT_SKIP,		/* leads past @before packets that it should not take */
};

/* In a chain of the host. */
struct graft {
	uint8_t kind;				/* enum graft_kind */
	struct view_chain *chain;		/* that it stands in */
	struct view_rule *before;		/* directly ahead of this rule of the host, behind
						   grafts that come earlier in the list; NULL: at
						   the end of the chain */
	bool accepts;				/* a twin that does no more than accept packets, */
	bool takes_requests;			/* some of which are requests */
	/* known again by the chain of ours that it leads to; where it leads to none, by
	   GRAFT_COMMENT in rule.match->comment */
	struct graft_rule rule;
};

/* In the comment of grafts that lead to no chain of ours. */
#define GRAFT_COMMENT CHAIN_PREFIX "twin"

/* In the order of the view: tables, chains, rules. */
struct grafts {
	struct graft *list;
	size_t count;
	struct graft_chain *chains, *last;	/* those that are led to come first */
	uint32_t moment;		/* generation of nftables' rules that they were made for; 0:
					   not known */
	struct arena arena;
};

/* Whether a step asks conntrack for what it says of a packet, alone or with other things. */
bool step_asks_conntrack(const struct step *step);
bool lookup_asks_conntrack(const struct view_lookup *lookup);
bool rule_asks_conntrack(const struct view_rule *rule);
/* Whether a step records packets, or asks for what was recorded: not only a rate. */
bool step_records(const struct step *step);
/* The number of the step with which the tail of a rule begins: see COPY_TAIL. */
size_t rule_tail(const struct view_rule *rule);
/* Whether something ahead of the last step that asks conntrack remembers, for others as well. */
bool rule_remembers_first(const struct view_rule *rule);

void grafts_free(struct grafts *grafts);

/* What becomes of elements that lead to a chain of that name; NULL: they stay as they are. */
const struct graft_lead *graft_lead_of(const struct graft_rule *rule, uint8_t verdict,
				       const char *chain);

/* All return NULL if out of memory. */
struct graft *grafts_add(struct grafts *grafts, const struct graft *graft);
struct graft_chain *grafts_add_chain(struct grafts *grafts, struct view_table *table,
				     const char *name);
struct graft_chain *grafts_find_chain(const struct grafts *grafts,
				      const struct view_table *table, const char *name);
struct graft_rule *graft_chain_add(struct grafts *grafts, struct graft_chain *chain,
				   const struct graft_rule *rule);
/*
 * What an IPv4 and an IPv6 selector ask alike is asked once, where a table has both: whether a
 * rule of the chain does what @rule does, or now does it for both.
 */
bool graft_chain_merge(struct graft_chain *chain, const struct graft_rule *rule);

#endif
