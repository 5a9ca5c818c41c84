/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The limited clients of a service, as sets have them.
 *
 * Clients whose prefixes have the same length are a pool: one set, in which a packet's
 * source, cut to that length, is looked up.  Pools of long prefixes come first, so that a
 * packet is charged to the most specific client.  A client is one element, with the
 * counter of what it sent.
 *
 * It is a set and no map with verdicts: whenever an element with a jump or goto comes,
 * the kernel checks all elements of the map for loops.  With 100,000 clients one more
 * took 28 ms, and in a set 0.01 ms.
 *
 * The clients of a pool that have one limit are a group.  Most pools have one.  Of
 * others, the first group is for those that no further set of members has, so that a
 * client's counter stays whatever becomes of its limit.
 */
#ifndef LIB_NFT_POOL_H
#define LIB_NFT_POOL_H

#include "nft/elements.h"
#include "nft/name.h"

/* A set has room for at least so many clients. */
#define NFT_SIZE_MIN 4096u

struct nft_group {
	unsigned int index;		/* in the names of its chain and set */
	uint32_t size;			/* members at most; of the first, which has no set, any */
	struct nft_elements members;	/* once loaded */
	bool is_whole;			/* where the pool is not: all the same, those are all */
	bool has_rate;			/* false: as found, and nothing tells its limit */
	struct limit_rate rate;
};

/*
 * A set of clients, or of what was dropped of them.  A set of the kernel keeps the size it
 * was made with: where one is too small for all, another one follows.
 *
 * Sets of clients have a size so that the kernel makes them of a fixed size: of one that
 * grows, it tells some elements twice and others not at all, while it moves them to larger
 * hash tables, which goes on for a while behind a large change.
 */
struct nft_part {
	unsigned int index;		/* in its name */
	uint32_t size;			/* elements at most */
	struct nft_elements elements;	/* once loaded */
};

struct nft_parts {
	struct nft_part *list;
	size_t count;
};

struct nft_pool {
	struct nft_pool_id id;
	struct nft_group *groups;	/* the first one has index 0 */
	size_t group_count;
	struct nft_parts clients;	/* with what they sent */
	struct nft_parts dropped;	/* the last one is in use */
	bool is_loaded;
	bool is_partial;		/* its elements are those that were looked up, and no more */
};

/* All pools of our table: by service, family, and the longest prefixes first. */
struct nft_pools {
	struct nft_pool *list;
	size_t count;
};

/* Pointers that calls return are good until the next one is added. */

/* What there is of pools in @table, which may be any.  -ENOMEM */
int nft_pools_read(struct nft_pools *pools, const struct nft_table *table);
struct nft_pool *nft_pools_find(const struct nft_pools *pools, const struct nft_pool_id *id);
/* NULL if out of memory. */
struct nft_pool *nft_pools_add(struct nft_pools *pools, const struct nft_pool_id *id);
struct nft_group *nft_pool_add_group(struct nft_pool *pool, unsigned int index, uint32_t size);
struct nft_part *nft_parts_add(struct nft_parts *parts, unsigned int index, uint32_t size);
/* All but the elements; -ENOMEM. */
int nft_pool_copy(struct nft_pool *pool, const struct nft_pool *from);
/* A set for what is dropped of as many clients as the pool has room for; -ENOMEM. */
int nft_pool_make_room_for_dropped(struct nft_pool *pool);
/* Whether nothing tells the limit of some clients any more. */
bool nft_pool_lacks_rate(const struct nft_pool *pool);
void nft_pools_free(struct nft_pools *pools);

/*
 * Reads the clients of the pools in @families (bits), with their counters.  What was
 * dropped is read ahead of what was sent, so that it is never more.
 * Returns: 0, or -errno as netlink_ask().
 */
int nft_pools_load(struct nft_pools *pools, struct netlink *netlink,
		   const struct nft_place *place, unsigned int families);
/* The same of one pool. */
int nft_pool_load(struct nft_pool *pool, struct netlink *netlink, const struct nft_place *place);
/* The same of some clients, with these keys. */
int nft_pool_look_up(struct nft_pool *pool, struct netlink *netlink,
		     const struct nft_place *place, const struct nft_elements *keys);
/* Whether there is a client with this key, as elements_find(). */
int nft_pool_has(const struct nft_pool *pool, struct netlink *netlink,
		 const struct nft_place *place, const uint8_t key[NFT_FIELD_MAX]);
/* Whether it is better to load all, since there are few or their limits are to be mended. */
int nft_pool_is_small(const struct nft_pool *pool, const struct nft_place *place);
/* The group of a client, as an index of the pool's list. */
size_t nft_pool_group_of(const struct nft_pool *pool, const uint8_t key[NFT_FIELD_MAX]);

/* A set of the pool as we make it, without its name. */
struct nft_set nft_clients_set(const struct nft_pool_id *id, uint32_t size);
struct nft_set nft_members_set(const struct nft_pool_id *id, uint32_t size);
struct nft_set nft_dropped_set(const struct nft_pool_id *id, uint32_t size);

#endif
