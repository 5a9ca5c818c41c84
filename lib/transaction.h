/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is there and what is wanted, in all tables of a context. */
#ifndef LIB_TRANSACTION_H
#define LIB_TRANSACTION_H

#include "context.h"
#include "rules/rule.h"

struct transaction {
	struct notrack *nt;
	struct ruleset want[FAMILIES][TABLES];
	struct ruleset both[FAMILIES];		/* filter, halfway: see union.h */
	bool more[FAMILIES];			/* and that is more than is wanted */
	bool skip[FAMILIES][TABLES];		/* nothing there, nothing wanted */
};

/* Compiles the model and reads the tables; transaction_end() also on failure. */
int transaction_begin(struct transaction *t, struct notrack *nt);
void transaction_end(struct transaction *t);

/* As it was found; kept until the end of the transaction, for the way back. */
static inline const struct ruleset *transaction_have(const struct transaction *t,
						     enum family family, enum table_id id)
{
	return &t->nt->snapshots[family][id].found;
}

#endif
