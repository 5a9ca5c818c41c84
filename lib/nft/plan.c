/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/raise.h"
#include "support/memory.h"

/* Of prefixes: 0 to 128. */
#define LENGTHS 129
/* More changes than this are not looked up one by one. */
#define LOOKED_UP_MAX 1000

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
	bool lengths[LENGTHS] = { false };
	int err = list ? 0 : -ENOMEM;

	strcpy(id.service, served->service->name);
	for (size_t i = 0; i < served->clients.count && !err; i++)
		lengths[list[i]->prefix.length] = true;
	for (id.length = 0; id.length < LENGTHS && !err; id.length++)
		if (lengths[id.length])
			err = nft_plan_pool(plan, have, &id, &served->clients, list,
					    served->clients.count);
	free(list);
	return err;
}

/* As it is there, clients and all, with the set of what is dropped where somebody took it away. */
static int keep_pool(struct nft_plan *plan, const struct nft_pool *have)
{
	struct nft_pool *pool = nft_pools_add(&plan->pools, &have->id);
	int err = pool ? nft_pool_copy(pool, have) : -ENOMEM;

	return err ? err : nft_pool_make_room_for_dropped(pool);
}

/* --- where only changes are known --------------------------------------- */

/* The clients of a loaded pool, with these changes. */
static int change_clients(struct clients *clients, const struct nft_pool *pool,
			  const struct client *const *changes, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < pool->clients.count && !err; i++)
		err = nft_raise_clients(clients, pool, &pool->clients.list[i].elements);
	for (size_t i = 0; i < count && !err; i++) {
		if (changes[i]->prefix.length != pool->id.length)
			continue;
		if (changes[i]->limit)
			err = clients_add(clients, &changes[i]->prefix, 1, &changes[i]->limit->rate);
		else
			clients_remove(clients, &changes[i]->prefix);
	}
	return err;
}

static int plan_loaded(struct nft_plan *plan, const struct nft_pools *have,
		       const struct nft_pool *pool, const struct client *const *changes,
		       size_t count)
{
	struct clients clients = { .count = 0 };
	const struct client **list = NULL;
	int err = change_clients(&clients, pool, changes, count);

	if (!err)
		list = clients_list(&clients);
	if (!err && !list)
		err = -ENOMEM;
	if (!err && clients.count)
		err = nft_plan_pool(plan, have, &pool->id, &clients, list, clients.count);
	free(list);
	clients_free(&clients);
	return err;
}

/* Those that the changes name, of the pool's length, and that are to be there. */
static int plan_partial(struct nft_plan *plan, const struct nft_pools *have,
			const struct nft_pool_id *id, const struct clients *clients)
{
	const struct client **list = clients_list(clients);
	int err = list ? nft_plan_pool(plan, have, id, clients, list, clients->count) : -ENOMEM;

	free(list);
	return err;
}

static int plan_length(struct nft_plan *plan, const struct nft_pools *have,
		       const struct nft_pool_id *id, const struct served *served,
		       const struct client *const *changes, size_t count)
{
	const struct nft_pool *pool = nft_pools_find(have, id);
	bool changed = false, comes = false;

	for (size_t i = 0; i < count; i++) {
		changed |= changes[i]->prefix.length == id->length;
		comes |= changes[i]->prefix.length == id->length && changes[i]->limit;
	}
	/* clients whose limit nothing tells are none of the model's: they go, as with a change */
	if (pool && !changed && !(pool->is_loaded && nft_pool_lacks_rate(pool)))
		return keep_pool(plan, pool);
	if (pool && pool->is_loaded)
		return plan_loaded(plan, have, pool, changes, count);
	return pool || comes ? plan_partial(plan, have, id, &served->clients) : 0;
}

static int plan_changes(struct nft_plan *plan, const struct nft_pools *have,
			const struct served *served, enum family family)
{
	struct nft_pool_id id = { .family = family };
	size_t count;
	const struct client **changes = clients_changes(&served->clients, &count);
	int err = changes ? 0 : -ENOMEM;

	strcpy(id.service, served->service->name);
	for (id.length = 0; id.length <= family_bits(family) && !err; id.length++)
		err = plan_length(plan, have, &id, served, changes, count);
	free(changes);
	return err;
}

/* --- all services ------------------------------------------------------- */

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
			err = model->served[i].clients.partial ?
			      plan_changes(plan, have, &model->served[i], family) :
			      plan_served(plan, have, &model->served[i], family);
	}
	return err;
}

/* The keys of changed clients whose prefixes have this length.  -ENOMEM */
static int changed_keys(struct nft_elements *keys, const struct clients *clients,
			unsigned int length)
{
	size_t count;
	const struct client **changes = clients_changes(clients, &count);
	int err = changes ? 0 : -ENOMEM;

	*keys = (struct nft_elements){ 0 };
	for (size_t i = 0; i < count && !err; i++) {
		struct nft_element key = { .expires_ms = 0 };

		memcpy(key.key, changes[i]->prefix.address, sizeof(key.key));
		if (changes[i]->prefix.length == length)
			err = elements_append(keys, &key);
	}
	free(changes);
	return err;
}

/* Those whom the changes name, or all where that is less work, or limits are to be mended. */
static int load_changed(struct nft_pool *pool, const struct clients *clients,
			struct netlink *netlink, const struct nft_place *place)
{
	struct nft_elements keys;
	int result = changed_keys(&keys, clients, pool->id.length);

	if (!result && (keys.count || nft_pool_lacks_rate(pool)))
		result = keys.count > LOOKED_UP_MAX ? 1 : nft_pool_is_small(pool, place);
	if (result > 0)
		result = nft_pool_load(pool, netlink, place);
	else if (!result && keys.count && !pool->is_loaded)
		result = nft_pool_look_up(pool, netlink, place, &keys);
	elements_free(&keys);
	return result;
}

static const struct served *served_of(const struct model *model, const struct nft_pool_id *id)
{
	return model_find((struct family_model *)&model->families[id->family], id->service);
}

int nft_plan_load(struct nft_pools *have, const struct model *wanted, unsigned int families,
		  bool all, struct netlink *netlink, const struct nft_place *place)
{
	int err = 0;

	for (size_t i = 0; i < have->count && !err; i++) {
		struct nft_pool *pool = &have->list[i];
		const struct served *served = served_of(wanted, &pool->id);

		if (!(families & 1u << pool->id.family))
			continue;
		if (served && served->clients.partial && !all)
			err = load_changed(pool, &served->clients, netlink, place);
		else
			err = nft_pool_load(pool, netlink, place);
	}
	return err;
}

static int load_like(struct nft_pool *pool, const struct nft_pool *before,
		     const struct clients *changes, struct netlink *netlink,
		     const struct nft_place *place)
{
	struct nft_elements keys = { .count = 0 };
	int err;

	if (before->is_loaded)
		return nft_pool_load(pool, netlink, place);
	err = changes ? changed_keys(&keys, changes, pool->id.length) : 0;
	if (!err)
		err = nft_pool_look_up(pool, netlink, place, &keys);
	elements_free(&keys);
	return err;
}

int nft_plan_load_like(struct nft_pools *have, const struct nft_pools *before,
		       const struct model *wanted, struct netlink *netlink,
		       const struct nft_place *place)
{
	int err = 0;

	for (size_t i = 0; i < have->count && !err; i++) {
		const struct nft_pool *old = nft_pools_find(before, &have->list[i].id);
		const struct served *served = served_of(wanted, &have->list[i].id);

		if (old && (old->is_loaded || old->is_partial))
			err = load_like(&have->list[i], old, served ? &served->clients : NULL,
					netlink, place);
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
		if (to->list[i].is_loaded || to->list[i].is_partial)
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
	nft_host_plan_free(&plan->host);
	*plan = (struct nft_plan){ 0 };
}
