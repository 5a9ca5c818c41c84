/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tables of others are to become, as far as rules of ours stand there. */
#ifndef LIB_NFT_HOST_PLAN_H
#define LIB_NFT_HOST_PLAN_H

#include "nft/graft.h"
#include "nft/host.h"

/* What one table of others is to become. */
struct nft_table_plan {
	const struct nft_host_table *host;
	struct nft_table want;
	struct nft_steps steps;
};

struct nft_host_plan {
	struct nft_table_plan *list;
	size_t count;
};

/* NULL if out of memory. */
struct nft_table_plan *nft_host_plan_add(struct nft_host_plan *plan,
				     const struct nft_host_table *host);
/* Back to what @before had of ours; @have is what there is now.  -ENOMEM */
int nft_host_plan_restore(struct nft_host_plan *plan, const struct nft_host *have,
			 const struct nft_host *before);
void nft_host_plan_free(struct nft_host_plan *plan);

#endif
