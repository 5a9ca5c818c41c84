/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages about tables, chains and sets; those about rules are in rule_write.c. */
#include "nft/message.h"

#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>

/* --- tables ------------------------------------------------------------- */

static void put_table(struct batch *batch, const struct nft_place *place, uint16_t type,
		      uint16_t flags)
{
	const struct nft_subject subject = { .family = place->family, .table = place->table };
	struct nlmsghdr *header = batch_message(batch, type, flags, &subject);
	struct nftnl_table *table = nftnl_table_alloc();

	if (header && table) {
		batch->failed |= nftnl_table_set_str(table, NFTNL_TABLE_NAME, place->table) < 0;
		if (type == NFT_MSG_NEWTABLE)	/* awake, whatever it was */
			nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, 0);
		nftnl_table_nlmsg_build_payload(header, table);
	}
	batch->failed |= !table;
	if (table)
		nftnl_table_free(table);
}

void message_add_table(struct batch *batch, const struct nft_place *place)
{
	put_table(batch, place, NFT_MSG_NEWTABLE, NLM_F_CREATE);
}

void message_delete_table(struct batch *batch, const struct nft_place *place)
{
	put_table(batch, place, NFT_MSG_DELTABLE, 0);
}

/* --- chains ------------------------------------------------------------- */

static void set_hook(struct batch *batch, struct nftnl_chain *chain, const struct nft_hook *hook)
{
	batch->failed |= nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter") < 0;
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook->number);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, hook->priority);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, hook->policy);
}

static void put_chain(struct batch *batch, const struct nft_place *place, uint16_t type,
		      uint16_t flags, const char *name, const struct nft_hook *hook)
{
	const struct nft_subject subject = { .family = place->family, .table = place->table,
					     .chain = name };
	struct nlmsghdr *header = batch_message(batch, type, flags, &subject);
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (header && chain) {
		batch->failed |= nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, place->table) < 0 ||
				 nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name) < 0;
		if (hook)
			set_hook(batch, chain, hook);
		nftnl_chain_nlmsg_build_payload(header, chain);
	}
	batch->failed |= !chain;
	if (chain)
		nftnl_chain_free(chain);
}

void message_add_chain(struct batch *batch, const struct nft_place *place,
		       const struct nft_chain *chain)
{
	put_chain(batch, place, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, chain->name,
		  chain->is_base ? &chain->hook : NULL);
}

void message_delete_chain(struct batch *batch, const struct nft_place *place, const char *chain)
{
	put_chain(batch, place, NFT_MSG_DELCHAIN, 0, chain, NULL);
}

/* --- sets --------------------------------------------------------------- */

static uint32_t set_flags(const struct nft_set *set)
{
	return (set->is_dynamic ? NFT_SET_EVAL : 0u) | (set->timeout_ms ? NFT_SET_TIMEOUT : 0u);
}

/* Each element gets a counter of its own. */
static void add_counter(struct batch *batch, struct nftnl_set *set)
{
	struct nftnl_expr *counter = nftnl_expr_alloc("counter");

	batch->failed |= !counter;
	if (!counter)
		return;
	nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_PACKETS, 0);
	nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_BYTES, 0);
	nftnl_set_add_expr(set, counter);
}

static void describe_set(struct batch *batch, struct nftnl_set *to, const struct nft_set *set)
{
	nftnl_set_set_u32(to, NFTNL_SET_FLAGS, set_flags(set));
	nftnl_set_set_u32(to, NFTNL_SET_KEY_TYPE, set->key_type);
	nftnl_set_set_u32(to, NFTNL_SET_KEY_LEN, set->key_size);
	nftnl_set_set_u32(to, NFTNL_SET_ID, ++batch->set_id);
	if (set->size)
		nftnl_set_set_u32(to, NFTNL_SET_DESC_SIZE, set->size);
	if (set->timeout_ms)
		nftnl_set_set_u64(to, NFTNL_SET_TIMEOUT, set->timeout_ms);
	if (set->counts)
		add_counter(batch, to);
}

static void put_set(struct batch *batch, const struct nft_place *place, uint16_t type,
		    uint16_t flags, const char *name, const struct nft_set *described)
{
	const struct nft_subject subject = { .family = place->family, .table = place->table,
					     .set = name };
	struct nlmsghdr *header = batch_message(batch, type, flags, &subject);
	struct nftnl_set *set = nftnl_set_alloc();

	if (header && set) {
		batch->failed |= nftnl_set_set_str(set, NFTNL_SET_TABLE, place->table) < 0 ||
				 nftnl_set_set_str(set, NFTNL_SET_NAME, name) < 0;
		if (described)
			describe_set(batch, set, described);
		nftnl_set_nlmsg_build_payload(header, set);
	}
	batch->failed |= !set;
	if (set)
		nftnl_set_free(set);
}

void message_add_set(struct batch *batch, const struct nft_place *place, const struct nft_set *set)
{
	put_set(batch, place, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, set->name, set);
}

void message_delete_set(struct batch *batch, const struct nft_place *place, const char *set)
{
	put_set(batch, place, NFT_MSG_DELSET, 0, set, NULL);
}
