/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What notrack_verify() and notrack_explain() share. */
#ifndef LIB_EXPLAIN_H
#define LIB_EXPLAIN_H

#include "context.h"
#include "verify/verify.h"

/* Walks the flows of the model, or of the service @all->name; 0 or -errno with a sentence. */
int verify_collect(struct notrack *nt, struct verification *all);
void verify_release(struct verification *all);

/* The order in which rows are told. */
int verify_compare_rows(const struct flow_row *one, const struct flow_row *other);

/* The strings are those of the row. */
struct notrack_flow verify_flow_of(const struct flow_row *row);

#endif
