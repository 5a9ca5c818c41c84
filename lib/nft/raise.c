/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From our table back to the model. */
#include "nft/image.h"

#include <errno.h>
#include <string.h>

#include "nft/describe.h"
#include "nft/raise.h"

struct raising {
	struct model *model;
	unsigned int families;
};

static int take_service(struct service *service, unsigned int families, void *data)
{
	struct raising *raising = data;

	families &= raising->families;
	if (!families)
		return 0;
	return model_put_service(raising->model, service, families, 0);
}

int nft_raise_services(const struct nft_table *table, struct model *model, unsigned int families,
		       struct error *error)
{
	struct raising raising = { model, families };
	int err = 0;

	for (size_t i = 0; i < table->chain_count && !err; i++) {
		const struct nft_chain *chain = table->chains[i];

		if (!nft_service_of(chain->name, NFT_SERVICE))
			continue;
		err = nft_description_read(chain, take_service, &raising);
		if (err == -EBADMSG)
			error_set(error, err, "table inet " NFT_TABLE ", chain %s: its comments no "
				  "longer describe the service; somebody edited them", chain->name);
		else if (err)
			error_set(error, err, "out of memory");
	}
	return err;
}

int nft_raise_clients(struct clients *clients, const struct nft_pool *pool,
		      const struct nft_elements *elements)
{
	int err = 0;

	for (size_t i = 0; i < elements->count && !err; i++) {
		const uint8_t *key = elements->list[i].key;
		const struct nft_group *group = &pool->groups[nft_pool_group_of(pool, key)];
		struct prefix prefix = { .length = (uint8_t)pool->id.length,
					 .family = (uint8_t)pool->id.family };

		memcpy(prefix.address, key, sizeof(prefix.address));
		if (group->has_rate)
			err = clients_add(clients, &prefix, 1, &group->rate);
	}
	return err;
}

static int raise_pool(struct model *model, const struct nft_pool *pool)
{
	struct served *served = model_find(&model->families[pool->id.family], pool->id.service);
	int err = 0;

	for (size_t i = 0; served && i < pool->clients.count && !err; i++)
		err = nft_raise_clients(&served->clients, pool, &pool->clients.list[i].elements);
	return err;
}

/* Clients that were not read, and of which services there are any. */
static void leave_clients(const struct nft_pools *pools, struct model *model, unsigned int families)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < model->families[family].count; i++)
			if (families & 1u << family)
				model->families[family].served[i].clients.partial = true;
	for (size_t i = 0; i < pools->count; i++) {
		const struct nft_pool_id *id = &pools->list[i].id;
		struct served *served = model_find(&model->families[id->family], id->service);

		if (served && families & 1u << id->family)
			served->clients.others = true;
	}
}

int nft_image_has_client(struct image *base, const char *service, const struct prefix *prefix)
{
	struct nft_image *image = nft_image_of(base);
	struct nft_pool_id id = { .family = prefix->family, .length = prefix->length };
	const struct nft_pool *pool;
	int result;

	strcpy(id.service, service);
	pool = nft_pools_find(&image->state.pools, &id);
	result = pool ? nft_pool_has(pool, &image->netlink, &nft_own_place, prefix->address) : 0;
	if (result == -ENOENT)	/* a set that was there a moment ago */
		return 0;
	return result < 0 ? read_explain(result, "the limited clients", base->session.error) : result;
}

int nft_image_raise(struct image *base, struct model *model)
{
	struct nft_image *image = nft_image_of(base);
	struct error *error = base->session.error;
	int err = nft_raise_services(&image->state.table, model, base->session.families, error);

	if (!err && !(base->parts & PART_CLIENTS))
		leave_clients(&image->state.pools, model, base->session.families);
	for (size_t i = 0; i < image->state.pools.count && !err; i++) {
		const struct nft_pool *pool = &image->state.pools.list[i];

		if (!pool->is_loaded || !(base->session.families & 1u << pool->id.family))
			continue;
		err = raise_pool(model, pool);
		if (err)
			error_set(error, err, "out of memory");
	}
	return err;
}
