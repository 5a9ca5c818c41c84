/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a model means, as our table:
 *
 *	chain prerouting {
 *		type filter hook prerouting priority raw
 *		udp dport 53 goto service-dns			its selectors
 *		icmp type { 3, 11-12 } goto errors4-in		about its packets
 *	}
 *	chain service-dns {
 *		meta nfproto ipv4 counter notrack accept	a counter a family
 *		meta nfproto ipv6 counter notrack accept
 *		return comment "1/1 service dns: ..."		never reached
 *	}
 *	chain input {
 *		type filter hook input priority filter - 1	ahead of all accepts
 *		udp dport 53 jump limits-dns			see pool_lower.h
 *	}
 */
#ifndef LIB_NFT_LOWER_H
#define LIB_NFT_LOWER_H

#include "model/model.h"
#include "nft/pool.h"
#include "support/error.h"

/*
 * A model without services becomes an empty table.  @local_only: see struct wanted.
 * @leaving: of each family, selectors of answers that are untracked as well; or NULL.
 */
int nft_lower(struct nft_table *table, const struct model *model, const struct nft_pools *pools,
	      bool local_only, const struct ruleset *leaving, struct error *error);

#endif
