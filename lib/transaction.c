/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "rules/compile.h"
#include "legacy/table.h"
#include "transaction.h"
#include "legacy/intermediate.h"

static int begin_table(struct transaction *t, enum family family, enum table_id id)
{
	const struct xt_family *kernel = &xt_families[family];
	int err;

	/* a table that is not there would be made by being read */
	t->skip[family][id] = !t->want[family][id].count && !table_exists(kernel, id);
	if (t->skip[family][id])
		return 0;
	err = context_read(t->nt, family, id);
	if (!err)
		err = features_ask(&t->nt->revisions[family], kernel, &t->nt->error);
	return err;
}

static int begin_family(struct transaction *t, enum family family)
{
	struct ruleset *want = t->want[family];
	int err = compile(&t->nt->model.families[family], family, want, &t->nt->error);

	for (enum table_id id = RAW; id < TABLES && !err; id++)
		err = begin_table(t, family, id);
	if (!err)
		err = intermediate_make(&t->both[family], transaction_have(t, family, FILTER), &want[FILTER]);
	if (err < 0 && !*t->nt->error.text)
		error_set(&t->nt->error, err, "out of memory");
	t->more[family] = err > 0;
	return err < 0 ? err : 0;
}

int transaction_begin(struct transaction *t, struct notrack *nt)
{
	int err = 0;

	*t = (struct transaction){ .nt = nt };
	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		if (context_has(t->nt, family))
			err = begin_family(t, family);
		else
			t->skip[family][RAW] = t->skip[family][FILTER] = true;
	}
	return err;
}

void transaction_end(struct transaction *t)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		for (enum table_id id = RAW; id < TABLES; id++)
			ruleset_free(&t->want[family][id]);
		ruleset_free(&t->both[family]);
	}
	context_forget(t->nt);
}
