/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets that have no name: they belong to one rule, so that another rule which asks the
 * same has to have one of its own.
 */
#include "nft/body.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/unnamed_set.h"

struct taking {
	struct nft_body_set *set;
	struct arena *arena;
	bool has_head;
};

static void *copy(struct arena *arena, const void *from, size_t size)
{
	void *to = arena_alloc(arena, size + 1);

	return to ? memcpy(to, from, size) : NULL;
}

/* --- reading ------------------------------------------------------------ */

/* What the kernel is told by others, or gives itself. */
static bool is_of_the_one(uint16_t type)
{
	return type == NFTA_SET_TABLE || type == NFTA_SET_NAME || type == NFTA_SET_ID ||
	       type == NFTA_SET_HANDLE || type == NFTA_SET_PAD || type > NFTA_SET_EXPRESSIONS;
}

static int take_head(const struct nlmsghdr *message, void *data)
{
	struct taking *taking = data;
	const size_t room = message->nlmsg_len;
	const struct nlattr *attr;
	char *head = arena_alloc(taking->arena, room);

	if (!head)
		return -ENOMEM;
	taking->set->head = head;
	mnl_attr_for_each(attr, message, sizeof(struct nfgenmsg)) {
		if (is_of_the_one(mnl_attr_get_type(attr)))
			continue;
		memcpy(head + taking->set->head_size, attr, attr->nla_len);
		taking->set->head_size += MNL_ALIGN(attr->nla_len);
	}
	taking->has_head = true;
	return 0;
}

static int take_part(const struct nlmsghdr *message, void *data)
{
	struct attributes all = view_message_attributes(message, NULL);
	const struct nlattr *list = all.of[NFTA_SET_ELEM_LIST_ELEMENTS];
	struct taking *taking = data;
	struct nft_body_set *set = taking->set;
	struct nft_body_part *part;

	if (!list)
		return 0;
	part = arena_alloc(taking->arena, sizeof(*part));
	if (!part)
		return -ENOMEM;
	part->size = mnl_attr_get_payload_len(list);
	part->elements = copy(taking->arena, mnl_attr_get_payload(list), part->size);
	*(set->last ? &set->last->next : &set->parts) = part;
	set->last = part;
	return part->elements ? 0 : -ENOMEM;
}

static int ask(struct view_reader *reader, const struct view_table *table, const char *name,
	       bool elements, struct taking *taking)
{
	char buffer[MESSAGE_SIZE];
	struct nlmsghdr *request = view_message_begin(buffer, elements ? NFT_MSG_GETSETELEM :
						      NFT_MSG_GETSET, elements ? NLM_F_DUMP : 0,
						      view_family_of(table));

	mnl_attr_put_strz(request, elements ? NFTA_SET_ELEM_LIST_TABLE : NFTA_SET_TABLE, table->name);
	mnl_attr_put_strz(request, elements ? NFTA_SET_ELEM_LIST_SET : NFTA_SET_NAME, name);
	return netlink_ask(reader->netlink, request, elements ? take_part : take_head, taking);
}

int nft_body_read_set(struct nft_body *body, struct view_reader *reader,
		      const struct view_table *table, const char *name, struct arena *arena)
{
	struct nft_body_set *set = arena_alloc(arena, sizeof(*set)), **end = &body->sets;
	struct taking taking = { set, arena, false };
	int err;

	if (!set)
		return -ENOMEM;
	set->name = arena_strdup(arena, name);
	if (!set->name)
		return -ENOMEM;
	err = ask(reader, table, name, false, &taking);
	if (!err)
		err = ask(reader, table, name, true, &taking);
	while (*end)		/* in the order in which they are looked up */
		end = &(*end)->next;
	*end = set;
	return err ? err : taking.has_head ? 0 : -ENOENT;
}

/* --- writing ------------------------------------------------------------ */

static void put_all(struct nlmsghdr *message, const void *attributes, size_t size)
{
	memcpy(mnl_nlmsg_get_payload_tail(message), attributes, size);
	message->nlmsg_len += (uint32_t)size;
}

static void put_head(const struct nft_body_set *set, struct batch *batch,
		     const struct nft_subject *subject)
{
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE, subject);

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_SET_TABLE, subject->table);
	mnl_attr_put_strz(message, NFTA_SET_NAME, UNNAMED_SET);
	mnl_attr_put_u32(message, NFTA_SET_ID, htobe32(batch->set_id));
	put_all(message, set->head, set->head_size);
}

static void put_part(const struct nft_body_part *part, struct batch *batch,
		     const struct nft_subject *subject)
{
	struct nlmsghdr *message = batch_message(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, subject);
	struct nlattr *nest;

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, subject->table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, UNNAMED_SET);
	mnl_attr_put_u32(message, NFTA_SET_ELEM_LIST_SET_ID, htobe32(batch->set_id));
	nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	put_all(message, part->elements, part->size);
	mnl_attr_nest_end(message, nest);
}

void nft_body_put_sets(const struct nft_body *body, struct batch *batch,
		       const struct nft_subject *subject)
{
	for (const struct nft_body_set *set = body->sets; set; set = set->next) {
		batch->set_id++;
		put_head(set, batch, subject);
		for (const struct nft_body_part *part = set->parts; part; part = part->next)
			put_part(part, batch, subject);
	}
}
