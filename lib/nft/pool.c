/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/datatype.h"
#include "support/memory.h"

static int compare_ids(const struct nft_pool_id *a, const struct nft_pool_id *b)
{
	int order = strcmp(a->service, b->service);

	if (!order)
		order = (int)a->family - (int)b->family;
	return order ? order : (int)b->length - (int)a->length;
}

struct nft_pool *nft_pools_find(const struct nft_pools *pools, const struct nft_pool_id *id)
{
	for (size_t i = 0; i < pools->count; i++)
		if (!compare_ids(&pools->list[i].id, id))
			return &pools->list[i];
	return NULL;
}

struct nft_pool *nft_pools_add(struct nft_pools *pools, const struct nft_pool_id *id)
{
	struct nft_pool *grown = memory_grow(pools->list, pools->count, sizeof(*grown));
	size_t place = 0;

	if (!grown)
		return NULL;
	pools->list = grown;
	while (place < pools->count && compare_ids(&grown[place].id, id) < 0)
		place++;
	memmove(&grown[place + 1], &grown[place], (pools->count - place) * sizeof(*grown));
	pools->count++;
	grown[place] = (struct nft_pool){ .id = *id };
	return &grown[place];
}

struct nft_group *nft_pool_add_group(struct nft_pool *pool, unsigned int index, uint32_t size)
{
	struct nft_group *grown = memory_grow(pool->groups, pool->group_count, sizeof(*grown));

	if (!grown)
		return NULL;
	pool->groups = grown;
	grown[pool->group_count] = (struct nft_group){ .index = index, .size = size };
	return &grown[pool->group_count++];
}

struct nft_part *nft_parts_add(struct nft_parts *parts, unsigned int index, uint32_t size)
{
	struct nft_part *grown = memory_grow(parts->list, parts->count, sizeof(*grown));

	if (!grown)
		return NULL;
	parts->list = grown;
	grown[parts->count] = (struct nft_part){ .index = index, .size = size };
	return &grown[parts->count++];
}

static int copy_parts(struct nft_parts *parts, const struct nft_parts *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (!nft_parts_add(parts, from->list[i].index, from->list[i].size))
			return -ENOMEM;
	return 0;
}

int nft_pool_copy(struct nft_pool *pool, const struct nft_pool *from)
{
	for (size_t i = 0; i < from->group_count; i++) {
		const struct nft_group *group = &from->groups[i];
		struct nft_group *copy = nft_pool_add_group(pool, group->index, group->size);

		if (!copy)
			return -ENOMEM;
		copy->has_rate = group->has_rate;
		copy->rate = group->rate;
	}
	return copy_parts(&pool->clients, &from->clients) ||
	       copy_parts(&pool->dropped, &from->dropped) ? -ENOMEM : 0;
}

int nft_pool_make_room_for_dropped(struct nft_pool *pool)
{
	struct nft_parts *parts = &pool->dropped;
	const struct nft_part *last = parts->count ? &parts->list[parts->count - 1] : NULL;
	uint64_t clients = 0;

	for (size_t i = 0; i < pool->clients.count; i++)
		clients += pool->clients.list[i].size;
	if (last && last->size >= clients)
		return 0;
	return nft_parts_add(parts, last ? last->index + 1 : 0,
			     clients < UINT32_MAX ? (uint32_t)clients : UINT32_MAX) ? 0 : -ENOMEM;
}

bool nft_pool_lacks_rate(const struct nft_pool *pool)
{
	for (size_t i = 0; i < pool->group_count; i++)
		if (!pool->groups[i].has_rate)
			return true;
	return false;
}

static void free_parts(struct nft_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		elements_free(&parts->list[i].elements);
	free(parts->list);
}

void nft_pools_free(struct nft_pools *pools)
{
	for (size_t i = 0; i < pools->count; i++) {
		struct nft_pool *pool = &pools->list[i];

		for (size_t j = 0; j < pool->group_count; j++)
			elements_free(&pool->groups[j].members);
		free(pool->groups);
		free_parts(&pool->clients);
		free_parts(&pool->dropped);
	}
	free(pools->list);
	*pools = (struct nft_pools){ 0 };
}

/* --- sets --------------------------------------------------------------- */

static struct nft_set addresses(enum family family)
{
	return (struct nft_set){
		.key_type = family == IPV6 ? NFT_TYPE_IPV6_ADDR : NFT_TYPE_IPV4_ADDR,
		.key_size = family_bits(family) / 8,
	};
}

struct nft_set nft_clients_set(const struct nft_pool_id *id, uint32_t size)
{
	struct nft_set set = addresses(id->family);

	set.counts = true;
	set.size = size;
	return set;
}

struct nft_set nft_members_set(const struct nft_pool_id *id, uint32_t size)
{
	struct nft_set set = addresses(id->family);

	set.size = size;
	return set;
}

struct nft_set nft_dropped_set(const struct nft_pool_id *id, uint32_t size)
{
	struct nft_set set = addresses(id->family);

	set.is_dynamic = true;
	set.size = size;
	return set;
}

/* --- reading ------------------------------------------------------------ */

static int add_clients(struct nft_pools *pools, const struct nft_set *set)
{
	struct nft_pool_id id;
	struct nft_set clients;
	struct nft_pool *pool;
	unsigned int index;

	if (!nft_pool_of(set->name, NFT_CLIENTS, &id, &index) || !set->size)
		return 0;
	clients = nft_clients_set(&id, set->size);
	if (!nft_set_same(set, &clients))
		return 0;
	pool = nft_pools_find(pools, &id);
	if (!pool)
		pool = nft_pools_add(pools, &id);
	if (!pool || (!pool->group_count && !nft_pool_add_group(pool, 0, UINT32_MAX)))
		return -ENOMEM;
	return nft_parts_add(&pool->clients, index, set->size) ? 0 : -ENOMEM;
}

static int add_members(struct nft_pools *pools, const struct nft_set *set)
{
	struct nft_pool_id id;
	struct nft_set members;
	struct nft_pool *pool;
	unsigned int index;

	if (!nft_pool_of(set->name, NFT_MEMBERS, &id, &index) || !index || !set->size)
		return 0;
	members = nft_members_set(&id, set->size);
	pool = nft_pools_find(pools, &id);
	if (!pool || !nft_set_same(set, &members))
		return 0;
	return nft_pool_add_group(pool, index, set->size) ? 0 : -ENOMEM;
}

static int add_dropped(struct nft_pools *pools, const struct nft_set *set)
{
	struct nft_pool_id id;
	struct nft_set dropped;
	struct nft_pool *pool;
	unsigned int index;

	if (!nft_pool_of(set->name, NFT_DROPPED, &id, &index))
		return 0;
	dropped = nft_dropped_set(&id, set->size);
	pool = nft_pools_find(pools, &id);
	if (!pool || !set->size || !nft_set_same(set, &dropped))
		return 0;
	return nft_parts_add(&pool->dropped, index, set->size) ? 0 : -ENOMEM;
}

/* Its limit is in the name of the buckets that its chain updates. */
static void read_rate(const struct nft_pool *pool, struct nft_group *group,
		      const struct nft_table *table)
{
	char name[NFT_NAME_ROOM];
	const struct nft_chain *chain = nft_table_chain(table, nft_pool_name(name, NFT_LIMIT,
									&pool->id, group->index));

	for (size_t i = 0; chain && i < chain->count && !group->has_rate; i++)
		if (chain->rules[i].update && chain->rules[i].update->limited)
			group->has_rate = nft_buckets_of(chain->rules[i].update->set,
							 pool->id.service, pool->id.family,
							 &group->rate);
}

static int each_set(struct nft_pools *pools, const struct nft_table *table,
		    int (*add)(struct nft_pools *pools, const struct nft_set *set))
{
	int err = 0;

	for (size_t i = 0; i < table->set_count && !err; i++)
		err = add(pools, table->sets[i]);
	return err;
}

static int compare_groups(const void *a, const void *b)
{
	const struct nft_group *one = a, *other = b;

	return one->index < other->index ? -1 : one->index > other->index;
}

static int compare_parts(const void *a, const void *b)
{
	const struct nft_part *one = a, *other = b;

	return one->index < other->index ? -1 : one->index > other->index;
}

static void sort_parts(struct nft_parts *parts)
{
	if (parts->count)
		qsort(parts->list, parts->count, sizeof(*parts->list), compare_parts);
}

int nft_pools_read(struct nft_pools *pools, const struct nft_table *table)
{
	int err = each_set(pools, table, add_clients);

	if (!err)
		err = each_set(pools, table, add_members);
	if (!err)
		err = each_set(pools, table, add_dropped);
	for (size_t i = 0; i < pools->count && !err; i++) {
		struct nft_pool *pool = &pools->list[i];

		qsort(pool->groups, pool->group_count, sizeof(*pool->groups), compare_groups);
		sort_parts(&pool->clients);
		sort_parts(&pool->dropped);
		for (size_t j = 0; j < pool->group_count; j++)
			read_rate(pool, &pool->groups[j], table);
	}
	return err;
}
