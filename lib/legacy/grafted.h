/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grafts as entries: the rules of ours in chains of the host, of one table, as they
 * are there or as they are wanted.
 */
#ifndef LIB_LEGACY_GRAFTED_H
#define LIB_LEGACY_GRAFTED_H

#include "legacy/entry.h"
#include "legacy/table.h"

/* Behind all rules of the host, however many. */
#define GRAFT_AT_END (UINT32_MAX - 1)

struct grafted_rule {
	unsigned int before;		/* how many rules of the host stand ahead of it */
	unsigned int position;		/* as found: among all rules of its chain */
	const char *to;			/* the chain of ours that it leads to; NULL: none */
	bool twin;			/* asks for UNTRACKED or INVALID first */
	unsigned int number;		/* as wanted: of the rule whose conditions it has, from 1 on */
	void *entry;			/* as entry_copy() has it, without counters */
	struct xt_counters count;	/* as found */
};

struct grafted_chain {
	struct grafted_chain *next, *next_of_name;
	const char *name;		/* a chain of the host */
	unsigned int host_count;	/* rules that it has but for ours */
	uint32_t *host_at;		/* their positions, and where the chain ends */
	uint64_t fingerprint;		/* of the host's rules */
	bool checked;			/* as wanted: meant for a chain of that fingerprint */
	struct grafted_rule *rules;	/* in order */
	size_t count;
};

struct grafted {
	struct grafted_chain *chains, *last;
	struct grafted_chain **names;	/* by hash of the name */
	size_t name_room, count;	/* a power of two, and how many chains there are */
	const char *repeated;		/* as wanted: a rule of the host whose target ours have, in words */
	size_t repeated_count;		/* how many there are */
	struct arena *arena;		/* of the ruleset that has it */
	const struct xt_family *family;
};

/* Whether a rule in a chain of the host is of our making; @label as libiptc has it. */
bool graft_is(const struct xt_family *family, const void *entry, const char *label);

struct grafted *grafted_new(struct ruleset *rules, const struct xt_family *family);
/* The name of the chain that a rule in a chain of ours leads to; NULL: none. */
const char *rule_led_to(const struct rule *rule, const struct xt_family *family);
struct grafted_chain *grafted_find(const struct grafted *grafted, const char *chain);
struct grafted_chain *grafted_add_chain(struct grafted *grafted, const char *chain);
/* NULL if out of memory. */
struct grafted_rule *grafted_add_rule(struct grafted *grafted, struct grafted_chain *chain,
				      const struct grafted_rule *rule);
/*
 * Adds a chain of the open table, with its grafts; NULL if out of memory.  In raw, the
 * jumps to the chains that untrack are neither grafts nor the host's.
 */
struct grafted_chain *grafted_list(struct grafted *grafted, const struct table *table,
				   const char *chain);

/* Takes out of @found the jumps that are grafts; only those that a ruleset manages stay. */
void grafted_take_jumps(struct ruleset *found, const char *table);

#endif
