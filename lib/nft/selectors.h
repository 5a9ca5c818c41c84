/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The selectors of a service (rules/selector.h) as rules of nftables.  What is the same
 * in both families is one rule; what is not asks for the family first.
 */
#ifndef LIB_NFT_SELECTORS_H
#define LIB_NFT_SELECTORS_H

#include "nft/table.h"
#include "rules/selector.h"
#include "support/error.h"

/* What a service selects in each family that it is in; for families it is not in, nothing. */
struct nft_selection {
	struct ruleset rules[FAMILIES];
	struct chain *selectors[FAMILIES];	/* NULL: nothing */
	bool strict[FAMILIES];			/* TCP: flags that no segment has are left alone */
};

enum nft_flows {
	NFT_FLOWS_IN,			/* packets that come in */
	NFT_FLOWS_OUT,
	NFT_FLOWS_REQUESTS,		/* those that begin an exchange, for limits */
};

/*
 * @model has all services of the family: answers are not looked for at ports that others
 * ask.  @local_only: but for limits, what has no address of this host at its own end is
 * left alone.  nft_selection_free() also where it fails.
 */
int nft_select(struct nft_selection *selection, const struct family_model *model,
	       const struct service *service, enum family family, enum nft_flows flows,
	       bool local_only, struct error *error);
void nft_selection_free(struct nft_selection *selection);

/*
 * A rule for each selector, that does what @end does; in strict mode those of TCP do what
 * @segments does.  -ENOMEM, -E2BIG
 */
int nft_add_selectors(struct nft_table *table, struct nft_chain *chain,
		      const struct nft_selection *selection, const struct nft_rule *end,
		      const struct nft_rule *segments);

/* A rule for each kind of segment of TCP that there is, that does what @end does. */
int nft_add_segments(struct nft_table *table, struct nft_chain *chain, const struct nft_rule *end,
		     struct error *error);

/*
 * The same for ICMP errors in one family about packets that are selected of a service;
 * @direction: which way the errors go.
 */
int nft_add_icmp_errors(struct nft_table *table, struct nft_chain *chain,
			const struct nft_selection *selection, const struct service *service,
			enum family family, enum direction direction, const struct nft_rule *end);

#endif
