/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/host_plan.h"

#include <errno.h>
#include <stdlib.h>

#include "support/memory.h"

struct nft_table_plan *nft_host_plan_add(struct nft_host_plan *plan,
				       const struct nft_host_table *host)
{
	struct nft_table_plan *grown = memory_grow(plan->list, plan->count, sizeof(*grown));

	if (!grown)
		return NULL;
	plan->list = grown;
	grown[plan->count] = (struct nft_table_plan){ .host = host };
	return &grown[plan->count++];
}

/* --- and back --------------------------------------------------------------- */

/* The place in @have of the first rule of others behind rule @at of @before. */
static size_t place_of(const struct nft_chain *have, const struct nft_chain *before, size_t at)
{
	while (at < before->count && !before->rules[at].is_theirs)
		at++;
	for (size_t i = 0; i < have->count && at < before->count; i++)
		if (have->rules[i].is_theirs && have->rules[i].handle == before->rules[at].handle)
			return i;
	return have->count;
}

static int restore_chain(struct nft_table_plan *table, const struct nft_chain *have,
			 const struct nft_chain *before)
{
	struct nft_graft *grafts = calloc(before ? before->count + 1 : 1, sizeof(*grafts));
	size_t count = 0;
	int err;

	if (!grafts)
		return -ENOMEM;
	for (size_t i = 0; before && i < before->count; i++)
		if (!before->rules[i].is_theirs)
			grafts[count++] = (struct nft_graft){
				.before = place_of(have, before, i), .rule = before->rules[i],
			};
	err = nft_graft_chain(&table->want, have, grafts, count);
	free(grafts);
	return err;
}

/* A chain of ours, as it was. */
static int copy_chain(struct nft_table *want, const struct nft_chain *from)
{
	struct nft_chain *chain = nft_table_add_chain(want, from->name);

	if (!chain)
		return -ENOMEM;
	chain->rules = from->rules;
	chain->count = from->count;
	return 0;
}

static int restore_table(struct nft_table_plan *table, const struct nft_table *before)
{
	const struct nft_table *have = &table->host->table;
	int err = 0;

	table->want.exists = true;
	for (size_t i = 0; before && i < before->chain_count && !err; i++)
		if (nft_chain_is_ours(before->chains[i]))
			err = copy_chain(&table->want, before->chains[i]);
	for (size_t i = 0; i < have->chain_count && !err; i++)
		if (!nft_chain_is_ours(have->chains[i]))
			err = restore_chain(table, have->chains[i],
					    before ? nft_table_chain(before, have->chains[i]->name) :
						     NULL);
	return err ? err : nft_graft_steps(&table->steps, have, &table->want);
}

int nft_host_plan_restore(struct nft_host_plan *plan, const struct nft_host *have,
			 const struct nft_host *before)
{
	int err = 0;

	for (size_t i = 0; i < have->count && !err; i++) {
		const struct nft_host_table *host = have->list[i];
		const struct nft_host_table *old = nft_host_find(before, &host->place);
		struct nft_table_plan *table;

		if (host->is_locked)
			continue;
		table = nft_host_plan_add(plan, host);
		err = table ? restore_table(table, old ? &old->table : NULL) : -ENOMEM;
	}
	return err;
}

void nft_host_plan_free(struct nft_host_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		nft_steps_free(&plan->list[i].steps);
		nft_table_free(&plan->list[i].want);
	}
	free(plan->list);
	*plan = (struct nft_host_plan){ 0 };
}
