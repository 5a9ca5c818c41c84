/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wanted, as text for "nft -f". */
#include "nft/change.h"

#include <string.h>

#include "nft/print.h"

static void print_elements(const struct nft_plan *plan, const struct nft_set *set, FILE *out)
{
	for (size_t i = 0; i < plan->edit_count; i++) {
		const struct nft_elements *elements = &plan->edits[i].add;

		if (strcmp(plan->edits[i].name, set->name) || !elements->count)
			continue;
		fputs("\t\telements = { ", out);
		for (size_t j = 0; j < elements->count; j++) {
			fputs(j ? ",\n\t\t\t     " : "", out);
			nft_key_print(set, elements->list[j].key, out);
		}
		fputs(" }\n", out);
	}
}

static void print_set(const struct nft_plan *plan, const struct nft_set *set, FILE *out)
{
	nft_set_print(set, out);
	print_elements(plan, set, out);
	fputs("\t}\n\n", out);
}

static void print_plan(const struct nft_plan *plan, FILE *out)
{
	const struct nft_table *table = &plan->table;

	fputs("table inet " NFT_TABLE " {\n", out);
	for (size_t i = 0; i < table->set_count; i++)
		print_set(plan, table->sets[i], out);
	for (size_t i = 0; i < table->chain_count; i++) {
		nft_chain_print(table->chains[i], out);
		fputs(i + 1 < table->chain_count ? "\n" : "", out);
	}
	fputs("}\n", out);
}

int nft_print_wanted(const struct session *session, const struct wanted *wanted, FILE *out)
{
	const struct nft_pools none = { .count = 0 };
	struct nft_plan plan = { .edit_count = 0 };
	struct model model = { .families = { { .count = 0 } } };
	int err;

	for (enum family family = IPV4; family < FAMILIES; family++)
		if (wanted->families & 1u << family)
			model.families[family] = wanted->model->families[family];
	err = nft_plan_clients(&plan, &none, &model, wanted->families);
	if (err)
		error_set(session->error, err, "out of memory");
	else
		err = nft_lower(&plan.table, &model, &plan.pools, wanted->forwards, NULL,
				session->error);
	if (!err && plan.table.exists)
		print_plan(&plan, out);
	nft_plan_free(&plan);
	return err;
}
