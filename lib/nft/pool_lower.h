/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools as chains and sets:
 *
 *	chain limits-dns {
 *		ip saddr @clients4-32-dns goto limit4-32-dns
 *		ip saddr & 255.255.255.0 == @clients4-24-dns goto limit4-24-dns
 *	}
 *	chain limit4-24-dns {
 *		ip saddr & 255.255.255.0 == @members4-24.2-dns goto limit4-24.2-dns
 *		update @buckets4-... { ip saddr limit rate 10/second burst 20 packets } return
 *		update @dropped4-24-dns { ip saddr & 255.255.255.0 counter } drop
 *		counter drop
 *	}
 *
 * A packet within the limit returns.  All else is dropped, also where a set is full: no
 * bucket, no passage; and what has no room in the set of what was dropped, the last rule
 * counts.
 */
#ifndef LIB_NFT_POOL_LOWER_H
#define LIB_NFT_POOL_LOWER_H

#include "nft/pool.h"

/* The chain that leads from a service to its pools; -ENOMEM. */
int nft_pools_lower(struct nft_table *table, const struct nft_pools *pools, const char *service);

#endif
