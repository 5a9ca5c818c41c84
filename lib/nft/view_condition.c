/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expressions that mask, compare and look up what registers hold. */
#include "nft/view_machine.h"
#include "nft/view_reader.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>

/* --- arithmetic ------------------------------------------------------- */

/* The bytes of a value in an attribute of data; NULL and 0 where it is none. */
static const uint8_t *data_of(const struct nlattr *attr, size_t *size)
{
	struct attributes data = attributes_in(attr);
	const struct nlattr *value = data.of[NFTA_DATA_VALUE];

	*size = value ? mnl_attr_get_payload_len(value) : 0;
	return value ? mnl_attr_get_payload(value) : NULL;
}

static void forget(struct symbol *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (struct symbol){ .kind = SYMBOL_UNKNOWN };
}

int run_bitwise(struct machine *machine, const struct attributes *data)
{
	uint32_t op = number_or(data->of[NFTA_BITWISE_OP], NFT_BITWISE_BOOL);
	size_t count = number_in(data->of[NFTA_BITWISE_LEN]), room = count;
	size_t mask_size, value_size;
	const uint8_t *mask = data_of(data->of[NFTA_BITWISE_MASK], &mask_size);
	const uint8_t *value = data_of(data->of[NFTA_BITWISE_XOR], &value_size);
	const struct symbol *from = machine_register(machine, data->of[NFTA_BITWISE_SREG], &count);
	struct symbol *to = machine_register(machine, data->of[NFTA_BITWISE_DREG], &room);

	if (room < count)
		count = room;
	if (op != NFT_BITWISE_BOOL || mask_size < count || value_size < count) {
		forget(to, count);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		struct symbol byte = from[i];

		byte.mask &= mask[i];
		byte.value = (uint8_t)((byte.value & mask[i]) ^ value[i]);
		to[i] = byte;
	}
	return 0;
}

/* Between the order of the network and that of this host, either way. */
int run_byteorder(struct machine *machine, const struct attributes *data)
{
	size_t count = number_in(data->of[NFTA_BYTEORDER_LEN]), room = count;
	uint32_t size = number_in(data->of[NFTA_BYTEORDER_SIZE]);
	const struct symbol *from = machine_register(machine, data->of[NFTA_BYTEORDER_SREG], &count);
	struct symbol *to = machine_register(machine, data->of[NFTA_BYTEORDER_DREG], &room);
	struct symbol bytes[REGISTER_BYTES];

	if (room < count)
		count = room;
	memcpy(bytes, from, count * sizeof(*bytes));
	if (size != 2 && size != 4 && size != 8) {
		forget(to, count);
		return 0;
	}
	count -= count % size;		/* what is no whole value stays: nft asks it of single bytes */
	for (size_t i = 0; i < count; i++)
		to[i] = bytes[__BYTE_ORDER == __LITTLE_ENDIAN ? i - i % size + size - 1 - i % size : i];
	return 0;
}

/* --- equal, or not ---------------------------------------------------- */

int machine_add_unknown(struct machine *machine, const char *what, uint8_t source)
{
	struct step *step = view_add_unknown(machine->view, STEP_UNKNOWN, what);

	if (!step)
		return -ENOMEM;
	/* a set, or numbers in another byte order, may be of what conntrack was asked for */
	if ((source >= FIELD_STATE && source < FIELDS) ||
	    (source == SOURCE_UNKNOWN && machine->asks_conntrack))
		step->field = FIELD_CT_OTHER;
	return 0;
}

/* A range without a number in it. */
static int add_never(struct machine *machine, bool inverted)
{
	struct step *step = view_add_number(machine->view, FIELD_PROTOCOL, 1, 0);

	if (!step)
		return -ENOMEM;
	step->flags = inverted ? STEP_INVERTED : 0;
	return 0;
}

/* Bytes side by side that came from one field by one load. */
struct group {
	const struct symbol *bytes;
	const uint8_t *data;		/* what they are compared with */
	size_t count;
	bool inverted;
};

static struct group next_group(const struct symbol *bytes, const uint8_t *data, size_t left,
			       bool inverted)
{
	struct group group = { bytes, data, 1, inverted };

	while (group.count < left && bytes[group.count].kind == SYMBOL_FIELD &&
	       bytes[group.count].source == bytes->source && bytes[group.count].load == bytes->load)
		group.count++;
	return group;
}

/* How many leading bits of a field the bytes are, or -1 where they are something else. */
static int prefix_length(const struct group *group)
{
	int length = 0;
	bool ended = false;

	for (size_t i = 0; i < group->count; i++) {
		uint8_t mask = group->bytes[i].mask;
		int ones = __builtin_popcount(mask);

		if (group->bytes[i].weight != i || group->bytes[i].value || (ended && mask) ||
		    mask != (uint8_t)(0xff00u >> ones))
			return -1;
		ended |= ones < 8;
		length += ones;
	}
	return length;
}

static int add_prefix(struct machine *machine, const struct group *group)
{
	int length = prefix_length(group);
	struct step *step;

	if (length < 0)
		return machine_add_unknown(machine, "part of an address", group->bytes->source);
	for (size_t i = 0; i < group->count; i++)
		if (group->data[i] & ~group->bytes[i].mask)
			return add_never(machine, group->inverted);
	step = view_add_step(machine->view, STEP_PREFIX);
	if (!step)
		return -ENOMEM;
	step->field = group->bytes->source;
	step->flags = group->inverted ? STEP_INVERTED : 0;
	step->length = (uint8_t)length;
	memcpy(step->address, group->data, group->count);
	return 0;
}

static int add_name(struct machine *machine, const struct group *group, uint8_t source,
		    const char *name, size_t count)
{
	struct step *step;

	if (group->bytes->source == source && prefix_length(group) != (int)(8 * group->count))
		return machine_add_unknown(machine, "part of a name", source);
	step = view_add_step(machine->view, STEP_INTERFACE);
	if (!step)
		return -ENOMEM;
	step->field = source;
	step->flags = group->inverted ? STEP_INVERTED : 0;
	memcpy(step->name, name, count);
	/* its NUL counts, and what follows it is all zero */
	step->length = (uint8_t)strnlen(step->name, count);
	step->length += step->length < count;
	return 0;
}

/* What of a field of up to 4 bytes is compared, as a mask, and with what. */
static bool find_number(const struct group *group, uint32_t *mask, uint32_t *value)
{
	size_t size = group->bytes->size;

	*mask = *value = 0;
	if (size > sizeof(*mask))
		return false;
	for (size_t i = 0; i < group->count; i++) {
		const struct symbol *byte = &group->bytes[i];
		size_t place = 8 * (size - 1 - byte->weight);

		*mask |= (uint32_t)byte->mask << place;
		*value |= (uint32_t)(uint8_t)(group->data[i] ^ byte->value) << place;
	}
	return true;
}

/* All bits of a field are the whole of it. */
static uint32_t whole_mask(uint32_t mask, size_t size)
{
	return mask == (uint32_t)((UINT64_C(1) << 8 * size) - 1) ? UINT32_MAX : mask;
}

/* Whether something is there, or is not: one question, and its opposite. */
static int add_presence(struct machine *machine, enum field field, bool missing)
{
	struct step *step = view_add_number(machine->view, field, 1, 1);

	if (!step)
		return -ENOMEM;
	step->flags = missing ? STEP_INVERTED : 0;
	step->length = machine->question;
	return 0;
}

static bool is_of_presence(uint8_t source)
{
	return source == FIELD_REVERSE_PATH || source == FIELD_EXTENSION;
}

static int add_number(struct machine *machine, const struct group *group)
{
	uint8_t source = group->bytes->source;
	uint32_t mask, value;
	struct step *step;

	if (!find_number(group, &mask, &value) || (source == FIELD_FRAGMENT && mask & 0xc000))
		return machine_add_unknown(machine, "part of a field", source);
	if (is_of_presence(source) && mask == UINT8_MAX && value <= 1)
		return add_presence(machine, (enum field)source, !value != group->inverted);
	step = view_add_number(machine->view, source, value, value);
	if (!step)
		return -ENOMEM;
	step->mask = whole_mask(mask, group->bytes->size);
	step->flags = group->inverted ? STEP_INVERTED : 0;
	if (!group->inverted && step->mask == UINT32_MAX && source == FIELD_FAMILY)
		machine->family = (int)value;
	if (!group->inverted && step->mask == UINT32_MAX && source == FIELD_ETHER_TYPE)
		machine->family = value == 0x86dd ? AF_INET6 : value == 0x0800 ? AF_INET : AF_UNSPEC;
	if (!group->inverted && step->mask == UINT32_MAX &&
	    (source == FIELD_PROTOCOL || source == FIELD_NEXT_HEADER))
		machine->protocol = (int)value;
	return 0;
}

/* Interfaces by number: 0 is none. */
static int add_index(struct machine *machine, const struct group *group, enum field field)
{
	char name[IFNAMSIZ] = "";
	uint32_t mask, value;

	if (!find_number(group, &mask, &value) || mask != UINT32_MAX)
		return machine_add_unknown(machine, "interface", SOURCE_UNKNOWN);
	if (value && !if_indextoname(value, name))
		return add_never(machine, group->inverted);
	return add_name(machine, group, field, name, sizeof(name));
}

static bool all_zero(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (group->data[i])
			return false;
	return true;
}

/* No interface: the source is not reached by the one it came by. */
static int add_reverse(struct machine *machine, const struct group *group)
{
	if (!all_zero(group))
		return machine_add_unknown(machine, "fib", SOURCE_UNKNOWN);
	return add_presence(machine, FIELD_REVERSE_PATH, !group->inverted);
}

/* A sender's address that a rule names is not the usual one. */
static int add_hardware(struct machine *machine, const void *asked, size_t size, bool inverted)
{
	struct step *step = view_add_step(machine->view, STEP_SET);

	if (!step)
		return -ENOMEM;
	step->field = FIELD_SOURCE;
	step->mask = view_hash(1, asked, size);
	step->flags = inverted ? STEP_INVERTED : 0;
	return 0;
}

static int add_equal(struct machine *machine, const struct group *group)
{
	uint8_t source = group->bytes->source;

	switch (source) {
	case FIELD_SOURCE:
	case FIELD_DESTINATION:
		return add_prefix(machine, group);
	case FIELD_IN:
	case FIELD_OUT:
		return add_name(machine, group, source, (const char *)group->data, group->count);
	case SOURCE_IN_INDEX:
		return add_index(machine, group, FIELD_IN);
	case SOURCE_OUT_INDEX:
		return add_index(machine, group, FIELD_OUT);
	case SOURCE_REVERSE_INDEX:
	case SOURCE_REVERSE_NAME:
		return add_reverse(machine, group);
	case SOURCE_HARDWARE:
		return add_hardware(machine, group->data, group->count, group->inverted);
	case FIELD_CT_OTHER:
	case SOURCE_UNKNOWN:
		return machine_add_unknown(machine, "comparison", source);
	default:
		return add_number(machine, group);
	}
}

/* How many fields there are; -1: among them something that we cannot tell. */
static int count_groups(const struct symbol *bytes, size_t count)
{
	int groups = 0;

	for (size_t i = 0; i < count;) {
		if (bytes[i].kind == SYMBOL_UNKNOWN)
			return -1;
		if (bytes[i].kind == SYMBOL_CONSTANT) {
			i++;
			continue;
		}
		i += next_group(bytes + i, NULL, count - i, false).count;
		groups++;
	}
	return groups;
}

static int compare_equal(struct machine *machine, const struct symbol *bytes, const uint8_t *data,
			 size_t count, bool inverted)
{
	int groups = count_groups(bytes, count), err = 0;

	if (groups < 0 || (groups > 1 && inverted))	/* not all of them: no row of conditions */
		return machine_add_unknown(machine, "comparison", SOURCE_UNKNOWN);
	for (size_t i = 0; i < count && !err;) {
		struct group group;

		if (bytes[i].kind == SYMBOL_CONSTANT) {
			if (bytes[i].value != data[i])
				return add_never(machine, inverted);
			i++;
			continue;
		}
		group = next_group(bytes + i, data + i, count - i, inverted);
		err = add_equal(machine, &group);
		i += group.count;
	}
	return err;
}

/* --- less, or more ---------------------------------------------------- */

/* One field whole, its first byte the most significant one, as it must be to be compared. */
static bool is_in_order(const struct symbol *bytes, size_t count)
{
	struct group group = next_group(bytes, NULL, count, false);

	return bytes->kind == SYMBOL_FIELD && group.count == count && bytes->size == count &&
	       prefix_length(&group) == (int)(8 * count);
}

static uint32_t number_of(const uint8_t *data, size_t size)
{
	uint32_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | data[i];
	return number;
}

static int add_numbers(struct machine *machine, const struct symbol *bytes, const uint8_t *first,
		       const uint8_t *last, bool inverted)
{
	size_t size = bytes->size;
	struct step *step = view_add_number(machine->view, bytes->source, number_of(first, size),
					    number_of(last, size));

	if (!step)
		return -ENOMEM;
	step->flags = inverted ? STEP_INVERTED : 0;
	return 0;
}

static int add_addresses(struct machine *machine, const struct symbol *bytes, const uint8_t *first,
			 const uint8_t *last, bool inverted)
{
	struct address_range *range = arena_alloc(&machine->view->arena, sizeof(*range));
	struct step *step = range ? view_add_step(machine->view, STEP_ADDRESSES) : NULL;

	if (!step)
		return -ENOMEM;
	memcpy(range->first, first, bytes->size);
	memcpy(range->last, last, bytes->size);
	step->field = bytes->source;
	step->flags = inverted ? STEP_INVERTED : 0;
	step->count = 1;
	step->addresses = range;
	return 0;
}

static int compare_range(struct machine *machine, const struct symbol *bytes,
			 const uint8_t *first, const uint8_t *last, size_t count, bool inverted)
{
	if (!count || !is_in_order(bytes, count))
		return machine_add_unknown(machine, "range", SOURCE_UNKNOWN);
	if (bytes->source == FIELD_SOURCE || bytes->source == FIELD_DESTINATION)
		return add_addresses(machine, bytes, first, last, inverted);
	if (bytes->source == FIELD_FRAGMENT || bytes->source == FIELD_CT_OTHER ||
	    bytes->source >= FIELDS || count > sizeof(uint32_t))
		return machine_add_unknown(machine, "range", bytes->source);
	return add_numbers(machine, bytes, first, last, inverted);
}

/* From 0 to below, from it to the end, and so on. */
static int compare_order(struct machine *machine, const struct symbol *bytes, const uint8_t *data,
			 size_t count, uint32_t op)
{
	uint8_t first[REGISTER_BYTES], last[REGISTER_BYTES];
	bool upwards = op == NFT_CMP_GT || op == NFT_CMP_LTE;

	/* x > n: not 0 to n; x <= n: 0 to n; x < n: not n to the end; x >= n: n to the end */
	memset(first, 0, count);
	memset(last, 0xff, count);
	memcpy(upwards ? last : first, data, count);
	return compare_range(machine, bytes, first, last, count,
			     op == NFT_CMP_GT || op == NFT_CMP_LT);
}

int run_compare(struct machine *machine, const struct attributes *data)
{
	uint32_t op = number_or(data->of[NFTA_CMP_OP], UINT32_MAX);
	size_t count, room;
	const uint8_t *with = data_of(data->of[NFTA_CMP_DATA], &count);
	const struct symbol *bytes;

	room = count;
	bytes = machine_register(machine, data->of[NFTA_CMP_SREG], &room);
	if (room < count || !count)
		return machine_add_unknown(machine, "comparison", SOURCE_UNKNOWN);
	if (op == NFT_CMP_EQ || op == NFT_CMP_NEQ)
		return compare_equal(machine, bytes, with, count, op == NFT_CMP_NEQ);
	return compare_order(machine, bytes, with, count, op);
}

int run_range(struct machine *machine, const struct attributes *data)
{
	uint32_t op = number_or(data->of[NFTA_RANGE_OP], NFT_RANGE_EQ);
	size_t count, other_count, room;
	const uint8_t *first = data_of(data->of[NFTA_RANGE_FROM_DATA], &count);
	const uint8_t *last = data_of(data->of[NFTA_RANGE_TO_DATA], &other_count);
	const struct symbol *bytes;

	room = count;
	bytes = machine_register(machine, data->of[NFTA_RANGE_SREG], &room);
	if (room < count || count != other_count || !count)
		return machine_add_unknown(machine, "range", SOURCE_UNKNOWN);
	return compare_range(machine, bytes, first, last, count, op == NFT_RANGE_NEQ);
}

/* --- sets and maps ---------------------------------------------------- */

static int add_lookup(struct machine *machine, struct view_lookup *lookup, enum step_kind kind,
		      bool inverted)
{
	struct step *step = view_add_step(machine->view, kind);

	if (!step)
		return -ENOMEM;
	step->lookup = lookup;
	step->flags = inverted ? STEP_INVERTED : 0;
	return 0;
}

int run_lookup(struct machine *machine, const struct attributes *data)
{
	struct view_set *set = reader_find_set(machine->reader, machine->chain->table,
					      attribute_text(data->of[NFTA_LOOKUP_SET]));
	bool inverted = number_in(data->of[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV;
	const struct nlattr *to = data->of[NFTA_LOOKUP_DREG];
	bool verdict = to && number_or(to, UINT32_MAX) == NFT_REG_VERDICT;
	struct view_lookup *lookup = NULL;
	int err;

	err = set ? machine_lookup(machine, set, data->of[NFTA_LOOKUP_SREG], verdict, &lookup) : 0;
	if (err < 0)
		return err;
	if (err == MACHINE_HARDWARE)
		return add_hardware(machine, set->name, strlen(set->name), inverted);
	if (!lookup && verdict)
		return view_add_unknown(machine->view, STEP_ANYTHING, "verdict map") ? 1 : -ENOMEM;
	if (!lookup)
		err = machine_add_unknown(machine, "set", SOURCE_UNKNOWN);
	else
		err = add_lookup(machine, lookup, verdict ? STEP_MAP : STEP_LOOKUP, inverted);
	if (err || verdict)
		return err ? err : 1;
	if (to) {
		machine->view->steps[machine->view->step_count - 1].flags |= STEP_GIVES_DATA;
		machine_load_data(machine, set, lookup, to);
	}
	return 0;
}
