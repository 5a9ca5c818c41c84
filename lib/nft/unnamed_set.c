/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/unnamed_set.h"

#include <errno.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "nft/datatype.h"
#include "nft/question.h"
#include "support/memory.h"

/* --- writing ------------------------------------------------------------ */

/* The first value past an interval; false: there is none. */
static bool step_past(uint8_t value[NFT_FIELD_MAX], size_t size)
{
	for (size_t i = size; i-- > 0;)
		if (++value[i])
			return true;
	return false;
}

static void add_element(struct batch *batch, struct nftnl_set *set, const void *key, size_t size,
			uint32_t flags)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();

	batch->failed |= !element;
	if (!element)
		return;
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, (uint32_t)size);
	if (flags)
		nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_FLAGS, flags);
	nftnl_set_elem_add(set, element);
}

/* An interval is an element where it begins, and another one where it ended. */
static void add_intervals(struct batch *batch, struct nftnl_set *set, const struct nft_test *test)
{
	uint8_t past[NFT_FIELD_MAX];

	for (size_t i = 0; i < test->count; i++) {
		add_element(batch, set, test->list[i].first, test->field.size, 0);
		memcpy(past, test->list[i].last, sizeof(past));
		if (step_past(past, test->field.size))
			add_element(batch, set, past, test->field.size,
				    NFT_SET_ELEM_INTERVAL_END);
	}
}

/* Each value on its own: of a single byte there are few. */
static void add_values(struct batch *batch, struct nftnl_set *set, const struct nft_test *test)
{
	for (size_t i = 0; i < test->count; i++) {
		uint8_t value[NFT_FIELD_MAX];

		memcpy(value, test->list[i].first, sizeof(value));
		add_element(batch, set, value, test->field.size, 0);
		while (memcmp(value, test->list[i].last, sizeof(value)) &&
		       step_past(value, test->field.size))
			add_element(batch, set, value, test->field.size, 0);
	}
}

static bool has_intervals(const struct nft_test *test)
{
	if (test->field.size == 1)
		return false;
	for (size_t i = 0; i < test->count; i++)
		if (memcmp(test->list[i].first, test->list[i].last, sizeof(test->list[i].first)))
			return true;
	return false;
}

static bool is_icmpv6(const struct nft_rule *rule)
{
	for (size_t i = 0; i < rule->test_count; i++)
		if (rule->tests[i].field.base == NFT_BASE_META &&
		    rule->tests[i].field.key == NFT_META_L4PROTO)
			return rule->tests[i].only.first[0] == IPPROTO_ICMPV6;
	return false;
}

/* Ports, or types of ICMP: of nothing else do we ask for several values. */
static uint32_t key_type(const struct nft_rule *rule, const struct nft_field *field)
{
	if (field->size == 2)
		return NFT_TYPE_INET_SERVICE;
	return is_icmpv6(rule) ? NFT_TYPE_ICMPV6_TYPE : NFT_TYPE_ICMP_TYPE;
}

static void describe(struct batch *batch, struct nftnl_set *set, const struct nft_test *test,
		     const struct nft_subject *subject, bool intervals)
{
	if (nftnl_set_set_str(set, NFTNL_SET_TABLE, subject->table) < 0 ||
	    nftnl_set_set_str(set, NFTNL_SET_NAME, UNNAMED_SET) < 0)
		batch->failed = true;
	nftnl_set_set_u32(set, NFTNL_SET_ID, ++batch->set_id);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT |
			  (intervals ? NFT_SET_INTERVAL : 0u));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, key_type(subject->rule, &test->field));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, test->field.size);
}

void unnamed_set_write(struct batch *batch, const struct nft_subject *subject,
		       const struct nft_test *test)
{
	struct nftnl_set *set = nftnl_set_alloc();
	bool intervals = has_intervals(test);
	struct nlmsghdr *header;

	batch->failed |= !set;
	if (!set)
		return;
	describe(batch, set, test, subject, intervals);
	header = batch_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE, subject);
	if (header)
		nftnl_set_nlmsg_build_payload(header, set);
	(intervals ? add_intervals : add_values)(batch, set, test);
	header = batch_message(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, subject);
	if (header)
		nftnl_set_elems_nlmsg_build_payload(header, set);
	nftnl_set_free(set);
}

/* --- reading ------------------------------------------------------------ */

/* Where an interval begins or has ended, in the order of the values. */
struct end {
	uint8_t key[NFT_FIELD_MAX];
	bool past;
};

struct ends {
	struct end *list;
	size_t count;
	uint32_t size;			/* of a key */
	bool is_foreign;
};

static int take_element(struct nftnl_set_elem *element, void *data)
{
	struct ends *ends = data;
	struct end *grown = memory_grow(ends->list, ends->count, sizeof(*grown));
	uint32_t size = 0;
	const void *key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size);

	if (!grown)
		return -1;
	ends->list = grown;
	if (!key || !size || size > NFT_FIELD_MAX || (ends->size && ends->size != size)) {
		ends->is_foreign = true;
		return 0;
	}
	ends->size = size;
	grown[ends->count] = (struct end){
		.past = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS) &&
			nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) &
			NFT_SET_ELEM_INTERVAL_END,
	};
	memcpy(grown[ends->count++].key, key, size);
	return 0;
}

static int take_elements(const struct nlmsghdr *message, void *data)
{
	struct nftnl_set *set = nftnl_set_alloc();
	int err = set ? 0 : -ENOMEM;

	if (!err)
		err = question_parsed(nftnl_set_elems_nlmsg_parse(message, set));
	if (!err && nftnl_set_elem_foreach(set, take_element, data) < 0)
		err = -ENOMEM;
	if (set)
		nftnl_set_free(set);
	return err;
}

/* Where one interval ended and the next begins, the end comes first. */
static int compare_ends(const void *a, const void *b)
{
	const struct end *one = a, *other = b;
	int order = memcmp(one->key, other->key, sizeof(one->key));

	return order ? order : (int)other->past - (int)one->past;
}

static void step_back(uint8_t value[NFT_FIELD_MAX], size_t size)
{
	for (size_t i = size; i-- > 0 && !value[i]--;)
		;
}

static size_t join_ends(const struct ends *ends, bool intervals, struct nft_interval *list)
{
	size_t count = 0;

	for (size_t i = 0; i < ends->count; i++) {
		struct nft_interval *interval = &list[count];

		if (ends->list[i].past)		/* of nothing: nft(8) begins some sets so */
			continue;
		memset(interval, 0, sizeof(*interval));
		memcpy(interval->first, ends->list[i].key, ends->size);
		memcpy(interval->last, ends->list[i].key, ends->size);
		if (intervals && i + 1 < ends->count && ends->list[i + 1].past) {
			memcpy(interval->last, ends->list[i + 1].key, ends->size);
			step_back(interval->last, ends->size);
		} else if (intervals) {
			memset(interval->last, 0xff, ends->size);
		}
		count++;
	}
	return nft_intervals_join(list, count, ends->size);
}

static int make_list(struct nft_table *table, struct nft_unnamed *set, struct ends *ends)
{
	struct nft_interval *list = arena_alloc(&table->arena, (ends->count + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	if (ends->is_foreign || !ends->count)
		return 0;
	qsort(ends->list, ends->count, sizeof(*ends->list), compare_ends);
	set->count = join_ends(ends, set->has_intervals, list);
	set->list = list;
	return 0;
}

int unnamed_set_read(struct netlink *netlink, const struct nft_place *place,
		     struct nft_table *table, struct nft_unnamed *set)
{
	char question[QUESTION_MAX];
	struct nlmsghdr *header = question_begin(question, NFT_MSG_GETSETELEM, NLM_F_DUMP,
						 place->family);
	struct ends ends = { .count = 0 };
	int err;

	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, place->table);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, set->name);
	err = netlink_ask(netlink, header, take_elements, &ends);
	if (!err)
		err = make_list(table, set, &ends);
	free(ends.list);
	return err;
}
