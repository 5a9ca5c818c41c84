/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel has a rule as a list of expressions, which load registers and compare them.
 * nft(8) writes the same test in several ways: two ports that lie side by side as one
 * load, part of an address as a shorter load or as a mask, a range as two comparisons.
 * All of them become the one form that lowering makes.
 */
#include "nft/rule_read.h"

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* The longest load: both addresses of IPv6. */
#define LOAD_MAX 32
#define REGISTERS 4

/* What a register holds. */
struct loaded {
	bool valid;
	uint8_t base, key, offset, size;
	uint8_t mask[LOAD_MAX];
};

/* Statements come in this order, after all tests. */
enum stage {
	TESTS,
	UPDATE,
	COUNTER,
	NOTRACK_STAGE,
	VERDICT,
};

struct reader {
	struct nft_draft *draft;
	const struct nft_table *table;
	struct loaded registers[REGISTERS];
	enum stage stage;
	const struct loaded *ranged;	/* was compared with the first value of a range */
	uint8_t first[NFT_FIELD_MAX];	/* that value */
};

typedef bool read_expression(struct reader *reader, const struct nftnl_expr *expression);

static bool enter(struct reader *reader, enum stage stage)
{
	if (stage < reader->stage || (stage == reader->stage && stage != TESTS))
		return false;
	reader->stage = stage;
	return true;
}

/* Registers of 16 bytes; the kernel also numbers them by 4 bytes. */
static struct loaded *loaded_in(struct reader *reader, uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return &reader->registers[number - NFT_REG_1];
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15 && !((number - NFT_REG32_00) % 4))
		return &reader->registers[(number - NFT_REG32_00) / 4];
	return NULL;
}

/* --- loads -------------------------------------------------------------- */

static bool load(struct loaded *loaded, enum nft_base base, uint32_t key, uint32_t offset,
		 uint32_t size)
{
	if (!loaded || key > UINT8_MAX || offset > UINT8_MAX || !size || size > LOAD_MAX)
		return false;
	*loaded = (struct loaded){ .valid = true, .base = (uint8_t)base, .key = (uint8_t)key,
				   .offset = (uint8_t)offset, .size = (uint8_t)size };
	memset(loaded->mask, 0xff, size);
	return true;
}

static bool read_fib(struct reader *reader, const struct nftnl_expr *expression)
{
	const uint32_t flags = nftnl_expr_get_u32(expression, NFTNL_EXPR_FIB_FLAGS);

	if ((flags != NFTA_FIB_F_DADDR && flags != NFTA_FIB_F_SADDR) ||
	    nftnl_expr_get_u32(expression, NFTNL_EXPR_FIB_RESULT) != NFT_FIB_RESULT_ADDRTYPE)
		return false;
	return load(loaded_in(reader, nftnl_expr_get_u32(expression, NFTNL_EXPR_FIB_DREG)),
		    NFT_BASE_FIB, flags, 0, sizeof(uint32_t));
}

static bool read_meta(struct reader *reader, const struct nftnl_expr *expression)
{
	uint32_t key = nftnl_expr_get_u32(expression, NFTNL_EXPR_META_KEY);
	struct loaded *loaded;

	if (!nftnl_expr_is_set(expression, NFTNL_EXPR_META_DREG))
		return false;
	loaded = loaded_in(reader, nftnl_expr_get_u32(expression, NFTNL_EXPR_META_DREG));
	switch (key) {
	case NFT_META_NFPROTO:
	case NFT_META_L4PROTO:
		return load(loaded, NFT_BASE_META, key, 0, 1);
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
		return load(loaded, NFT_BASE_META, key, 0, IFNAMSIZ);
	default:
		return false;
	}
}

static bool read_payload(struct reader *reader, const struct nftnl_expr *expression)
{
	uint32_t base = nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_BASE);

	if (!nftnl_expr_is_set(expression, NFTNL_EXPR_PAYLOAD_DREG) ||
	    (base != NFT_PAYLOAD_NETWORK_HEADER && base != NFT_PAYLOAD_TRANSPORT_HEADER))
		return false;
	return load(loaded_in(reader, nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_DREG)),
		    base == NFT_PAYLOAD_NETWORK_HEADER ? NFT_BASE_NETWORK : NFT_BASE_TRANSPORT, 0,
		    nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_OFFSET),
		    nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_LEN));
}

static bool read_bitwise(struct reader *reader, const struct nftnl_expr *expression)
{
	static const uint8_t nothing[LOAD_MAX];
	uint32_t source = nftnl_expr_get_u32(expression, NFTNL_EXPR_BITWISE_SREG);
	struct loaded *loaded = loaded_in(reader, source);
	uint32_t mask_size = 0, xor_size = 0;
	const void *mask = nftnl_expr_get(expression, NFTNL_EXPR_BITWISE_MASK, &mask_size);
	const void *xor = nftnl_expr_get(expression, NFTNL_EXPR_BITWISE_XOR, &xor_size);

	if (!loaded || !loaded->valid || !mask || !xor || mask_size != loaded->size ||
	    xor_size != loaded->size || memcmp(xor, nothing, xor_size) ||
	    source != nftnl_expr_get_u32(expression, NFTNL_EXPR_BITWISE_DREG))
		return false;
	memcpy(loaded->mask, mask, mask_size);
	return true;
}

/* --- tests -------------------------------------------------------------- */

/* What we compare as one: nft(8) may load two of them at once, where one follows the other. */
static const struct {
	uint8_t base, offset, size;
} parts[] = {
	{ NFT_BASE_NETWORK, 12, 4 }, { NFT_BASE_NETWORK, 16, 4 },	/* IPv4 addresses */
	{ NFT_BASE_NETWORK, 8, 16 }, { NFT_BASE_NETWORK, 24, 16 },	/* IPv6 addresses */
	{ NFT_BASE_TRANSPORT, 0, 2 }, { NFT_BASE_TRANSPORT, 2, 2 },	/* ports */
	/* of the packet in an ICMP error: see selectors.c */
	{ NFT_BASE_TRANSPORT, 17, 1 },
	{ NFT_BASE_TRANSPORT, 20, 4 }, { NFT_BASE_TRANSPORT, 24, 4 },
	{ NFT_BASE_TRANSPORT, 28, 2 }, { NFT_BASE_TRANSPORT, 30, 2 },
	{ NFT_BASE_TRANSPORT, 16, 16 }, { NFT_BASE_TRANSPORT, 32, 16 },
	{ NFT_BASE_TRANSPORT, 48, 2 }, { NFT_BASE_TRANSPORT, 50, 2 },
	{ NFT_BASE_TRANSPORT, 56, 2 }, { NFT_BASE_TRANSPORT, 58, 2 },
};

/* How much of @size bytes from @offset on is to be compared as one. */
static uint8_t part_size(const struct loaded *loaded, uint8_t offset, uint8_t size)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].base == loaded->base && parts[i].offset == offset &&
		    parts[i].size < size)
			return parts[i].size;
	return size;
}

/* Bytes at the end that do not count are left out. */
static struct nft_field part_field(const struct loaded *loaded, uint8_t at, uint8_t size)
{
	struct nft_field field = { .base = loaded->base, .key = loaded->key,
				   .offset = (uint8_t)(loaded->offset + at) };

	while (size && !loaded->mask[at + size - 1])
		size--;
	field.size = size;
	memcpy(field.mask, loaded->mask + at, size);
	return field;
}

static bool is_interface(const struct loaded *loaded)
{
	return loaded->base == NFT_BASE_META && (loaded->key == NFT_META_IIFNAME ||
						 loaded->key == NFT_META_OIFNAME);
}

/* A name that ends with its NUL is all of the name; else it is how the name begins. */
static bool add_interface(struct reader *reader, struct loaded *loaded, const char *name,
			  uint32_t size, bool inverted)
{
	char whole[IFNAMSIZ] = "";
	struct nft_field field;

	if (!size || size > sizeof(whole))
		return false;
	memcpy(whole, name, size);
	field = part_field(loaded, 0, (uint8_t)(whole[size - 1] ? size : sizeof(whole)));
	nft_draft_equal(reader->draft, &field, whole);
	if (inverted)
		nft_draft_invert(reader->draft);
	return true;
}

static bool add_equal(struct reader *reader, struct loaded *loaded, const uint8_t *value,
		      uint32_t size, bool inverted)
{
	if (is_interface(loaded))
		return add_interface(reader, loaded, (const char *)value, size, inverted);
	if (size != loaded->size)
		return false;
	for (uint8_t at = 0, part; at < size; at = (uint8_t)(at + part)) {
		struct nft_field field;

		part = part_size(loaded, (uint8_t)(loaded->offset + at), (uint8_t)(size - at));
		if (part > NFT_FIELD_MAX || (inverted && part < size))
			return false;
		field = part_field(loaded, at, part);
		if (!field.size)	/* asks for nothing */
			continue;
		nft_draft_equal(reader->draft, &field, value + at);
		if (inverted)
			nft_draft_invert(reader->draft);
	}
	return true;
}

static bool add_interval(struct reader *reader, const struct loaded *loaded, const void *first,
			 const void *last, bool inverted)
{
	struct nft_field field = part_field(loaded, 0, loaded->size);
	struct nft_interval interval = { .first = { 0 } };

	memcpy(interval.first, first, loaded->size);
	memcpy(interval.last, last, loaded->size);
	nft_draft_intervals(reader->draft, &field, &interval, 1);
	if (inverted)
		nft_draft_invert(reader->draft);
	return true;
}

/* A range: the register is compared with its first value, then with its last. */
static bool begin_range(struct reader *reader, const struct loaded *loaded, const void *value,
			uint32_t size)
{
	if (size != loaded->size || size > NFT_FIELD_MAX)
		return false;
	memcpy(reader->first, value, size);
	reader->ranged = loaded;
	return true;
}

static bool end_range(struct reader *reader, const struct loaded *loaded, const void *value,
		      uint32_t size)
{
	if (reader->ranged != loaded || size != loaded->size)
		return false;
	reader->ranged = NULL;
	return add_interval(reader, loaded, reader->first, value, false);
}

static bool read_cmp(struct reader *reader, const struct nftnl_expr *expression)
{
	struct loaded *loaded = loaded_in(reader, nftnl_expr_get_u32(expression,
								    NFTNL_EXPR_CMP_SREG));
	uint32_t operator = nftnl_expr_get_u32(expression, NFTNL_EXPR_CMP_OP), size = 0;
	const void *value = nftnl_expr_get(expression, NFTNL_EXPR_CMP_DATA, &size);

	if (!loaded || !loaded->valid || !value || !enter(reader, TESTS) ||
	    !reader->ranged != (operator != NFT_CMP_LTE))
		return false;
	switch (operator) {
	case NFT_CMP_EQ:
	case NFT_CMP_NEQ:
		return add_equal(reader, loaded, value, size, operator == NFT_CMP_NEQ);
	case NFT_CMP_GTE:
		return begin_range(reader, loaded, value, size);
	case NFT_CMP_LTE:
		return end_range(reader, loaded, value, size);
	default:
		return false;
	}
}

static bool read_range(struct reader *reader, const struct nftnl_expr *expression)
{
	struct loaded *loaded = loaded_in(reader, nftnl_expr_get_u32(expression,
								    NFTNL_EXPR_RANGE_SREG));
	uint32_t first_size = 0, last_size = 0;
	const void *first = nftnl_expr_get(expression, NFTNL_EXPR_RANGE_FROM_DATA, &first_size);
	const void *last = nftnl_expr_get(expression, NFTNL_EXPR_RANGE_TO_DATA, &last_size);

	if (!loaded || !loaded->valid || !first || !last || !enter(reader, TESTS) ||
	    loaded->size > NFT_FIELD_MAX || first_size != loaded->size || last_size != loaded->size)
		return false;
	return add_interval(reader, loaded, first, last,
			    nftnl_expr_get_u32(expression, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_NEQ);
}

static bool read_lookup(struct reader *reader, const struct nftnl_expr *expression)
{
	struct loaded *loaded = loaded_in(reader, nftnl_expr_get_u32(expression,
								    NFTNL_EXPR_LOOKUP_SREG));
	const char *name = nftnl_expr_get_str(expression, NFTNL_EXPR_LOOKUP_SET);
	const struct nft_unnamed *unnamed;
	struct nft_field field;

	if (!loaded || !loaded->valid || !name || !enter(reader, TESTS) ||
	    loaded->size > NFT_FIELD_MAX || nftnl_expr_is_set(expression, NFTNL_EXPR_LOOKUP_DREG))
		return false;
	field = (struct nft_field){ .base = loaded->base, .key = loaded->key,
				    .offset = loaded->offset, .size = loaded->size };
	memcpy(field.mask, loaded->mask, loaded->size);
	unnamed = nft_table_unnamed(reader->table, name);
	if (unnamed && !unnamed->count)
		return false;
	if (unnamed)
		nft_draft_intervals(reader->draft, &field, unnamed->list, unnamed->count);
	else
		nft_draft_set(reader->draft, &field, name);
	if (nftnl_expr_get_u32(expression, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV)
		nft_draft_invert(reader->draft);
	return true;
}

/* --- statements --------------------------------------------------------- */

/* What an update keeps for each element: exactly one thing. */
static int read_state(struct nftnl_expr *state, void *data)
{
	struct nft_update *update = data;
	const char *name = nftnl_expr_get_str(state, NFTNL_EXPR_NAME);

	if (!strcmp(name, "counter"))
		return 0;
	if (strcmp(name, "limit") || update->limited ||
	    nftnl_expr_get_u32(state, NFTNL_EXPR_LIMIT_TYPE) != NFT_LIMIT_PKTS ||
	    nftnl_expr_get_u32(state, NFTNL_EXPR_LIMIT_FLAGS))
		return -1;
	update->limited = true;
	update->limit = (struct nft_limit){
		.packets = nftnl_expr_get_u64(state, NFTNL_EXPR_LIMIT_RATE),
		.seconds = nftnl_expr_get_u64(state, NFTNL_EXPR_LIMIT_UNIT),
		.burst = nftnl_expr_get_u32(state, NFTNL_EXPR_LIMIT_BURST),
	};
	return 0;
}

static bool read_dynset(struct reader *reader, const struct nftnl_expr *expression)
{
	struct loaded *loaded = loaded_in(reader, nftnl_expr_get_u32(expression,
								    NFTNL_EXPR_DYNSET_SREG_KEY));
	const char *name = nftnl_expr_get_str(expression, NFTNL_EXPR_DYNSET_SET_NAME);
	struct nft_update *update = &reader->draft->update;

	if (!loaded || !loaded->valid || loaded->size > NFT_FIELD_MAX || !name ||
	    nftnl_expr_get_u32(expression, NFTNL_EXPR_DYNSET_OP) != NFT_DYNSET_OP_UPDATE ||
	    nftnl_expr_is_set(expression, NFTNL_EXPR_DYNSET_SREG_DATA) || !enter(reader, UPDATE))
		return false;
	*update = (struct nft_update){
		.key = { .base = loaded->base, .key = loaded->key, .offset = loaded->offset,
			 .size = loaded->size },
		.set = name,
	};
	memcpy(update->key.mask, loaded->mask, loaded->size);
	reader->draft->rule.update = update;
	return !nftnl_expr_expr_foreach(expression, read_state, update);
}

static bool read_counter(struct reader *reader, const struct nftnl_expr *expression)
{
	struct nft_rule *rule = &reader->draft->rule;

	rule->counts = true;
	rule->count.packets = nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_PACKETS);
	rule->count.bytes = nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_BYTES);
	return enter(reader, COUNTER);
}

static bool read_notrack(struct reader *reader, const struct nftnl_expr *expression)
{
	(void)expression;
	reader->draft->rule.notrack = true;
	return enter(reader, NOTRACK_STAGE);
}

/* What iptables-nft leaves to xtables: comments, and types of ICMP messages. */
static bool read_match(struct reader *reader, const struct nftnl_expr *expression)
{
	const struct nft_field type = nft_header_field(NFT_BASE_TRANSPORT, 0, 1);
	const char *name = nftnl_expr_get_str(expression, NFTNL_EXPR_MT_NAME);
	uint32_t size = 0;
	const uint8_t *data = nftnl_expr_get(expression, NFTNL_EXPR_MT_INFO, &size);

	if (!name || !data || nftnl_expr_get_u32(expression, NFTNL_EXPR_MT_REV))
		return false;
	if (!strcmp(name, "comment")) {
		if (memchr(data, '\0', size))
			reader->draft->rule.comment = (const char *)data;
		return true;
	}
	/* struct ipt_icmp: the type, the first and last code, whether inverted */
	if ((strcmp(name, "icmp") && strcmp(name, "icmp6")) || size < 4 || data[1] ||
	    data[2] != UINT8_MAX || data[3] || !enter(reader, TESTS))
		return false;
	nft_draft_byte(reader->draft, &type, data[0]);
	return true;
}

static bool read_immediate(struct reader *reader, const struct nftnl_expr *expression)
{
	struct nft_rule *rule = &reader->draft->rule;

	if (nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT ||
	    !enter(reader, VERDICT))
		return false;
	rule->chain = nftnl_expr_get_str(expression, NFTNL_EXPR_IMM_CHAIN);
	switch ((int)nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_VERDICT)) {
	case NF_ACCEPT:
		rule->target = TARGET_ACCEPT;
		return true;
	case NF_DROP:
		rule->target = TARGET_DROP;
		return true;
	case NFT_RETURN:
		rule->target = TARGET_RETURN;
		return true;
	case NFT_JUMP:
		rule->target = TARGET_JUMP;
		return rule->chain;
	case NFT_GOTO:
		rule->target = TARGET_GOTO;
		return rule->chain;
	default:
		return false;
	}
}

/* --- the rule ----------------------------------------------------------- */

static const struct {
	const char *name;
	read_expression *read;
} expressions[] = {
	{ "meta", read_meta }, { "payload", read_payload }, { "bitwise", read_bitwise },
	{ "cmp", read_cmp }, { "range", read_range }, { "lookup", read_lookup },
	{ "dynset", read_dynset }, { "counter", read_counter }, { "notrack", read_notrack },
	{ "immediate", read_immediate }, { "match", read_match }, { "fib", read_fib },
};

static int take_expression(struct nftnl_expr *expression, void *data)
{
	const char *name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
	const struct reader *reader = data;

	if (reader->ranged && strcmp(name, "cmp"))	/* the other end must follow */
		return -1;
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++)
		if (!strcmp(name, expressions[i].name))
			return expressions[i].read(data, expression) ? 0 : -1;
	return -1;
}

/*
 * Userdata is whatever somebody's program put there, so that lengths in it are looked at:
 * nftnl_udata_parse() believes them.  A kind and a length of a byte each, and the text.
 */
static const char *find_comment(const uint8_t *at, size_t left)
{
	while (left > 2 && at[1] + 2u <= left) {
		const char *text = (const char *)at + 2;

		if (at[0] == NFTNL_UDATA_RULE_COMMENT && at[1] && !text[at[1] - 1])
			return text;
		left -= at[1] + 2u;
		at += at[1] + 2u;
	}
	return NULL;
}

void rule_read(struct nft_draft *draft, const struct nftnl_rule *rule,
	       const struct nft_table *table)
{
	struct reader reader = { .draft = draft, .table = table };
	uint32_t size = 0;
	const void *data = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &size);

	nft_draft_begin(draft);
	draft->rule.handle = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE);
	if (data)
		draft->rule.comment = find_comment(data, size);
	if (nftnl_expr_foreach((struct nftnl_rule *)rule, take_expression, &reader) ||
	    reader.ranged || draft->overflow) {
		draft->rule = (struct nft_rule){ .handle = draft->rule.handle,
						 .target = TARGET_FOREIGN };
		draft->overflow = false;
	}
}
