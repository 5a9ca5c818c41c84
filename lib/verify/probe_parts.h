/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that ask packets, and narrow sets of them, share. */
#ifndef LIB_PROBE_PARTS_H
#define LIB_PROBE_PARTS_H

#include <string.h>

#include "verify/probe.h"

static inline unsigned int all_or_none(bool does)
{
	return does ? ALL_DO : NONE_DOES;
}

/* The addresses of a prefix, from the first to the last. */
static inline struct address_range range_of(const struct prefix *prefix)
{
	struct address_range range;
	unsigned int length = prefix->length, bytes = family_bits(prefix->family) / 8;

	memcpy(range.first, prefix->address, sizeof(range.first));
	memcpy(range.last, prefix->address, sizeof(range.last));
	for (unsigned int i = length / 8; i < bytes; i++)
		range.last[i] |= (uint8_t)(i == length / 8 ? 0xffu >> length % 8 : 0xffu);
	return range;
}

static inline bool lies_within(const struct address_range *inner,
			       const struct address_range *outer, unsigned int bytes)
{
	return memcmp(inner->first, outer->first, bytes) >= 0 &&
	       memcmp(inner->last, outer->last, bytes) <= 0;
}

static inline bool touches(const struct address_range *one, const struct address_range *other,
			   unsigned int bytes)
{
	return memcmp(one->first, other->last, bytes) <= 0 &&
	       memcmp(one->last, other->first, bytes) >= 0;
}

/* The ranges of a condition, be they one or several. */
struct ranges {
	const struct range *list;
	size_t count;
};

static inline struct ranges ranges_of(const struct step *condition)
{
	if (condition->kind == STEP_NUMBER)
		return (struct ranges){ &condition->range, 1 };
	return (struct ranges){ condition->ranges, condition->count };
}

/* probe_lookup.c: what a field of an element asks, as a condition of its own. */
struct step probe_step_of(const struct key_field *field, const struct key_range *range);
/* Whether packets have what is looked up. */
unsigned int probe_meets_lookup(const struct probe *probe, const struct view_lookup *lookup,
				const struct situation *situation);

#endif
