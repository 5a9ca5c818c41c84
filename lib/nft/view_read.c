/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, chains, sets and rules, as the kernel dumps them, all of one moment. */
#include "nft/view.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#include "nft/host.h"
#include "nft/view_reader.h"

#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 2
#endif

/* --- messages --------------------------------------------------------- */

struct attributes view_message_attributes(const struct nlmsghdr *message, uint8_t *family)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	size_t size = mnl_nlmsg_get_payload_len(message);

	if (size < sizeof(*head)) {
		if (family)
			*family = NFPROTO_UNSPEC;
		return (struct attributes){ 0 };
	}
	if (family)
		*family = head->nfgen_family;
	return attributes_of((const char *)head + NLMSG_ALIGN(sizeof(*head)),
			     size - NLMSG_ALIGN(sizeof(*head)));
}

/* --- tables ----------------------------------------------------------- */

static const struct {
	uint8_t family;
	uint8_t families;		/* what packets of ours may be of */
	const char *name;
} kinds[] = {
	{ NFPROTO_IPV4, 1u << IPV4, "ip" },
	{ NFPROTO_IPV6, 1u << IPV6, "ip6" },
	{ NFPROTO_INET, 1u << IPV4 | 1u << IPV6, "inet" },
	{ NFPROTO_BRIDGE, 0, "bridge" },
	{ NFPROTO_ARP, 0, "arp" },
	{ NFPROTO_NETDEV, 0, "netdev" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

uint8_t view_family_of(const struct view_table *table)
{
	for (size_t i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].name, table->family_name))
			return kinds[i].family;
	return NFPROTO_UNSPEC;
}

static int take_table(const struct nlmsghdr *message, void *data)
{
	struct view_reader *reader = data;
	uint8_t family;
	struct attributes of = view_message_attributes(message, &family);
	uint32_t flags = number_in(of.of[NFTA_TABLE_FLAGS]);
	struct view_table *table;

	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].family != family)
			continue;
		table = view_add_table(reader->view, WORLD_NFT, kinds[i].families, kinds[i].name,
				       attribute_text(of.of[NFTA_TABLE_NAME]));
		if (!table)
			return -ENOMEM;
		table->locked = flags & NFT_TABLE_F_OWNER ||
				nft_table_is_rebuilt(attribute_text(of.of[NFTA_TABLE_NAME]));
		table->dormant = flags & NFT_TABLE_F_DORMANT;
		table->own = family == NFPROTO_INET && !strcmp(table->name, NFT_TABLE);
	}
	return 0;
}

static struct view_table *find_table(const struct view_reader *reader, uint8_t family,
				     const char *name)
{
	struct view_table *table = reader->chain ? reader->chain->table : NULL;

	if (table && !strcmp(table->name, name) && view_family_of(table) == family)
		return table;
	for (table = reader->view->tables; table; table = table->next)
		if (table->world == WORLD_NFT && !strcmp(table->name, name) &&
		    view_family_of(table) == family)
			break;
	return table;
}

/* --- chains ----------------------------------------------------------- */

static enum hook hook_of(uint32_t number)
{
	switch (number) {
	case NF_INET_PRE_ROUTING:
		return HOOK_PREROUTING;
	case NF_INET_LOCAL_IN:
		return HOOK_INPUT;
	case NF_INET_FORWARD:
		return HOOK_FORWARD;
	case NF_INET_LOCAL_OUT:
		return HOOK_OUTPUT;
	case NF_INET_POST_ROUTING:
		return HOOK_POSTROUTING;
	default:
		return HOOK_NONE;
	}
}

/* The chains of a table that is dormant are there, and no packet meets them. */
static void set_hook(struct view_reader *reader, struct view_chain *chain,
		     const struct attributes *of)
{
	struct attributes hook = attributes_in(of->of[NFTA_CHAIN_HOOK]);
	enum hook at = hook_of(number_or(hook.of[NFTA_HOOK_HOOKNUM], UINT32_MAX));
	const char *type = attribute_text(of->of[NFTA_CHAIN_TYPE]);

	chain->type = !strcmp(type, "nat") ? CHAIN_NAT : !strcmp(type, "route") ? CHAIN_ROUTE :
		      CHAIN_FILTER;
	chain->drops = number_or(of->of[NFTA_CHAIN_POLICY], NF_ACCEPT) == NF_DROP;
	chain->is_base = true;
	if (at != HOOK_NONE && chain->table->families && !chain->table->dormant)
		view_set_hook(reader->view, chain, at,
			      (int)number_in(hook.of[NFTA_HOOK_PRIORITY]));
}

static int take_chain(const struct nlmsghdr *message, void *data)
{
	struct view_reader *reader = data;
	uint8_t family;
	struct attributes of = view_message_attributes(message, &family);
	struct view_table *table = find_table(reader, family,
					      attribute_text(of.of[NFTA_CHAIN_TABLE]));
	struct view_chain *chain;

	if (!table)
		return 0;
	chain = view_add_chain(reader->view, table, attribute_text(of.of[NFTA_CHAIN_NAME]));
	if (!chain)
		return -ENOMEM;
	if (of.of[NFTA_CHAIN_HOOK])
		set_hook(reader, chain, &of);
	return 0;
}

/* --- sets and objects ------------------------------------------------- */

static int take_set(const struct nlmsghdr *message, void *data)
{
	struct view_reader *reader = data;
	uint8_t family;
	struct attributes of = view_message_attributes(message, &family);
	const struct view_table *table = find_table(reader, family,
						    attribute_text(of.of[NFTA_SET_TABLE]));

	return table && table->families ? reader_add_set(reader, table, &of) : 0;
}

static bool is_inverted(uint32_t type, const struct nlattr *attr)
{
	struct attributes data = attributes_in(attr);

	switch (type) {
	case NFT_OBJECT_LIMIT:
		return number_in(data.of[NFTA_LIMIT_FLAGS]) & NFT_LIMIT_F_INV;
	case NFT_OBJECT_QUOTA:
		return number_in(data.of[NFTA_QUOTA_FLAGS]) & NFT_QUOTA_F_INV;
	default:
		return number_in(data.of[NFTA_CONNLIMIT_FLAGS]) & NFT_CONNLIMIT_F_INV;
	}
}

static int take_object(const struct nlmsghdr *message, void *data)
{
	struct view_reader *reader = data;
	uint8_t family;
	struct attributes of = view_message_attributes(message, &family);
	uint32_t type = number_or(of.of[NFTA_OBJ_TYPE], NFT_OBJECT_UNSPEC);
	const struct view_table *table = find_table(reader, family,
						    attribute_text(of.of[NFTA_OBJ_TABLE]));
	struct view_object *object;

	if (!table || (type != NFT_OBJECT_LIMIT && type != NFT_OBJECT_QUOTA &&
		       type != NFT_OBJECT_CONNLIMIT))
		return 0;
	object = arena_alloc(&reader->view->arena, sizeof(*object));
	if (!object)
		return -ENOMEM;
	object->name = arena_strdup(&reader->view->arena, attribute_text(of.of[NFTA_OBJ_NAME]));
	if (!object->name)
		return -ENOMEM;
	object->table = table;
	object->type = type;
	object->inverted = is_inverted(type, of.of[NFTA_OBJ_DATA]);
	object->next = reader->objects;
	reader->objects = object;
	return 0;
}

const struct view_object *reader_find_object(const struct view_reader *reader,
					    const struct view_table *table, const char *name,
					    uint32_t type)
{
	const struct view_object *object = reader->objects;

	while (object && (object->table != table || object->type != type ||
			  strcmp(object->name, name)))
		object = object->next;
	return object;
}

/* --- rules ------------------------------------------------------------ */

/* Rules come chain by chain. */
static struct view_chain *find_chain(struct view_reader *reader, const struct view_table *table,
				     const char *name)
{
	if (!reader->chain || reader->chain->table != table || strcmp(reader->chain->name, name))
		reader->chain = view_find_chain(reader->view, table, name);
	return reader->chain;
}

static int take_rule(const struct nlmsghdr *message, void *data)
{
	struct view_reader *reader = data;
	uint8_t family;
	struct attributes of = view_message_attributes(message, &family);
	const struct view_table *table = find_table(reader, family,
						    attribute_text(of.of[NFTA_RULE_TABLE]));
	struct view_chain *chain = NULL;

	if (table && table->families)
		chain = find_chain(reader, table, attribute_text(of.of[NFTA_RULE_CHAIN]));
	return chain ? reader_add_rule(reader, chain, &of) : 0;
}

/* --- all -------------------------------------------------------------- */

static int dump(struct view_reader *reader, uint16_t type, uint8_t family, netlink_take *take)
{
	char question[QUESTION_MAX];

	return netlink_ask(reader->netlink, question_begin(question, type, NLM_F_DUMP, family), take,
			   reader);
}

int reader_read(struct view_reader *reader)
{
	int err = dump(reader, NFT_MSG_GETTABLE, NFPROTO_UNSPEC, take_table);

	if (!err)
		err = dump(reader, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, take_chain);
	if (!err)
		err = dump(reader, NFT_MSG_GETSET, NFPROTO_UNSPEC, take_set);
	if (!err)
		err = dump(reader, NFT_MSG_GETOBJ, NFPROTO_UNSPEC, take_object);
	for (size_t i = 0; i < KINDS && !err; i++)
		if (kinds[i].families)
			err = dump(reader, NFT_MSG_GETRULE, kinds[i].family, take_rule);
	return err;
}

/* -EINTR: something was changed meanwhile. */
static int read_once(struct view *view, struct netlink *netlink)
{
	struct view_reader *reader = calloc(1, sizeof(*reader));
	struct generation before = { .id = 0 }, after = { .id = 0 };
	int err = reader ? generation_ask(netlink, &before) : -ENOMEM;

	if (reader) {
		reader->view = view;
		reader->netlink = netlink;
	}
	if (!err) {
		tape_begin(netlink->tape, before.id);
		err = reader_read(reader);
	}
	if (!err)
		err = reader_read_elements(reader);
	if (err == -ENOENT)	/* what was there a moment ago */
		err = -EINTR;
	if (!err)
		err = generation_ask(netlink, &after);
	free(reader);
	return !err && before.id != after.id ? -EINTR : err;
}

static int read_tables(struct view *view, struct netlink *netlink)
{
	int err = -EINTR;

	/* twice as often, as nothing has to be taken back in between */
	for (int i = 0; i < 2 * TRIES && err == -EINTR; i++) {
		view_forget_world(view, WORLD_NFT);
		err = read_once(view, netlink);
	}
	return err;
}

static void release(void *data)
{
	struct view_asker *asker = data;

	netlink_close(&asker->netlink);
	free(asker);
}

static int explain(int err, struct error *error)
{
	return netlink_explain(err, "the tables of nftables cannot be read", error);
}

/* A kernel without nftables has no tables of it. */
static bool is_absent(int err)
{
	return err == -EINVAL || err == -EPROTONOSUPPORT || err == -EOPNOTSUPP;
}

int nft_view(const struct session *session, struct image *image, struct view *view)
{
	struct error *error = session->error;
	struct view_asker *asker = calloc(1, sizeof(*asker));
	struct generation generation;
	int err;

	(void)image;
	if (!asker)
		return explain(-ENOMEM, error);
	asker->view = view;
	err = netlink_open(&asker->netlink, NETLINK_NETFILTER);
	asker->netlink.tape = session->tape;
	if (!err)
		err = generation_ask(&asker->netlink, &generation);
	if (err) {
		release(asker);
		return is_absent(err) ? 0 : explain(err, error);
	}
	view->asker = asker;
	view->ask = nft_view_ask;
	view->release = release;
	err = read_tables(view, &asker->netlink);
	asker->netlink.tape = NULL;	/* questions to come are about another time */
	return err ? explain(err, error) : 0;
}
