/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory.h"

/* --- edits -------------------------------------------------------------- */

static struct nft_set_edit *add_edit(struct nft_plan *plan, const char *kind,
				     const struct nft_pool_id *id, unsigned int index)
{
	struct nft_set_edit *grown = memory_grow(plan->edits, plan->edit_count, sizeof(*grown));
	char name[NFT_NAME_ROOM];

	if (!grown)
		return NULL;
	plan->edits = grown;
	grown += plan->edit_count;
	*grown = (struct nft_set_edit){ .set = nft_members_set(id, 0) };
	grown->name = arena_strdup(&plan->table.arena, nft_pool_name(name, kind, id, index));
	grown->set.name = grown->name;
	if (!grown->name)
		return NULL;
	plan->edit_count++;
	return grown;
}

static int compare_keys(const struct nft_element *a, const struct nft_element *b)
{
	return memcmp(a->key, b->key, sizeof(a->key));
}

int nft_plan_edit(struct nft_plan *plan, const char *kind, const struct nft_pool_id *id,
		  unsigned int index, const struct nft_elements *have,
		  const struct nft_elements *want)
{
	static const struct nft_elements nothing;
	struct nft_set_edit *edit = add_edit(plan, kind, id, index);
	size_t i = 0, j = 0;
	int err = edit ? 0 : -ENOMEM;

	have = have ? have : &nothing;
	while (!err && (i < have->count || j < want->count)) {
		int order = i == have->count ? 1 : j == want->count ? -1 :
			    compare_keys(&have->list[i], &want->list[j]);

		if (order < 0)
			err = elements_append(&edit->remove, &have->list[i]);
		else if (order > 0)
			err = elements_append(&edit->add, &want->list[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return err;
}

/* --- pools -------------------------------------------------------------- */

/* A pool for each length that clients have. */
static int plan_served(struct nft_plan *plan, const struct nft_pools *have,
		       const struct served *served, enum family family)
{
	struct nft_pool_id id = { .family = family };
	const struct client **list = clients_list(&served->clients);
	bool lengths[129] = { false };
	int err = list ? 0 : -ENOMEM;

	strcpy(id.service, served->service->name);
	for (size_t i = 0; i < served->clients.count && !err; i++)
		lengths[list[i]->prefix.length] = true;
	for (id.length = 0; id.length <= family_bits(family) && !err; id.length++)
		if (lengths[id.length])
			err = nft_plan_pool(plan, have, &id, &served->clients, list);
	free(list);
	return err;
}

/* As it is there, clients and all. */
static int keep_pool(struct nft_plan *plan, const struct nft_pool *have)
{
	struct nft_pool *pool = nft_pools_add(&plan->pools, &have->id);

	return pool ? nft_pool_copy(pool, have) : -ENOMEM;
}

int nft_plan_clients(struct nft_plan *plan, const struct nft_pools *have,
		     const struct model *wanted, unsigned int families)
{
	int err = 0;

	for (size_t i = 0; i < have->count && !err; i++)
		if (!(families & 1u << have->list[i].id.family))
			err = keep_pool(plan, &have->list[i]);
	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct family_model *model = &wanted->families[family];

		if (!(families & 1u << family))
			continue;
		for (size_t i = 0; i < model->count && !err; i++)
			if (model->served[i].clients.count)
				err = plan_served(plan, have, &model->served[i], family);
	}
	return err;
}

/* --- and back ----------------------------------------------------------- */

static int restore_set(struct nft_plan *plan, const char *kind, const struct nft_pool_id *id,
		       unsigned int index, const struct nft_elements *have,
		       const struct nft_elements *to)
{
	int err = nft_plan_edit(plan, kind, id, index, have, to);

	if (!err)
		plan->edits[plan->edit_count - 1].restores_counters = strcmp(kind, NFT_MEMBERS);
	return err;
}

static const struct nft_elements *members_of(const struct nft_pool *pool, unsigned int index)
{
	for (size_t i = 0; pool && i < pool->group_count; i++)
		if (pool->groups[i].index == index)
			return &pool->groups[i].members;
	return NULL;
}

static const struct nft_elements *part_of(const struct nft_parts *parts, unsigned int index)
{
	for (size_t i = 0; parts && i < parts->count; i++)
		if (parts->list[i].index == index)
			return &parts->list[i].elements;
	return NULL;
}

static int restore_parts(struct nft_plan *plan, const char *kind, const struct nft_pool_id *id,
			 const struct nft_parts *have, const struct nft_parts *to)
{
	int err = 0;

	for (size_t i = 0; i < to->count && !err; i++)
		err = restore_set(plan, kind, id, to->list[i].index,
				  part_of(have, to->list[i].index), &to->list[i].elements);
	return err;
}

static int restore_pool(struct nft_plan *plan, const struct nft_pool *have,
			const struct nft_pool *to)
{
	int err = restore_parts(plan, NFT_CLIENTS, &to->id, have ? &have->clients : NULL,
				&to->clients);

	for (size_t i = 1; i < to->group_count && !err; i++)
		err = restore_set(plan, NFT_MEMBERS, &to->id, to->groups[i].index,
				  members_of(have, to->groups[i].index), &to->groups[i].members);
	if (!err)
		err = restore_parts(plan, NFT_DROPPED, &to->id, have ? &have->dropped : NULL,
				    &to->dropped);
	return err;
}

int nft_plan_restore(struct nft_plan *plan, const struct nft_pools *have,
		     const struct nft_pools *to)
{
	int err = 0;

	for (size_t i = 0; i < to->count && !err; i++)
		if (to->list[i].is_loaded)
			err = restore_pool(plan, nft_pools_find(have, &to->list[i].id),
					   &to->list[i]);
	return err;
}

void nft_plan_free(struct nft_plan *plan)
{
	for (size_t i = 0; i < plan->edit_count; i++) {
		elements_free(&plan->edits[i].add);
		elements_free(&plan->edits[i].remove);
	}
	free(plan->edits);
	nft_pools_free(&plan->pools);
	nft_table_free(&plan->table);
	nft_steps_free(&plan->steps);
	nft_openings_free(&plan->openings);
	*plan = (struct nft_plan){ 0 };
}
