/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/host.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "nft/question.h"
#include "support/memory.h"

/* linux/netfilter/nf_tables.h, since Linux 5.12 */
#define FLAG_OWNER 0x2u

/* Rebuilt by their programs at will, whatever somebody put there. */
static const char *const rebuilt[] = { "firewalld", "kube-proxy" };

/* --- tables ------------------------------------------------------------- */

static bool is_of_interest(uint8_t family, const char *table)
{
	return (family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET) &&
	       (family != NFPROTO_INET || strcmp(table, NFT_TABLE));
}

struct nft_host_table *nft_host_find(const struct nft_host *host, const struct nft_place *place)
{
	for (size_t i = 0; i < host->count; i++)
		if (host->list[i]->place.family == place->family &&
		    !strcmp(host->list[i]->place.table, place->table))
			return host->list[i];
	return NULL;
}

bool nft_table_is_rebuilt(const char *name)
{
	for (size_t i = 0; i < sizeof(rebuilt) / sizeof(rebuilt[0]); i++)
		if (!strcmp(rebuilt[i], name))
			return true;
	return false;
}

static int add_table(struct nft_host *host, uint8_t family, const char *name, uint32_t flags)
{
	struct nft_host_table **grown = memory_grow(host->list, host->count, sizeof(*grown));
	struct nft_host_table *table = arena_alloc(&host->arena, sizeof(*table));

	if (grown)
		host->list = grown;
	if (!grown || !table)
		return -ENOMEM;
	table->place.family = family;
	table->place.table = arena_strdup(&host->arena, name);
	table->place.is_iptables = family != NFPROTO_INET && !strcmp(name, "filter");
	table->is_locked = flags & FLAG_OWNER || nft_table_is_rebuilt(name);
	table->table.exists = true;
	table->table.is_dormant = flags & NFT_TABLE_F_DORMANT;
	if (!table->place.table)
		return -ENOMEM;
	grown[host->count++] = table;
	return 0;
}

static int take_table(const struct nlmsghdr *message, void *data)
{
	struct nftnl_table *table = nftnl_table_alloc();
	int err = table ? 0 : -ENOMEM;
	const char *name;

	if (!err)
		err = question_parsed(nftnl_table_nlmsg_parse(message, table));
	name = err ? NULL : nftnl_table_get_str(table, NFTNL_TABLE_NAME);
	if (name && is_of_interest((uint8_t)nftnl_table_get_u32(table, NFTNL_TABLE_FAMILY), name))
		err = add_table(data, (uint8_t)nftnl_table_get_u32(table, NFTNL_TABLE_FAMILY), name,
				nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS));
	if (table)
		nftnl_table_free(table);
	return err;
}

/* --- chains ------------------------------------------------------------- */

bool nft_chain_is_ours(const struct nft_chain *chain)
{
	return !chain->is_base && name_is_ours(chain->name);	/* ours are led to by jumps */
}

bool nft_chain_filters(const struct nft_chain *chain, enum direction *direction)
{
	*direction = chain->hook.number == NF_INET_LOCAL_IN ? IN : OUT;
	return chain->is_base && chain->hook.is_filter &&
	       (chain->hook.number == NF_INET_LOCAL_IN || chain->hook.number == NF_INET_LOCAL_OUT);
}

static int add_chain(void *data, const struct nftnl_chain *from)
{
	struct nft_host *host = data;
	const char *name = nftnl_chain_get_str(from, NFTNL_CHAIN_NAME);
	struct nft_host_table *table;
	struct nft_place place = { .family = NFPROTO_UNSPEC };
	enum direction direction;
	struct nft_chain found;

	place.family = (uint8_t)nftnl_chain_get_u32(from, NFTNL_CHAIN_FAMILY);
	place.table = nftnl_chain_get_str(from, NFTNL_CHAIN_TABLE);
	if (!name || !place.table)
		return 0;
	table = nft_host_find(host, &place);
	read_chain(&found, from);
	if (!table || (!nft_chain_filters(&found, &direction) && !nft_chain_is_ours(&found)))
		return 0;
	return read_chain_into(&table->table, from, name);
}

static int take_chain(const struct nlmsghdr *message, void *data)
{
	return read_chain_message(message, add_chain, data);
}

/* --- rules -------------------------------------------------------------- */

static int read_table_rules(struct nft_host_table *table, struct netlink *netlink)
{
	int err = 0;

	for (size_t i = 0; i < table->table.chain_count && !err; i++) {
		struct nft_chain *chain = table->table.chains[i];

		if (nft_chain_is_ours(chain))
			err = read_chain_rules(netlink, &table->place, &table->table, chain);
	}
	return err;
}

static int ask_all(struct nft_host *host, struct netlink *netlink, uint16_t type,
		   netlink_take *take)
{
	char question[QUESTION_MAX];

	return netlink_ask(netlink, question_begin(question, type, NLM_F_DUMP, NFPROTO_UNSPEC), take,
			   host);
}

int nft_host_read(struct nft_host *host, struct netlink *netlink, struct error *error)
{
	int err = ask_all(host, netlink, NFT_MSG_GETTABLE, take_table);

	if (!err)
		err = ask_all(host, netlink, NFT_MSG_GETCHAIN, take_chain);
	for (size_t i = 0; i < host->count && !err; i++)
		err = read_table_rules(host->list[i], netlink);
	return question_explain(err, "the tables of others", error);
}

void nft_host_free(struct nft_host *host)
{
	for (size_t i = 0; i < host->count; i++)
		nft_table_free(&host->list[i]->table);
	free(host->list);
	arena_free(&host->arena);
	*host = (struct nft_host){ 0 };
}
