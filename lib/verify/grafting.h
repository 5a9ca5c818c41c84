/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files share that make the grafts of one rule. */
#ifndef LIB_GRAFTING_H
#define LIB_GRAFTING_H

#include "verify/weave.h"

#define BIT(number) (1u << (number))

#define CLASSES_EST (BIT(CLASS_LATER) | BIT(CLASS_ANSWER))
#define CLASSES_REL (BIT(CLASS_RESET) | BIT(CLASS_ERROR))

#define HOOKS_IN (BIT(HOOK_PREROUTING) | BIT(HOOK_INPUT))
#define HOOKS_OUT (BIT(HOOK_OUTPUT) | BIT(HOOK_POSTROUTING))

/* A rule that gets grafts, for packets that are in one state now. */
struct grafting {
	struct weave *weave;
	const struct meetings *meetings;
	enum ct_state now;
	unsigned int directions;	/* bits: those of packets that come to the chain */
	bool narrow;			/* they come from several hooks, so that the selectors
					   have to tell themselves what comes in and goes out */
};

struct pick_list {
	const struct pick **list;
	size_t count;
};

static inline const struct view_rule *grafting_row(const struct grafting *grafting)
{
	return grafting->meetings->meaning->row;
}

/* Those of some classes (bits) whose packets have now the state that the graft asks for. */
unsigned int grafting_classes(const struct grafting *grafting, unsigned int classes);
/* Whether classes are all that would have a state: rules that tell them apart are rare. */
bool grafting_whole_states(const struct grafting *grafting, unsigned int classes);

/* What a selector asks, where the rule stands. */
struct match grafting_match(const struct grafting *grafting, const struct pick *pick);

/* A graft that asks for the state and what the rule asks; the chain picks. */
int grafting_lead(const struct grafting *grafting, enum graft_kind kind, struct graft_chain *to);
/* ... that asks for what one selector asks as well, one for each; @rule says what it does. */
int grafting_pick(const struct grafting *grafting, enum graft_kind kind,
		  const struct pick_list *picks, const struct graft_rule *rule);
/* ... that leads to the chain which accepts all packets of the classes. */
int grafting_accept(const struct grafting *grafting, enum graft_kind kind, unsigned int classes);
/* ... to a chain which does what the rule does, by @copies, with packets of the classes. */
int grafting_act(const struct grafting *grafting, unsigned int classes, uint8_t copies);

/* The grafts that lead past a rule which catches packets that are not tracked. */
int grafting_add_skips(const struct grafting *grafting);
/*
 * ... around a rule that would not take them as they are, and has counted them by then: the rule
 * stands in the copy of the rest as well, where it counts them once.
 */
int grafting_lead_around(const struct grafting *grafting);

#endif
