/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As "nft list" prints it, so that the two can be compared, and nft takes it. */
#include "nft/print.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>

#include "nft/body.h"
#include "nft/datatype.h"
#include "rules/view_words_condition.h"
#include "support/text.h"

const char *nft_family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "of another family";
	}
}

/* --- what a rule asks --------------------------------------------------- */

static bool is_meta(const struct nft_test *test, uint8_t key)
{
	return test->field.base == NFT_BASE_META && test->field.key == key;
}

/* The protocol that a rule asks for; 0: any. */
static uint8_t protocol_of(const struct nft_rule *rule)
{
	for (size_t i = 0; i < rule->test_count; i++)
		if (is_meta(&rule->tests[i], NFT_META_L4PROTO))
			return rule->tests[i].only.first[0];
	return 0;
}

static bool looks_at(const struct nft_rule *rule, enum nft_base base)
{
	for (size_t i = 0; i < rule->test_count; i++)
		if (rule->tests[i].field.base == base)
			return true;
	return rule->update && rule->update->key.base == base;
}

/* What other words of the rule say already. */
static bool goes_without_saying(const struct nft_rule *rule, const struct nft_test *test)
{
	uint8_t protocol = protocol_of(rule);

	if (is_meta(test, NFT_META_NFPROTO))
		return looks_at(rule, NFT_BASE_NETWORK) || protocol == IPPROTO_ICMP ||
		       protocol == IPPROTO_ICMPV6;
	return is_meta(test, NFT_META_L4PROTO) && looks_at(rule, NFT_BASE_TRANSPORT);
}

static void print_number(const struct nft_field *field, const uint8_t *value, FILE *out)
{
	bool begun = false;

	fputs("0x", out);
	for (unsigned int i = 0; i < field->size; i++) {
		if (begun)
			fprintf(out, "%02x", value[i]);
		else if (value[i] || i + 1 == field->size)
			fprintf(out, "%x", value[i]);
		begun |= value[i] != 0;
	}
}

static void print_address(const struct nft_field *field, const uint8_t *value, FILE *out)
{
	bool is_ipv6 = field->offset == 8 || field->offset == 24;
	char text[INET6_ADDRSTRLEN];
	unsigned int length = 0;

	inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, value, text, sizeof(text));
	fputs(text, out);
	for (unsigned int i = 0; i < field->size * 8u; i++)
		length += field->mask[i / 8] >> (7 - i % 8) & 1;
	if (length < (is_ipv6 ? 128 : 32))
		fprintf(out, "/%u", length);
}

/* A name that is compared in part begins so. */
static void print_interface(const struct nft_field *field, const uint8_t *value, FILE *out)
{
	char name[IFNAMSIZ + sizeof("*")] = "";

	snprintf(name, sizeof(name), "%.*s%s", field->size, (const char *)value,
		 field->size < IFNAMSIZ ? "*" : "");
	text_print_quoted(name, sizeof(name), out);
}

static void print_value(const struct nft_rule *rule, const struct nft_field *field,
			const uint8_t *value, FILE *out)
{
	bool is_name = field->base == NFT_BASE_META && (field->key == NFT_META_IIFNAME ||
							field->key == NFT_META_OIFNAME);

	if (is_name)
		print_interface(field, value, out);
	else if (field->base == NFT_BASE_FIB)	/* of no other type */
		fputs("local", out);
	else if (field->base == NFT_BASE_META && field->key == NFT_META_NFPROTO)
		fputs(value[0] == NFPROTO_IPV4 ? "ipv4" : "ipv6", out);
	else if (field->base == NFT_BASE_META && protocol_name(value[0]))
		fputs(value[0] == IPPROTO_ICMPV6 ? "ipv6-icmp" : protocol_name(value[0]), out);
	else if (field->base == NFT_BASE_NETWORK)
		print_address(field, value, out);
	else if (field->base == NFT_BASE_TRANSPORT && field->size == 2 && field->offset <= 2 &&
		 protocol_of(rule))
		fprintf(out, "%u", value[0] << 8 | value[1]);
	else if (field->size == 1 && !field->offset && protocol_of(rule))
		fprintf(out, "%u", value[0]);
	else
		print_number(field, value, out);
}

static void print_mask(const struct nft_field *field, FILE *out)
{
	char text[INET6_ADDRSTRLEN];

	if (field->base == NFT_BASE_NETWORK) {
		inet_ntop(field->size == 16 ? AF_INET6 : AF_INET, field->mask, text, sizeof(text));
		fprintf(out, " & %s", text);
	} else {
		fputs(" & ", out);
		print_number(field, field->mask, out);
	}
}

static void print_header_field(const struct nft_rule *rule, const struct nft_field *field, FILE *out)
{
	const char *protocol = protocol_name(protocol_of(rule));

	if (field->base == NFT_BASE_NETWORK)
		fprintf(out, "%s %s", field->offset == 8 || field->offset == 24 ? "ip6" : "ip",
			field->offset == 8 || field->offset == 12 ? "saddr" : "daddr");
	else if (protocol && field->size == 2 && field->offset <= 2)
		fprintf(out, "%s %s", protocol, field->offset ? "dport" : "sport");
	else if (protocol && field->size == 1 && !field->offset)
		fprintf(out, "%s type", protocol);
	else
		fprintf(out, "@th,%u,%u", field->offset * 8u, field->size * 8u);
}

static void print_field(const struct nft_rule *rule, const struct nft_field *field, FILE *out)
{
	if (field->base == NFT_BASE_FIB)
		fprintf(out, "fib %caddr type", field->key == NFTA_FIB_F_SADDR ? 's' : 'd');
	else if (field->base != NFT_BASE_META)
		print_header_field(rule, field, out);
	else if (field->key == NFT_META_IIFNAME)
		fputs("iifname", out);
	else if (field->key == NFT_META_OIFNAME)
		fputs("oifname", out);
	else
		fputs(field->key == NFT_META_NFPROTO ? "meta nfproto" : "meta l4proto", out);
}

static bool is_tcp_flags(const struct nft_rule *rule, const struct nft_field *field)
{
	return field->base == NFT_BASE_TRANSPORT && field->offset == 13 && field->size == 1 &&
	       protocol_of(rule) == IPPROTO_TCP;
}

/* "fin | ack" */
static void print_tcp_flags(unsigned int flags, FILE *out)
{
	const char *before = "";

	for (const struct number_name *name = tcp_flag_names; name->nft; name++)
		if (flags & name->number) {
			fprintf(out, "%s%s", before, name->nft);
			before = " | ";
		}
}

static void print_interval(const struct nft_rule *rule, const struct nft_field *field,
			   const struct nft_interval *interval, FILE *out)
{
	print_value(rule, field, interval->first, out);
	if (!memcmp(interval->first, interval->last, sizeof(interval->first)))
		return;
	putc('-', out);
	print_value(rule, field, interval->last, out);
}

static void print_test(const struct nft_rule *rule, const struct nft_test *test, FILE *out)
{
	const struct nft_field *field = &test->field;
	bool is_prefix = field->base == NFT_BASE_NETWORK && !test->set;

	if (is_tcp_flags(rule, field)) {
		fputs("tcp flags & (", out);
		print_tcp_flags(field->mask[0], out);
		fputs(test->inverted ? ") != " : ") == ", out);
		print_tcp_flags(test->only.first[0], out);
		return;
	}
	print_field(rule, field, out);
	if (nft_field_is_masked(field) && !is_prefix) {
		print_mask(field, out);
		fputs(test->inverted ? " !=" : " ==", out);
	} else if (test->inverted) {
		fputs(" !=", out);
	}
	if (test->set) {
		fputs(" @", out);
		text_print_name(test->set, out);
		return;
	}
	for (size_t i = 0; i < test->count; i++) {
		fputs(i ? ", " : test->count > 1 ? " { " : " ", out);
		print_interval(rule, field, &nft_test_intervals(test)[i], out);
	}
	if (test->count > 1)
		fputs(" }", out);
}

/* --- what it does ------------------------------------------------------- */

static void print_limit(const struct nft_limit *limit, FILE *out)
{
	const char *unit = limit->seconds == 1 ? "second" : limit->seconds == 60 ? "minute" :
			   limit->seconds == 3600 ? "hour" : "day";

	fprintf(out, "limit rate %" PRIu64 "/%s burst %u packets", limit->packets, unit,
		limit->burst);
}

static void print_update(const struct nft_rule *rule, const struct nft_update *update, FILE *out)
{
	fputs("update @", out);
	text_print_name(update->set, out);
	fputs(" { ", out);
	print_field(rule, &update->key, out);
	if (nft_field_is_masked(&update->key))
		print_mask(&update->key, out);
	putc(' ', out);
	if (update->limited)
		print_limit(&update->limit, out);
	else
		fputs("counter", out);
	fputs(" }", out);
}

static void print_verdict(const struct nft_rule *rule, FILE *out)
{
	static const char *const verdicts[] = {
		[TARGET_ACCEPT] = "accept", [TARGET_DROP] = "drop", [TARGET_RETURN] = "return",
		[TARGET_JUMP] = "jump ", [TARGET_GOTO] = "goto ",
	};

	fputs(verdicts[rule->target], out);
	if (rule->chain)
		text_print_name(rule->chain, out);
}

static void print_statements(const struct nft_rule *rule, const char *space, FILE *out)
{
	if (rule->update) {
		fputs(space, out);
		print_update(rule, rule->update, out);
		space = " ";
	}
	if (rule->counts) {
		fprintf(out, "%scounter packets %" PRIu64 " bytes %" PRIu64, space,
			rule->count.packets, rule->count.bytes);
		space = " ";
	}
	if (rule->notrack) {
		fprintf(out, "%snotrack", space);
		space = " ";
	}
	if (rule->target != TARGET_NONE) {
		fputs(space, out);
		print_verdict(rule, out);
	}
}

void nft_rule_print(const struct nft_rule *rule, FILE *out)
{
	bool begun = false;

	if (rule->body) {
		fputs(rule->body->text, out);
		return;
	}
	if (rule->target == TARGET_FOREIGN) {
		fputs("(a rule that is not ours)", out);
		return;
	}
	for (size_t i = 0; i < rule->test_count; i++) {
		if (goes_without_saying(rule, &rule->tests[i]))
			continue;
		if (begun)
			putc(' ', out);
		print_test(rule, &rule->tests[i], out);
		begun = true;
	}
	print_statements(rule, begun ? " " : "", out);
	if (rule->comment) {
		fputs(" comment ", out);
		text_print_quoted(rule->comment, strlen(rule->comment), out);
	}
}

void nft_line_print(const struct nft_chain *chain, const struct nft_rule *rule, FILE *out)
{
	struct nft_rule plain = *rule;

	plain.count = (struct notrack_count){ 0 };
	text_print_name(chain->name, out);
	putc(' ', out);
	nft_rule_print(&plain, out);
}

void nft_rule_text(const struct nft_rule *rule, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	*text = '\0';
	if (!out)
		return;
	nft_rule_print(rule, out);
	fclose(out);
	text[size - 1] = '\0';
}

/* --- chains and sets ---------------------------------------------------- */

static const char *hook_name(uint32_t number)
{
	switch (number) {
	case NF_INET_PRE_ROUTING:
		return "prerouting";
	case NF_INET_LOCAL_IN:
		return "input";
	default:
		return "output";
	}
}

static void print_hook(const struct nft_hook *hook, FILE *out)
{
	fprintf(out, "\t\ttype filter hook %s priority ", hook_name(hook->number));
	if (hook->priority == NF_IP_PRI_RAW)
		fputs("raw", out);
	else if (hook->priority == NF_IP_PRI_FILTER)
		fputs("filter", out);
	else
		fprintf(out, "filter %c %" PRId64, hook->priority < 0 ? '-' : '+',
			hook->priority < 0 ? -(int64_t)hook->priority : hook->priority);
	fprintf(out, "; policy %s;\n", hook->policy == NF_DROP ? "drop" : "accept");
}

void nft_chain_print(const struct nft_chain *chain, FILE *out)
{
	fputs("\tchain ", out);
	text_print_name(chain->name, out);
	fputs(" {\n", out);
	if (chain->is_base)
		print_hook(&chain->hook, out);
	for (size_t i = 0; i < chain->count; i++) {
		fputs("\t\t", out);
		nft_rule_print(&chain->rules[i], out);
		putc('\n', out);
	}
	fputs("\t}\n", out);
}

void nft_key_print(const struct nft_set *set, const uint8_t *key, FILE *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(set->key_size == 16 ? AF_INET6 : AF_INET, key, text, sizeof(text));
	fputs(text, out);
}

void nft_set_print(const struct nft_set *set, FILE *out)
{
	fputs("\tset ", out);
	text_print_name(set->name, out);
	fprintf(out, " {\n\t\ttype %s\n", set->key_type == NFT_TYPE_IPV6_ADDR ? "ipv6_addr" : "ipv4_addr");
	if (set->size)
		fprintf(out, "\t\tsize %u\n", set->size);
	if (set->is_dynamic)
		fprintf(out, "\t\tflags dynamic%s\n", set->timeout_ms ? ",timeout" : "");
	if (set->timeout_ms)
		fprintf(out, "\t\ttimeout %" PRIu64 "ms\n", set->timeout_ms);
	if (set->counts)
		fputs("\t\tcounter\n", out);
}
