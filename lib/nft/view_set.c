/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets and maps: which there are, and what their keys are made of. */
#include "nft/view_machine.h"
#include "nft/view_reader.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>

#include "support/hash.h"

/* --- which sets there are --------------------------------------------- */

static size_t slot_of(const struct view_table *table, const char *name)
{
	const uint64_t value = hash_text(HASH_BEGIN ^ (uintptr_t)table, name);

	return (value ^ value >> 32) % SET_SLOTS;
}

static bool is_counter(const struct nlattr *attr)
{
	struct attributes expression = attributes_in(attr);

	return !strcmp(attribute_text(expression.of[NFTA_EXPR_NAME]), "counter");
}

/* A set whose elements have more than counters asks for more than being there. */
static bool judges(const struct attributes *set)
{
	const struct nlattr *list = set->of[NFTA_SET_EXPRESSIONS], *attr;

	if (set->of[NFTA_SET_EXPR] && !is_counter(set->of[NFTA_SET_EXPR]))
		return true;
	if (!list)
		return false;
	mnl_attr_for_each_nested(attr, list)
		if (!is_counter(attr))
			return true;
	return false;
}

int reader_add_set(struct view_reader *reader, const struct view_table *table,
		   const struct attributes *from)
{
	struct view_set *set = arena_alloc(&reader->view->arena, sizeof(*set));
	size_t slot;

	if (!set)
		return -ENOMEM;
	set->name = arena_strdup(&reader->view->arena, attribute_text(from->of[NFTA_SET_NAME]));
	if (!set->name)
		return -ENOMEM;
	set->table = table;
	set->flags = number_in(from->of[NFTA_SET_FLAGS]);
	set->key_size = number_in(from->of[NFTA_SET_KEY_LEN]);
	set->data_size = number_in(from->of[NFTA_SET_DATA_LEN]);
	set->judges = judges(from);
	slot = slot_of(table, set->name);
	set->next = reader->sets[slot];
	reader->sets[slot] = set;
	return 0;
}

struct view_set *reader_find_set(struct view_reader *reader, const struct view_table *table,
				const char *name)
{
	struct view_set *set = reader->sets[slot_of(table, name)];

	while (set && (set->table != table || strcmp(set->name, name)))
		set = set->next;
	return set;
}

/* --- keys ------------------------------------------------------------- */

/* What of the bytes of one field counts: nothing but a mask may have been laid over them. */
static bool find_field(const struct symbol *bytes, size_t count, struct key_field *field)
{
	bool forward = !bytes->weight, backward = bytes->weight == count - 1;
	uint64_t mask = 0;
	unsigned int ones = 0;
	bool ended = false;

	*field = (struct key_field){ .field = bytes->source, .size = (uint8_t)count };
	if (bytes->size != count || (!forward && !backward))
		return false;
	field->swapped = !forward;
	for (size_t i = 0; i < count; i++) {
		unsigned int weight = field->swapped ? count - 1 - i : i;
		const struct symbol *byte = &bytes[i];

		if (byte->weight != weight || byte->value ||
		    (count > 4 && ((ended && byte->mask) ||
				   byte->mask != (uint8_t)(0xff00u >> __builtin_popcount(byte->mask)))))
			return false;
		mask |= (uint64_t)byte->mask << (count <= 4 ? 8 * (count - 1 - weight) : 0);
		ones += (unsigned int)__builtin_popcount(byte->mask);
		ended |= byte->mask != 0xff;
	}
	field->length = (uint8_t)ones;
	field->mask = mask == (UINT64_C(1) << 8 * (count <= 4 ? count : 4)) - 1 ? UINT32_MAX :
		      (uint32_t)mask;
	return true;
}

/* Fields by which elements can be told apart, in the words of the view. */
static bool is_known(struct key_field *field)
{
	switch (field->field) {
	case SOURCE_IN_INDEX:
		field->field = FIELD_IN;
		return field->mask == UINT32_MAX;
	case SOURCE_OUT_INDEX:
		field->field = FIELD_OUT;
		return field->mask == UINT32_MAX;
	case FIELD_SOURCE:
	case FIELD_DESTINATION:
		/* a mask must be one of a prefix */
		return field->size > 4 || !field->mask ||
		       !(~field->mask & (~field->mask + 1));
	case FIELD_IN:
	case FIELD_OUT:
		return field->length == 8 * IFNAMSIZ;
	case FIELD_FRAGMENT:
	case FIELD_CT_OTHER:
		return false;
	default:
		return field->field < FIELDS;
	}
}

static bool add_field(struct view_lookup *lookup, const struct symbol *bytes, size_t count)
{
	struct key_field *field = &lookup->fields[lookup->field_count];

	return lookup->field_count++ < KEY_FIELDS_MAX && find_field(bytes, count, field) &&
	       is_known(field);
}

/* false: the key has something in it that we cannot tell */
static bool find_fields(struct view_lookup *lookup, const struct symbol *bytes, size_t count)
{
	for (size_t i = 0, size; i < count; i += size) {
		size = 1;
		if (bytes[i].kind == SYMBOL_CONSTANT && !bytes[i].value)	/* padding */
			continue;
		if (bytes[i].kind != SYMBOL_FIELD)
			return false;
		while (i + size < count && bytes[i + size].kind == SYMBOL_FIELD &&
		       bytes[i + size].load == bytes[i].load &&
		       bytes[i + size].source == bytes[i].source)
			size++;
		if (!add_field(lookup, bytes + i, size))
			return false;
	}
	return lookup->field_count;
}

static bool has_source(const struct symbol *bytes, size_t count, uint8_t first, uint8_t last)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i].kind == SYMBOL_FIELD && bytes[i].source >= first && bytes[i].source <= last)
			return true;
	return false;
}

/* All of a key as one field, which nobody knows. */
static void hide_key(struct view_lookup *lookup, size_t size, bool asks)
{
	lookup->field_count = 1;
	lookup->fields[0] = (struct key_field){
		.field = asks ? FIELD_CT_OTHER : FIELD_OTHER, .size = (uint8_t)size,
		.mask = UINT32_MAX,
	};
}

void machine_load_data(struct machine *machine, const struct view_set *set,
		       struct view_lookup *lookup, const struct nlattr *to)
{
	size_t room = REGISTER_BYTES;
	struct symbol *bytes = machine_register(machine, to, &room);

	for (size_t i = 0; i < room; i++)
		bytes[i] = (struct symbol){ .kind = SYMBOL_UNKNOWN };
	if (!lookup || machine->map_count == MAPS_MAX || set->data_size > REGISTER_BYTES)
		return;
	lookup->data_size = set->data_size;
	machine->maps[machine->map_count++] = lookup;
	for (size_t i = 0; i < set->data_size && i < room; i++)
		bytes[i] = (struct symbol){ .kind = SYMBOL_UNKNOWN, .weight = (uint8_t)i,
					    .size = machine->map_count, .mask = 0xff };
}

int machine_lookup(struct machine *machine, struct view_set *set, const struct nlattr *attr,
		   bool verdicts, struct view_lookup **found)
{
	size_t size = set->key_size;
	const struct symbol *bytes = machine_register(machine, attr, &size);
	const bool hides = verdicts || has_source(bytes, size, FIELD_STATE, FIELD_STATE);
	bool known = !set->judges;
	struct view_lookup *lookup;

	if (size < set->key_size || !size || (!known && !hides))
		return 0;
	if (bytes->kind == SYMBOL_FIELD && bytes->source == SOURCE_HARDWARE)
		return MACHINE_HARDWARE;
	lookup = arena_alloc(&machine->view->arena, sizeof(*lookup));
	if (!lookup)
		return -ENOMEM;
	lookup->table = set->table;
	lookup->name = set->name;
	lookup->named = !(set->flags & NFT_SET_ANONYMOUS);
	known = known && find_fields(lookup, bytes, size);
	if (!known && hides)
		hide_key(lookup, size, machine->asks_conntrack ||
			 has_source(bytes, size, FIELD_STATE, FIELD_CT_OTHER));
	if (known || hides)
		*found = lookup;
	return 0;
}
