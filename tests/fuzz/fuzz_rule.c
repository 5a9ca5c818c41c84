/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule of nftables, whoever made it, as the backend reads it: expressions with any values,
 * and any userdata.  They are made by libnftnl, which ends the program where a message is not
 * as the kernel writes them.  Input: expressions, each a byte for its kind and bytes for its
 * values, up to one that is none; and then the userdata.
 */
#include "fuzz.h"

#include <linux/netfilter/nf_tables.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "nft/print.h"
#include "nft/rule_read.h"

/* GIVEN: bytes that the expression frees.  LEAD: a verdict that goes with the name of a chain. */
enum value_kind { NUMBER, LONG, LEAD, BYTES, GIVEN, NAME };

/* The values of each kind of expression that a reader looks at; a kind ends with 0. */
static const struct {
	const char *name;
	struct {
		uint16_t value;
		uint8_t kind;
	} values[6];
} kinds[] = {
	{ "meta", { { NFTNL_EXPR_META_KEY, NUMBER }, { NFTNL_EXPR_META_DREG, NUMBER } } },
	{ "payload", { { NFTNL_EXPR_PAYLOAD_BASE, NUMBER }, { NFTNL_EXPR_PAYLOAD_DREG, NUMBER },
		       { NFTNL_EXPR_PAYLOAD_OFFSET, NUMBER }, { NFTNL_EXPR_PAYLOAD_LEN, NUMBER } } },
	{ "bitwise", { { NFTNL_EXPR_BITWISE_SREG, NUMBER }, { NFTNL_EXPR_BITWISE_DREG, NUMBER },
		       { NFTNL_EXPR_BITWISE_LEN, NUMBER }, { NFTNL_EXPR_BITWISE_MASK, BYTES },
		       { NFTNL_EXPR_BITWISE_XOR, BYTES } } },
	{ "cmp", { { NFTNL_EXPR_CMP_SREG, NUMBER }, { NFTNL_EXPR_CMP_OP, NUMBER },
		   { NFTNL_EXPR_CMP_DATA, BYTES } } },
	{ "range", { { NFTNL_EXPR_RANGE_SREG, NUMBER }, { NFTNL_EXPR_RANGE_OP, NUMBER },
		     { NFTNL_EXPR_RANGE_FROM_DATA, BYTES }, { NFTNL_EXPR_RANGE_TO_DATA, BYTES } } },
	{ "lookup", { { NFTNL_EXPR_LOOKUP_SREG, NUMBER }, { NFTNL_EXPR_LOOKUP_FLAGS, NUMBER },
		      { NFTNL_EXPR_LOOKUP_SET, NAME } } },
	{ "counter", { { NFTNL_EXPR_CTR_PACKETS, LONG }, { NFTNL_EXPR_CTR_BYTES, LONG } } },
	{ "immediate", { { NFTNL_EXPR_IMM_DREG, NUMBER }, { NFTNL_EXPR_IMM_VERDICT, LEAD },
			 { NFTNL_EXPR_IMM_CHAIN, NAME } } },
	{ "immediate", { { NFTNL_EXPR_IMM_DREG, NUMBER }, { NFTNL_EXPR_IMM_VERDICT, NUMBER } } },
	{ "notrack", { { 0, 0 } } },
	{ "match", { { NFTNL_EXPR_MT_NAME, NAME }, { NFTNL_EXPR_MT_REV, NUMBER },
		     { NFTNL_EXPR_MT_INFO, GIVEN } } },
	{ "target", { { NFTNL_EXPR_TG_NAME, NAME }, { NFTNL_EXPR_TG_REV, NUMBER },
		      { NFTNL_EXPR_TG_INFO, GIVEN } } },
	{ "dynset", { { NFTNL_EXPR_DYNSET_SREG_KEY, NUMBER }, { NFTNL_EXPR_DYNSET_OP, NUMBER },
		      { NFTNL_EXPR_DYNSET_SET_NAME, NAME } } },
	{ "log", { { 0, 0 } } },
	{ "reject", { { NFTNL_EXPR_REJECT_TYPE, NUMBER } } },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define VALUES (sizeof(kinds[0].values) / sizeof(kinds[0].values[0]))

/* --- what is left of the input ------------------------------------------- */

struct input {
	const uint8_t *at, *end;
};

static uint8_t take_byte(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

/* Mostly small ones, as registers, keys and lengths are. */
static uint32_t take_number(struct input *input)
{
	uint8_t byte = take_byte(input);

	return byte < 0xf0 ? byte : (uint32_t)take_byte(input) << 24 | 0xffff00u | byte;
}

/* A copy that ends where it does, NUL and all. */
static size_t take_bytes(struct input *input, uint8_t bytes[64])
{
	size_t size = take_byte(input) % 64u;

	for (size_t i = 0; i < size; i++)
		bytes[i] = take_byte(input);
	return size;
}

/* --- the rule -------------------------------------------------------------- */

static void set_value(struct nftnl_expr *expression, uint16_t value, enum value_kind kind,
		      struct input *input)
{
	uint8_t bytes[65] = "";
	size_t size;

	if (kind == NUMBER) {
		nftnl_expr_set_u32(expression, value, take_number(input));
	} else if (kind == LEAD) {
		nftnl_expr_set_u32(expression, value,
				   (uint32_t)(take_byte(input) & 1 ? NFT_JUMP : NFT_GOTO));
	} else if (kind == LONG) {
		nftnl_expr_set_u64(expression, value, (uint64_t)take_number(input) << 32);
	} else {
		size = take_bytes(input, bytes);
		bytes[size] = '\0';
		if (kind == NAME)	/* the kernel's are 1 to 31 characters */
			nftnl_expr_set_str(expression, value, size > 31 || !*bytes ? "x" :
					   (const char *)bytes);
		else if (size)
			nftnl_expr_set(expression, value, kind == GIVEN ? fuzz_copy(bytes, size) :
				       bytes, (uint32_t)size);
	}
}

static void add_expression(struct nftnl_rule *rule, size_t kind, struct input *input)
{
	struct nftnl_expr *expression = nftnl_expr_alloc(kinds[kind].name);

	promise(expression);
	for (size_t i = 0; i < VALUES && kinds[kind].values[i].value; i++)
		set_value(expression, kinds[kind].values[i].value, kinds[kind].values[i].kind, input);
	nftnl_rule_add_expr(rule, expression);
}

static struct nftnl_rule *make_rule(struct input *input)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	promise(rule);
	for (int i = 0; i < 40 && input->at < input->end; i++) {
		uint8_t kind = take_byte(input);

		if (kind >= KINDS)
			break;
		add_expression(rule, kind, input);
	}
	if (input->at < input->end)	/* the kernel takes up to 256 bytes */
		nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, input->at,
				    (uint32_t)(input->end - input->at > 256 ? 256 :
					       input->end - input->at));
	return rule;
}

static void promise_text(const struct nft_rule *rule)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	promise(out);
	nft_rule_print(rule, out);
	promise(!fclose(out));
	promise(strlen(text) == size);
	if (size)
		promise_sentence(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	struct nftnl_rule *rule = make_rule(&input);
	struct nft_table table = { .exists = true };
	struct nft_chain *chain = nft_table_add_chain(&table, "input");
	struct nft_draft draft;

	promise(chain && nft_table_add_set(&table, "set") && nft_table_add_unnamed(&table, "__set0"));
	rule_read(&draft, rule, &table);
	promise(!nft_chain_add(&table, chain, &draft));
	nftnl_rule_free(rule);		/* what is kept is a copy */
	promise_text(&chain->rules[0]);
	nft_table_free(&table);
	return 0;
}
