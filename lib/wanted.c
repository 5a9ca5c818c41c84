/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wanted.h"

int wanted_compile(struct wanted *wanted, struct notrack *nt, const struct opened opened[FAMILIES],
		   bool local_only)
{
	int err = 0;

	*wanted = (struct wanted){ .families = nt->families, .model = &nt->model,
				   .local_only = local_only };
	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (context_has(nt, family))
			err = compile(&nt->model.families[family], family,
				      opened ? &opened[family] : NULL, local_only,
				      wanted->rules[family], &nt->error);
	return err;
}

void wanted_free(struct wanted *wanted)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		for (enum table_id id = RAW; id < TABLES; id++)
			ruleset_free(&wanted->rules[family][id]);
		ruleset_free(&wanted->leaving[family]);
	}
}
