/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which rules of a chain name what packets have, and which name something else. */
#ifndef LIB_RULE_INDEX_H
#define LIB_RULE_INDEX_H

#include "rules/view.h"
#include "support/arena.h"

enum { INDEXED_FIELDS = 5 };

/* What one rule names: an address or a part of it, a port, or the name of an interface. */
struct index_key {
	uint8_t bytes[16];
	uint8_t length;			/* in bits */
	uint32_t position;		/* of the rule */
};

struct index_field {
	uint8_t field;			/* enum field */
	uint32_t count;
	struct index_key *keys;		/* in order */
	uint64_t lengths[3];		/* bits: of the keys that there are */
	uint32_t *next_open;		/* of each rule: itself or the next one that names nothing */
};

struct rule_index {
	struct arena arena;		/* its own: a walk that makes it may not change the view */
	uint32_t count;			/* of the rules of the chain */
	uint32_t asked;			/* rules, one by one */
	bool made;			/* what follows */
	const struct view_rule **rules;	/* of the chain, by their positions */
	size_t field_count;		/* 0: it tells nothing apart, or there is no memory for it */
	struct index_field fields[INDEXED_FIELDS];
};

/* What is known of packets: prefixes of length 0, and names that end with "+", are many. */
struct known_fields {
	const struct prefix *source, *destination;
	const struct port_range *source_port, *destination_port;
	const char *in;
};

/*
 * @rule, or the next one behind it in the chain that such packets may meet, as far as an index
 * tells; NULL: there is none.  It is made once it has been asked as often as there are rules: where
 * one look is all that somebody takes, to put them in order would cost more.
 */
const struct view_rule *rule_index_next(const struct view_chain *chain, const struct view_rule *rule,
					const struct known_fields *packets);

/* Makes it at once. */
void rule_index_make(const struct view_chain *chain);

#endif
