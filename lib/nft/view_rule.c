/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A rule's expressions, one after another. */
#include "nft/view_machine.h"
#include "nft/view_reader.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdlib.h>

#include "nft/table.h"
#include "rules/graft.h"
#include "rules/name.h"

/* In order of name. */
static const struct expression {
	const char *name;
	expression_run *run;
} expressions[] = {
	{ "bitwise", run_bitwise },
	{ "byteorder", run_byteorder },
	{ "cmp", run_compare },
	{ "connlimit", run_connlimit },
	{ "counter", run_counter },
	{ "ct", run_ct },
	{ "dup", run_count },
	{ "dynset", run_dynset },
	{ "exthdr", run_exthdr },
	{ "fib", run_fib },
	{ "flow_offload", run_count },
	{ "hash", run_load_unknown },
	{ "immediate", run_immediate },
	{ "inner", run_load_unknown },
	{ "last", run_counter },
	{ "limit", run_limit },
	{ "log", run_log },
	{ "lookup", run_lookup },
	{ "masq", run_masquerade },
	{ "match", run_match },
	{ "meta", run_meta },
	{ "nat", run_nat },
	{ "notrack", run_notrack },
	{ "numgen", run_load_unknown },
	{ "objref", run_objref },
	{ "osf", run_load_unknown },
	{ "payload", run_payload },
	{ "queue", run_queue },
	{ "quota", run_quota },
	{ "range", run_range },
	{ "redir", run_redirect },
	{ "reject", run_reject },
	{ "rt", run_load_unknown },
	{ "socket", run_load_unknown },
	{ "synproxy", run_synproxy },
	{ "target", run_target },
	{ "tproxy", run_tproxy },
	{ "tunnel", run_load_unknown },
	{ "xfrm", run_load_unknown },
};
#define EXPRESSIONS (sizeof(expressions) / sizeof(expressions[0]))

static const struct expression *find_expression(const char *name)
{
	size_t i = 0;

	/* rules are read by the hundred thousand: most names are told by their first letter */
	while (i < EXPRESSIONS && expressions[i].name[0] < name[0])
		i++;
	for (; i < EXPRESSIONS && expressions[i].name[0] == name[0]; i++)
		if (!strcmp(expressions[i].name, name))
			return &expressions[i];
	return NULL;
}

/* One that we do not know may end the rule, or the packet's way. */
static int run_unknown(struct machine *machine, const char *name)
{
	char *what = arena_strdup(&machine->view->arena, name);

	return what && view_add_unknown(machine->view, STEP_ANYTHING, what) ? 1 : -ENOMEM;
}

/*
 * What tells an unknown condition from others is what it is made of: the expressions
 * from the one behind the last step on, to the end of @last.
 */
static uint32_t identity_of(const struct nlattr *first, const struct nlattr *last)
{
	uint32_t hash = 0;

	for (; first <= last; first = mnl_attr_next(first))
		hash = view_hash(hash, mnl_attr_get_payload(first), mnl_attr_get_payload_len(first));
	return hash;
}

static void identify_unknown(struct machine *machine, size_t before, const struct nlattr *attr)
{
	struct view *view = machine->view;

	for (size_t i = before; i < view->step_count; i++)
		if (view->steps[i].kind == STEP_UNKNOWN)
			view->steps[i].index = identity_of(machine->since, attr);
	if (view->step_count > before)
		machine->since = mnl_attr_next(attr);
}

static int run_expression(struct machine *machine, const struct nlattr *attr)
{
	const char *name = expression_name(attr);
	const struct expression *expression = find_expression(name);
	struct attributes data = attributes_in(attribute_in(attr, NFTA_EXPR_DATA));
	size_t before = machine->view->step_count;
	int result = expression ? expression->run(machine, &data) : run_unknown(machine, name);

	identify_unknown(machine, before, attr);
	return result;
}

/* --- rules of ours ---------------------------------------------------- */

/* Type and length, a byte each, ahead of each value. */
#define UDATA_COMMENT 0

static bool begins_as_ours(const void *text, size_t size)
{
	size_t length = strlen(GRAFT_COMMENT);

	return size >= length && !memcmp(text, GRAFT_COMMENT, length);
}

static bool has_comment_of_ours(const struct nlattr *userdata)
{
	const uint8_t *at = userdata ? mnl_attr_get_payload(userdata) : NULL;
	size_t left = userdata ? mnl_attr_get_payload_len(userdata) : 0;

	while (left > 2 && at[1] + 2u <= left) {
		if (at[0] == UDATA_COMMENT && begins_as_ours(at + 2, at[1]))
			return true;
		left -= at[1] + 2u;
		at += at[1] + 2;
	}
	return false;
}

/* A match of comments says what userdata says, in rules of iptables-nft. */
static bool is_comment_of_ours(const struct nlattr *expression)
{
	struct attributes data = attributes_in(attribute_in(expression, NFTA_EXPR_DATA));
	const struct nlattr *info = data.of[NFTA_MATCH_INFO];

	return info && !strcmp(attribute_text(data.of[NFTA_MATCH_NAME]), "comment") &&
	       begins_as_ours(payload(info), size_of_payload(info));
}

static bool is_jump_to_ours(const struct nlattr *expression)
{
	const struct nlattr *data = attribute_in(expression, NFTA_EXPR_DATA);
	const struct nlattr *value = attribute_in(data, NFTA_IMMEDIATE_DATA);
	const struct nlattr *verdict = attribute_in(value, NFTA_DATA_VERDICT);

	return name_is_ours(attribute_text(attribute_in(verdict, NFTA_VERDICT_CHAIN)));
}

static bool says_ours(const struct nlattr *list)
{
	const struct nlattr *attr;
	bool ours = false;

	each_attribute(attr, payload(list), end_of(list)) {
		const char *name = expression_name(attr);

		if (*name == 'm' && !strcmp(name, "match"))
			ours |= is_comment_of_ours(attr);
		else if (*name == 'i' && !strcmp(name, "immediate"))
			ours |= is_jump_to_ours(attr);
	}
	return ours;
}

int reader_run(struct view_reader *reader, struct view_chain *chain, const void *list, size_t size,
	       uint8_t *from)
{
	struct machine machine = { .reader = reader, .view = reader->view, .chain = chain,
				   .family = view_family_of(chain->table), .protocol = -1,
				   .since = list };
	const struct nlattr *attr;
	size_t before = 0, i = 0;
	int result = 0;

	if (machine.family != AF_INET && machine.family != AF_INET6)
		machine.family = AF_UNSPEC;
	reader->view->step_count = 0;
	each_attribute(attr, list, (const char *)list + size) {
		result = run_expression(&machine, attr);
		for (; from && before < reader->view->step_count && before < VIEW_STEPS_MAX; before++)
			from[before] = (uint8_t)i;
		if (result)
			break;
		i++;
	}
	return result < 0 ? result : 0;
}

int reader_add_rule(struct view_reader *reader, struct view_chain *chain,
		    const struct attributes *from)
{
	bool ours = chain_is_ours(chain) || chain->table->own ||
		    has_comment_of_ours(from->of[NFTA_RULE_USERDATA]);
	const struct nlattr *list = from->of[NFTA_RULE_EXPRESSIONS];
	struct view_rule *rule;
	int err = 0;

	reader->view->step_count = 0;
	if (list && !reader->skims)
		err = reader_run(reader, chain, mnl_attr_get_payload(list),
				 mnl_attr_get_payload_len(list), NULL);
	if (err)
		return err;
	rule = view_end_rule(reader->view, chain, number64_in(from->of[NFTA_RULE_HANDLE]));
	if (!rule)
		return -ENOMEM;
	if (ours || (list && says_ours(list)))
		rule->flags |= RULE_OURS;
	return reader->take ? reader->take(reader, chain, rule, from) : 0;
}
