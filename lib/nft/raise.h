/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From our table back to the model. */
#ifndef LIB_NFT_RAISE_H
#define LIB_NFT_RAISE_H

#include "model/model.h"
#include "nft/pool.h"
#include "support/error.h"

/* The services of @families; where one is described no more, that is damage of the model. */
int nft_raise_services(const struct nft_table *table, struct model *model, unsigned int families,
		       struct error *error);

/*
 * A chain that untracks packets of @family for a service that @model, as raised, does not have,
 * since nothing describes it; NULL: there is none.
 */
const struct nft_chain *nft_raise_lost(const struct nft_table *table, const struct model *model,
				       enum family family);

/*
 * Clients of a loaded pool, with their limits.  Those whose limit nobody can tell are left
 * out; the next commit takes them away.  -ENOMEM
 */
int nft_raise_clients(struct clients *clients, const struct nft_pool *pool,
		      const struct nft_elements *elements);

#endif
