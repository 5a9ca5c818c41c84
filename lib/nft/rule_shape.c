/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/rule_shape.h"

#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

struct shape {
	bool asks;		/* not every packet gets to its end, as far as we know */
	bool acts;		/* does more than to count and to log */
	bool drops, ends;
	const char *chain;
};

/* What only looks at a packet: it may end the rule for some. */
static const char *const conditions[] = {
	"meta", "payload", "bitwise", "cmp", "range", "lookup", "ct", "fib", "socket", "rt",
	"exthdr", "limit", "quota", "connlimit", "numgen", "hash", "osf", "xfrm", "byteorder",
};

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void take_verdict(struct shape *shape, const struct nftnl_expr *expression)
{
	switch ((int)nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_VERDICT)) {
	case NF_DROP:
		shape->drops = true;
		break;
	case NF_ACCEPT:
	case NFT_RETURN:
		shape->ends = true;
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		shape->chain = nftnl_expr_get_str(expression, NFTNL_EXPR_IMM_CHAIN);
		break;
	default:
		shape->acts = true;
	}
}

/* A target of xtables that iptables-nft has no expression for. */
static void take_target(struct shape *shape, const char *name)
{
	if (!name || (strcmp(name, "LOG") && strcmp(name, "NFLOG") && strcmp(name, "REJECT")))
		shape->asks = shape->acts = true;
	else if (!strcmp(name, "REJECT"))
		shape->drops = true;
}

/* One that sets something, in place of looking at it. */
static bool sets_something(const struct nftnl_expr *expression, const char *name)
{
	return (!strcmp(name, "meta") && !nftnl_expr_is_set(expression, NFTNL_EXPR_META_DREG)) ||
	       (!strcmp(name, "ct") && !nftnl_expr_is_set(expression, NFTNL_EXPR_CT_DREG)) ||
	       (!strcmp(name, "payload") &&
		!nftnl_expr_is_set(expression, NFTNL_EXPR_PAYLOAD_DREG));
}

static int take_expression(struct nftnl_expr *expression, void *data)
{
	const char *name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
	struct shape *shape = data;

	if (!strcmp(name, "immediate")) {
		if (nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_DREG) == NFT_REG_VERDICT)
			take_verdict(shape, expression);
	} else if (!strcmp(name, "reject")) {
		shape->drops = true;
	} else if (!strcmp(name, "target")) {
		take_target(shape, nftnl_expr_get_str(expression, NFTNL_EXPR_TG_NAME));
	} else if (!strcmp(name, "match")) {
		const char *match = nftnl_expr_get_str(expression, NFTNL_EXPR_MT_NAME);

		shape->asks |= !match || strcmp(match, "comment");
	} else if (sets_something(expression, name)) {
		shape->acts = true;
	} else if (is_among(name, conditions, sizeof(conditions) / sizeof(conditions[0]))) {
		shape->asks = true;
	} else if (strcmp(name, "counter") && strcmp(name, "log") && strcmp(name, "last")) {
		shape->asks = shape->acts = true;
	}
	return 0;
}

enum nft_shape rule_shape(const struct nftnl_rule *rule, const char **chain)
{
	struct shape shape = { .asks = false };

	nftnl_expr_foreach((struct nftnl_rule *)rule, take_expression, &shape);
	if (shape.chain)
		*chain = shape.chain;
	if (shape.drops)
		return shape.asks ? NFT_SHAPE_OTHER : NFT_SHAPE_DROPS;
	if (shape.ends)
		return shape.asks ? NFT_SHAPE_OTHER : NFT_SHAPE_ENDS;
	if (shape.chain)
		return shape.asks ? NFT_SHAPE_OTHER : NFT_SHAPE_LEADS;
	return shape.acts ? NFT_SHAPE_OTHER : NFT_SHAPE_NOTES;
}
