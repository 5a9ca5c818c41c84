/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A rule of ours in a table of others, as the kernel takes it. */
#include "nft/body_write.h"

#include <linux/netfilter/nf_tables.h>

#include "nft/expressions.h"
#include "nft/unnamed_set.h"

/* --- sets --------------------------------------------------------------- */

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

/* Makes the sets anew; each gets the number behind the last one of the batch. */
static void put_sets(const struct nft_body *body, struct batch *batch,
		     const struct nft_subject *subject)
{
	for (const struct nft_body_set *set = body->sets; set; set = set->next) {
		batch->set_id++;
		put_head(set, batch, subject);
		for (const struct nft_body_part *part = set->parts; part; part = part->next)
			put_part(part, batch, subject);
	}
}

/* --- expressions -------------------------------------------------------- */

/* Which of the batch's sets without a name one is; 0: it is none of them. */
static uint32_t set_number(const struct nft_body *body, const char *name, uint32_t before)
{
	for (const struct nft_body_set *set = body->sets; set && name; set = set->next) {
		before++;
		if (!strcmp(set->name, name))
			return before;
	}
	return 0;
}

static uint16_t name_type(const char *expression)
{
	return !strcmp(expression, "lookup") ? NFTA_LOOKUP_SET :
	       !strcmp(expression, "objref") ? NFTA_OBJREF_SET_NAME : NFTA_DYNSET_SET_NAME;
}

static uint16_t number_type(const char *expression)
{
	return !strcmp(expression, "lookup") ? NFTA_LOOKUP_SET_ID :
	       !strcmp(expression, "objref") ? NFTA_OBJREF_SET_ID : NFTA_DYNSET_SET_ID;
}

static bool is_zero(const struct nlattr *attr)
{
	const uint8_t *bytes = mnl_attr_get_payload(attr);

	for (uint16_t i = 0; i < mnl_attr_get_payload_len(attr); i++)
		if (bytes[i])
			return false;
	return true;
}

/*
 * What the kernel says of an expression with nothing in it, and takes only with something: a
 * timeout of a set that has none, the flags of a fingerprint, and of an option of TCP that is set
 * or blanked out.
 */
static const struct {
	const char *expression;
	uint16_t type;
	uint16_t with;			/* it goes with another, where that has nothing in it; or 0 */
} not_taken[] = {
	{ "dynset", NFTA_DYNSET_TIMEOUT, 0 },
	{ "exthdr", NFTA_EXTHDR_FLAGS, 0 },
	{ "exthdr", NFTA_EXTHDR_LEN, 0 },
	{ "exthdr", NFTA_EXTHDR_OFFSET, NFTA_EXTHDR_LEN },
	{ "osf", NFTA_OSF_FLAGS, 0 },
};

static bool is_not_taken(const struct expression_parts *parts, uint16_t type)
{
	for (size_t i = 0; i < sizeof(not_taken) / sizeof(not_taken[0]); i++) {
		const uint16_t told_by = not_taken[i].with ? not_taken[i].with : type;

		if (type == not_taken[i].type && !strcmp(parts->name, not_taken[i].expression))
			return parts->data.of[told_by] && is_zero(parts->data.of[told_by]);
	}
	return false;
}

static bool is_taken_as_said(const struct expression_parts *parts)
{
	for (uint16_t type = 1; type < ATTRIBUTES; type++)
		if (parts->data.of[type] && is_not_taken(parts, type))
			return false;
	return true;
}

static bool is_of_set(const struct expression_parts *parts, uint16_t type)
{
	return type == name_type(parts->name) || type == number_type(parts->name);
}

/* Not as it is; @number: of a set that is made anew, to which it refers, or 0. */
static void put_anew(struct nlmsghdr *message, const struct expression_parts *parts,
		     uint32_t number)
{
	struct nlattr *expression = mnl_attr_nest_start(message, NFTA_LIST_ELEM), *data;

	mnl_attr_put_strz(message, NFTA_EXPR_NAME, parts->name);
	data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
	for (uint16_t type = 1; type < ATTRIBUTES; type++) {
		const struct nlattr *attr = parts->data.of[type];

		if (attr && !is_not_taken(parts, type) && !(number && is_of_set(parts, type)))
			mnl_attr_put(message, attr->nla_type, mnl_attr_get_payload_len(attr),
				     mnl_attr_get_payload(attr));
	}
	if (number) {
		mnl_attr_put_strz(message, name_type(parts->name), UNNAMED_SET);
		mnl_attr_put_u32(message, number_type(parts->name), htobe32(number));
	}
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, expression);
}

static void put_expressions(struct nlmsghdr *message, const struct nft_body *body, uint32_t before)
{
	const struct expressions all = expressions_of(body->expressions, body->size);
	struct nlattr *list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);

	for (size_t i = 0; i < all.count; i++) {
		const struct expression_parts parts = expression_parts(all.list[i]);
		uint32_t number = set_number(body, expression_set(&parts), before);

		if (number || !is_taken_as_said(&parts))
			put_anew(message, &parts, number);
		else
			mnl_attr_put(message, all.list[i]->nla_type,
				     mnl_attr_get_payload_len(all.list[i]),
				     mnl_attr_get_payload(all.list[i]));
	}
	mnl_attr_nest_end(message, list);
}

static void put_protocol(struct nlmsghdr *message, uint8_t protocol)
{
	struct nlattr *nest = mnl_attr_nest_start(message, NFTA_RULE_COMPAT);

	mnl_attr_put_u32(message, NFTA_RULE_COMPAT_PROTO, htobe32(protocol));
	mnl_attr_put_u32(message, NFTA_RULE_COMPAT_FLAGS, 0);
	mnl_attr_nest_end(message, nest);
}

void nft_body_put(const struct nft_body *body, struct batch *batch,
		  const struct nft_subject *subject, uint64_t before)
{
	const uint32_t first = batch->set_id;
	struct nlmsghdr *message;

	put_sets(body, batch, subject);
	message = batch_message(batch, NFT_MSG_NEWRULE,
				(uint16_t)(NLM_F_CREATE | (before ? 0 : NLM_F_APPEND)), subject);
	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, subject->table);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, subject->chain);
	if (before)
		mnl_attr_put_u64(message, NFTA_RULE_POSITION, htobe64(before));
	put_expressions(message, body, first);
	if (body->protocol)
		put_protocol(message, body->protocol);
	if (body->userdata_size)
		mnl_attr_put(message, NFTA_RULE_USERDATA, body->userdata_size, body->userdata);
}
