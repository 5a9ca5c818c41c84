/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys as bytes, and questions for one key of a set with a name. */
#include "nft/view_reader.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>

#include "nft/view_machine.h"

/* Where a field's bytes are in a key: fields of a concatenation begin at every fourth byte. */
size_t key_next_offset(size_t offset, const struct key_field *field)
{
	return offset + ((field->size + 3u) & ~(size_t)3);
}

size_t key_size(const struct view_lookup *lookup)
{
	size_t size = 0;

	if (lookup->field_count == 1)
		return lookup->fields[0].size;
	for (size_t i = 0; i < lookup->field_count; i++)
		size = key_next_offset(size, &lookup->fields[i]);
	return size;
}

bool key_is_address(const struct key_field *field)
{
	return field->field == FIELD_SOURCE || field->field == FIELD_DESTINATION;
}

bool key_is_interface(const struct key_field *field)
{
	return field->field == FIELD_IN || field->field == FIELD_OUT;
}

bool key_is_hidden(const struct key_field *field)
{
	return field->field == FIELD_OTHER || field->field == FIELD_CT_OTHER;
}

uint32_t key_read_number(const struct key_field *field, const uint8_t *bytes)
{
	uint32_t number = 0;

	for (size_t i = 0; i < field->size; i++)
		number |= (uint32_t)bytes[i] << 8 * (field->swapped ? i : field->size - 1 - i);
	return number;
}

static void write_number(const struct key_field *field, uint8_t *bytes, uint32_t number)
{
	for (size_t i = 0; i < field->size; i++)
		bytes[i] = (uint8_t)(number >> 8 * (field->swapped ? i : field->size - 1 - i));
}

/* --- questions -------------------------------------------------------- */

/* A name is its bytes, or, where the set has interfaces by number, that number. */
static void write_interface(const struct key_field *field, uint8_t *bytes, const char *name)
{
	if (field->size == IFNAMSIZ)
		memcpy(bytes, name, strnlen(name, IFNAMSIZ));
	else
		write_number(field, bytes, if_nametoindex(name));
}

static void write_address(const struct key_field *field, uint8_t *bytes, const uint8_t *address)
{
	for (unsigned int i = 0; i < field->size; i++) {
		unsigned int ones = field->length > 8 * i ? field->length - 8 * i : 0;

		bytes[i] = address[i] & (uint8_t)(ones < 8 ? 0xff00u >> ones : 0xffu);
	}
}

static void write_key(const struct view_lookup *lookup, const struct key_value *key, uint8_t *bytes)
{
	for (size_t i = 0; i < lookup->field_count; i++) {
		const struct key_field *field = &lookup->fields[i];

		if (key_is_interface(field))
			write_interface(field, bytes, key[i].name);
		else if (key_is_address(field))
			write_address(field, bytes, key[i].address);
		else
			write_number(field, bytes, key[i].number & field->mask);
		bytes += key_next_offset(0, field);
	}
}

struct answer {
	struct view_asker *asker;
	const struct view_lookup *lookup;
	struct set_element *found;
	bool there;
};

static int take_answer(const struct nlmsghdr *message, void *data)
{
	struct attributes all = view_message_attributes(message, NULL);
	struct attributes element = attributes_in(all.of[NFTA_SET_ELEM_LIST_ELEMENTS]);
	struct attributes of, value;
	struct answer *answer = data;
	int verdict;

	if (!element.of[NFTA_LIST_ELEM])
		return 0;
	answer->there = true;
	of = attributes_in(element.of[NFTA_LIST_ELEM]);
	value = attributes_in(of.of[NFTA_SET_ELEM_DATA]);
	if (!value.of[NFTA_DATA_VERDICT])
		return 0;
	verdict = machine_verdict(answer->asker->view, answer->lookup->table,
				  value.of[NFTA_DATA_VERDICT], &answer->found->chain);
	answer->found->verdict = (uint8_t)(verdict < 0 ? STEP_COUNT : verdict);
	return 0;
}

int nft_view_ask(void *data, const struct view_lookup *lookup, const struct key_value *key,
		 struct set_element *found)
{
	struct view_asker *asker = data;
	struct answer answer = { .asker = asker, .lookup = lookup, .found = found };
	uint8_t bytes[REGISTER_BYTES + IFNAMSIZ] = { 0 };
	char question[QUESTION_MAX];
	struct nlmsghdr *request = question_begin(question, NFT_MSG_GETSETELEM, 0,
						 view_family_of(lookup->table));
	struct nlattr *list, *element, *value;
	int err;

	if (key_size(lookup) > REGISTER_BYTES)
		return -EINVAL;
	write_key(lookup, key, bytes);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, lookup->table->name);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, lookup->name);
	list = mnl_attr_nest_start(request, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(request, NFTA_LIST_ELEM);
	value = mnl_attr_nest_start(request, NFTA_SET_ELEM_KEY);
	mnl_attr_put(request, NFTA_DATA_VALUE, key_size(lookup), bytes);
	mnl_attr_nest_end(request, value);
	mnl_attr_nest_end(request, element);
	mnl_attr_nest_end(request, list);
	err = netlink_ask(&asker->netlink, request, take_answer, &answer);
	if (err == -ENOENT)
		return 0;
	return err ? err : answer.there;
}
