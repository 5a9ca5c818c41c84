/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which entries the kernel takes into a table: readers of tables may rely on no more. */
#ifndef NOTRACK_TESTS_KERNEL_TAKES_H
#define NOTRACK_TESTS_KERNEL_TAKES_H

#include <stdbool.h>
#include <string.h>

#include "legacy/xt_family.h"

/* As xt_check_entry_match() in net/netfilter/x_tables.c. */
static inline bool kernel_takes_matches(const struct xt_family *family, const char *entry, size_t target)
{
	size_t at = family->entry_size;

	while (at < target) {
		const struct xt_entry_match *match = (const void *)(entry + at);

		if (target - at < sizeof(*match) || match->u.match_size < sizeof(*match) ||
		    match->u.match_size > target - at || match->u.match_size % 8 ||
		    !memchr(match->u.user.name, '\0', sizeof(match->u.user.name)))
			return false;
		at += match->u.match_size;
	}
	return true;
}

/* As xt_check_entry_offsets(); a target that we read has the size that it registers. */
static inline bool kernel_takes(const struct xt_family *family, const char *entry, size_t size)
{
	const struct xt_entry_target *target;
	size_t at, next;

	if (size < family->entry_size + sizeof(*target))
		return false;
	at = entry_target_offset(family, entry);
	next = entry_next(family, entry);
	if (at < family->entry_size || at % 8 || next % 8 || next > size ||
	    at + sizeof(*target) > next)
		return false;
	target = entry_target(family, entry);
	if (target->u.target_size < sizeof(*target) || at + target->u.target_size != next ||
	    !memchr(target->u.user.name, '\0', sizeof(target->u.user.name)))
		return false;
	if (!*target->u.user.name && target->u.target_size != XT_ALIGN(sizeof(struct xt_standard_target)))
		return false;
	if (!strcmp(target->u.user.name, "CT") && target->u.target_size < 128)
		return false;
	return kernel_takes_matches(family, entry, at);
}

#endif
