/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/expressions.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>


struct expressions expressions_of(const void *list, size_t size)
{
	struct expressions all = { .count = 0 };
	const struct nlattr *attr = list;
	int left = (int)size;

	for (; mnl_attr_ok(attr, left) && all.count < EXPRESSIONS_MAX; attr = mnl_attr_next(attr)) {
		left -= (int)MNL_ALIGN(attr->nla_len);
		all.list[all.count++] = attr;
	}
	return all;
}

struct expression_parts expression_parts(const struct nlattr *expression)
{
	return (struct expression_parts){ expression_name(expression),
					  attributes_in(attribute_in(expression, NFTA_EXPR_DATA)) };
}

bool expression_counts(const char *name)
{
	return !strcmp(name, "counter") || !strcmp(name, "last");
}

/* --- registers ---------------------------------------------------------- */

/* What an expression reads and writes, and how many bytes, where that is not said itself. */
static const struct use {
	const char *name;
	uint16_t attribute;		/* that has the register */
	bool writes;
	uint16_t length;		/* the attribute that has the size; 0: none */
} uses[] = {
	{ "bitwise", NFTA_BITWISE_SREG, false, NFTA_BITWISE_LEN },
	{ "bitwise", NFTA_BITWISE_DREG, true, NFTA_BITWISE_LEN },
	{ "byteorder", NFTA_BYTEORDER_SREG, false, NFTA_BYTEORDER_LEN },
	{ "byteorder", NFTA_BYTEORDER_DREG, true, NFTA_BYTEORDER_LEN },
	{ "cmp", NFTA_CMP_SREG, false, 0 },
	{ "ct", NFTA_CT_DREG, true, 0 },
	{ "ct", NFTA_CT_SREG, false, 0 },
	{ "dup", 1, false, 0 },
	{ "dup", 2, false, 0 },
	{ "dynset", NFTA_DYNSET_SREG_KEY, false, 0 },
	{ "dynset", NFTA_DYNSET_SREG_DATA, false, 0 },
	{ "exthdr", NFTA_EXTHDR_DREG, true, NFTA_EXTHDR_LEN },
	{ "exthdr", NFTA_EXTHDR_SREG, false, NFTA_EXTHDR_LEN },
	{ "fib", NFTA_FIB_DREG, true, 0 },
	{ "hash", NFTA_HASH_SREG, false, NFTA_HASH_LEN },
	{ "hash", NFTA_HASH_DREG, true, 0 },
	{ "immediate", NFTA_IMMEDIATE_DREG, true, 0 },
	{ "lookup", NFTA_LOOKUP_SREG, false, 0 },
	{ "lookup", NFTA_LOOKUP_DREG, true, 0 },
	{ "masq", NFTA_MASQ_REG_PROTO_MIN, false, 0 },
	{ "masq", NFTA_MASQ_REG_PROTO_MAX, false, 0 },
	{ "meta", NFTA_META_DREG, true, 0 },
	{ "meta", NFTA_META_SREG, false, 0 },
	{ "nat", NFTA_NAT_REG_ADDR_MIN, false, 0 },
	{ "nat", NFTA_NAT_REG_ADDR_MAX, false, 0 },
	{ "nat", NFTA_NAT_REG_PROTO_MIN, false, 0 },
	{ "nat", NFTA_NAT_REG_PROTO_MAX, false, 0 },
	{ "numgen", NFTA_NG_DREG, true, 0 },
	{ "objref", NFTA_OBJREF_SET_SREG, false, 0 },
	{ "osf", 1, true, 0 },
	{ "payload", NFTA_PAYLOAD_DREG, true, NFTA_PAYLOAD_LEN },
	{ "payload", NFTA_PAYLOAD_SREG, false, NFTA_PAYLOAD_LEN },
	{ "queue", NFTA_QUEUE_SREG_QNUM, false, 0 },
	{ "range", NFTA_RANGE_SREG, false, 0 },
	{ "redir", NFTA_REDIR_REG_PROTO_MIN, false, 0 },
	{ "redir", NFTA_REDIR_REG_PROTO_MAX, false, 0 },
	{ "rt", NFTA_RT_DREG, true, 0 },
	{ "socket", NFTA_SOCKET_DREG, true, 0 },
	{ "tproxy", NFTA_TPROXY_REG_ADDR, false, 0 },
	{ "tproxy", NFTA_TPROXY_REG_PORT, false, 0 },
	{ "tunnel", 2, true, 0 },
	{ "xfrm", 1, true, 0 },
};
#define USES (sizeof(uses) / sizeof(uses[0]))

/* What was counted, or used up: {expression, attribute}. */
static const struct {
	const char *name;
	uint16_t attribute;
} counted[] = {
	{ "counter", NFTA_COUNTER_BYTES }, { "counter", NFTA_COUNTER_PACKETS },
	{ "last", 1 }, { "last", 2 }, { "quota", NFTA_QUOTA_CONSUMED },
};

bool expression_is_private(const char *name, uint16_t attribute)
{
	for (size_t i = 0; i < USES; i++)
		if (uses[i].attribute == attribute && !strcmp(uses[i].name, name))
			return true;
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		if (counted[i].attribute == attribute && !strcmp(counted[i].name, name))
			return true;
	return false;
}

const void *expression_lasting(const char *name, const struct nlattr *attr, uint32_t *room)
{
	if (strcmp(name, "quota") || mnl_attr_get_type(attr) != NFTA_QUOTA_FLAGS)
		return mnl_attr_get_payload(attr);
	*room = htonl(number_in(attr) & ~(uint32_t)NFT_QUOTA_F_DEPLETED);
	return room;
}

const char *expression_set(const struct expression_parts *parts)
{
	const struct nlattr *set = !strcmp(parts->name, "lookup") ? parts->data.of[NFTA_LOOKUP_SET] :
		!strcmp(parts->name, "objref") ? parts->data.of[NFTA_OBJREF_SET_NAME] :
		!strcmp(parts->name, "dynset") ? parts->data.of[NFTA_DYNSET_SET_NAME] : NULL;

	return set ? attribute_text(set) : NULL;
}

static size_t value_size(const struct nlattr *attr)
{
	struct attributes data = attributes_in(attr);

	return data.of[NFTA_DATA_VALUE] ? mnl_attr_get_payload_len(data.of[NFTA_DATA_VALUE]) : 0;
}

static bool loads_name(const struct expression_parts *parts)
{
	uint32_t key = number_or(parts->data.of[NFTA_META_KEY], UINT32_MAX);

	if (!strcmp(parts->name, "fib"))
		return number_in(parts->data.of[NFTA_FIB_RESULT]) ==
		       NFT_FIB_RESULT_OIFNAME;
	return !strcmp(parts->name, "meta") && (key == NFT_META_IIFNAME || key == NFT_META_OIFNAME ||
						key == NFT_META_IIFKIND || key == NFT_META_OIFKIND);
}

/* How much of a register is read or written; 0: not known. */
static size_t size_of(const struct expression_parts *parts, const struct use *use,
		      expression_key_size *key_size, void *data)
{
	const char *set = expression_set(parts);

	if (use->length)
		return number_in(parts->data.of[use->length]);
	if (!strcmp(parts->name, "cmp"))
		return value_size(parts->data.of[NFTA_CMP_DATA]);
	if (!strcmp(parts->name, "range"))
		return value_size(parts->data.of[NFTA_RANGE_FROM_DATA]);
	if (!strcmp(parts->name, "immediate"))
		return value_size(parts->data.of[NFTA_IMMEDIATE_DATA]);
	if (set && !use->writes)
		return key_size(data, set);
	if (loads_name(parts))
		return NFT_REG_SIZE;
	return !strcmp(parts->name, "meta") || !strcmp(parts->name, "fib") ||
	       !strcmp(parts->name, "ct") ? NFT_REG32_SIZE : 0;
}

/* --- what needs what ---------------------------------------------------- */

struct search {
	expression_key_size *key_size;
	void *data;
	bool live[REGISTER_BYTES];	/* bytes that what comes later needs */
};

struct span {
	size_t first, end;
};

/*
 * Whether what is written fills registers of 4 bytes: the kernel pads what is smaller
 * (nft_reg_store8() and its like, nft_data_copy()), unless it only turns bytes around.
 */
static bool is_padded(const struct expression_parts *parts)
{
	return strcmp(parts->name, "byteorder") != 0;
}

/* What is not known is as much as can be, or, @least, one register of 4 bytes. */
static struct span span_of(const struct search *search, const struct expression_parts *parts,
			   const struct use *use, bool least)
{
	size_t size = size_of(parts, use, search->key_size, search->data);
	struct span span;

	if (!size)
		size = least ? NFT_REG32_SIZE : REGISTER_BYTES;
	else if (least && is_padded(parts))
		size = (size + NFT_REG32_SIZE - 1) / NFT_REG32_SIZE * NFT_REG32_SIZE;
	span.first = register_offset(number_or(parts->data.of[use->attribute], UINT32_MAX));
	span.end = span.first + size;
	if (span.end > REGISTER_BYTES)
		span.end = REGISTER_BYTES;
	return span;
}

static bool is_of(const struct use *use, const struct expression_parts *parts, bool writes)
{
	return use->writes == writes && !strcmp(use->name, parts->name) &&
	       parts->data.of[use->attribute];
}

static bool provides(const struct search *search, const struct expression_parts *parts)
{
	for (size_t i = 0; i < USES; i++) {
		struct span span;

		if (!is_of(&uses[i], parts, true))
			continue;
		span = span_of(search, parts, &uses[i], false);
		for (size_t at = span.first; at < span.end; at++)
			if (search->live[at])
				return true;
	}
	return false;
}

static void set_live(struct search *search, const struct expression_parts *parts, bool writes)
{
	for (size_t i = 0; i < USES; i++) {
		struct span span;

		if (!is_of(&uses[i], parts, writes))
			continue;
		span = span_of(search, parts, &uses[i], writes);
		for (size_t at = span.first; at < span.end; at++)
			search->live[at] = !writes;
	}
}

void expressions_need(const struct expressions *all, bool *needed, expression_key_size *key_size,
		      void *data)
{
	struct search search = { key_size, data, { false } };

	for (size_t i = all->count; i-- > 0;) {
		const struct expression_parts parts = expression_parts(all->list[i]);

		needed[i] |= provides(&search, &parts);
		if (!needed[i])
			continue;
		set_live(&search, &parts, true);
		set_live(&search, &parts, false);
	}
}
