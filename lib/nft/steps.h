/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way from a table that is there to one that is wanted, in steps that can be done one
 * after the other: rules that are in both stay, with their handles and counters.
 */
#ifndef LIB_NFT_STEPS_H
#define LIB_NFT_STEPS_H

#include "nft/table.h"

enum nft_step_kind {
	NFT_ADD_TABLE,
	NFT_ADD_SET,
	NFT_ADD_CHAIN,
	NFT_EDIT_ELEMENTS,		/* whatever elements come and go */
	NFT_PREPARED,			/* what comes next is met by packets */
	NFT_REMOVE_RULE,
	NFT_REMOVE_SET,
	NFT_REMOVE_CHAIN,
	NFT_EMPTY_CHAIN,		/* what goes with it is told by a later step */
	NFT_ADD_RULE,
	NFT_REMOVE_TABLE,
};

struct nft_step {
	enum nft_step_kind kind;
	const struct nft_chain *chain;	/* of rules, too */
	const struct nft_set *set;
	const struct nft_rule *rule;
	uint64_t before;		/* the handle of the rule that follows; 0: at the end */
};

struct nft_steps {
	struct nft_step *list;
	size_t count;
	bool failed;			/* out of memory */
};

/* @elements: some come or go.  -ENOMEM; nft_steps_free() also where it fails. */
int nft_steps_make(struct nft_steps *steps, const struct nft_table *have,
		   const struct nft_table *want, bool elements);
void nft_steps_free(struct nft_steps *steps);

/* From the rules that a chain has to those it is to have. */
void nft_steps_edit_chain(struct nft_steps *steps, const struct nft_chain *have,
			  const struct nft_chain *want);
/* A chain comes, and then its rules; its rules go, and then it goes. */
void nft_steps_add_chain(struct nft_steps *steps, const struct nft_chain *chain);
void nft_steps_fill_chain(struct nft_steps *steps, const struct nft_chain *chain);
void nft_steps_empty_chain(struct nft_steps *steps, const struct nft_chain *chain);
void nft_steps_remove_chain(struct nft_steps *steps, const struct nft_chain *chain);

#endif
