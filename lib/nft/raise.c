/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From our table back to the model. */
#include "nft/raise.h"

#include <errno.h>
#include <string.h>

#include "nft/describe.h"

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

static bool untracks(const struct nft_chain *chain, enum family family)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->rules[i].notrack && nft_rule_is_of(&chain->rules[i], family))
			return true;
	return false;
}

static bool is_described(const struct model *model, const struct nft_chain *chain, enum family family)
{
	return model_find((struct family_model *)&model->families[family],
			  nft_service_of(chain->name, NFT_SERVICE));
}

/*
 * Of the families for which nothing describes the service: any that it may be for, where nothing
 * is to be read, and else those whose packets it untracks.
 */
static int note_damage(struct model *model, const struct nft_chain *chain, unsigned int families,
		       bool can_be_read)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (families & 1u << family && !is_described(model, chain, family) &&
		    (!can_be_read || untracks(chain, family)))
			err = model_note_damage(&model->families[family], "table inet " NFT_TABLE
						", chain %s: its comments do not describe service %s any "
						"more%s", chain->name,
						nft_service_of(chain->name, NFT_SERVICE),
						!can_be_read ? "" : family == IPV6 ? " for IPv6" :
						" for IPv4");
	return err;
}

const struct nft_chain *nft_raise_lost(const struct nft_table *table, const struct model *model,
				       enum family family)
{
	for (size_t i = 0; i < table->chain_count; i++)
		if (nft_service_of(table->chains[i]->name, NFT_SERVICE) &&
		    untracks(table->chains[i], family) &&
		    !is_described(model, table->chains[i], family))
			return table->chains[i];
	return NULL;
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
		if (!err || err == -EBADMSG)
			err = note_damage(model, chain, families, !err);
	}
	return err ? error_set(error, err, "out of memory") : 0;
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
