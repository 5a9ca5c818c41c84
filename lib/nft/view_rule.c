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

static int compare_names(const void *a, const void *b)
{
	const struct expression *one = a, *other = b;

	return strcmp(one->name, other->name);
}

/* One that we do not know may end the rule, or the packet's way. */
static int run_unknown(struct machine *machine, const char *name)
{
	char *what = arena_strdup(&machine->view->arena, name);

	return what && view_add_unknown(machine->view, STEP_ANYTHING, what) ? 1 : -ENOMEM;
}

/*
 * What tells an unknown condition from others is what it is made of: the
 * expressions since the one before, without the registers they use.
 */
static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;

	while (size--)
		hash = (hash ^ *byte++) * 0x01000193u;
	return hash;
}

static int run_expression(struct machine *machine, const struct nlattr *attr)
{
	struct attributes of = attributes_in(attr);
	const struct expression key = { .name = attribute_text(of.of[NFTA_EXPR_NAME]) };
	const struct expression *expression = bsearch(&key, expressions,
						      sizeof(expressions) / sizeof(key),
						      sizeof(key), compare_names);
	struct attributes data = attributes_in(of.of[NFTA_EXPR_DATA]);
	size_t before = machine->view->step_count;
	int result = expression ? expression->run(machine, &data) : run_unknown(machine, key.name);

	machine->identity = hash_bytes(machine->identity, mnl_attr_get_payload(attr),
				       mnl_attr_get_payload_len(attr));
	for (size_t i = before; i < machine->view->step_count; i++)
		if (machine->view->steps[i].kind == STEP_UNKNOWN)
			machine->view->steps[i].index = machine->identity;
	if (machine->view->step_count > before)
		machine->identity = 0;
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

static bool leads_to_ours(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	return verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO) &&
	       name_is_ours(verdict->chain->name);
}

/* A match of comments says what userdata says, in rules of iptables-nft. */
static bool is_comment_of_ours(const struct nlattr *attr)
{
	struct attributes of = attributes_in(attr);
	struct attributes data = attributes_in(of.of[NFTA_EXPR_DATA]);
	const struct nlattr *info = data.of[NFTA_MATCH_INFO];

	return !strcmp(attribute_text(of.of[NFTA_EXPR_NAME]), "match") && info &&
	       !strcmp(attribute_text(data.of[NFTA_MATCH_NAME]), "comment") &&
	       begins_as_ours(mnl_attr_get_payload(info), mnl_attr_get_payload_len(info));
}

int reader_run(struct view_reader *reader, struct view_chain *chain, const void *list, size_t size,
	       uint8_t *from)
{
	struct machine machine = { .reader = reader, .view = reader->view, .chain = chain,
				   .family = view_family_of(chain->table), .protocol = -1 };
	const struct nlattr *attr = list;
	int left = (int)size, result = 0;
	size_t before = 0;

	if (machine.family != AF_INET && machine.family != AF_INET6)
		machine.family = AF_UNSPEC;
	reader->view->step_count = 0;
	for (size_t i = 0; mnl_attr_ok(attr, left) && !result; attr = mnl_attr_next(attr), i++) {
		left -= (int)MNL_ALIGN(attr->nla_len);
		result = run_expression(&machine, attr);
		for (; from && before < reader->view->step_count && before < VIEW_STEPS_MAX; before++)
			from[before] = (uint8_t)i;
	}
	return result < 0 ? result : 0;
}

int reader_add_rule(struct view_reader *reader, struct view_chain *chain,
		    const struct attributes *from)
{
	bool ours = name_is_ours(chain->name) || !strcmp(chain->table->name, NFT_TABLE) ||
		    has_comment_of_ours(from->of[NFTA_RULE_USERDATA]);
	const struct nlattr *list = from->of[NFTA_RULE_EXPRESSIONS], *attr;
	struct view_rule *rule;
	int err = 0;

	reader->view->step_count = 0;
	if (list)
		mnl_attr_for_each_nested(attr, list)
			ours |= is_comment_of_ours(attr);
	if (list)
		err = reader_run(reader, chain, mnl_attr_get_payload(list),
				 mnl_attr_get_payload_len(list), NULL);
	if (err)
		return err;
	rule = view_end_rule(reader->view, chain, attribute_handle(from->of[NFTA_RULE_HANDLE]));
	if (!rule)
		return -ENOMEM;
	if (ours || leads_to_ours(rule))
		rule->flags |= RULE_OURS;
	return reader->take ? reader->take(reader, chain, rule, from) : 0;
}
