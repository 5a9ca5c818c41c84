/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of nftables under construction, and compared. */
#include "nft/rule.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "nft/body.h"

/* Where the addresses are in the IPv4 and IPv6 headers, and how long they are. */
static const struct {
	uint8_t source, destination, size;
} addresses[FAMILIES] = {
	[IPV4] = { 12, 16, 4 },
	[IPV6] = { 8, 24, 16 },
};

/* --- fields ------------------------------------------------------------- */

struct nft_field nft_meta_field(uint8_t key, uint8_t size)
{
	struct nft_field field = { .base = NFT_BASE_META, .key = key, .size = size };

	memset(field.mask, 0xff, size);
	return field;
}

struct nft_field nft_header_field(enum nft_base base, uint8_t offset, uint8_t size)
{
	struct nft_field field = { .base = (uint8_t)base, .offset = offset, .size = size };

	memset(field.mask, 0xff, size);
	return field;
}

struct nft_field nft_address_type_field(bool destination)
{
	struct nft_field field = nft_header_field(NFT_BASE_FIB, 0, sizeof(uint32_t));

	field.key = destination ? NFTA_FIB_F_DADDR : NFTA_FIB_F_SADDR;
	return field;
}

/* The bits past the first @length do not count. */
static void narrow_mask(struct nft_field *field, unsigned int length)
{
	for (unsigned int i = 0; i < field->size; i++) {
		unsigned int bits = length > i * 8 ? length - i * 8 : 0;

		field->mask[i] = bits >= 8 ? 0xff : (uint8_t)(0xff00u >> bits);
	}
}

struct nft_field nft_address_field(enum family family, bool destination, unsigned int length)
{
	struct nft_field field = nft_header_field(NFT_BASE_NETWORK, destination ?
						  addresses[family].destination :
						  addresses[family].source,
						  addresses[family].size);

	narrow_mask(&field, length);
	return field;
}

static bool same_field(const struct nft_field *a, const struct nft_field *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool nft_rule_is_of(const struct nft_rule *rule, enum family family)
{
	uint8_t protocol = family == IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	for (size_t i = 0; i < rule->test_count; i++)
		if (rule->tests[i].field.base == NFT_BASE_META &&
		    rule->tests[i].field.key == NFT_META_NFPROTO)
			return rule->tests[i].only.first[0] == protocol;
	return false;
}

bool nft_field_is_masked(const struct nft_field *field)
{
	for (unsigned int i = 0; i < field->size; i++)
		if (field->mask[i] != 0xff)
			return true;
	return false;
}

static int compare_intervals(const void *a, const void *b)
{
	const struct nft_interval *one = a, *other = b;

	return memcmp(one->first, other->first, sizeof(one->first));
}

/* Whether @next begins within the interval, or right behind it. */
static bool reaches(const struct nft_interval *interval, const struct nft_interval *next,
		    size_t size)
{
	uint8_t past[NFT_FIELD_MAX];
	size_t i = size;

	memcpy(past, interval->last, sizeof(past));
	while (i && !++past[i - 1])
		i--;
	return !i || memcmp(next->first, past, size) <= 0;
}

size_t nft_intervals_join(struct nft_interval *list, size_t count, size_t size)
{
	size_t kept = 0;

	if (!count)
		return 0;
	qsort(list, count, sizeof(*list), compare_intervals);
	for (size_t i = 1; i < count; i++) {
		if (!reaches(&list[kept], &list[i], size))
			list[++kept] = list[i];
		else if (memcmp(list[kept].last, list[i].last, size) < 0)
			memcpy(list[kept].last, list[i].last, size);
	}
	return kept + 1;
}

/* --- drafts ------------------------------------------------------------- */

void nft_draft_begin(struct nft_draft *draft)
{
	draft->rule = (struct nft_rule){ .target = TARGET_NONE };
	draft->overflow = false;
}

static struct nft_test *add_test(struct nft_draft *draft, const struct nft_field *field)
{
	struct nft_test *test = &draft->tests[draft->rule.test_count];

	if (draft->rule.test_count == NFT_TESTS_MAX) {
		draft->overflow = true;
		test--;
	} else {
		draft->rule.test_count++;
	}
	*test = (struct nft_test){ .field = *field };
	return test;
}

void nft_draft_equal(struct nft_draft *draft, const struct nft_field *field, const void *value)
{
	struct nft_test *test = add_test(draft, field);

	test->count = 1;
	memcpy(test->only.first, value, field->size);
	memcpy(test->only.last, value, field->size);
}

void nft_draft_byte(struct nft_draft *draft, const struct nft_field *field, uint8_t value)
{
	nft_draft_equal(draft, field, &value);
}

void nft_draft_intervals(struct nft_draft *draft, const struct nft_field *field,
			 const struct nft_interval *list, size_t count)
{
	struct nft_test *test = add_test(draft, field);

	test->count = count;
	if (count == 1)
		test->only = *list;
	else
		test->list = list;
}

void nft_draft_set(struct nft_draft *draft, const struct nft_field *field, const char *set)
{
	add_test(draft, field)->set = set;
}

void nft_draft_invert(struct nft_draft *draft)
{
	draft->tests[draft->rule.test_count - 1].inverted = true;
}

void nft_draft_prefix(struct nft_draft *draft, const struct nft_field *field,
		      const struct prefix *prefix)
{
	struct nft_field part = *field;

	if (!prefix->length)
		return;
	part.size = (uint8_t)((prefix->length + 7) / 8);
	memset(part.mask, 0, sizeof(part.mask));
	narrow_mask(&part, prefix->length);
	nft_draft_equal(draft, &part, prefix->address);
}

/* NULL stays NULL. */
static int copy_text(const char **text, struct arena *arena)
{
	if (!*text)
		return 0;
	*text = arena_strdup(arena, *text);
	return *text ? 0 : -ENOMEM;
}

static int copy_test(struct nft_test *test, struct arena *arena)
{
	if (test->count > 1) {
		test->list = arena_copy(arena, test->list, test->count * sizeof(*test->list));
		if (!test->list)
			return -ENOMEM;
	}
	return copy_text(&test->set, arena);
}

static int copy_update(struct nft_rule *rule, struct arena *arena)
{
	struct nft_update *update = arena_copy(arena, rule->update, sizeof(*update));

	rule->update = update;
	return update ? copy_text(&update->set, arena) : -ENOMEM;
}

int nft_rule_copy(struct nft_rule *rule, const struct nft_draft *draft, struct arena *arena)
{
	struct nft_test *tests;
	int err = 0;

	if (draft->overflow)
		return -E2BIG;
	*rule = draft->rule;
	tests = arena_copy(arena, draft->tests, rule->test_count * sizeof(*tests));
	if (!tests)
		return -ENOMEM;
	rule->tests = tests;
	for (size_t i = 0; i < rule->test_count && !err; i++)
		err = copy_test(&tests[i], arena);
	if (!err && rule->update)
		err = copy_update(rule, arena);
	if (!err)
		err = copy_text(&rule->chain, arena);
	return err ? err : copy_text(&rule->comment, arena);
}

/* --- comparing ---------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_test(const struct nft_test *a, const struct nft_test *b)
{
	return same_field(&a->field, &b->field) && a->inverted == b->inverted &&
	       a->count == b->count && same_text(a->set, b->set) &&
	       (!a->count || !memcmp(nft_test_intervals(a), nft_test_intervals(b),
				     a->count * sizeof(struct nft_interval)));
}

static bool same_update(const struct nft_update *a, const struct nft_update *b)
{
	if (!a || !b)
		return a == b;
	return same_field(&a->key, &b->key) && !strcmp(a->set, b->set) &&
	       a->limited == b->limited &&
	       (!a->limited || (a->limit.packets == b->limit.packets &&
				a->limit.seconds == b->limit.seconds &&
				a->limit.burst == b->limit.burst));
}

/* In whatever order they are asked: all must hold. */
static bool same_tests(const struct nft_rule *a, const struct nft_rule *b)
{
	bool taken[NFT_TESTS_MAX] = { false };

	for (size_t i = 0; i < a->test_count; i++) {
		size_t j = 0;

		while (j < b->test_count && (taken[j] || !same_test(&a->tests[i], &b->tests[j])))
			j++;
		if (j == b->test_count)
			return false;
		taken[j] = true;
	}
	return true;
}

bool nft_rule_same(const struct nft_rule *a, const struct nft_rule *b)
{
	if (a->is_theirs || b->is_theirs)	/* the kernel changes no rule */
		return a->is_theirs && b->is_theirs && a->handle == b->handle;
	if (a->body || b->body)
		return a->body && b->body && nft_body_same(a->body, b->body);
	return a->target == b->target && a->target != TARGET_FOREIGN && a->counts == b->counts &&
	       a->notrack == b->notrack && a->test_count == b->test_count &&
	       same_text(a->chain, b->chain) && same_text(a->comment, b->comment) &&
	       same_update(a->update, b->update) && same_tests(a, b);
}
