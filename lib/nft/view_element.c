/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The elements of sets and maps that belong to a rule, and of maps that lead somewhere. */
#include "nft/view_machine.h"
#include "nft/view_reader.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <stdlib.h>

#include "support/memory.h"

/* Maps that others fill: of so many elements, nobody asks where each of them leads. */
enum { NAMED_ELEMENTS_MAX = 1 << 16 };

/* --- elements --------------------------------------------------------- */

/* An element as it comes: a value, or where an interval begins or ends. */
struct raw_element {
	uint8_t first[REGISTER_BYTES], last[REGISTER_BYTES], data[REGISTER_BYTES];
	struct view_chain *chain;
	uint8_t verdict;
	bool ends, has_last, has_data;
};

struct collector {
	struct view_reader *reader;
	struct view_lookup *lookup;
	struct raw_element *list;
	size_t count, size;
};

static bool read_key(const struct nlattr *attr, uint8_t *bytes, size_t size)
{
	struct attributes data = attributes_in(attr);
	const struct nlattr *value = data.of[NFTA_DATA_VALUE];

	if (!value || mnl_attr_get_payload_len(value) < size)
		return false;
	memcpy(bytes, mnl_attr_get_payload(value), size);
	return true;
}

static void read_verdict(const struct collector *collector, const struct nlattr *attr,
			 struct raw_element *element)
{
	struct attributes data = attributes_in(attr);
	int verdict;

	if (!data.of[NFTA_DATA_VERDICT])
		return;
	verdict = machine_verdict(collector->reader->view, collector->lookup->table,
				  data.of[NFTA_DATA_VERDICT], &element->chain);
	element->verdict = (uint8_t)(verdict < 0 ? STEP_COUNT : verdict);
}

/* What has no other element has this one. */
static void collect_rest(const struct collector *collector, const struct nlattr *data)
{
	struct view_lookup *lookup = collector->lookup;
	struct raw_element element = { .verdict = STEP_COUNT };

	read_verdict(collector, data, &element);
	lookup->has_rest = true;
	lookup->rest_verdict = element.verdict;
	lookup->rest_chain = element.chain;
}

static int collect_element(struct collector *collector, const struct nlattr *attr)
{
	struct attributes from = attributes_in(attr);
	uint32_t flags = number_in(from.of[NFTA_SET_ELEM_FLAGS]);
	struct raw_element *element;

	if (flags & NFT_SET_ELEM_CATCHALL) {
		collect_rest(collector, from.of[NFTA_SET_ELEM_DATA]);
		return 0;
	}
	collector->lookup->more |= collector->lookup->named && collector->count == NAMED_ELEMENTS_MAX;
	if (collector->lookup->more)
		return 0;
	element = memory_grow(collector->list, collector->count, sizeof(*element));
	if (!element)
		return -ENOMEM;
	collector->list = element;
	element += collector->count;
	*element = (struct raw_element){ .ends = flags & NFT_SET_ELEM_INTERVAL_END };
	if (!read_key(from.of[NFTA_SET_ELEM_KEY], element->first, collector->size))
		return 0;
	element->has_last = read_key(from.of[NFTA_SET_ELEM_KEY_END], element->last,
				     collector->size);
	element->has_data = collector->lookup->data_size &&
			    read_key(from.of[NFTA_SET_ELEM_DATA], element->data,
				     collector->lookup->data_size);
	read_verdict(collector, from.of[NFTA_SET_ELEM_DATA], element);
	collector->count++;
	return 0;
}

static int take_elements(const struct nlmsghdr *message, void *data)
{
	struct attributes all = view_message_attributes(message, NULL);
	const struct nlattr *list = all.of[NFTA_SET_ELEM_LIST_ELEMENTS], *attr;
	int err = 0;

	if (!list)
		return 0;
	mnl_attr_for_each_nested(attr, list)
		if (!err)
			err = collect_element(data, attr);
	return err;
}

/* By their first value; what ends there comes before what begins. */
static int compare_elements(const void *a, const void *b)
{
	const struct raw_element *one = a, *other = b;
	int order = memcmp(one->first, other->first, sizeof(one->first));

	return order ? order : (int)other->ends - one->ends;
}

static void read_name(const struct key_field *field, const uint8_t *bytes, struct key_range *range)
{
	memset(range->name, 0, sizeof(range->name));
	if (field->size == IFNAMSIZ)
		memcpy(range->name, bytes, IFNAMSIZ);
	else if (!if_indextoname(key_read_number(field, bytes), range->name))
		range->name[0] = '/';	/* no interface has such a name */
	range->length = (uint8_t)(strnlen(range->name, IFNAMSIZ - 1) + 1);
}

/* "eth*" is from "eth" followed by zeros to "eth" followed by ones. */
static void read_names(const struct key_field *field, const uint8_t *first, const uint8_t *last,
		       struct key_range *range)
{
	read_name(field, first, range);
	if (memcmp(first, last, field->size))
		range->length = (uint8_t)strnlen(range->name, IFNAMSIZ);
}

static void read_range(const struct key_field *field, const uint8_t *first, const uint8_t *last,
		       struct key_range *range)
{
	if (key_is_hidden(field))
		return;
	if (key_is_interface(field)) {
		read_names(field, first, last, range);
	} else if (key_is_address(field)) {
		memcpy(range->addresses.first, first, field->size);
		memcpy(range->addresses.last, last, field->size);
	} else {
		range->numbers.first = key_read_number(field, first);
		range->numbers.last = key_read_number(field, last);
	}
}

static int put_element(struct view *view, struct view_lookup *lookup,
		       const struct raw_element *from, const uint8_t *last)
{
	struct set_element *element = element_at(lookup, lookup->count++);
	size_t offset = 0;

	element->data = !from->has_data ? NULL : arena_copy(&view->arena, from->data,
							    lookup->data_size);
	if (from->has_data && !element->data)
		return -ENOMEM;
	element->verdict = from->verdict;
	element->chain = from->chain;
	for (size_t i = 0; i < lookup->field_count; i++) {
		read_range(&lookup->fields[i], from->first + offset, last + offset,
			   &element->ranges[i]);
		offset = key_next_offset(offset, &lookup->fields[i]);
	}
	return 0;
}

/* The value before one at which an interval ends. */
static void step_back(uint8_t *bytes, size_t size)
{
	while (size-- && !bytes[size]--)
		;
}

/*
 * An interval begins at one element and ends ahead of another, or, where there
 * is none, at the last value there is.
 */
static int put_interval(struct view *view, struct view_lookup *lookup,
			const struct collector *collector, size_t at)
{
	uint8_t last[REGISTER_BYTES];

	if (at + 1 == collector->count) {
		memset(last, 0xff, sizeof(last));
	} else {
		memcpy(last, collector->list[at + 1].first, sizeof(last));
		step_back(last, collector->size);
	}
	return put_element(view, lookup, &collector->list[at], last);
}

static int put_elements(struct view_reader *reader, struct collector *collector, bool intervals)
{
	struct view_lookup *lookup = collector->lookup;
	int err = 0;

	lookup->elements = arena_alloc(&reader->view->arena,
				       collector->count * element_size(lookup) + 1);
	if (!lookup->elements)
		return -ENOMEM;
	if (collector->count)
		qsort(collector->list, collector->count, sizeof(*collector->list), compare_elements);
	for (size_t i = 0; i < collector->count && !err; i++) {
		const struct raw_element *element = &collector->list[i];

		if (element->has_last)
			err = put_element(reader->view, lookup, element, element->last);
		else if (!intervals)
			err = put_element(reader->view, lookup, element, element->first);
		else if (!element->ends)
			err = put_interval(reader->view, lookup, collector, i);
	}
	lookup->read = !err && !lookup->named && !lookup->has_rest;
	return err;
}

static int read_elements(struct view_reader *reader, struct view_lookup *lookup)
{
	struct collector collector = { .reader = reader, .lookup = lookup,
				       .size = key_size(lookup) };
	const struct view_set *set = reader_find_set(reader, lookup->table, lookup->name);
	char question[QUESTION_MAX];
	struct nlmsghdr *request = question_begin(question, NFT_MSG_GETSETELEM, NLM_F_DUMP,
						 view_family_of(lookup->table));
	int err;

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, lookup->table->name);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, lookup->name);
	err = netlink_ask(reader->netlink, request, take_elements, &collector);
	if (!err && !lookup->more)
		err = put_elements(reader, &collector, set->flags & NFT_SET_INTERVAL &&
				   !(set->flags & NFT_SET_CONCAT));
	free(collector.list);
	return err;
}

/* --- conditions by one field ------------------------------------------ */

static int make_numbers(struct view *view, struct step *step, const struct view_lookup *lookup)
{
	const struct key_field field = lookup->fields[0];
	struct range *ranges = calloc(lookup->count + 1, sizeof(*ranges));
	int err;

	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < lookup->count; i++)
		ranges[i] = element_at(lookup, i)->ranges[0].numbers;
	err = view_set_numbers(view, step, (enum field)field.field, ranges, lookup->count);
	step->mask = field.mask;
	free(ranges);
	return err;
}

static int make_addresses(struct view *view, struct step *step, const struct view_lookup *lookup)
{
	struct address_range *ranges = arena_alloc(&view->arena, lookup->count * sizeof(*ranges) + 1);

	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < lookup->count; i++)
		ranges[i] = element_at(lookup, i)->ranges[0].addresses;
	step->kind = STEP_ADDRESSES;
	step->field = lookup->fields[0].field;
	step->count = lookup->count;
	step->addresses = ranges;
	return 0;
}

/* A set that one field decides on is a list of ranges. */
static int simplify(struct view *view, struct step *step)
{
	const struct view_lookup *lookup = step->lookup;
	const struct key_field *field = &lookup->fields[0];

	if (lookup->field_count > 1 || key_is_interface(field) || key_is_hidden(field))
		return 0;
	if (!key_is_address(field))
		return make_numbers(view, step, lookup);
	return field->length == 8 * field->size ? make_addresses(view, step, lookup) : 0;
}

/* A chain that no packet of ours gets to needs no elements. */
#define HOOKS_OF_OURS (1u << HOOK_PREROUTING | 1u << HOOK_INPUT | 1u << HOOK_OUTPUT | \
		       1u << HOOK_POSTROUTING)

/* Many rules may look up one map: it is read once for all that have the same of a packet as key. */
static int read_named(struct view_reader *reader, struct view_lookup *lookup)
{
	struct view_set *set = reader_find_set(reader, lookup->table, lookup->name);
	const struct view_lookup *read = set->read;
	int err;

	if (!read || read->field_count != lookup->field_count ||
	    memcmp(read->fields, lookup->fields, lookup->field_count * sizeof(*read->fields))) {
		err = read_elements(reader, lookup);
		if (!err && !read)
			set->read = lookup;
		return err;
	}
	lookup->more = read->more;
	lookup->has_rest = read->has_rest;
	lookup->rest_verdict = read->rest_verdict;
	lookup->rest_chain = read->rest_chain;
	lookup->count = read->count;
	lookup->elements = read->elements;
	return 0;
}

int reader_read_step(struct view_reader *reader, struct step *step)
{
	int err;

	if ((step->kind != STEP_LOOKUP && step->kind != STEP_MAP) || step->lookup->named)
		return 0;
	err = step->lookup->read ? 0 : read_elements(reader, step->lookup);
	if (!err && step->kind == STEP_LOOKUP && step->lookup->read)
		err = simplify(reader->view, step);
	return err;
}

static int read_chain(struct view_reader *reader, const struct view_chain *chain)
{
	int err = 0;

	for (struct view_rule *rule = chain->rules; rule && !err; rule = rule->next)
		for (size_t i = 0; i < rule->count && !err; i++) {
			struct step *step = &rule->steps[i];

			err = step->kind == STEP_MAP && step->lookup->named ?
			      read_named(reader, step->lookup) : reader_read_step(reader, step);
		}
	return err;
}

int reader_read_elements(struct view_reader *reader)
{
	int err = view_reach(reader->view);

	for (struct view_table *table = reader->view->tables; table && !err; table = table->next)
		for (struct view_chain *chain = table->chains; chain && !err; chain = chain->next)
			if (table->world == WORLD_NFT && chain->hooks & HOOKS_OF_OURS)
				err = read_chain(reader, chain);
	return err;
}
