/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expressions as nft(8) makes them, one behind another. */
#include "nft/expressions.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdlib.h>

/* Room for what mnl_attr_put() may add without looking. */
#define SLACK 1024

void expressions_begin(struct expression_writer *writer)
{
	*writer = (struct expression_writer){ .message = calloc(1, EXPRESSIONS_SIZE + SLACK) };
	writer->failed = !writer->message;
	if (writer->message)
		mnl_nlmsg_put_header(writer->message);
}

void expressions_free(struct expression_writer *writer)
{
	free(writer->message);
}

const void *expressions_end(struct expression_writer *writer, size_t *size, struct arena *arena)
{
	char *copy;

	if (writer->failed)
		return NULL;
	*size = mnl_nlmsg_get_payload_len(writer->message);
	copy = arena_alloc(arena, *size + 1);
	return copy ? memcpy(copy, mnl_nlmsg_get_payload(writer->message), *size) : NULL;
}

static bool has_room(struct expression_writer *writer, size_t size)
{
	if (!writer->failed && writer->message->nlmsg_len + size + SLACK / 2 > EXPRESSIONS_SIZE)
		writer->overflow = true;
	return !writer->failed && !writer->overflow;
}

/* --- copies ------------------------------------------------------------- */

static void copy_data(struct expression_writer *writer, const char *name, const struct nlattr *data)
{
	struct nlattr *nest = mnl_attr_nest_start(writer->message, NFTA_EXPR_DATA);
	const struct nlattr *attr;
	uint32_t room;

	/* a copy of a quota begins with as much used up as the quota has: else it would be another one */
	mnl_attr_for_each_nested(attr, data)
		mnl_attr_put(writer->message, attr->nla_type, mnl_attr_get_payload_len(attr),
			     expression_lasting(name, attr, &room));
	mnl_attr_nest_end(writer->message, nest);
}

void expression_copy(struct expression_writer *writer, const struct nlattr *expression)
{
	struct attributes of = attributes_in(expression);
	const char *name = attribute_text(of.of[NFTA_EXPR_NAME]);
	struct nlattr *nest;

	if (!has_room(writer, mnl_attr_get_payload_len(expression)))
		return;
	writer->counts |= !strcmp(name, "counter");
	nest = mnl_attr_nest_start(writer->message, NFTA_LIST_ELEM);
	mnl_attr_put_strz(writer->message, NFTA_EXPR_NAME, name);
	if (of.of[NFTA_EXPR_DATA] && !expression_counts(name))
		copy_data(writer, name, of.of[NFTA_EXPR_DATA]);
	mnl_attr_nest_end(writer->message, nest);
}

/* --- new ones ----------------------------------------------------------- */

/* The nests of one that is under way. */
struct opened {
	struct nlattr *expression, *data;
};

static bool open_one(struct expression_writer *writer, const char *name, size_t size,
		     struct opened *opened)
{
	if (!has_room(writer, size))
		return false;
	opened->expression = mnl_attr_nest_start(writer->message, NFTA_LIST_ELEM);
	mnl_attr_put_strz(writer->message, NFTA_EXPR_NAME, name);
	opened->data = mnl_attr_nest_start(writer->message, NFTA_EXPR_DATA);
	return true;
}

static void close_one(struct expression_writer *writer, const struct opened *opened)
{
	mnl_attr_nest_end(writer->message, opened->data);
	mnl_attr_nest_end(writer->message, opened->expression);
}

static void put_number(struct expression_writer *writer, uint16_t type, uint32_t number)
{
	mnl_attr_put_u32(writer->message, type, htobe32(number));
}

static void put_value(struct expression_writer *writer, uint16_t type, const void *value, size_t size)
{
	struct nlattr *nest = mnl_attr_nest_start(writer->message, type);

	mnl_attr_put(writer->message, NFTA_DATA_VALUE, size, value);
	mnl_attr_nest_end(writer->message, nest);
}

void expression_load_meta(struct expression_writer *writer, uint32_t key)
{
	struct opened opened;

	if (!open_one(writer, "meta", 0, &opened))
		return;
	put_number(writer, NFTA_META_KEY, key);
	put_number(writer, NFTA_META_DREG, NFT_REG_1);
	close_one(writer, &opened);
}

void expression_load_payload(struct expression_writer *writer, uint32_t base, uint32_t offset,
			     uint32_t size)
{
	struct opened opened;

	if (!open_one(writer, "payload", 0, &opened))
		return;
	put_number(writer, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_number(writer, NFTA_PAYLOAD_BASE, base);
	put_number(writer, NFTA_PAYLOAD_OFFSET, offset);
	put_number(writer, NFTA_PAYLOAD_LEN, size);
	close_one(writer, &opened);
}

void expression_load_state(struct expression_writer *writer)
{
	struct opened opened;

	if (!open_one(writer, "ct", 0, &opened))
		return;
	put_number(writer, NFTA_CT_KEY, NFT_CT_STATE);
	put_number(writer, NFTA_CT_DREG, NFT_REG_1);
	close_one(writer, &opened);
}

void expression_load_address_type(struct expression_writer *writer, bool destination)
{
	struct opened opened;

	if (!open_one(writer, "fib", 0, &opened))
		return;
	put_number(writer, NFTA_FIB_DREG, NFT_REG_1);
	put_number(writer, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_number(writer, NFTA_FIB_FLAGS, destination ? NFTA_FIB_F_DADDR : NFTA_FIB_F_SADDR);
	close_one(writer, &opened);
}

void expression_mask(struct expression_writer *writer, const void *mask, size_t size)
{
	static const uint8_t nothing[NFT_REG_SIZE];
	struct opened opened;

	if (!open_one(writer, "bitwise", 2 * size, &opened))
		return;
	put_number(writer, NFTA_BITWISE_SREG, NFT_REG_1);
	put_number(writer, NFTA_BITWISE_DREG, NFT_REG_1);
	put_number(writer, NFTA_BITWISE_LEN, (uint32_t)size);
	put_value(writer, NFTA_BITWISE_MASK, mask, size);
	put_value(writer, NFTA_BITWISE_XOR, nothing, size);
	close_one(writer, &opened);
}

void expression_compare(struct expression_writer *writer, bool inverted, const void *value,
			size_t size)
{
	struct opened opened;

	if (!open_one(writer, "cmp", size, &opened))
		return;
	put_number(writer, NFTA_CMP_SREG, NFT_REG_1);
	put_number(writer, NFTA_CMP_OP, inverted ? NFT_CMP_NEQ : NFT_CMP_EQ);
	put_value(writer, NFTA_CMP_DATA, value, size);
	close_one(writer, &opened);
}

void expression_range(struct expression_writer *writer, bool inverted, const void *first,
		      const void *last, size_t size)
{
	struct opened opened;

	if (!open_one(writer, "range", 2 * size, &opened))
		return;
	put_number(writer, NFTA_RANGE_SREG, NFT_REG_1);
	put_number(writer, NFTA_RANGE_OP, inverted ? NFT_RANGE_NEQ : NFT_RANGE_EQ);
	put_value(writer, NFTA_RANGE_FROM_DATA, first, size);
	put_value(writer, NFTA_RANGE_TO_DATA, last, size);
	close_one(writer, &opened);
}

void expression_count(struct expression_writer *writer)
{
	struct opened opened;

	if (!open_one(writer, "counter", 0, &opened))
		return;
	close_one(writer, &opened);
	writer->counts = true;
}

void expression_verdict(struct expression_writer *writer, int verdict, const char *chain)
{
	struct nlattr *data, *nest;
	struct opened opened;

	if (!open_one(writer, "immediate", chain ? strlen(chain) : 0, &opened))
		return;
	put_number(writer, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(writer->message, NFTA_IMMEDIATE_DATA);
	nest = mnl_attr_nest_start(writer->message, NFTA_DATA_VERDICT);
	put_number(writer, NFTA_VERDICT_CODE, (uint32_t)verdict);
	if (chain)
		mnl_attr_put_strz(writer->message, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(writer->message, nest);
	mnl_attr_nest_end(writer->message, data);
	close_one(writer, &opened);
}

void expression_match(struct expression_writer *writer, const char *name, uint32_t revision,
		      const void *info, size_t size)
{
	struct opened opened;

	if (!open_one(writer, "match", size, &opened))
		return;
	mnl_attr_put_strz(writer->message, NFTA_MATCH_NAME, name);
	put_number(writer, NFTA_MATCH_REV, revision);
	mnl_attr_put(writer->message, NFTA_MATCH_INFO, size, info);
	close_one(writer, &opened);
}
