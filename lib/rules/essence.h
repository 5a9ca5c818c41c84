/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a rule means, as bytes: for the names of chains that are made for it. */
#ifndef LIB_ESSENCE_H
#define LIB_ESSENCE_H

#include <stdio.h>

#include "rules/graft.h"

/* All that a rule of the host asks and does, but neither where it stands nor its counters. */
void essence_of_view_rule(FILE *out, const struct view_rule *rule);
void essence_of_graft_rule(FILE *out, const struct graft_rule *rule);

#endif
