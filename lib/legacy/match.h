/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The matches of an entry, one by one. */
#ifndef LIB_LEGACY_MATCH_H
#define LIB_LEGACY_MATCH_H

#include "legacy/xt_family.h"

/* The match at @offset, which moves on; NULL: there is the target. */
static inline const struct xt_entry_match *match_at(const struct xt_family *family,
						    const void *entry, size_t *offset)
{
	const struct xt_entry_match *match = (const void *)((const char *)entry + *offset);

	if (*offset >= entry_target_offset(family, entry))
		return NULL;
	*offset += match->u.match_size;
	return match;
}

/* Bits of enum ct_state (view.h), if that is all it asks; else 0. */
uint8_t match_states(const struct xt_entry_match *match);

/* What a match asks, in our words; false: we have none for it. */
bool match_read(struct match *match, const struct xt_entry_match *from, enum family family,
		struct arena *arena);

#endif
