/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules as they are meant, free of any kernel's layout: chains of them, and
 * the set of chains that one table is to have, or has.
 *
 * As compiled, "the clients of this service go through their limits" is one rule,
 * TARGET_LIMITS, alone in a chain of the service.
 */
#ifndef LIB_RULE_H
#define LIB_RULE_H

#include <net/if.h>
#include <stdbool.h>

#include "model/limit.h"
#include "model/prefix.h"
#include "notrack.h"
#include "rules/name.h"
#include "support/arena.h"

enum table_id {
	RAW,
	FILTER,
	TABLES
};

enum direction {
	IN,
	OUT,
	DIRECTIONS
};

enum target {
	TARGET_NONE,		/* counts, and goes on */
	TARGET_ACCEPT,
	TARGET_DROP,
	TARGET_RETURN,
	TARGET_NOTRACK,
	TARGET_JUMP,		/* -j CHAIN */
	TARGET_GOTO,		/* -g CHAIN */
	TARGET_LIMITS,		/* to the limit of the client that sent the packet, and then on:
				   as compiled; a backend lowers it to what it has for that */
	TARGET_FOREIGN,		/* found in a chain of ours, and not of our making */
};

/* The longest comment that one comment match holds (XT_MAX_COMMENT_LEN - 1). */
#define COMMENT_MAX 255

/* Port ranges as one multiport match holds them. */
#define PORT_SLOTS 15
struct ports {
	uint8_t count;
	bool inverted;			/* none of them */
	struct {
		uint16_t first, last;
	} range[PORT_SLOTS];
};

enum tcp_syn {
	SYN_ANY,
	SYN_ONLY,
	SYN_NOT,
	SYN_ACK_NOT,			/* all but what a server begins its answer with */
};

/* What a rule asks of a packet beyond its source. */
struct match {
	struct prefix to;		/* its destination */
	char in[IFNAMSIZ], out[IFNAMSIZ];
	struct ports source, destination;
	uint8_t protocol;		/* IPPROTO_*, 0 for any */
	uint8_t syn;			/* enum tcp_syn */
	bool sctp_init;
	bool icmp;
	uint8_t icmp_type;
	const struct limit_rate *above;	/* hashlimit --hashlimit-above, by source */
	const char *table_name;		/* of the hash table */
	const char *comment;		/* cut into as many comment matches as it takes */
	const void *foreign;		/* TARGET_FOREIGN: the entry, to put it back */
	uint16_t foreign_size;
	bool sctp_not_init;
	uint8_t tcp_mask, tcp_flags;	/* which bits of the header it looks at, and those it wants */
	uint8_t states;			/* bits of enum ct_state (view.h), one of which it has; 0: any */
	bool to_local, from_local;	/* an address of this host: addrtype, fib */
};

/* Small, as there are two for each client: what few rules ask is in a match. */
struct rule {
	struct prefix source;
	uint8_t target;			/* enum target */
	struct chain *to;		/* of TARGET_JUMP and TARGET_GOTO; in the rule that counts
					   what a limit let through: that limit, so that both rules
					   of a client begin to count at the same time */
	const struct match *match;	/* NULL asks for nothing */
	struct notrack_count count;
};

struct chain {
	char name[CHAIN_NAME_FOUND + 1];
	const char *service;		/* as compiled: whose it is; NULL: all services' */
	enum direction direction;	/* as compiled: of the packets that come here */
	struct rule *rules;
	size_t count;
	size_t room;
	struct arena *arena;		/* of its ruleset, where the rules are */
};

/* Where a built-in chain (or somebody's chain) enters ours. */
struct jump {
	const char *chain;		/* that it stands in */
	struct chain *to;		/* of ours */
	unsigned int position;		/* 0 is the top */
	bool unreachable;		/* no packet gets there from the chain it is for */
	const void *entry;		/* as found in the kernel; NULL: a plain jump */
};

/* The chains of ours in one table of one family; not to be copied, as they refer to it. */
struct grafted;

struct ruleset {
	struct chain **chains;		/* by name, once ruleset_sort() has run */
	size_t count;
	struct jump *jumps;
	size_t jump_count;
	bool found;			/* read from a table: @jumps are all that are there */
	struct grafted *grafted;	/* of the legacy backend: rules in chains of others that
					   are no jumps; NULL: they stay as they are */
	struct arena arena;
};

struct chain *ruleset_add_chain(struct ruleset *rules, const char *name);
/* Another ruleset's chain, with its rules, for as long as that one lives. */
int ruleset_share_chain(struct ruleset *rules, struct chain *chain);
/* Room for @count rules in all. */
int chain_reserve(struct chain *chain, size_t count);
struct rule *chain_add_rule(struct chain *chain, const struct rule *rule);
int ruleset_add_jump(struct ruleset *rules, const struct jump *jump);

/* Puts the chains in order of name; -EEXIST if a name is there twice. */
int ruleset_sort(struct ruleset *rules);
bool ruleset_index(const struct ruleset *rules, const char *name, size_t *index);
struct chain *ruleset_find(const struct ruleset *rules, const char *name);
void ruleset_free(struct ruleset *rules);

/* One range of TCP or UDP ports is a matter of the protocol's own match. */
bool ports_need_multiport(uint8_t protocol, const struct ports *ports);

bool rule_same(const struct rule *a, const struct rule *b);

void count_add(struct notrack_count *sum, const struct notrack_count *count);
/*
 * What of @all is not in @some.  Counters are read one after the other, so that a packet in
 * between is in the later one alone: never less than nothing.
 */
struct notrack_count count_less(const struct notrack_count *all, const struct notrack_count *some);

/* "raw", "filter" */
const char *table_name(enum table_id table);
/* "udp" of IPPROTO_UDP; NULL: one that no rule of ours is about */
const char *protocol_name(uint8_t protocol);

#endif
