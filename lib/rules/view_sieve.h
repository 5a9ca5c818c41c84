/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sieves: past the rules of a chain that name something else than packets have. */
#ifndef LIB_VIEW_SIEVE_H
#define LIB_VIEW_SIEVE_H

#include "rules/view.h"

enum { SIEVED_FIELDS = 5 };

/* What one rule names: an address or a part of it, a port, or the name of an interface. */
struct sieve_key {
	uint8_t bytes[16];
	uint8_t length;			/* in bits */
	uint32_t position;		/* of the rule */
};

struct sieve_field {
	uint8_t field;			/* enum field */
	uint32_t count;
	struct sieve_key *keys;		/* in order */
	uint64_t lengths[3];		/* bits: of the keys that there are */
	uint32_t *next_open;		/* of each rule: itself or the next one that names nothing */
};

struct view_sieve {
	uint32_t count;
	const struct view_rule **rules;	/* of the chain, by their positions */
	size_t field_count;
	struct sieve_field fields[SIEVED_FIELDS];
};

/* What is known of packets: prefixes of length 0, and names that end with "+", are many. */
struct sieved {
	const struct prefix *source, *destination;
	const struct port_range *source_port, *destination_port;
	const char *in;
};

/*
 * @rule, or the next one behind it in the chain that such packets may meet, as far as a sieve
 * tells; NULL: there is none.
 */
const struct view_rule *view_sift(const struct view_chain *chain, const struct view_rule *rule,
				  const struct sieved *packets);

#endif
