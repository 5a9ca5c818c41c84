/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TOOLS_SHOW_RULES_H
#define TOOLS_SHOW_RULES_H

#include <notrack.h>

/*
 * Prints what is in the kernel as rules.  0, or -errno, with a sentence in @nt, but for -ENOMEM,
 * which says it all.
 */
int show_rules(struct notrack *nt);

#endif
