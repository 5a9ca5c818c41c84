/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/graft.h"

#include <errno.h>

#include "nft/host.h"

static int add_rule(struct nft_table *want, struct nft_chain *chain, const struct nft_rule *rule)
{
	struct nft_rule *added = nft_chain_add_room(want, chain);

	if (!added)
		return -ENOMEM;
	*added = *rule;
	return 0;
}

int nft_graft_chain(struct nft_table *want, const struct nft_chain *have,
		    const struct nft_graft *grafts, size_t count)
{
	struct nft_chain *chain = nft_table_add_chain(want, have->name);
	size_t next = 0;
	int err = chain ? nft_chain_reserve(want, chain, have->count + count) : -ENOMEM;

	if (err)
		return err;
	chain->is_base = have->is_base;
	chain->hook = have->hook;
	for (size_t i = 0; i <= have->count && !err; i++) {
		for (; next < count && grafts[next].before == i && !err; next++)
			err = add_rule(want, chain, &grafts[next].rule);
		if (!err && i < have->count && have->rules[i].is_theirs)
			err = add_rule(want, chain, &have->rules[i]);
	}
	return err;
}

/* Chains of ours, before the rules that lead to them: one may lead to another. */
static void add_chains(struct nft_steps *steps, const struct nft_table *have,
		       const struct nft_table *want)
{
	for (size_t i = 0; i < want->chain_count; i++)
		if (nft_chain_is_ours(want->chains[i]) &&
		    !nft_table_chain(have, want->chains[i]->name))
			nft_steps_add_chain(steps, want->chains[i]);
	for (size_t i = 0; i < want->chain_count; i++) {
		const struct nft_chain *chain = want->chains[i];
		const struct nft_chain *other = nft_table_chain(have, chain->name);

		if (!nft_chain_is_ours(chain))
			continue;
		if (other)
			nft_steps_edit_chain(steps, other, chain);
		else
			nft_steps_fill_chain(steps, chain);
	}
}

static void edit_theirs(struct nft_steps *steps, const struct nft_table *have,
			const struct nft_table *want)
{
	for (size_t i = 0; i < have->chain_count; i++) {
		const struct nft_chain *chain = have->chains[i];
		const struct nft_chain *other = nft_table_chain(want, chain->name);

		if (other && !nft_chain_is_ours(chain))
			nft_steps_edit_chain(steps, chain, other);
	}
}

/* None is removed while another one still leads to it. */
static void remove_chains(struct nft_steps *steps, const struct nft_table *have,
			  const struct nft_table *want)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < have->chain_count; i++) {
			const struct nft_chain *chain = have->chains[i];

			if (!nft_chain_is_ours(chain) || nft_table_chain(want, chain->name))
				continue;
			(pass ? nft_steps_remove_chain : nft_steps_empty_chain)(steps, chain);
		}
}

int nft_graft_steps(struct nft_steps *steps, const struct nft_table *have,
		    const struct nft_table *want)
{
	add_chains(steps, have, want);
	edit_theirs(steps, have, want);
	remove_chains(steps, have, want);
	return steps->failed ? -ENOMEM : 0;
}
