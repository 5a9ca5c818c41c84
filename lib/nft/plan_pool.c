/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client stays in the group that it is in where the group's limit is, or becomes, the
 * one that the client is to have.  So a changed rate is a changed rule, and no element is
 * touched; and a client that moves to another group keeps its element in the set of all
 * clients, and with it its counter.
 */
#include "nft/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory.h"
#include "support/search.h"

/* A limit that clients of one pool are to have. */
struct use {
	const struct limit *limit;
	size_t clients;
	size_t group;			/* of the pool's list: where its clients come to */
	bool is_placed;
};

/* One client that is wanted. */
struct want {
	struct nft_element element;	/* its key */
	struct use *use;
	size_t group;
	size_t part;			/* of the pool's sets of clients */
	bool is_there;
};

struct planning {
	struct nft_plan *plan;
	const struct nft_pool *have;	/* an empty one, where there is none yet */
	struct nft_pool *pool;
	struct use *uses;		/* by pointer, so that a client's is found soon */
	size_t use_count;
	struct want *wants;		/* by key */
	size_t want_count;
	size_t *members;		/* for each group, how many it is to have */
	size_t *clients;		/* for each part, likewise */
};

/* Half as many again as there are. */
static uint32_t size_for(size_t count)
{
	size_t size = count + count / 2;

	return size < NFT_SIZE_MIN ? NFT_SIZE_MIN : size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

/* --- what is wanted ----------------------------------------------------- */

static int compare_uses(const void *a, const void *b)
{
	const struct use *one = a, *other = b;

	return one->limit < other->limit ? -1 : one->limit > other->limit;
}

static int make_uses(struct planning *planning, const struct clients *clients)
{
	size_t count = 0;

	for (const struct limit *limit = clients->limits; limit; limit = limit->next)
		count++;
	planning->uses = calloc(count + 1, sizeof(*planning->uses));
	if (!planning->uses)
		return -ENOMEM;
	for (const struct limit *limit = clients->limits; limit; limit = limit->next)
		planning->uses[planning->use_count++].limit = limit;
	qsort(planning->uses, count, sizeof(*planning->uses), compare_uses);
	return 0;
}

/* The clients of @list whose prefixes have the pool's length. */
static int make_wants(struct planning *planning, const struct client *const *list, size_t count)
{
	planning->wants = memory_get((count + 1) * sizeof(*planning->wants));
	if (!planning->wants)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct use key = { .limit = list[i]->limit };
		struct want *want = &planning->wants[planning->want_count];

		if (list[i]->prefix.length != planning->pool->id.length)
			continue;
		memcpy(want->element.key, list[i]->prefix.address, sizeof(want->element.key));
		want->use = bsearch(&key, planning->uses, planning->use_count, sizeof(key),
				    compare_uses);
		want->use->clients++;
		planning->want_count++;
	}
	return 0;
}

/* Where those are who are there already. */
static void find_wanted(struct planning *planning)
{
	const struct nft_parts *parts = &planning->have->clients;

	for (size_t i = 0; i < planning->want_count; i++) {
		struct want *want = &planning->wants[i];

		for (size_t j = 0; j < parts->count && !want->is_there; j++) {
			want->is_there = elements_lookup(&parts->list[j].elements,
							 want->element.key);
			want->part = j;
		}
		if (want->is_there) {
			want->group = nft_pool_group_of(planning->have, want->element.key);
			planning->members[want->group]++;
			planning->clients[want->part]++;
		}
	}
}

/* --- groups ------------------------------------------------------------- */

static bool has_limit(const struct nft_group *group, const struct limit *limit)
{
	return group->has_rate && limit_rate_same(&group->rate, &limit->rate);
}

static void place(struct planning *planning, struct use *use, size_t group)
{
	planning->pool->groups[group].has_rate = true;
	planning->pool->groups[group].rate = use->limit->rate;
	use->group = group;
	use->is_placed = true;
}

/* Whether those who are known to be in a group are all who are. */
static bool is_whole(const struct planning *planning, size_t group)
{
	return !planning->have->is_partial || group >= planning->have->group_count ||
	       planning->have->groups[group].is_whole;
}

/* The limit of a group of which not all are known stays. */
static void keep_partial_groups(struct planning *planning)
{
	for (size_t i = 0; i < planning->pool->group_count; i++)
		for (size_t j = 0; j < planning->use_count && !is_whole(planning, i); j++) {
			struct use *use = &planning->uses[j];

			if (!use->is_placed && has_limit(&planning->pool->groups[i], use->limit))
				place(planning, use, i);
		}
}

/*
 * A group keeps its limit where one of its clients is to have it; else it takes that of
 * the first one who stays, and most often of all.
 */
static int keep_groups(struct planning *planning)
{
	struct nft_pool *pool = planning->pool;
	struct use **first = calloc(pool->group_count + 1, sizeof(*first));

	if (!first)
		return -ENOMEM;
	keep_partial_groups(planning);
	for (size_t i = 0; i < planning->want_count; i++) {
		const struct want *want = &planning->wants[i];

		if (want->is_there && (!first[want->group] ||
				       has_limit(&pool->groups[want->group], want->use->limit)))
			first[want->group] = want->use;
	}
	for (size_t i = 0; i < pool->group_count; i++) {
		size_t earlier = first[i] && first[i]->is_placed ? first[i]->group : i;

		if (!first[i] || !is_whole(planning, i))
			continue;
		place(planning, first[i], i);
		first[i]->group = earlier;
	}
	free(first);
	return 0;
}

/* The first number that names no group. */
static unsigned int free_index(const struct nft_pool *pool)
{
	for (unsigned int index = 0;; index++) {
		bool taken = false;

		for (size_t i = 0; i < pool->group_count; i++)
			taken |= pool->groups[i].index == index;
		if (!taken)
			return index;
	}
}

static int add_group(struct planning *planning, struct use *use)
{
	struct nft_pool *pool = planning->pool;
	unsigned int index = free_index(pool);
	size_t *grown = realloc(planning->members, (pool->group_count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	planning->members = grown;
	grown[pool->group_count] = 0;
	if (!nft_pool_add_group(pool, index, index ? size_for(use->clients) : UINT32_MAX))
		return -ENOMEM;
	place(planning, use, pool->group_count - 1);
	return 0;
}

/* A group that nobody stays in, or a new one. */
static int place_use(struct planning *planning, struct use *use)
{
	struct nft_pool *pool = planning->pool;

	for (size_t i = 0; i < pool->group_count; i++) {
		bool taken = planning->members[i] || !is_whole(planning, i);

		for (size_t j = 0; j < planning->use_count; j++)
			taken |= planning->uses[j].is_placed && planning->uses[j].group == i;
		if (taken)
			continue;
		place(planning, use, i);
		return 0;
	}
	return add_group(planning, use);
}

static struct use *most_used(const struct planning *planning)
{
	struct use *most = NULL;

	for (size_t i = 0; i < planning->use_count; i++) {
		struct use *use = &planning->uses[i];

		if (!use->is_placed && use->clients && (!most || use->clients > most->clients))
			most = use;
	}
	return most;
}

static int place_groups(struct planning *planning)
{
	int err = keep_groups(planning);
	struct use *use;

	while (!err && (use = most_used(planning)))
		err = place_use(planning, use);
	return err;
}

/* Where each client is to be: where it is, if the limit there is right. */
static int place_members(struct planning *planning)
{
	int err = 0;

	for (size_t i = 0; i < planning->want_count && !err; i++) {
		struct want *want = &planning->wants[i];
		struct use *use = want->use;

		if (want->is_there && has_limit(&planning->pool->groups[want->group], use->limit))
			continue;
		if (is_whole(planning, use->group) &&
		    planning->members[use->group] >= planning->pool->groups[use->group].size)
			err = add_group(planning, use);
		if (want->is_there)
			planning->members[want->group]--;
		want->group = use->group;
		planning->members[want->group]++;
	}
	return err;
}

/* --- sets of clients ---------------------------------------------------- */

static int add_part(struct planning *planning)
{
	struct nft_parts *parts = &planning->pool->clients;
	unsigned int index = parts->count ? parts->list[parts->count - 1].index + 1 : 0;
	size_t *grown = realloc(planning->clients, (parts->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	planning->clients = grown;
	grown[parts->count] = 0;
	return nft_parts_add(parts, index, size_for(planning->want_count)) ? 0 : -ENOMEM;
}

/* Those who come, into the last set; where it is full, into one before it, or a new one. */
static int place_clients(struct planning *planning)
{
	struct nft_parts *parts = &planning->pool->clients;
	size_t part = parts->count;
	int err = 0;

	for (size_t i = 0; i < planning->want_count && !err; i++) {
		if (planning->wants[i].is_there)
			continue;
		while (part && !planning->have->is_partial &&
		       planning->clients[part - 1] >= parts->list[part - 1].size)
			part--;
		if (!part) {
			err = add_part(planning);
			part = parts->count;
		}
		if (err)
			break;
		planning->wants[i].part = part - 1;
		planning->clients[part - 1]++;
	}
	return err;
}

/* --- what comes and goes ------------------------------------------------ */

static int edit_part(struct planning *planning, size_t part)
{
	const struct nft_part *have = part < planning->have->clients.count ?
				      &planning->have->clients.list[part] : NULL;
	struct nft_elements want = { .count = 0 };
	int err = 0;

	for (size_t i = 0; i < planning->want_count && !err; i++)
		if (planning->wants[i].part == part)
			err = elements_append(&want, &planning->wants[i].element);
	if (!err)
		err = nft_plan_edit(planning->plan, NFT_CLIENTS, &planning->pool->id,
				    planning->pool->clients.list[part].index,
				    have ? &have->elements : NULL, &want);
	elements_free(&want);
	return err;
}

static int edit_members(struct planning *planning, size_t group)
{
	const struct nft_group *have = group < planning->have->group_count ?
				       &planning->have->groups[group] : NULL;
	struct nft_elements want = { .count = 0 };
	int err = 0;

	for (size_t i = 0; i < planning->want_count && !err; i++)
		if (planning->wants[i].group == group)
			err = elements_append(&want, &planning->wants[i].element);
	if (!err)
		err = nft_plan_edit(planning->plan, NFT_MEMBERS, &planning->pool->id,
				    planning->pool->groups[group].index,
				    have ? &have->members : NULL, &want);
	elements_free(&want);
	return err;
}

static int compare_key(const void *key, const void *want)
{
	return memcmp(key, ((const struct want *)want)->element.key, NFT_FIELD_MAX);
}

static bool stays(const struct planning *planning, const uint8_t key[NFT_FIELD_MAX])
{
	const struct want *want = search(key, planning->wants, planning->want_count,
					 sizeof(*planning->wants), compare_key);

	return want && want->is_there;
}

/* What was dropped of those who are no clients, or become clients only now, goes. */
static int edit_dropped(struct planning *planning, const struct nft_part *part)
{
	struct nft_elements want = { .count = 0 };
	int err = 0;

	for (size_t i = 0; i < part->elements.count && !err; i++)
		if (stays(planning, part->elements.list[i].key))
			err = elements_append(&want, &part->elements.list[i]);
	if (!err)
		err = nft_plan_edit(planning->plan, NFT_DROPPED, &planning->pool->id, part->index,
				    &part->elements, &want);
	elements_free(&want);
	return err;
}

static int edit_sets(struct planning *planning)
{
	int err = 0;

	for (size_t i = 0; i < planning->pool->clients.count && !err; i++)
		if (planning->clients[i] || planning->have->is_partial)
			err = edit_part(planning, i);
	for (size_t i = 1; i < planning->pool->group_count && !err; i++)
		if (planning->members[i] || !is_whole(planning, i))
			err = edit_members(planning, i);
	for (size_t i = 0; i < planning->have->dropped.count && !err; i++)
		err = edit_dropped(planning, &planning->have->dropped.list[i]);
	return err ? err : nft_pool_make_room_for_dropped(planning->pool);
}

/* Sets and groups in which nobody is left; the first group stays for the others' sake. */
static void drop_empty(struct planning *planning)
{
	struct nft_pool *pool = planning->pool;
	struct nft_parts *parts = &pool->clients;
	size_t kept = 1;

	for (size_t i = 1; i < pool->group_count; i++)
		if (planning->members[i] || !is_whole(planning, i))
			pool->groups[kept++] = pool->groups[i];
	pool->group_count = kept;
	if (!planning->members[0] && kept > 1 && is_whole(planning, 0))
		pool->groups[0].rate = pool->groups[1].rate;
	pool->groups[0].has_rate = true;
	kept = 0;
	for (size_t i = 0; i < parts->count; i++)
		if (planning->clients[i] || planning->have->is_partial)
			parts->list[kept++] = parts->list[i];
	parts->count = kept;
}

/* --- the pool ----------------------------------------------------------- */

static int begin(struct planning *planning)
{
	const struct nft_pool *have = planning->have;

	planning->members = calloc(have->group_count + 1, sizeof(*planning->members));
	planning->clients = calloc(have->clients.count + 1, sizeof(*planning->clients));
	if (!planning->members || !planning->clients)
		return -ENOMEM;
	return nft_pool_copy(planning->pool, have);
}

int nft_plan_pool(struct nft_plan *plan, const struct nft_pools *pools,
		  const struct nft_pool_id *id, const struct clients *clients,
		  const struct client *const *list, size_t count)
{
	const struct nft_pool none = { .id = *id }, *have = nft_pools_find(pools, id);
	struct planning planning = { .plan = plan, .have = have ? have : &none,
				     .pool = nft_pools_add(&plan->pools, id) };
	int err = planning.pool ? begin(&planning) : -ENOMEM;

	if (!err)
		err = make_uses(&planning, clients);
	if (!err)
		err = make_wants(&planning, list, count);
	if (!err)
		find_wanted(&planning);
	if (!err)
		err = place_groups(&planning);
	if (!err)
		err = place_members(&planning);
	if (!err)
		err = place_clients(&planning);
	if (!err)
		err = edit_sets(&planning);
	if (!err)
		drop_empty(&planning);
	free(planning.members);
	free(planning.clients);
	free(planning.uses);
	memory_put(planning.wants, (count + 1) * sizeof(*planning.wants));
	return err;
}
