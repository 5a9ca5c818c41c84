/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Selectors that pick no packet twice: for those that each do something by themselves. */
#ifndef LIB_APART_H
#define LIB_APART_H

#include "rules/rule.h"

struct selector {
	struct prefix source;
	struct match match;		/* no comment, no rate */
	uint8_t families;		/* bits, 1 << enum family */
	bool covered;			/* by another: not needed any more */
};

/* What selectors of two families ask alike is asked once; returns how many are left. */
size_t selectors_merge(struct selector *selectors, size_t count);

/*
 * Takes from each selector what an earlier one picks, as far as ports can say it, and
 * marks those of which nothing is left.
 */
void selectors_part(struct selector *selectors, size_t count);

#endif
