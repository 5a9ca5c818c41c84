/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients of pools, with their counters: all, or those that matter. */
#include "nft/pool.h"

#include <errno.h>
#include <string.h>

/* So many clients are read sooner than one of them is looked up. */
#define FEW 256

/* --- all ------------------------------------------------------------------ */

static void forget_parts(struct nft_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		elements_free(&parts->list[i].elements);
}

static void forget(struct nft_pool *pool)
{
	forget_parts(&pool->clients);
	forget_parts(&pool->dropped);
	for (size_t i = 0; i < pool->group_count; i++)
		elements_free(&pool->groups[i].members);
	pool->is_loaded = pool->is_partial = false;
}

static int load_set(struct netlink *netlink, const struct nft_place *place, const char *kind,
		    const struct nft_pool *pool, unsigned int index, struct nft_elements *elements)
{
	struct nft_set set = nft_members_set(&pool->id, 0);
	char name[NFT_NAME_ROOM];

	set.name = nft_pool_name(name, kind, &pool->id, index);
	return elements_read(netlink, place, &set, elements);
}

static int load_parts(struct netlink *netlink, const struct nft_place *place, const char *kind,
		      const struct nft_pool *pool, struct nft_parts *parts)
{
	int err = 0;

	for (size_t i = 0; i < parts->count && !err; i++)
		err = load_set(netlink, place, kind, pool, parts->list[i].index,
			       &parts->list[i].elements);
	return err;
}

int nft_pool_load(struct nft_pool *pool, struct netlink *netlink, const struct nft_place *place)
{
	int err;

	if (pool->is_loaded)
		return 0;
	forget(pool);
	err = load_parts(netlink, place, NFT_DROPPED, pool, &pool->dropped);

	if (!err)
		err = load_parts(netlink, place, NFT_CLIENTS, pool, &pool->clients);
	for (size_t i = 1; i < pool->group_count && !err; i++)
		err = load_set(netlink, place, NFT_MEMBERS, pool, pool->groups[i].index,
			       &pool->groups[i].members);
	pool->is_loaded = !err;
	return err;
}

int nft_pools_load(struct nft_pools *pools, struct netlink *netlink,
		   const struct nft_place *place, unsigned int families)
{
	int err = 0;

	for (size_t i = 0; i < pools->count && !err; i++)
		if (families & 1u << pools->list[i].id.family)
			err = nft_pool_load(&pools->list[i], netlink, place);
	return err;
}

size_t nft_pool_group_of(const struct nft_pool *pool, const uint8_t key[NFT_FIELD_MAX])
{
	for (size_t i = 1; i < pool->group_count; i++)
		if (elements_lookup(&pool->groups[i].members, key))
			return i;
	return 0;
}

/* --- some ----------------------------------------------------------------- */

/* One of the pool's sets, with a name that is good until the next call. */
static struct nft_set named_set(const struct nft_pool *pool, const char *kind, unsigned int index,
				char name[NFT_NAME_ROOM])
{
	struct nft_set set = nft_members_set(&pool->id, 0);

	set.name = nft_pool_name(name, kind, &pool->id, index);
	return set;
}

int nft_pool_is_small(const struct nft_pool *pool, const struct nft_place *place)
{
	struct nft_elements elements;
	char name[NFT_NAME_ROOM];
	int result = 1;

	if (nft_pool_lacks_rate(pool))
		return true;
	for (size_t i = 0; i < pool->clients.count && result > 0; i++) {
		struct nft_set set = named_set(pool, NFT_CLIENTS, pool->clients.list[i].index, name);

		if (pool->clients.list[i].size > NFT_SIZE_MIN)	/* it was made for many */
			return false;
		result = elements_read_few(place, &set, FEW, &elements);
		elements_free(&elements);
	}
	return result;
}

static int look_up(struct netlink *netlink, const struct nft_place *place,
		   const struct nft_set *set, const struct nft_elements *keys,
		   struct nft_elements *found)
{
	int result = 0;

	for (size_t i = 0; i < keys->count && result >= 0; i++) {
		struct nft_element element = keys->list[i];

		result = elements_find(netlink, place, set, &element);
		if (result > 0 && elements_append(found, &element))
			result = -ENOMEM;
	}
	return result < 0 ? result : 0;
}

static int look_up_parts(const struct nft_pool *pool, struct nft_parts *parts, const char *kind,
			 struct netlink *netlink, const struct nft_place *place,
			 const struct nft_elements *keys)
{
	char name[NFT_NAME_ROOM];
	int err = 0;

	for (size_t i = 0; i < parts->count && !err; i++) {
		struct nft_set set = named_set(pool, kind, parts->list[i].index, name);

		err = look_up(netlink, place, &set, keys, &parts->list[i].elements);
	}
	return err;
}

/* A group of which all members were looked up may get another limit as a whole. */
static int look_up_members(const struct nft_pool *pool, struct nft_group *group,
			   struct netlink *netlink, const struct nft_place *place,
			   const struct nft_elements *keys)
{
	struct nft_elements members = { .count = 0 };
	char name[NFT_NAME_ROOM];
	struct nft_set set = named_set(pool, NFT_MEMBERS, group->index, name);
	int result = look_up(netlink, place, &set, keys, &group->members);

	if (result || !group->members.count)
		return result;
	result = elements_read_few(place, &set, group->members.count, &members);
	group->is_whole = result > 0;
	elements_free(&members);
	return result < 0 ? result : 0;
}

int nft_pool_look_up(struct nft_pool *pool, struct netlink *netlink,
		     const struct nft_place *place, const struct nft_elements *keys)
{
	int result;

	forget(pool);
	result = look_up_parts(pool, &pool->dropped, NFT_DROPPED, netlink, place, keys);
	if (!result)
		result = look_up_parts(pool, &pool->clients, NFT_CLIENTS, netlink, place, keys);
	for (size_t i = 1; i < pool->group_count && !result; i++)
		result = look_up_members(pool, &pool->groups[i], netlink, place, keys);
	pool->is_partial = !result;
	return result;
}

int nft_pool_has(const struct nft_pool *pool, struct netlink *netlink,
		 const struct nft_place *place, const uint8_t key[NFT_FIELD_MAX])
{
	struct nft_element element = { .expires_ms = 0 };
	char name[NFT_NAME_ROOM];
	int result = 0;

	memcpy(element.key, key, sizeof(element.key));
	for (size_t i = 0; i < pool->clients.count && !result; i++) {
		struct nft_set set = named_set(pool, NFT_CLIENTS, pool->clients.list[i].index, name);

		result = elements_find(netlink, place, &set, &element);
	}
	return result;
}
