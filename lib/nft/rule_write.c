/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules as the kernel takes them: a test becomes the expressions that nft(8) would make
 * of it, so that it and iptables-nft read them back.  Several ports or types become a
 * set without a name of its own, which lives as long as its rule.
 */
#include "nft/message.h"

#include <endian.h>
#include <stdio.h>	/* for libnftnl/expr.h */
#include <stdlib.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "nft/body_write.h"
#include "nft/unnamed_set.h"

struct writer {
	struct batch *batch;
	const struct nft_place *place;
	const struct nft_subject *subject;
	struct nftnl_rule *rule;
	uint32_t set_id;		/* of the set of the next test that has one */
};

static struct nftnl_expr *add_expression(struct writer *writer, const char *name)
{
	struct nftnl_expr *expression = nftnl_expr_alloc(name);

	writer->batch->failed |= !expression;
	if (expression)
		nftnl_rule_add_expr(writer->rule, expression);
	return expression;
}

/* --- tests -------------------------------------------------------------- */

/*
 * Of an address of which not all whole bytes count nft(8) and iptables-nft load all, and
 * read it back in no other form.
 */
static uint8_t loaded_size(const struct nft_field *field)
{
	bool is_ipv6 = field->offset == 8 || field->offset == 24;

	if (field->base != NFT_BASE_NETWORK || !nft_field_is_masked(field))
		return field->size;
	return is_ipv6 ? 16 : 4;
}

static void load_address_type(struct writer *writer, const struct nft_field *field)
{
	struct nftnl_expr *expression = add_expression(writer, "fib");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_FIB_FLAGS, field->key);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
}

static void load(struct writer *writer, const struct nft_field *field)
{
	bool meta = field->base == NFT_BASE_META;
	struct nftnl_expr *expression;

	if (field->base == NFT_BASE_FIB) {
		load_address_type(writer, field);
		return;
	}
	expression = add_expression(writer, meta ? "meta" : "payload");
	if (!expression)
		return;
	if (meta) {
		nftnl_expr_set_u32(expression, NFTNL_EXPR_META_KEY, field->key);
		nftnl_expr_set_u32(expression, NFTNL_EXPR_META_DREG, NFT_REG_1);
		return;
	}
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_BASE,
			   field->base == NFT_BASE_NETWORK ? NFT_PAYLOAD_NETWORK_HEADER :
							     NFT_PAYLOAD_TRANSPORT_HEADER);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_OFFSET, field->offset);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_LEN, loaded_size(field));
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

static void mask(struct writer *writer, const struct nft_field *field)
{
	static const uint8_t nothing[NFT_FIELD_MAX];
	struct nftnl_expr *expression;

	if (!nft_field_is_masked(field))
		return;
	expression = add_expression(writer, "bitwise");
	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_LEN, loaded_size(field));
	nftnl_expr_set(expression, NFTNL_EXPR_BITWISE_MASK, field->mask, loaded_size(field));
	nftnl_expr_set(expression, NFTNL_EXPR_BITWISE_XOR, nothing, loaded_size(field));
}

static void compare(struct writer *writer, uint32_t operator, const void *value, size_t size)
{
	struct nftnl_expr *expression = add_expression(writer, "cmp");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CMP_OP, operator);
	nftnl_expr_set(expression, NFTNL_EXPR_CMP_DATA, value, (uint32_t)size);
}

static void look_up(struct writer *writer, const char *set, uint32_t id, bool inverted)
{
	struct nftnl_expr *expression = add_expression(writer, "lookup");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	writer->batch->failed |= nftnl_expr_set_str(expression, NFTNL_EXPR_LOOKUP_SET, set) < 0;
	if (id)
		nftnl_expr_set_u32(expression, NFTNL_EXPR_LOOKUP_SET_ID, id);
	if (inverted)
		nftnl_expr_set_u32(expression, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

/* The type of an ICMP message, as the match of xtables has it (struct ipt_icmp). */
static void write_icmp_match(struct writer *writer, uint8_t type, bool is_icmpv6)
{
	const uint8_t icmp[] = { type, 0, UINT8_MAX, 0 };	/* of whatever code */
	struct nftnl_expr *expression = add_expression(writer, "match");
	void *data = malloc(sizeof(icmp));

	writer->batch->failed |= !data;
	if (!expression || !data ||
	    nftnl_expr_set_str(expression, NFTNL_EXPR_MT_NAME, is_icmpv6 ? "icmp6" : "icmp") < 0) {
		writer->batch->failed = true;
		free(data);
		return;
	}
	nftnl_expr_set_u32(expression, NFTNL_EXPR_MT_REV, 0);
	/* libnftnl keeps the pointer, and frees it */
	nftnl_expr_set(expression, NFTNL_EXPR_MT_INFO, memcpy(data, icmp, sizeof(icmp)),
		       sizeof(icmp));
	/* the match asks for its protocol */
	nftnl_rule_set_u32(writer->rule, NFTNL_RULE_COMPAT_PROTO,
			   is_icmpv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	nftnl_rule_set_u32(writer->rule, NFTNL_RULE_COMPAT_FLAGS, 0);
}

static bool is_icmp_type(const struct nft_test *test)
{
	return test->field.base == NFT_BASE_TRANSPORT && !test->field.offset &&
	       test->field.size == 1 && test->count == 1;
}

static void write_test(struct writer *writer, const struct nft_test *test)
{
	const struct nft_interval *only = &test->only;
	uint8_t size = loaded_size(&test->field);

	load(writer, &test->field);
	mask(writer, &test->field);
	if (test->set) {
		look_up(writer, test->set, 0, test->inverted);
	} else if (test->count > 1) {
		look_up(writer, UNNAMED_SET, ++writer->set_id, test->inverted);
	} else if (!memcmp(only->first, only->last, sizeof(only->first))) {
		compare(writer, test->inverted ? NFT_CMP_NEQ : NFT_CMP_EQ, only->first, size);
	} else {
		compare(writer, NFT_CMP_GTE, only->first, size);
		compare(writer, NFT_CMP_LTE, only->last, size);
	}
}

static bool is_one_port(const struct nft_test *test)
{
	return test->field.base == NFT_BASE_TRANSPORT && test->field.size == 2 &&
	       !nft_field_is_masked(&test->field) && test->count == 1 && !test->inverted &&
	       !memcmp(test->only.first, test->only.last, sizeof(test->only.first));
}

/* Two ports side by side are one load, as nft(8) makes it; iptables-nft does not. */
static bool write_two_ports(struct writer *writer, const struct nft_test *first,
			    const struct nft_test *second)
{
	struct nft_field both = nft_header_field(NFT_BASE_TRANSPORT, first->field.offset, 4);
	uint8_t value[4];

	if (writer->place->family != NFPROTO_INET || !is_one_port(first) || !is_one_port(second) ||
	    second->field.offset != first->field.offset + 2)
		return false;
	memcpy(value, first->only.first, 2);
	memcpy(value + 2, second->only.first, 2);
	load(writer, &both);
	compare(writer, NFT_CMP_EQ, value, sizeof(value));
	return true;
}

static void write_tests(struct writer *writer, const struct nft_rule *rule)
{
	for (size_t i = 0; i < rule->test_count; i++) {
		if (i + 1 < rule->test_count &&
		    write_two_ports(writer, &rule->tests[i], &rule->tests[i + 1]))
			i++;
		else if (writer->place->is_iptables && is_icmp_type(&rule->tests[i]))
			write_icmp_match(writer, rule->tests[i].only.first[0],
					 writer->place->family == NFPROTO_IPV6);
		else
			write_test(writer, &rule->tests[i]);
	}
}

/* --- what is done with the packet --------------------------------------- */

static void count(struct writer *writer, const struct notrack_count *count)
{
	struct nftnl_expr *expression = add_expression(writer, "counter");

	if (!expression)
		return;
	nftnl_expr_set_u64(expression, NFTNL_EXPR_CTR_PACKETS, count->packets);
	nftnl_expr_set_u64(expression, NFTNL_EXPR_CTR_BYTES, count->bytes);
}

static void decide(struct writer *writer, enum target target, const char *chain)
{
	static const int verdicts[] = {
		[TARGET_ACCEPT] = NF_ACCEPT, [TARGET_DROP] = NF_DROP,
		[TARGET_RETURN] = NFT_RETURN, [TARGET_JUMP] = NFT_JUMP, [TARGET_GOTO] = NFT_GOTO,
	};
	struct nftnl_expr *expression;

	if (target == TARGET_NONE)
		return;
	expression = add_expression(writer, "immediate");
	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdicts[target]);
	if (chain && nftnl_expr_set_str(expression, NFTNL_EXPR_IMM_CHAIN, chain) < 0)
		writer->batch->failed = true;
}

static struct nftnl_expr *make_limit(const struct nft_limit *limit)
{
	struct nftnl_expr *expression = nftnl_expr_alloc("limit");

	if (!expression)
		return NULL;
	nftnl_expr_set_u64(expression, NFTNL_EXPR_LIMIT_RATE, limit->packets);
	nftnl_expr_set_u64(expression, NFTNL_EXPR_LIMIT_UNIT, limit->seconds);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_LIMIT_BURST, limit->burst);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_LIMIT_FLAGS, 0);
	return expression;
}

static void update(struct writer *writer, const struct nft_update *update)
{
	struct nftnl_expr *expression, *state;

	load(writer, &update->key);
	mask(writer, &update->key);
	expression = add_expression(writer, "dynset");
	state = update->limited ? make_limit(&update->limit) : nftnl_expr_alloc("counter");
	writer->batch->failed |= !state;
	if (!expression && state)
		nftnl_expr_free(state);
	if (!expression || !state)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	if (nftnl_expr_set_str(expression, NFTNL_EXPR_DYNSET_SET_NAME, update->set) < 0)
		writer->batch->failed = true;
	nftnl_expr_add_expr(expression, NFTNL_EXPR_DYNSET_EXPR, state);
}

static void comment(struct writer *writer, const char *text)
{
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!data || !nftnl_udata_put_strz(data, NFTNL_UDATA_RULE_COMMENT, text) ||
	    nftnl_rule_set_data(writer->rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data),
				nftnl_udata_buf_len(data)) < 0)
		writer->batch->failed = true;
	if (data)
		nftnl_udata_buf_free(data);
}

/* --- the rule ----------------------------------------------------------- */

/* In the order in which nft(8) has them: tests, then statements. */
static void write_expressions(struct writer *writer, const struct nft_rule *rule)
{
	write_tests(writer, rule);
	if (rule->update)
		update(writer, rule->update);
	if (rule->counts)
		count(writer, &rule->count);
	if (rule->notrack)
		add_expression(writer, "notrack");
	decide(writer, (enum target)rule->target, rule->chain);
	if (rule->comment)
		comment(writer, rule->comment);
}

static void put_rule(struct writer *writer, const char *chain, uint64_t before)
{
	uint16_t flags = NLM_F_CREATE | (before ? 0 : NLM_F_APPEND);
	struct nlmsghdr *header;

	if (nftnl_rule_set_str(writer->rule, NFTNL_RULE_TABLE, writer->place->table) < 0 ||
	    nftnl_rule_set_str(writer->rule, NFTNL_RULE_CHAIN, chain) < 0)
		writer->batch->failed = true;
	if (before)
		nftnl_rule_set_u64(writer->rule, NFTNL_RULE_POSITION, before);
	header = batch_message(writer->batch, NFT_MSG_NEWRULE, flags, writer->subject);
	if (header)
		nftnl_rule_nlmsg_build_payload(header, writer->rule);
}

void message_add_rule(struct batch *batch, const struct nft_place *place, const char *chain,
		      const struct nft_rule *rule, uint64_t before)
{
	const struct nft_subject subject = { .family = place->family, .table = place->table,
					     .chain = chain, .rule = rule };
	struct writer writer = { .batch = batch, .place = place, .subject = &subject,
				 .set_id = batch->set_id };

	if (rule->body) {
		nft_body_put(rule->body, batch, &subject, before);
		return;
	}
	writer.rule = nftnl_rule_alloc();
	batch->failed |= !writer.rule;
	for (size_t i = 0; i < rule->test_count; i++)
		if (rule->tests[i].count > 1)
			unnamed_set_write(batch, &subject, &rule->tests[i]);
	if (!writer.rule)
		return;
	write_expressions(&writer, rule);
	put_rule(&writer, chain, before);
	nftnl_rule_free(writer.rule);
}

static void delete_rules(struct batch *batch, const struct nft_place *place, const char *chain,
			 const struct nft_rule *rule)
{
	const struct nft_subject subject = { .family = place->family, .table = place->table,
					     .chain = chain, .rule = rule };
	struct nlmsghdr *header = batch_message(batch, NFT_MSG_DELRULE, 0, &subject);

	if (!header)
		return;
	mnl_attr_put_strz(header, NFTA_RULE_TABLE, place->table);
	mnl_attr_put_strz(header, NFTA_RULE_CHAIN, chain);
	if (rule)
		mnl_attr_put_u64(header, NFTA_RULE_HANDLE, htobe64(rule->handle));
}

void message_delete_rule(struct batch *batch, const struct nft_place *place, const char *chain,
			 const struct nft_rule *rule)
{
	delete_rules(batch, place, chain, rule);
}

void message_flush_chain(struct batch *batch, const struct nft_place *place, const char *chain)
{
	delete_rules(batch, place, chain, NULL);
}
