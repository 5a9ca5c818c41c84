/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/pool_lower.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* "10/sec" as nft(8) has it. */
static struct nft_limit limit_of(const struct limit_rate *rate)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = { { "sec", 1 }, { "min", 60 }, { "hour", 3600 }, { "day", 86400 } };
	struct nft_limit limit = { .burst = rate->burst };
	char above[LIMIT_ABOVE_TEXT], unit[8] = "";

	limit_format_above(rate->period, above);
	sscanf(above, "%" SCNu64 "/%7s", &limit.packets, unit);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].name, unit))
			limit.seconds = units[i].seconds;
	return limit;
}

static void begin(struct nft_draft *draft, enum family family)
{
	const struct nft_field protocol = nft_meta_field(NFT_META_NFPROTO, 1);

	nft_draft_begin(draft);
	nft_draft_byte(draft, &protocol, family == IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

/* --- sets --------------------------------------------------------------- */

static int add_set(struct nft_table *table, const char *name, struct nft_set set)
{
	struct nft_set *added = nft_table_set(table, name);

	if (added)	/* buckets are shared by all who have the same limit */
		return 0;
	added = nft_table_add_set(table, name);
	if (!added)
		return -ENOMEM;
	set.name = added->name;
	*added = set;
	return 0;
}

static struct nft_set buckets_set(const struct nft_pool *pool, const struct limit_rate *rate)
{
	struct nft_set set = nft_dropped_set(&pool->id, limit_sources_max(rate));

	set.timeout_ms = rate->htable_expire_ms;
	return set;
}

static int add_group_sets(struct nft_table *table, const struct nft_pool *pool,
			  const struct nft_group *group)
{
	char name[NFT_NAME_ROOM];
	int err = 0;

	if (group->index) {
		nft_pool_name(name, NFT_MEMBERS, &pool->id, group->index);
		err = add_set(table, name, nft_members_set(&pool->id, group->size));
	}
	if (err || !group->has_rate)
		return err;
	nft_buckets_name(name, pool->id.service, pool->id.family, &group->rate);
	return add_set(table, name, buckets_set(pool, &group->rate));
}

static int add_sets(struct nft_table *table, const struct nft_pool *pool)
{
	char name[NFT_NAME_ROOM];
	int err = 0;

	for (size_t i = 0; i < pool->clients.count && !err; i++) {
		const struct nft_part *part = &pool->clients.list[i];

		nft_pool_name(name, NFT_CLIENTS, &pool->id, part->index);
		err = add_set(table, name, nft_clients_set(&pool->id, part->size));
	}
	for (size_t i = 0; i < pool->dropped.count && !err; i++) {
		const struct nft_part *part = &pool->dropped.list[i];

		nft_pool_name(name, NFT_DROPPED, &pool->id, part->index);
		err = add_set(table, name, nft_dropped_set(&pool->id, part->size));
	}
	for (size_t i = 0; i < pool->group_count && !err; i++)
		err = add_group_sets(table, pool, &pool->groups[i]);
	return err;
}

/* --- rules -------------------------------------------------------------- */

/* Sources in @set go to @to. */
static int add_branch(struct nft_table *table, struct nft_chain *chain,
		      const struct nft_pool_id *id, const char *set, const char *to)
{
	const struct nft_field source = nft_address_field(id->family, false, id->length);
	struct nft_draft draft;

	begin(&draft, id->family);
	nft_draft_set(&draft, &source, set);
	draft.rule.target = TARGET_GOTO;
	draft.rule.chain = to;
	return nft_chain_add(table, chain, &draft);
}

/* "update @SET { SOURCE limit ... } return", or "{ SOURCE counter } drop" */
static int add_update(struct nft_table *table, struct nft_chain *chain,
		      const struct nft_pool_id *id, unsigned int length, const char *set,
		      const struct nft_limit *limit)
{
	struct nft_draft draft;

	begin(&draft, id->family);
	draft.update = (struct nft_update){
		.key = nft_address_field(id->family, false, length),
		.set = set,
		.limited = limit,
	};
	if (limit)
		draft.update.limit = *limit;
	draft.rule.update = &draft.update;
	draft.rule.target = limit ? TARGET_RETURN : TARGET_DROP;
	return nft_chain_add(table, chain, &draft);
}

static int add_limit(struct nft_table *table, struct nft_chain *chain, const struct nft_pool *pool,
		     const struct nft_group *group)
{
	const struct nft_limit limit = limit_of(&group->rate);
	char name[NFT_NAME_ROOM];

	nft_buckets_name(name, pool->id.service, pool->id.family, &group->rate);
	return add_update(table, chain, &pool->id, group->rate.srcmask, name, &limit);
}

static int add_drop(struct nft_table *table, struct nft_chain *chain, const struct nft_pool *pool)
{
	const struct nft_part *last = &pool->dropped.list[pool->dropped.count - 1];
	struct nft_draft draft;
	char name[NFT_NAME_ROOM];
	int err;

	nft_pool_name(name, NFT_DROPPED, &pool->id, last->index);
	err = add_update(table, chain, &pool->id, pool->id.length, name, NULL);
	if (err)
		return err;
	nft_draft_begin(&draft);
	draft.rule.counts = true;
	draft.rule.target = TARGET_DROP;
	return nft_chain_add(table, chain, &draft);
}

/* The first group's chain finds out who is of another one. */
static int add_branches(struct nft_table *table, struct nft_chain *chain,
			const struct nft_pool *pool)
{
	char set[NFT_NAME_ROOM], to[NFT_NAME_ROOM];
	int err = 0;

	for (size_t i = 1; i < pool->group_count && !err; i++)
		err = add_branch(table, chain, &pool->id,
				 nft_pool_name(set, NFT_MEMBERS, &pool->id, pool->groups[i].index),
				 nft_pool_name(to, NFT_LIMIT, &pool->id, pool->groups[i].index));
	return err;
}

static int add_group(struct nft_table *table, const struct nft_pool *pool,
		     const struct nft_group *group)
{
	char name[NFT_NAME_ROOM];
	struct nft_chain *chain = nft_table_add_chain(table, nft_pool_name(name, NFT_LIMIT, &pool->id,
								      group->index));
	int err = chain ? 0 : -ENOMEM;

	if (!err && !group->index)
		err = add_branches(table, chain, pool);
	/* where nothing tells the limit, to drop all that they send is none */
	if (err || !group->has_rate)
		return err;
	err = add_limit(table, chain, pool, group);
	return err ? err : add_drop(table, chain, pool);
}

static int add_pool(struct nft_table *table, struct nft_chain *limits, const struct nft_pool *pool)
{
	char set[NFT_NAME_ROOM], to[NFT_NAME_ROOM];
	int err = add_sets(table, pool);

	for (size_t i = 0; i < pool->group_count && !err; i++)
		err = add_group(table, pool, &pool->groups[i]);
	nft_pool_name(to, NFT_LIMIT, &pool->id, 0);
	for (size_t i = 0; i < pool->clients.count && !err; i++)
		err = add_branch(table, limits, &pool->id,
				 nft_pool_name(set, NFT_CLIENTS, &pool->id,
					       pool->clients.list[i].index), to);
	return err;
}

int nft_pools_lower(struct nft_table *table, const struct nft_pools *pools, const char *service)
{
	char name[NFT_NAME_ROOM];
	struct nft_chain *limits = nft_table_add_chain(table, nft_service_name(name, NFT_LIMITS,
									       service));
	int err = limits ? 0 : -ENOMEM;

	for (size_t i = 0; i < pools->count && !err; i++)
		if (!strcmp(pools->list[i].id.service, service))
			err = add_pool(table, limits, &pools->list[i]);
	return err;
}
