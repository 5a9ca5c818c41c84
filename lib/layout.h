/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The structs of notrack.h that callers hand in or have filled in, member by
 * member: a caller compiled with another version has fewer of them or more, and
 * says so by the size that each struct begins with.
 */
#ifndef LIB_LAYOUT_H
#define LIB_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "support/error.h"

struct layout {
	const char *name;	/* "struct hashlimit" */
	size_t size, align;
	const size_t *ends;	/* where each member ends, but for the size itself */
	size_t count;
};

extern const struct layout layout_service, layout_limit, layout_changes, layout_conntrack,
			   layout_usage_request, layout_advise_request, layout_flushed;

/* All of them, for tests; ends with NULL. */
extern const struct layout *const layouts[];

/*
 * -EINVAL where the size in @given is not set, or cuts a member in two.  More than this
 * version has is fine.
 */
int layout_check(const struct layout *layout, const void *given, struct error *error);

/*
 * Copies what the caller handed in over zeros; members that this version does not
 * have must be zero.
 */
int layout_take(const struct layout *layout, void *to, const void *given, struct error *error);

/* Fills in as much as the caller's struct, which was checked, has room for; NULL: none. */
void layout_give(const struct layout *layout, void *given, const void *from);

#endif
