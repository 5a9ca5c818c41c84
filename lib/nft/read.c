/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/read.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "nft/print.h"
#include "nft/question.h"
#include "nft/rule_read.h"
#include "nft/unnamed_set.h"

struct reading {
	const struct nft_place *place;
	struct nft_table *table;
	struct nft_chain *chain;	/* of the last rule: the kernel tells rules chain by chain */
	size_t next_chain;
};

/* --- the table and its chains ------------------------------------------- */

static int take_table(const struct nlmsghdr *message, void *data)
{
	struct reading *reading = data;
	struct nftnl_table *table = nftnl_table_alloc();
	int err = table ? 0 : -ENOMEM;

	if (!err)
		err = question_parsed(nftnl_table_nlmsg_parse(message, table));
	if (!err) {
		reading->table->exists = true;
		reading->table->is_dormant = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS) &
					     NFT_TABLE_F_DORMANT;
	}
	if (table)
		nftnl_table_free(table);
	return err;
}

static void read_hook(struct nft_hook *hook, const struct nftnl_chain *chain)
{
	const char *type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);

	hook->number = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
	hook->priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
	hook->policy = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY);
	hook->is_filter = type && !strcmp(type, "filter");
}

void read_chain(struct nft_chain *chain, const struct nftnl_chain *from)
{
	*chain = (struct nft_chain){
		.name = nftnl_chain_get_str(from, NFTNL_CHAIN_NAME),
		.is_base = nftnl_chain_is_set(from, NFTNL_CHAIN_HOOKNUM),
		.use = nftnl_chain_get_u32(from, NFTNL_CHAIN_USE),
	};
	if (chain->is_base)
		read_hook(&chain->hook, from);
}

int read_chain_into(struct nft_table *table, const struct nftnl_chain *from, const char *name)
{
	struct nft_chain *chain = nft_table_add_chain(table, name), found;

	if (!chain)
		return -ENOMEM;
	read_chain(&found, from);
	found.name = chain->name;
	found.next = chain->next;
	*chain = found;
	return 0;
}

int read_chain_message(const struct nlmsghdr *message,
		       int (*take)(void *data, const struct nftnl_chain *chain), void *data)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();
	int err = chain ? 0 : -ENOMEM;

	if (!err)
		err = question_parsed(nftnl_chain_nlmsg_parse(message, chain));
	if (!err)
		err = take(data, chain);
	if (chain)
		nftnl_chain_free(chain);
	return err;
}

static int add_chain(void *data, const struct nftnl_chain *from)
{
	struct reading *reading = data;
	const char *table = nftnl_chain_get_str(from, NFTNL_CHAIN_TABLE);
	const char *name = nftnl_chain_get_str(from, NFTNL_CHAIN_NAME);

	return !table || !name || strcmp(table, reading->place->table) ? 0 :
	       read_chain_into(reading->table, from, name);
}

/* The kernel tells the chains of all tables. */
static int take_chain(const struct nlmsghdr *message, void *data)
{
	return read_chain_message(message, add_chain, data);
}

/* --- sets --------------------------------------------------------------- */

static int take_state(struct nftnl_expr *state, void *data)
{
	*(bool *)data = !strcmp(nftnl_expr_get_str(state, NFTNL_EXPR_NAME), "counter");
	return 0;
}

/* What no set of ours has makes it none of ours. */
static void describe_set(struct nft_set *set, const struct nftnl_set *from)
{
	uint32_t flags = nftnl_set_get_u32(from, NFTNL_SET_FLAGS);

	set->key_type = nftnl_set_get_u32(from, NFTNL_SET_KEY_TYPE);
	set->key_size = nftnl_set_get_u32(from, NFTNL_SET_KEY_LEN);
	set->size = nftnl_set_get_u32(from, NFTNL_SET_DESC_SIZE);
	set->timeout_ms = nftnl_set_get_u64(from, NFTNL_SET_TIMEOUT);
	set->is_dynamic = flags & NFT_SET_EVAL;
	set->is_foreign = flags & ~(uint32_t)(NFT_SET_EVAL | NFT_SET_TIMEOUT);
	nftnl_set_expr_foreach(from, take_state, &set->counts);
}

static int add_set(struct reading *reading, const struct nftnl_set *from)
{
	const char *name = nftnl_set_get_str(from, NFTNL_SET_NAME);
	uint32_t flags = nftnl_set_get_u32(from, NFTNL_SET_FLAGS);
	struct nft_unnamed *unnamed;
	struct nft_set *set;

	if (!name)
		return 0;
	if (flags & NFT_SET_ANONYMOUS) {
		unnamed = nft_table_add_unnamed(reading->table, name);
		if (unnamed)
			unnamed->has_intervals = flags & NFT_SET_INTERVAL;
		return unnamed ? 0 : -ENOMEM;
	}
	set = nft_table_add_set(reading->table, name);
	if (!set)
		return -ENOMEM;
	describe_set(set, from);
	return 0;
}

static int take_set(const struct nlmsghdr *message, void *data)
{
	struct nftnl_set *set = nftnl_set_alloc();
	int err = set ? 0 : -ENOMEM;

	if (!err)
		err = question_parsed(nftnl_set_nlmsg_parse(message, set));
	if (!err)
		err = add_set(data, set);
	if (set)
		nftnl_set_free(set);
	return err;
}

/* --- rules -------------------------------------------------------------- */

/* Rules come in the order of chains: the search goes on where the last one ended. */
static struct nft_chain *chain_of(struct reading *reading, const char *name)
{
	const struct nft_table *table = reading->table;

	for (size_t i = 0; i < table->chain_count; i++) {
		struct nft_chain *chain = table->chains[reading->next_chain];

		if (!strcmp(chain->name, name))
			return chain;
		reading->next_chain = (reading->next_chain + 1) % table->chain_count;
	}
	return NULL;
}

static int add_rule(struct reading *reading, const struct nftnl_rule *rule)
{
	const char *name = nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN);
	struct nft_chain *chain = name ? chain_of(reading, name) : NULL;
	struct nft_draft draft;

	if (!chain)	/* which came after the chains were told: the generation tells */
		return 0;
	rule_read(&draft, rule, reading->table);
	return nft_chain_add(reading->table, chain, &draft);
}

static int take_rule(const struct nlmsghdr *message, void *data)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	int err = rule ? 0 : -ENOMEM;

	if (!err)
		err = question_parsed(nftnl_rule_nlmsg_parse(message, rule));
	if (!err)
		err = add_rule(data, rule);
	if (rule)
		nftnl_rule_free(rule);
	return err;
}

/* --- all of it ---------------------------------------------------------- */

static int ask(struct netlink *netlink, struct reading *reading, uint16_t type, uint16_t flags,
	       int attribute, netlink_take *take)
{
	char question[QUESTION_MAX];
	struct nlmsghdr *header = question_begin(question, type, flags, reading->place->family);

	if (attribute)
		mnl_attr_put_strz(header, (uint16_t)attribute, reading->place->table);
	return netlink_ask(netlink, header, take, reading);
}

int read_chain_rules(struct netlink *netlink, const struct nft_place *place,
		     struct nft_table *table, struct nft_chain *chain)
{
	struct reading reading = { .place = place, .table = table };
	char question[QUESTION_MAX];
	struct nlmsghdr *header = question_begin(question, NFT_MSG_GETRULE, NLM_F_DUMP,
						 place->family);

	mnl_attr_put_strz(header, NFTA_RULE_TABLE, place->table);
	mnl_attr_put_strz(header, NFTA_RULE_CHAIN, chain->name);
	return netlink_ask(netlink, header, take_rule, &reading);
}

static int read_unnamed_sets(struct netlink *netlink, struct reading *reading)
{
	int err = 0;

	for (size_t i = 0; i < reading->table->unnamed_count && !err; i++)
		err = unnamed_set_read(netlink, reading->place, reading->table,
				       &reading->table->unnamed[i]);
	return err;
}

int read_table(struct netlink *netlink, const struct nft_place *place, struct nft_table *table,
	       struct error *error)
{
	struct reading reading = { .place = place, .table = table };
	char what[160];
	int err = ask(netlink, &reading, NFT_MSG_GETTABLE, 0, NFTA_TABLE_NAME, take_table);

	if (err == -ENOENT)
		return 0;
	if (!err)
		err = ask(netlink, &reading, NFT_MSG_GETCHAIN, NLM_F_DUMP, 0, take_chain);
	if (!err)
		err = ask(netlink, &reading, NFT_MSG_GETSET, NLM_F_DUMP, NFTA_SET_TABLE, take_set);
	if (!err)
		err = read_unnamed_sets(netlink, &reading);
	if (!err)
		err = ask(netlink, &reading, NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE, take_rule);
	snprintf(what, sizeof(what), "table %s %s", nft_family_name(place->family), place->table);
	return question_explain(err, what, error);
}
