/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowered.h"

#include "legacy/image.h"
#include "rules/compile.h"
#include "unit.h"

struct lowered lower_model(const struct notrack *nt, enum family family)
{
	const struct family_model *model = &nt->model.families[family];
	struct lowered lowered = { 0 };
	struct error error;

	expect(!compile(model, family, NULL, false, lowered.compiled, &error), "%s", error.text);
	for (enum table_id table = RAW; table < TABLES; table++)
		expect(!legacy_lower(&lowered.compiled[table], model, &lowered.rules[table], &error),
		       "%s", error.text);
	return lowered;
}

void lowered_free(struct lowered *lowered)
{
	for (enum table_id table = RAW; table < TABLES; table++) {
		ruleset_free(&lowered->rules[table]);
		ruleset_free(&lowered->compiled[table]);
	}
}
