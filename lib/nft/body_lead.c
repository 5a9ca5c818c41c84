/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a map of theirs leads in a copy of ours: to chains of ours instead of theirs, so that they
 * can delete these.
 */
#include "nft/body_lead.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>

/* Elements as they become. */
struct leading {
	const struct graft_rule *rule;
	struct nlmsghdr *message;
};

static uint32_t code_of(uint8_t verdict)
{
	switch (verdict) {
	case STEP_ACCEPT:
		return NF_ACCEPT;
	case STEP_RETURN:
		return (uint32_t)NFT_RETURN;
	case STEP_JUMP:
		return (uint32_t)NFT_JUMP;
	case STEP_GOTO:
		return (uint32_t)NFT_GOTO;
	default:
		return (uint32_t)NFT_CONTINUE;
	}
}

/* The verdict that the data of an element are; NULL: they stay as they are. */
static const struct graft_lead *lead_of(const struct leading *leading, const struct nlattr *data)
{
	const struct attributes of = attributes_in(attribute_in(data, NFTA_DATA_VERDICT));
	const uint32_t code = number_in(of.of[NFTA_VERDICT_CODE]);

	if (code != (uint32_t)NFT_JUMP && code != (uint32_t)NFT_GOTO)
		return NULL;
	return graft_lead_of(leading->rule, code == (uint32_t)NFT_JUMP ? STEP_JUMP : STEP_GOTO,
			     attribute_text(of.of[NFTA_VERDICT_CHAIN]));
}

static void put(const struct leading *leading, const struct nlattr *attr)
{
	mnl_attr_put(leading->message, attr->nla_type, mnl_attr_get_payload_len(attr),
		     mnl_attr_get_payload(attr));
}

static void put_lead(const struct leading *leading, const struct graft_lead *lead)
{
	struct nlattr *data = mnl_attr_nest_start(leading->message, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(leading->message, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(leading->message, NFTA_VERDICT_CODE, htobe32(code_of(lead->becomes)));
	if (lead->to)
		mnl_attr_put_strz(leading->message, NFTA_VERDICT_CHAIN, lead->to->name);
	mnl_attr_nest_end(leading->message, verdict);
	mnl_attr_nest_end(leading->message, data);
}

static void put_element(const struct leading *leading, const struct nlattr *element)
{
	struct nlattr *nest = mnl_attr_nest_start(leading->message, NFTA_LIST_ELEM);
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, element) {
		const struct graft_lead *lead = type_of(attr) == NFTA_SET_ELEM_DATA ?
						lead_of(leading, attr) : NULL;

		if (lead)
			put_lead(leading, lead);
		else
			put(leading, attr);
	}
	mnl_attr_nest_end(leading->message, nest);
}

static size_t count_elements(const struct nft_body_part *part)
{
	const void *end = (const char *)part->elements + part->size;
	const struct nlattr *element;
	size_t count = 0;

	each_attribute(element, part->elements, end)
		count++;
	return count;
}

int nft_body_lead(struct nft_body_part *part, const struct graft_rule *rule, struct arena *arena)
{
	/* none becomes longer by more than the name of a chain, and the head of its attribute */
	const size_t room = MNL_NLMSG_HDRLEN + part->size +
			    count_elements(part) * 2 * MNL_ALIGN(CHAIN_NAME_MAX + 1);
	const struct leading leading = { rule, arena_alloc(arena, room) };
	const void *end = (const char *)part->elements + part->size;
	const struct nlattr *element;

	if (!leading.message)
		return -ENOMEM;
	mnl_nlmsg_put_header(leading.message);
	each_attribute(element, part->elements, end)
		put_element(&leading, element);
	part->elements = mnl_nlmsg_get_payload(leading.message);
	part->size = mnl_nlmsg_get_payload_len(leading.message);
	return 0;
}
