/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where many rules of a chain each name another address, port or interface, packets of
 * which that is known pass nearly all of them by.  What each rule names is kept in order, so that
 * the next rule which they could meet is found without asking those in between.
 */
#include "rules/rule_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum {
	RULES_MIN = 64,			/* fewer are asked one by one */
	ALIKE_MAX = 16,			/* where more than these name the same, it tells little apart */
	WITHIN_MAX = 32,		/* of packets that have many values, more are not looked through */
	KEY_BITS = 128,
};

static const enum field indexed_fields[INDEXED_FIELDS] = {
	FIELD_SOURCE, FIELD_DESTINATION, FIELD_SOURCE_PORT, FIELD_DESTINATION_PORT, FIELD_IN,
};

/* --- keys ------------------------------------------------------------- */

static void clear_behind(uint8_t key[16], unsigned int length)
{
	if (length % 8)
		key[length / 8] &= (uint8_t)(0xff00u >> length % 8);
	length = (length + 7) / 8;
	memset(key + length, 0, 16 - length);
}

static void put_port(struct index_key *key, uint32_t port)
{
	*key = (struct index_key){ .bytes = { (uint8_t)(port >> 8), (uint8_t)port }, .length = 16 };
}

/* What a condition names; false: not one prefix, one port or one interface. */
static bool key_of(const struct step *step, struct index_key *key)
{
	*key = (struct index_key){ .length = step->length };
	if (step->flags & (STEP_INVERTED | STEP_REMEMBERS))
		return false;
	switch (step->kind) {
	case STEP_PREFIX:
		memcpy(key->bytes, step->address, sizeof(key->bytes));
		clear_behind(key->bytes, key->length);
		return step->length && step->length <= KEY_BITS;
	case STEP_INTERFACE:
		key->length = KEY_BITS;
		memcpy(key->bytes, step->name, strnlen(step->name, sizeof(step->name)));
		return step->length && step->length <= IFNAMSIZ && !step->name[step->length - 1];
	case STEP_NUMBER:
		put_port(key, step->range.first);
		return step->mask == UINT32_MAX && step->range.first == step->range.last &&
		       step->range.first <= UINT16_MAX;
	default:
		return false;
	}
}

/* The first condition on a field, ahead of all that a rule does. */
static bool names(const struct view_rule *rule, enum field field, struct index_key *key)
{
	const struct step *step = rule->steps, *end = step + rule->count;

	for (; step < end && (step_is_condition(step) || step->kind == STEP_COUNT); step++)
		if (step_is_condition(step) && step->field == field && key_of(step, key))
			return true;
	return false;
}

static int compare_keys(const struct index_key *a, const struct index_key *b)
{
	const int order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));

	if (order)
		return order;
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

static int compare_entries(const void *a, const void *b)
{
	return compare_keys(a, b);
}

/* --- making ----------------------------------------------------------- */

static uint32_t count_rules(const struct view_chain *chain)
{
	uint32_t count = 0;

	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
		count++;
	return count;
}

static uint32_t count_named(const struct view_chain *chain, enum field field)
{
	struct index_key key;
	uint32_t count = 0;

	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
		count += names(rule, field, &key);
	return count;
}

/* What each rule names, and where the next one is that names nothing. */
static void fill(struct index_field *in, const struct rule_index *index, enum field field)
{
	uint32_t open = index->count;

	for (uint32_t i = index->count; i--; in->next_open[i] = open) {
		struct index_key key;

		if (!names(index->rules[i], field, &key)) {
			open = i;
			continue;
		}
		key.position = i;
		in->lengths[key.length / 64] |= UINT64_C(1) << key.length % 64;
		in->keys[in->count++] = key;
	}
	qsort(in->keys, in->count, sizeof(*in->keys), compare_entries);
}

static bool tells_apart(const struct index_field *in)
{
	uint32_t values = 1;

	for (uint32_t i = 1; i < in->count; i++)
		values += memcmp(in->keys[i - 1].bytes, in->keys[i].bytes, sizeof(in->keys[i].bytes)) != 0;
	return values >= in->count / ALIKE_MAX;
}

static bool make_field(struct rule_index *index, const struct view_chain *chain, enum field field)
{
	const uint32_t named = count_named(chain, field);
	struct index_field in = { .field = (uint8_t)field };

	if (named < index->count / 2)
		return true;
	in.keys = arena_alloc(&index->arena, named * sizeof(*in.keys));
	in.next_open = arena_alloc(&index->arena, index->count * sizeof(*in.next_open));
	if (!in.keys || !in.next_open)
		return false;
	fill(&in, index, field);
	if (tells_apart(&in))
		index->fields[index->field_count++] = in;
	return true;
}

void rule_index_make(const struct view_chain *chain)
{
	struct rule_index *index = chain->index;
	uint32_t position = 0;
	bool has_room;

	index->made = true;
	index->rules = arena_alloc(&index->arena, index->count * sizeof(*index->rules));
	has_room = index->rules != NULL;
	for (struct view_rule *rule = chain->rules; rule && has_room; rule = rule->next) {
		index->rules[position] = rule;
		rule->position = position++;
	}
	for (size_t i = 0; i < INDEXED_FIELDS && has_room; i++)
		has_room = make_field(index, chain, indexed_fields[i]);
	if (!has_room)
		index->field_count = 0;
}

static int begin_index(struct view *view, struct view_chain *chain)
{
	const uint32_t count = count_rules(chain);

	chain->indexed = true;
	if (count < RULES_MIN)
		return 0;
	chain->index = arena_alloc(&view->arena, sizeof(*chain->index));
	if (!chain->index)
		return -ENOMEM;
	*chain->index = (struct rule_index){ .count = count };
	return 0;
}

int view_index_rules(struct view *view)
{
	int err = 0;

	for (struct view_table *table = view->tables; table && !err; table = table->next)
		for (struct view_chain *chain = table->chains; chain && !err; chain = chain->next)
			if (!chain->indexed)
				err = begin_index(view, chain);
	return err;
}

void view_drop_index(struct view_chain *chain)
{
	if (chain->index)
		arena_free(&chain->index->arena);
	chain->index = NULL;
	chain->indexed = false;
}

/* --- asking ----------------------------------------------------------- */

/* The first of the keys that is not ahead of one. */
static uint32_t find_key(const struct index_field *in, const struct index_key *key)
{
	uint32_t first = 0, end = in->count;

	while (first < end) {
		const uint32_t middle = first + (end - first) / 2;

		if (compare_keys(&in->keys[middle], key) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

/* The next rule that names all of the values, or more: one look for each length there is. */
static uint32_t next_around(const struct index_field *in, const struct index_key *values, uint32_t from)
{
	uint32_t next = in->next_open[from];

	for (unsigned int length = 1; length <= values->length; length++) {
		struct index_key key = *values;
		uint32_t found;

		if (!(in->lengths[length / 64] & UINT64_C(1) << length % 64))
			continue;
		clear_behind(key.bytes, length);
		key.length = (uint8_t)length;
		key.position = from;
		found = find_key(in, &key);
		if (found < in->count && in->keys[found].length == length &&
		    !memcmp(in->keys[found].bytes, key.bytes, sizeof(key.bytes)) &&
		    in->keys[found].position < next)
			next = in->keys[found].position;
	}
	return next;
}

/* ... or some of those from @first to @last; where many do, it may be any rule. */
static uint32_t next_within(const struct index_field *in, const struct index_key *first,
			    const uint8_t last[16], uint32_t from, uint32_t next)
{
	uint32_t i = find_key(in, first);

	for (uint32_t seen = 0; i < in->count; i++) {
		const struct index_key *key = &in->keys[i];

		if (memcmp(key->bytes, last, sizeof(key->bytes)) > 0)
			break;
		if (++seen > WITHIN_MAX)
			return from;
		if (key->position >= from && key->position < next)
			next = key->position;
	}
	return next;
}

static uint32_t next_of_prefix(const struct index_field *in, const struct prefix *packets, uint32_t from)
{
	struct index_key key = { .length = packets->length };
	uint8_t last[16];

	if (!packets->length)
		return from;
	memcpy(key.bytes, packets->address, sizeof(key.bytes));
	clear_behind(key.bytes, key.length);
	memcpy(last, key.bytes, sizeof(last));
	for (unsigned int bit = key.length; bit < KEY_BITS; bit++)
		last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return next_within(in, &key, last, from, next_around(in, &key, from));
}

static uint32_t next_of_ports(const struct index_field *in, const struct port_range *ports, uint32_t from)
{
	struct index_key first, last;

	put_port(&first, ports->first);
	put_port(&last, ports->last);
	return next_within(in, &first, last.bytes, from, in->next_open[from]);
}

static uint32_t next_of_name(const struct index_field *in, const char *name, uint32_t from)
{
	const size_t size = strlen(name);
	struct index_key key = { .length = KEY_BITS };

	if (!size || name[size - 1] == '+')
		return from;
	memcpy(key.bytes, name, size);
	return next_around(in, &key, from);
}

static uint32_t next_by(const struct index_field *in, const struct known_fields *packets, uint32_t from)
{
	switch (in->field) {
	case FIELD_SOURCE:
		return next_of_prefix(in, packets->source, from);
	case FIELD_DESTINATION:
		return next_of_prefix(in, packets->destination, from);
	case FIELD_SOURCE_PORT:
		return next_of_ports(in, packets->source_port, from);
	case FIELD_DESTINATION_PORT:
		return next_of_ports(in, packets->destination_port, from);
	default:
		return next_of_name(in, packets->in, from);
	}
}

const struct view_rule *rule_index_next(const struct view_chain *chain, const struct view_rule *rule,
					const struct known_fields *packets)
{
	struct rule_index *index = chain->index;
	uint32_t next;

	if (!index)
		return rule;
	if (!index->made) {
		if (++index->asked < index->count)
			return rule;
		rule_index_make(chain);
	}
	if (!index->field_count)
		return rule;
	next = rule->position;
	for (size_t i = 0; i < index->field_count && next < index->count; i++)
		next = next_by(&index->fields[i], packets, next);
	return next < index->count ? index->rules[next] : NULL;
}
