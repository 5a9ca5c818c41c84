/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nft/image.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "nft/question.h"
#include "nft/raise.h"

const struct nft_place nft_own_place = { .family = NFPROTO_INET, .table = NFT_TABLE };

void nft_state_free(struct nft_state *state)
{
	nft_pools_free(&state->pools);
	nft_table_free(&state->table);
	nft_host_free(&state->host);
	*state = (struct nft_state){ 0 };
}

static int load_clients(struct nft_state *state, struct netlink *netlink, unsigned int families,
			struct error *error)
{
	return question_explain(nft_pools_load(&state->pools, netlink, &nft_own_place, families),
				"the limited clients", error);
}

int nft_state_see_host(struct nft_state *state, struct nft_sight *sight,
		       const struct nft_host *also, struct error *error)
{
	nft_host_free(&state->host);
	return nft_sight_host(sight, &state->host, also, error);
}

/* -EAGAIN: it changed meanwhile. */
static int read_once(struct nft_state *state, struct netlink *netlink, unsigned int families,
		     struct error *error)
{
	uint32_t after = 0;
	int err = read_generation(netlink, &state->generation, error);

	if (!err) {
		tape_begin(netlink->tape, state->generation);
		err = read_table(netlink, &nft_own_place, &state->table, error);
	}
	if (!err)
		err = nft_host_read(&state->host, netlink, error);
	if (!err && nft_pools_read(&state->pools, &state->table))
		err = error_set(error, -ENOMEM, "out of memory");
	if (!err)
		err = load_clients(state, netlink, families, error);
	if (!err)
		err = read_generation(netlink, &after, error);
	return err ? err : after == state->generation ? 0 : -EAGAIN;
}

int nft_state_read(struct nft_state *state, struct netlink *netlink, unsigned int families,
		   struct error *error)
{
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && err == -EAGAIN; i++) {
		*state = (struct nft_state){ 0 };
		err = read_once(state, netlink, families, error);
		if (err)
			nft_state_free(state);
	}
	return question_give_up(err, error);
}

static int open_image(struct nft_image *image)
{
	struct error *error = image->image.session.error;
	int err = netlink_open(&image->netlink, NETLINK_NETFILTER);

	image->netlink.tape = image->image.session.tape;
	if (err == -EPROTONOSUPPORT)	/* CONFIG_NETFILTER_NETLINK, which nftables needs */
		return 0;
	return err ? netlink_explain(err, "no netlink socket can be had", error) : 0;
}

static int read_state(struct nft_image *image)
{
	const struct session *session = &image->image.session;
	unsigned int clients = image->image.parts & PART_CLIENTS ? session->families : 0;
	int err = nft_state_read(&image->state, &image->netlink, clients, session->error);

	image->is_supported = err != -EPROTONOSUPPORT;
	return image->is_supported ? err : 0;
}

int nft_image_read(const struct session *session, unsigned int parts, struct image **result)
{
	struct nft_image *image = calloc(1, sizeof(*image));
	int err;

	if (!image)
		return error_set(session->error, -ENOMEM, "out of memory");
	image->image = (struct image){ .backend = &nft_backend, .session = *session,
				       .parts = parts };
	err = open_image(image);
	if (!err && image->netlink.buffer)
		err = read_state(image);
	if (err)
		nft_image_release(&image->image);
	else
		*result = &image->image;
	return err;
}

void nft_image_release(struct image *base)
{
	struct nft_image *image = nft_image_of(base);

	nft_state_free(&image->state);
	netlink_close(&image->netlink);
	free(image);
}

bool nft_image_untracks(const struct image *image)
{
	return ((const struct nft_image *)image)->state.table.exists;
}

static bool asks_destination_type(const struct nft_rule *rule)
{
	for (size_t i = 0; i < rule->test_count; i++)
		if (rule->tests[i].field.base == NFT_BASE_FIB)
			return true;
	return false;
}

bool nft_image_is_local_only(const struct image *image)
{
	const struct nft_table *table = &((const struct nft_image *)image)->state.table;

	for (size_t i = 0; i < table->chain_count; i++)
		for (size_t j = 0; j < table->chains[i]->count; j++)
			if (asks_destination_type(&table->chains[i]->rules[j]))
				return true;
	return false;
}

bool nft_image_is_used(const struct image *image)
{
	const struct nft_state *state = &((const struct nft_image *)image)->state;

	for (size_t i = 0; i < state->host.count; i++)
		for (size_t j = 0; j < state->host.list[i]->table.chain_count; j++)
			if (nft_chain_is_ours(state->host.list[i]->table.chains[j]))
				return true;
	return state->table.exists;
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
	return result < 0 ? question_explain(result, "the limited clients", base->session.error) : result;
}

int nft_image_raise(struct image *base, unsigned int parts, struct model *model)
{
	struct nft_image *image = nft_image_of(base);
	struct error *error = base->session.error;
	int err = nft_raise_services(&image->state.table, model, base->session.families, error);

	if (!err && !(parts & PART_CLIENTS))
		leave_clients(&image->state.pools, model, base->session.families);
	for (size_t i = 0; i < image->state.pools.count && parts & PART_CLIENTS && !err; i++) {
		const struct nft_pool *pool = &image->state.pools.list[i];

		if (!pool->is_loaded || !(base->session.families & 1u << pool->id.family))
			continue;
		err = raise_pool(model, pool);
		if (err)
			error_set(error, err, "out of memory");
	}
	return err;
}
