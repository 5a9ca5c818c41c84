/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules of ours in chains of others.  Each leads to a chain of ours that stands in the
 * same table, and by that it is found again, wherever somebody moved it.  The rules of
 * others stay as they are, with their handles and counters.
 */
#ifndef LIB_NFT_GRAFT_H
#define LIB_NFT_GRAFT_H

#include "nft/steps.h"

struct nft_graft {
	size_t before;			/* the rule of the chain that it stands ahead of; the count
					   of rules: at the end */
	struct nft_rule rule;
};

/*
 * Adds to @want the chain that @have is to become: its rules of others, and these of
 * ours, which are in the order of @before.  It refers to @have.  -ENOMEM
 */
int nft_graft_chain(struct nft_table *want, const struct nft_chain *have,
		    const struct nft_graft *grafts, size_t count);

/*
 * From a table of others to what is wanted of it: chains of ours come, go and change, and
 * chains of theirs that @want has get the rules of ours that it says.  What comes can be
 * done ahead of what goes.  -ENOMEM
 */
int nft_graft_steps(struct nft_steps *steps, const struct nft_table *have,
		    const struct nft_table *want);

#endif
