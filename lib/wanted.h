/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a model means, as rules of all tables and both families. */
#ifndef LIB_WANTED_H
#define LIB_WANTED_H

#include "backend.h"
#include "context.h"
#include "rules/compile.h"

/*
 * Of the families that the context is about.  @opened: what filter is to accept of each, NULL:
 * all flows; @local_only as compile() has it.  wanted_free() also where it fails.
 */
int wanted_compile(struct wanted *wanted, struct notrack *nt, const struct opened opened[FAMILIES],
		   bool local_only);
void wanted_free(struct wanted *wanted);

#endif
