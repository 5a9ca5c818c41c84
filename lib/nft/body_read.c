/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a rule has beside its expressions: sets without a name, which belong to it, so that
 * another rule which asks the same has to have sets of its own; and what it all means.
 */
#include "nft/body_read.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/body_essence.h"
#include "nft/body_lead.h"
#include "nft/expressions.h"
#include "rules/overlay.h"

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

/* --- one set ------------------------------------------------------------ */

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
	char question[QUESTION_MAX];
	struct nlmsghdr *request = question_begin(question, elements ? NFT_MSG_GETSETELEM :
						      NFT_MSG_GETSET, elements ? NLM_F_DUMP : 0,
						      view_family_of(table));

	mnl_attr_put_strz(request, elements ? NFTA_SET_ELEM_LIST_TABLE : NFTA_SET_TABLE, table->name);
	mnl_attr_put_strz(request, elements ? NFTA_SET_ELEM_LIST_SET : NFTA_SET_NAME, name);
	return netlink_ask(reader->netlink, request, elements ? take_part : take_head, taking);
}

static int read_set(struct nft_body *body, struct view_reader *reader,
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

/* --- all of a rule ------------------------------------------------------ */

static bool has_set(const struct nft_body *body, const char *name)
{
	for (const struct nft_body_set *set = body->sets; set; set = set->next)
		if (!strcmp(set->name, name))
			return true;
	return false;
}

/* Sets that have a name stay where they are, and are referred to. */
static int read_sets(struct nft_body *body, struct view_reader *reader,
		     const struct view_table *table, struct arena *arena)
{
	const struct expressions all = expressions_of(body->expressions, body->size);
	int err = 0;

	for (size_t i = 0; i < all.count && !err; i++) {
		const struct expression_parts parts = expression_parts(all.list[i]);
		const char *name = expression_set(&parts);
		const struct view_set *set = name ? reader_find_set(reader, table, name) : NULL;

		if (set && set->flags & NFT_SET_ANONYMOUS && !has_set(body, name))
			err = read_set(body, reader, table, name, arena);
	}
	return err;
}

static int read_elements(struct view_reader *reader)
{
	int err = 0;

	for (size_t i = 0; i < reader->view->step_count && !err; i++)
		err = reader_read_step(reader, &reader->view->steps[i]);
	return err;
}

/* Elements of a map, in the sets and in what they mean. */
static int lead(struct nft_body *body, const struct graft_rule *rule, struct view *view,
		const struct view_table *table, struct arena *arena)
{
	int err = 0;

	for (struct nft_body_set *set = body->sets; set; set = set->next)
		for (struct nft_body_part *part = set->parts; part && !err; part = part->next)
			err = nft_body_lead(part, rule, arena);
	for (size_t i = 0; i < view->step_count && !err; i++)
		if (view->steps[i].kind == STEP_MAP && !view->steps[i].lookup->named)
			err = overlay_leads(view, table, rule, &view->steps[i]);
	return err;
}

/* What matches of xtables that look into a header are to know. */
static uint8_t protocol_of(const struct view *view)
{
	for (size_t i = 0; i < view->step_count; i++) {
		const struct step *step = &view->steps[i];

		if (step_names_protocol(step) && step->range.first == step->range.last)
			return (uint8_t)step->range.first;
	}
	return 0;
}

int nft_body_complete(struct nft_body *body, struct view_reader *reader, struct view_chain *chain,
		      const struct graft_rule *rule, struct arena *arena)
{
	uint8_t from[VIEW_STEPS_MAX];
	int err = read_sets(body, reader, chain->table, arena);

	if (!err)
		err = reader_run(reader, chain, body->expressions, body->size, from);
	if (!err)
		err = read_elements(reader);
	if (!err && rule && rule->lead_count)
		err = lead(body, rule, reader->view, chain->table, arena);
	if (err)
		return err;
	body->protocol = protocol_of(reader->view);
	return nft_body_describe(body, reader, chain->table, from, arena);
}
