/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accepts in the chains of this host.
 *
 * A packet that is accepted in our table goes on to the next base chain, and a drop in
 * any of them is final.  So each base chain of others that drops all there is, by its
 * policy or by a rule, gets a jump to a chain of accepts: directly ahead of that rule, or
 * at the end, so that rules of others that single packets out judge as ever.
 */
#ifndef LIB_NFT_OPENING_H
#define LIB_NFT_OPENING_H

#include "model/model.h"
#include "nft/host_plan.h"

/*
 * For each table of @host, which must have its rules; @openings refers to it.
 * -ENOMEM; -EOPNOTSUPP where a service needs what iptables-nft cannot read.
 */
int nft_openings_make(struct nft_host_plan *openings, const struct nft_host *host,
		      const struct model *model, struct error *error);

#endif
