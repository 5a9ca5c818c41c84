/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The legacy tables as a view: raw, mangle, nat, filter and security. */
#ifndef LIB_LEGACY_VIEW_H
#define LIB_LEGACY_VIEW_H

#include "backend.h"
#include "rules/view.h"
#include "support/error.h"

/*
 * As struct backend has it.  The handle of a rule is its number in its chain, from 0 on.  A
 * namespace that is not the caller's own may have tables in which libiptc would be lost: these
 * are an error.
 */
int legacy_view(const struct session *session, struct image *image, struct view *view);

/*
 * Adds an entry to the end of a chain.  @bytes are a struct ipt_entry or
 * ip6t_entry with its matches and target, all of which lie within it; @label is
 * the name of the chain that it jumps to, "" for the next rule.
 */
int legacy_view_entry(struct view *view, struct view_chain *chain, enum family family,
		      const void *bytes, const char *label, uint64_t handle);

#endif
