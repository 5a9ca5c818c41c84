/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/elements.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "nft/question.h"
#include "support/memory.h"
#include "support/attribute.h"
#include "support/search.h"

/* A list of elements is one attribute, whose length has 16 bits: up to here, there is room. */
#define LIST_MAX 60000u

/* --- lists -------------------------------------------------------------- */

int elements_append(struct nft_elements *elements, const struct nft_element *element)
{
	struct nft_element *grown = memory_grow(elements->list, elements->count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	elements->list = grown;
	grown[elements->count++] = *element;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(((const struct nft_element *)a)->key, ((const struct nft_element *)b)->key,
		      NFT_FIELD_MAX);
}

void elements_sort(struct nft_elements *elements)
{
	if (elements->count)
		qsort(elements->list, elements->count, sizeof(*elements->list), compare_keys);
}

const struct nft_element *elements_lookup(const struct nft_elements *elements,
					  const uint8_t key[NFT_FIELD_MAX])
{
	return search(key, elements->list, elements->count, sizeof(*elements->list), compare_keys);
}

void elements_free(struct nft_elements *elements)
{
	free(elements->list);
	*elements = (struct nft_elements){ 0 };
}

/* --- writing ------------------------------------------------------------ */

static void put_counter(struct nlmsghdr *header, const struct notrack_count *count)
{
	struct nlattr *expression = mnl_attr_nest_start(header, NFTA_SET_ELEM_EXPR), *data;

	mnl_attr_put_strz(header, NFTA_EXPR_NAME, "counter");
	data = mnl_attr_nest_start(header, NFTA_EXPR_DATA);
	mnl_attr_put_u64(header, NFTA_COUNTER_BYTES, htobe64(count->bytes));
	mnl_attr_put_u64(header, NFTA_COUNTER_PACKETS, htobe64(count->packets));
	mnl_attr_nest_end(header, data);
	mnl_attr_nest_end(header, expression);
}

static void put_element(struct nlmsghdr *header, const struct nft_element *element, size_t size,
			bool counted)
{
	struct nlattr *nest = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
	struct nlattr *key = mnl_attr_nest_start(header, NFTA_SET_ELEM_KEY);

	mnl_attr_put(header, NFTA_DATA_VALUE, size, element->key);
	mnl_attr_nest_end(header, key);
	if (counted)
		put_counter(header, &element->count);
	mnl_attr_nest_end(header, nest);
}

/* One message, of as many as it holds; returns the next element. */
static size_t put_elements(struct nlmsghdr *header, const struct nft_place *place,
			   const struct nft_set *set, const struct nft_elements *elements,
			   size_t next, bool counted)
{
	struct nlattr *list;
	uint32_t begin;

	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, place->table);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, set->name);
	list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
	begin = header->nlmsg_len;
	while (next < elements->count && header->nlmsg_len - begin < LIST_MAX)
		put_element(header, &elements->list[next++], set->key_size, counted);
	mnl_attr_nest_end(header, list);
	return next;
}

static void put_all(struct batch *batch, uint16_t type, uint16_t flags,
		    const struct nft_place *place, const struct nft_set *set,
		    const struct nft_elements *elements, bool counted)
{
	const struct nft_subject subject = { .family = place->family, .table = place->table,
					     .set = set->name };
	size_t next = 0;

	while (next < elements->count) {
		struct nlmsghdr *header = batch_message(batch, type, flags, &subject);

		if (!header)
			return;
		next = put_elements(header, place, set, elements, next, counted);
	}
}

void elements_add(struct batch *batch, const struct nft_place *place, const struct nft_set *set,
		  const struct nft_elements *elements, bool counted)
{
	put_all(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, place, set, elements, counted);
}

void elements_remove(struct batch *batch, const struct nft_place *place,
		     const struct nft_set *set, const struct nft_elements *elements)
{
	put_all(batch, NFT_MSG_DELSETELEM, 0, place, set, elements, false);
}

/* --- reading ------------------------------------------------------------ */

struct reading {
	struct nft_elements *elements;
	size_t key_size;
	size_t max;			/* elements; past it, the dump is given up */
};

#define GIVEN_UP 1

/* Other expressions than counters have attributes of the same numbers. */
static bool is_counter(const struct nlattr *expression)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, expression)
		if (mnl_attr_get_type(attribute) == NFTA_EXPR_NAME)
			return mnl_attr_get_payload_len(attribute) == sizeof("counter") &&
			       !memcmp(mnl_attr_get_payload(attribute), "counter",
				       sizeof("counter"));
	return false;
}

static void read_counter(const struct nlattr *expression, struct notrack_count *count)
{
	const struct nlattr *attribute, *value;

	if (!is_counter(expression))
		return;
	mnl_attr_for_each_nested(attribute, expression) {
		if (mnl_attr_get_type(attribute) != NFTA_EXPR_DATA)
			continue;
		mnl_attr_for_each_nested(value, attribute) {
			if (mnl_attr_get_type(value) == NFTA_COUNTER_PACKETS)
				count->packets = number64_in(value);
			else if (mnl_attr_get_type(value) == NFTA_COUNTER_BYTES)
				count->bytes = number64_in(value);
		}
	}
}

static bool read_key(const struct nlattr *key, uint8_t value[NFT_FIELD_MAX], size_t size)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, key) {
		if (mnl_attr_get_type(attribute) != NFTA_DATA_VALUE ||
		    mnl_attr_get_payload_len(attribute) != size)
			continue;
		memcpy(value, mnl_attr_get_payload(attribute), size);
		return true;
	}
	return false;
}

static bool read_element(const struct nlattr *nest, struct nft_element *element, size_t size)
{
	const struct nlattr *attribute;
	bool has_key = false;

	*element = (struct nft_element){ .expires_ms = 0 };
	mnl_attr_for_each_nested(attribute, nest) {
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_SET_ELEM_KEY:
			has_key = read_key(attribute, element->key, size);
			break;
		case NFTA_SET_ELEM_EXPR:
			read_counter(attribute, &element->count);
			break;
		case NFTA_SET_ELEM_EXPIRATION:
			element->expires_ms = number64_in(attribute);
			break;
		}
	}
	return has_key;
}

static int take_elements(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attribute, *nest;
	struct reading *reading = data;
	struct nft_element element;

	mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(nest, attribute)
			if (read_element(nest, &element, reading->key_size) &&
			    elements_append(reading->elements, &element))
				return -ENOMEM;
	}
	return reading->elements->count > reading->max ? GIVEN_UP : 0;
}

static int read_set(struct netlink *netlink, const struct nft_place *place,
		    const struct nft_set *set, size_t max, struct nft_elements *elements)
{
	char question[QUESTION_MAX];
	struct nlmsghdr *header = question_begin(question, NFT_MSG_GETSETELEM, NLM_F_DUMP,
						 place->family);
	struct reading reading = { elements, set->key_size, max };
	int err;

	*elements = (struct nft_elements){ 0 };
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, place->table);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, set->name);
	err = netlink_ask(netlink, header, take_elements, &reading);
	if (err)
		elements_free(elements);
	elements_sort(elements);
	return err;
}

int elements_read_few(const struct nft_place *place, const struct nft_set *set, size_t max,
		      struct nft_elements *elements)
{
	struct netlink netlink;
	int err = netlink_open(&netlink, NETLINK_NETFILTER);

	*elements = (struct nft_elements){ .count = 0 };
	if (!err)
		err = read_set(&netlink, place, set, max, elements);
	netlink_close(&netlink);
	return err < 0 ? err : err != GIVEN_UP;
}

int elements_read(struct netlink *netlink, const struct nft_place *place,
		  const struct nft_set *set, struct nft_elements *elements)
{
	return read_set(netlink, place, set, SIZE_MAX, elements);
}

int elements_find(struct netlink *netlink, const struct nft_place *place,
		  const struct nft_set *set, struct nft_element *element)
{
	const struct nft_elements one = { .list = element, .count = 1 };
	char question[QUESTION_MAX];
	struct nlmsghdr *header = question_begin(question, NFT_MSG_GETSETELEM, 0, place->family);
	struct nft_elements found = { .count = 0 };
	struct reading reading = { &found, set->key_size, SIZE_MAX };
	int err;

	put_elements(header, place, set, &one, 0, false);
	err = netlink_ask(netlink, header, take_elements, &reading);
	if (!err && found.count)
		*element = found.list[0];
	err = err == -ENOENT ? 0 : err ? err : found.count > 0;
	elements_free(&found);
	return err;
}
