/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Models lowered to a table of nftables and read back, without a kernel: names, the
 * descriptions of services, and the expressions that rules become.
 */
#include "nft/lower.h"

#include <errno.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nft/describe.h"
#include "nft/print.h"
#include "nft/rule_read.h"
#include "nft/unnamed_set.h"
#include "random.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ROUNDS = 300, LOWERED = 30 };

/* --- names -------------------------------------------------------------- */

START_TEST(names_are_read_back)
{
	static const char *const names[] = { "dns", "4-32-dns", "2-dns", ".2-x", "6-128.3-a", "a",
					     "sixteen-letters_" };

	for (size_t i = 0; i < COUNT(names); i++)
		for (unsigned int length = 0; length <= 128; length += 8)
			for (unsigned int index = 0; index < 12; index++) {
				struct nft_pool_id id = { .family = length > 32 ? IPV6 : IPV4,
							  .length = length }, again;
				char name[NFT_NAME_ROOM];
				unsigned int number;

				strcpy(id.service, names[i]);
				nft_pool_name(name, NFT_CLIENTS, &id, index);
				expect(nft_pool_of(name, NFT_CLIENTS, &again, &number), "%s", name);
				expect(!strcmp(again.service, id.service) && number == index &&
				       again.family == id.family && again.length == length, "%s",
				       name);
				expect(!nft_pool_of(name, NFT_LIMIT, &again, &number), "%s", name);
			}
}
END_TEST

START_TEST(names_of_others_are_none_of_ours)
{
	static const char *const names[] = {
		"", "clients", "clients4", "clients4-32", "clients4-32-", "clients5-32-dns",
		"clients4-33-dns", "clients4-032-dns", "clients4-32.1-dns", "clients4-32.0-dns",
		"clients4-32.02-dns", "clients4--1-dns", "clients4-32-a-name-that-is-too-long",
		"clients6-129-dns", "xclients4-32-dns", "clients4-32.9999999999-dns",
	};
	struct nft_pool_id id;
	unsigned int index;

	for (size_t i = 0; i < COUNT(names); i++)
		expect(!nft_pool_of(names[i], NFT_CLIENTS, &id, &index), "%s", names[i]);
}
END_TEST

START_TEST(limits_are_read_back_from_the_names_of_their_buckets)
{
	struct error error;

	random_begin();
	for (int round = 0; round < ROUNDS; round++)
		for (enum family family = IPV4; family < FAMILIES; family++) {
			struct limit_rate rate, again;
			struct random_limit limit;
			char name[NFT_NAME_ROOM];

			random_limit(&limit);
			expect(!limit_parse(&rate, &limit.words, family, &error), "%s", error.text);
			nft_buckets_name(name, "dns", family, &rate);
			expect(nft_buckets_of(name, "dns", family, &again) &&
			       limit_rate_same(&rate, &again), "%s", name);
			expect(!nft_buckets_of(name, "ns", family, &again), "%s", name);
			expect(!nft_buckets_of(name, "dns", !family, &again), "%s", name);
		}
}
END_TEST

/* --- descriptions ------------------------------------------------------- */

static struct service *parsed(const struct notrack_service *words, unsigned int *families)
{
	struct service *service;
	struct error error;

	expect(!service_parse(&service, words, families, &error), "%s", error.text);
	return service;
}

static int compare_service(struct service *service, unsigned int families, void *data)
{
	const struct service *expected = data;

	expect(service_same(service, expected), "%s differs", service->name);
	return (int)families;
}

START_TEST(descriptions_are_read_back)
{
	random_begin();
	for (int round = 0; round < ROUNDS; round++) {
		unsigned int families = 1 + random_below(3);
		char name[NFT_NAME_ROOM];
		struct nft_table table = { .exists = true };
		struct random_service words;
		struct service *service;
		struct nft_chain *chain;

		random_service(&words, families);
		service = parsed(&words.words, &families);
		chain = nft_table_add_chain(&table, nft_service_name(name, NFT_SERVICE,
								     service->name));
		expect(!nft_describe(&table, chain, service, families), "out of memory");
		for (size_t i = 0; i < chain->count; i++)
			expect(strlen(chain->rules[i].comment) <= NFT_COMMENT_MAX, "%s",
			       chain->rules[i].comment);
		expect(nft_description_read(chain, compare_service, service) == (int)families,
		       "%s", chain->rules[0].comment);
		service_unref(service);
		nft_table_free(&table);
	}
}
END_TEST

static int accept_service(struct service *service, unsigned int families, void *data)
{
	(void)service;
	(void)families;
	++*(unsigned int *)data;
	return 0;
}

/* A description of three pieces, at least. */
static struct nft_chain *describe_long(struct nft_table *table)
{
	const struct notrack_service words = {
		.size = sizeof(words), .name = "dns", .interfaces = "eth0,eth1,eth2,eth3,eth4,eth5,eth6",
		.local = "2001:db8:1111:1111:1111:1111:1111:1,2001:db8:1111:1111:1111:1111:1111:2,"
			 "2001:db8:1111:1111:1111:1111:1111:3,2001:db8:1111:1111:1111:1111:1111:4,"
			 "2001:db8:1111:1111:1111:1111:1111:5,2001:db8:1111:1111:1111:1111:1111:6",
	};
	struct nft_chain *chain = nft_table_add_chain(table, "service-dns");
	unsigned int families = NOTRACK_IPV6;
	struct service *service = parsed(&words, &families);

	expect(!nft_describe(table, chain, service, families), "out of memory");
	expect(chain->count >= 3, "%zu pieces", chain->count);
	service_unref(service);
	return chain;
}

START_TEST(a_description_with_a_piece_missing_is_damaged)
{
	for (size_t missing = 0; missing < 3; missing++) {
		struct nft_table table = { .exists = true };
		struct nft_chain *chain = describe_long(&table);
		unsigned int count = 0;

		memmove(&chain->rules[missing], &chain->rules[missing + 1],
			(chain->count - missing - 1) * sizeof(*chain->rules));
		chain->count--;
		ck_assert_int_eq(nft_description_read(chain, accept_service, &count), -EBADMSG);
		ck_assert_uint_eq(count, 0);
		nft_table_free(&table);
	}
}
END_TEST

START_TEST(a_description_in_another_order_is_damaged)
{
	struct nft_table table = { .exists = true };
	struct nft_chain *chain = describe_long(&table);
	struct nft_rule first = chain->rules[0];
	unsigned int count = 0;

	chain->rules[0] = chain->rules[1];
	chain->rules[1] = first;
	ck_assert_int_eq(nft_description_read(chain, accept_service, &count), -EBADMSG);
	nft_table_free(&table);
}
END_TEST

START_TEST(comments_that_describe_nothing_are_damaged)
{
	static const char *const comments[] = {
		"", "1/1", "1/1 ", "hello", "0/0 service dns: ports = 53", "2/1 service dns: ports = 53",
		"1/1 service dns: ports = 70000", "1/1 service other: ports = 53",
		"1/999999999 service dns: ports = 53", "-1/1 service dns: ports = 53",
		"1/1  service dns: ports = 53", "1/1 service dns: ports = 53; p",
	};

	for (size_t i = 0; i < COUNT(comments); i++) {
		struct nft_rule rule = { .target = TARGET_RETURN, .comment = comments[i] };
		const struct nft_chain chain = { .name = "service-dns", .rules = &rule, .count = 1 };
		unsigned int count = 0;

		expect(nft_description_read(&chain, accept_service, &count) == -EBADMSG && !count,
		       "%s", comments[i]);
	}
}
END_TEST

/* --- rules -------------------------------------------------------------- */

static void add_random_services(struct model *model)
{
	for (unsigned int i = 0, count = 1 + random_below(3); i < count; i++) {
		unsigned int families = 1 + random_below(3), asked = families;
		struct random_service words;
		struct service *service;

		random_service(&words, families);
		words.words.families = families == NOTRACK_IPV4 ? "ipv4" :
				       families == NOTRACK_IPV6 ? "ipv6" : NULL;
		service = parsed(&words.words, &families);
		expect(!model_put_service(model, service, families, asked), "out of memory");
		service_unref(service);
	}
}

/* As the kernel would hand them out: only what nftables keeps is in the message. */
static const struct nlmsghdr *message_of(const struct batch *batch, size_t message)
{
	return (const void *)(batch->data + batch->messages[message].offset);
}

static void give_unnamed_sets(struct nft_table *table, const struct nft_rule *rule)
{
	for (size_t i = 0; i < rule->test_count; i++) {
		struct nft_unnamed *unnamed;

		if (rule->tests[i].count < 2)
			continue;
		unnamed = nft_table_add_unnamed(table, UNNAMED_SET);
		unnamed->list = rule->tests[i].list;
		unnamed->count = rule->tests[i].count;
	}
}

static bool is_single(const struct nft_rule *rule)
{
	size_t sets = 0;

	for (size_t i = 0; i < rule->test_count; i++)
		sets += rule->tests[i].count > 1;
	return sets < 2;		/* in a batch, all have the same name */
}

static void expect_same(const struct nft_rule *found, const struct nft_rule *expected)
{
	char text[512], other[512];

	nft_rule_text(found, text, sizeof(text));
	nft_rule_text(expected, other, sizeof(other));
	expect(nft_rule_same(found, expected), "%s\n%s", text, other);
	expect(!strcmp(text, other), "%s\n%s", text, other);
}

/* Written for @family, and read. */
static void expect_read_back(const struct nft_rule *rule, uint8_t family)
{
	const struct nft_place place = { .family = family, .table = "t" };
	struct netlink netlink = { .fd = -1 };
	struct nft_table table = { .exists = true };
	struct nftnl_rule *read = nftnl_rule_alloc();
	struct nft_draft draft;
	struct batch batch;

	give_unnamed_sets(&table, rule);
	batch_begin(&batch, &netlink);
	message_add_rule(&batch, &place, "c", rule, 0);
	expect(!batch.failed && batch.count, "out of memory");
	expect(nftnl_rule_nlmsg_parse(message_of(&batch, batch.count - 1), read) >= 0, "no rule");
	rule_read(&draft, read, &table);
	draft.rule.tests = draft.tests;
	expect_same(&draft.rule, rule);
	nftnl_rule_free(read);
	batch_free(&batch);
	nft_table_free(&table);
}

START_TEST(rules_are_read_back_as_they_were_written)
{
	static const struct nft_pools no_pools;
	unsigned int rules = 0;
	struct error error;

	random_begin();
	for (int round = 0; round < LOWERED; round++) {
		struct model model = { .families = { { .count = 0 } } };
		struct nft_table table = { .exists = false };

		add_random_services(&model);
		expect(!nft_lower(&table, &model, &no_pools, random_chance(30), NULL, &error), "%s", error.text);
		for (size_t i = 0; i < table.chain_count; i++)
			for (size_t j = 0; j < table.chains[i]->count; j++) {
				const struct nft_rule *rule = &table.chains[i]->rules[j];

				if (!is_single(rule))
					continue;
				expect_read_back(rule, NFPROTO_INET);
				expect_read_back(rule, NFPROTO_IPV4);
				rules++;
			}
		nft_table_free(&table);
		model_free(&model);
	}
	ck_assert_uint_gt(rules, LOWERED * 10);
}
END_TEST

/* What a test asks in another order or form is the same; what it asks else is not. */
/* Nobody keeps a program from giving the kernel userdata of its own making. */
static const struct {
	uint8_t size, bytes[16];
	const char *comment;
} userdata[] = {
	{ 8, { 0, 6, 'h', 'e', 'l', 'l', 'o', 0 }, "hello" },
	{ 12, { 1, 2, 9, 9, 0, 6, 'h', 'e', 'l', 'l', 'o', 0 }, "hello" },
	{ 8, { 0, 7, 'h', 'e', 'l', 'l', 'o', 0 }, NULL },	/* longer than there is */
	{ 4, { 0, 250, 'x', 0 }, NULL },
	{ 8, { 0, 6, 'h', 'e', 'l', 'l', 'o', '!' }, NULL },	/* without an end */
	{ 2, { 0, 1 }, NULL },
	{ 2, { 0, 0 }, NULL },
	{ 1, { 0 }, NULL },
};

START_TEST(userdata_is_not_read_past_its_end)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	const struct nft_table table = { .exists = true };
	struct nft_draft draft;

	nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, userdata[_i].bytes, userdata[_i].size);
	rule_read(&draft, rule, &table);
	expect(!draft.rule.comment == !userdata[_i].comment, "%d", _i);
	if (draft.rule.comment)
		ck_assert_str_eq(draft.rule.comment, userdata[_i].comment);
	nftnl_rule_free(rule);
}
END_TEST

/* More bytes at once than any field of ours has. */
START_TEST(a_comparison_of_thirty_two_bytes_is_none_of_ours)
{
	static const uint8_t value[32] = { 1 };
	struct nftnl_expr *payload = nftnl_expr_alloc("payload"), *cmp = nftnl_expr_alloc("cmp");
	const uint32_t size = _i ? 16 : sizeof(value), offset = _i ? 8 : 0;
	struct nftnl_rule *rule = nftnl_rule_alloc();
	const struct nft_table table = { .exists = true };
	struct nft_draft draft;

	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, size);
	nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, value, size);
	nftnl_rule_add_expr(rule, payload);
	nftnl_rule_add_expr(rule, cmp);
	rule_read(&draft, rule, &table);
	ck_assert_int_eq(draft.rule.target == TARGET_FOREIGN, !_i);
	ck_assert_uint_eq(draft.rule.test_count, (unsigned int)_i);
	nftnl_rule_free(rule);
}
END_TEST

START_TEST(rules_are_compared_by_meaning)
{
	const struct nft_field source = nft_header_field(NFT_BASE_TRANSPORT, 0, 2);
	const struct nft_field destination = nft_header_field(NFT_BASE_TRANSPORT, 2, 2);
	struct nft_draft a, b;

	nft_draft_begin(&a);
	nft_draft_equal(&a, &source, "\0\065");
	nft_draft_equal(&a, &destination, "\004\0");
	nft_draft_begin(&b);
	nft_draft_equal(&b, &destination, "\004\0");
	nft_draft_equal(&b, &source, "\0\065");
	a.rule.tests = a.tests;
	b.rule.tests = b.tests;
	a.rule.count.packets = 7;

	ck_assert(nft_rule_same(&a.rule, &b.rule));
	nft_draft_invert(&b);
	ck_assert(!nft_rule_same(&a.rule, &b.rule));
	b.tests[1].inverted = false;
	b.rule.target = TARGET_ACCEPT;
	ck_assert(!nft_rule_same(&a.rule, &b.rule));
	a.rule.target = b.rule.target = TARGET_FOREIGN;
	ck_assert(!nft_rule_same(&a.rule, &b.rule));
}
END_TEST

START_TEST(intervals_that_touch_become_one)
{
	struct nft_interval list[] = {
		{ { 0, 54 }, { 0, 60 } }, { { 0, 53 }, { 0, 53 } }, { { 1, 0 }, { 255, 255 } },
		{ { 0, 70 }, { 0, 80 } }, { { 0, 75 }, { 0, 76 } }, { { 255, 255 }, { 255, 255 } },
	};

	ck_assert_uint_eq(nft_intervals_join(list, COUNT(list), 2), 3);
	ck_assert(!memcmp(&list[0], &(struct nft_interval){ { 0, 53 }, { 0, 60 } }, sizeof(*list)));
	ck_assert(!memcmp(&list[1], &(struct nft_interval){ { 0, 70 }, { 0, 80 } }, sizeof(*list)));
	ck_assert(!memcmp(&list[2], &(struct nft_interval){ { 1, 0 }, { 255, 255 } },
			  sizeof(*list)));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, names_are_read_back);
	tcase_add_test(tcase, names_of_others_are_none_of_ours);
	tcase_add_test(tcase, limits_are_read_back_from_the_names_of_their_buckets);
	tcase_add_test(tcase, descriptions_are_read_back);
	tcase_add_test(tcase, a_description_with_a_piece_missing_is_damaged);
	tcase_add_test(tcase, a_description_in_another_order_is_damaged);
	tcase_add_test(tcase, comments_that_describe_nothing_are_damaged);
	tcase_add_test(tcase, rules_are_read_back_as_they_were_written);
	tcase_add_loop_test(tcase, userdata_is_not_read_past_its_end, 0, COUNT(userdata));
	tcase_add_loop_test(tcase, a_comparison_of_thirty_two_bytes_is_none_of_ours, 0, 2);
	tcase_add_test(tcase, rules_are_compared_by_meaning);
	tcase_add_test(tcase, intervals_that_touch_become_one);
}

int main(void)
{
	return unit_main("nft", tests);
}
