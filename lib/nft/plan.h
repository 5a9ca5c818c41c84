/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What our table is to become: its chains and sets, and the elements that come and go. */
#ifndef LIB_NFT_PLAN_H
#define LIB_NFT_PLAN_H

#include "model/model.h"
#include "nft/lower.h"
#include "nft/host_plan.h"
#include "nft/pool.h"

/* Elements of one set. */
struct nft_set_edit {
	const char *name;
	struct nft_set set;
	struct nft_elements add, remove;	/* @remove as read, with counters */
	bool restores_counters;		/* of what comes */
};

struct nft_plan {
	struct nft_pools pools;
	struct nft_table table;
	struct nft_set_edit *edits;
	size_t edit_count;
	struct nft_steps steps;		/* to @table */
	struct nft_host_plan host;	/* in the tables of others */
};

/*
 * An edit of one set of a pool: what @have lacks of @want comes, and what it has besides
 * goes.  @have: NULL for nothing.  -ENOMEM
 */
int nft_plan_edit(struct nft_plan *plan, const char *kind, const struct nft_pool_id *id,
		  unsigned int index, const struct nft_elements *have,
		  const struct nft_elements *want);

/* plan_pool.c: one pool, for those on the @list of @clients that have its length. */
int nft_plan_pool(struct nft_plan *plan, const struct nft_pools *pools,
		  const struct nft_pool_id *id, const struct clients *clients,
		  const struct client *const *list, size_t count);

/*
 * Loads what nft_plan_clients() has to know of the pools of @families (bits): all clients,
 * but of services of whose clients the model has only changes, only these; @all: of these,
 * too.  Returns: 0, -ENOMEM, or -errno as netlink_ask().
 */
int nft_plan_load(struct nft_pools *have, const struct model *wanted, unsigned int families,
		  bool all, struct netlink *netlink, const struct nft_place *place);

/* Loads of the pools what is known of @before: all, or those whom the changes name. */
int nft_plan_load_like(struct nft_pools *have, const struct nft_pools *before,
		       const struct model *wanted, struct netlink *netlink,
		       const struct nft_place *place);

/*
 * From the pools that are there to those of the @wanted model, so that as few elements
 * as can be come and go: the clients of @families (bits) become those of the model; all
 * others stay.
 * Returns: 0, -ENOMEM.
 */
int nft_plan_clients(struct nft_plan *plan, const struct nft_pools *have,
		     const struct model *wanted, unsigned int families);
/* Back to the pools @to, with the counters that they had when they were read. */
int nft_plan_restore(struct nft_plan *plan, const struct nft_pools *have,
		     const struct nft_pools *to);
void nft_plan_free(struct nft_plan *plan);

#endif
