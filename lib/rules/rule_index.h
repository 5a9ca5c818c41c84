/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which rules of a chain name what packets have, and which name something else. */
#ifndef LIB_RULE_INDEX_H
#define LIB_RULE_INDEX_H

#include "rules/view.h"

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
	uint32_t count;
	const struct view_rule **rules;	/* of the chain, by their positions */
	size_t field_count;
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
 * tells; NULL: there is none.
 */
const struct view_rule *rule_index_next(const struct view_chain *chain, const struct view_rule *rule,
					const struct known_fields *packets);

#endif
