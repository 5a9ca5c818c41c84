/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule of nftables is a program for a machine of 64 bytes of registers: it
 * loads fields of the packet, masks them, compares them.  Here it runs with
 * symbols in place of a packet's bytes, so that each comparison becomes a step
 * of the view.
 */
#ifndef LIB_NFT_VIEW_MACHINE_H
#define LIB_NFT_VIEW_MACHINE_H

#include <sys/socket.h>

#include "nft/view_attribute.h"
#include "rules/view.h"

/* Data of more maps than these, in one rule, are not followed. */
#define MAPS_MAX 4

/* What a byte may come from beyond enum field. */
enum {
	SOURCE_IN_INDEX = FIELDS,	/* interfaces by number */
	SOURCE_OUT_INDEX,
	SOURCE_REVERSE_INDEX,		/* that by which the source is reached; 0: none */
	SOURCE_REVERSE_NAME,
	SOURCE_HARDWARE,		/* the sender's address on its link */
	SOURCE_UNKNOWN,			/* of the packet, or chance, or time */
};

/* What a byte of a register is. */
struct symbol {
	enum { SYMBOL_UNKNOWN, SYMBOL_CONSTANT, SYMBOL_FIELD } kind;
	uint8_t source;			/* enum field, or one of the above */
	uint8_t load;			/* which load it came by, from 1 on */
	uint8_t weight;			/* which byte of the field: 0 is the most significant */
	uint8_t size;			/* of the field, in bytes; of what is unknown: 0, or 1 more than
					   the number of the map, of whose data it is byte @weight */
	uint8_t mask, value;		/* (byte & mask) ^ value; of a constant: value */
};

struct view_set;
struct view_reader;

struct machine {
	struct view_reader *reader;
	struct view *view;
	struct view_chain *chain;		/* that the rule stands in */
	int family;			/* AF_INET, AF_INET6; AF_UNSPEC: not known yet */
	int protocol;			/* IPPROTO_*; -1: not known yet */
	uint8_t loads;
	uint8_t question;		/* which one about a route or an extension header was loaded last */
	bool asks_conntrack;		/* the rule does, for what is not decoded */
	struct view_lookup *maps[MAPS_MAX];	/* whose data it has in registers */
	uint8_t map_count;
	const struct nlattr *since;	/* the expression behind the last step */
	struct symbol registers[REGISTER_BYTES];
};

/*
 * One expression: 0 goes on to the next, 1 ends the rule, and -ENOMEM.  What an
 * expression says that no expression can, as a register that there is not, is
 * read as something unknown.
 */
typedef int expression_run(struct machine *machine, const struct attributes *data);

/* view_load.c */
expression_run run_payload, run_meta, run_ct, run_fib, run_exthdr, run_load_unknown;
/* view_condition.c */
expression_run run_bitwise, run_byteorder, run_compare, run_range, run_lookup;
/* view_statement.c */
expression_run run_immediate, run_limit, run_quota, run_connlimit, run_count, run_counter, run_log,
	       run_reject, run_notrack, run_nat, run_masquerade, run_redirect, run_tproxy, run_queue,
	       run_objref, run_dynset, run_synproxy, run_match, run_target;

/* The bytes of a register, and how many of @size there are: 0 where there is none such. */
struct symbol *machine_register(struct machine *machine, const struct nlattr *attr, size_t *size);
/* The constant in a register, in network order; false: there is none. */
bool machine_constant(struct machine *machine, const struct nlattr *attr, uint8_t *bytes,
		      size_t size);

/* Adds a condition that we cannot tell; those of conntrack need an entry. */
int machine_add_unknown(struct machine *machine, const char *what, uint8_t source);

/* --- sets: view_set.c ------------------------------------------------- */

/*
 * A lookup by the key in a register.  0; MACHINE_HARDWARE where the key is the
 * address of a sender on its link; or -ENOMEM.  NULL and 0: by something that we
 * cannot tell.  Of a map with verdicts, and where a state is part of the key, the key is then
 * one field that nobody knows: what the elements lead to is known all the same.
 */
#define MACHINE_HARDWARE 1
int machine_lookup(struct machine *machine, struct view_set *set, const struct nlattr *attr,
		   bool verdicts, struct view_lookup **lookup);
/* What a map of data says; nothing is known of it but which map it is of, and NULL not even that. */
void machine_load_data(struct machine *machine, const struct view_set *set,
		       struct view_lookup *lookup, const struct nlattr *to);
/* The verdict of a map's element or of an immediate: enum step_kind, or -1 for none. */
int machine_verdict(const struct view *view, const struct view_table *table,
		    const struct nlattr *verdict, struct view_chain **chain);

#endif
