/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expressions that load something into a register. */
#include "nft/view_machine.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

/* --- registers -------------------------------------------------------- */

struct symbol *machine_register(struct machine *machine, const struct nlattr *attr, size_t *size)
{
	size_t offset = register_offset(number_or(attr, UINT32_MAX));

	if (*size > REGISTER_BYTES - offset)
		*size = REGISTER_BYTES - offset;
	return machine->registers + offset;
}

/* The rest of the last four bytes is zero. */
static void pad(struct symbol *bytes, size_t used, size_t room)
{
	for (size_t i = used; i % NFT_REG32_SIZE && i < room; i++)
		bytes[i] = (struct symbol){ .kind = SYMBOL_CONSTANT };
}

static int load_bytes(struct machine *machine, const struct nlattr *attr, uint8_t source,
		      size_t size, bool last_first)
{
	size_t room = REGISTER_BYTES;
	struct symbol *bytes = machine_register(machine, attr, &room);

	machine->loads++;
	for (size_t i = 0; i < size && i < room; i++)
		bytes[i] = (struct symbol){
			.kind = SYMBOL_FIELD, .source = source, .load = machine->loads,
			.weight = (uint8_t)(last_first ? size - 1 - i : i),
			.size = (uint8_t)size, .mask = 0xff,
		};
	pad(bytes, size, room);
	return 0;
}

/* Loads a field whole, its first byte being the most significant one, or, @swapped, the last. */
static int load(struct machine *machine, const struct nlattr *attr, uint8_t source, size_t size,
		bool swapped)
{
	return load_bytes(machine, attr, source, size,
			  swapped && __BYTE_ORDER == __LITTLE_ENDIAN);
}

/* Loads something that a rule may ask for, and we cannot tell. */
static int load_unknown(struct machine *machine, const struct nlattr *attr, uint8_t source)
{
	return load_bytes(machine, attr, source, NFT_REG_SIZE, false);
}

int run_load_unknown(struct machine *machine, const struct attributes *data)
{
	/* all of these have their destination first, but for hash and socket */
	for (size_t i = 1; i <= 2; i++)
		if (data->of[i])
			load_unknown(machine, data->of[i], SOURCE_UNKNOWN);
	return 0;
}

bool machine_constant(struct machine *machine, const struct nlattr *attr, uint8_t *bytes,
		      size_t size)
{
	size_t room = size;
	const struct symbol *symbols = machine_register(machine, attr, &room);

	if (!attr || room < size)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (symbols[i].kind != SYMBOL_CONSTANT)
			return false;
		bytes[i] = symbols[i].value;
	}
	return true;
}

/* --- payload ---------------------------------------------------------- */

/* Where a field lies in a header. */
struct part {
	uint8_t offset, size, source;
};

static const struct part ipv4_parts[] = {
	{ 6, 2, FIELD_FRAGMENT }, { 9, 1, FIELD_PROTOCOL }, { 12, 4, FIELD_SOURCE },
	{ 16, 4, FIELD_DESTINATION }, { 0, 0, 0 },
};
static const struct part ipv6_parts[] = {
	{ 6, 1, FIELD_NEXT_HEADER }, { 8, 16, FIELD_SOURCE }, { 24, 16, FIELD_DESTINATION },
	{ 0, 0, 0 },
};
static const struct part port_parts[] = {
	{ 0, 2, FIELD_SOURCE_PORT }, { 2, 2, FIELD_DESTINATION_PORT }, { 0, 0, 0 },
};
static const struct part tcp_parts[] = {
	{ 0, 2, FIELD_SOURCE_PORT }, { 2, 2, FIELD_DESTINATION_PORT }, { 13, 1, FIELD_TCP_FLAGS },
	{ 0, 0, 0 },
};
static const struct part sctp_parts[] = {
	{ 0, 2, FIELD_SOURCE_PORT }, { 2, 2, FIELD_DESTINATION_PORT }, { 12, 1, FIELD_CHUNK },
	{ 0, 0, 0 },
};
static const struct part icmp_parts[] = {
	{ 0, 1, FIELD_ICMP_TYPE }, { 1, 1, FIELD_ICMP_CODE }, { 0, 0, 0 },
};
static const struct part ether_parts[] = {
	{ 6, 6, SOURCE_HARDWARE }, { 12, 2, FIELD_ETHER_TYPE }, { 0, 0, 0 },
};
static const struct part no_parts[] = { { 0, 0, 0 } };

static const struct part *parts_of(const struct machine *machine, uint32_t base)
{
	switch (base) {
	case NFT_PAYLOAD_LL_HEADER:
		return ether_parts;
	case NFT_PAYLOAD_NETWORK_HEADER:
		return machine->family == AF_INET ? ipv4_parts :
		       machine->family == AF_INET6 ? ipv6_parts : no_parts;
	case NFT_PAYLOAD_TRANSPORT_HEADER:
		return machine->protocol == IPPROTO_TCP ? tcp_parts :
		       machine->protocol == IPPROTO_SCTP ? sctp_parts :
		       machine->protocol == IPPROTO_ICMP || machine->protocol == IPPROTO_ICMPV6 ?
		       icmp_parts : port_parts;
	default:
		return no_parts;
	}
}

static struct symbol symbol_at(const struct part *parts, uint32_t offset, uint8_t load)
{
	for (; parts->size; parts++)
		if (offset >= parts->offset && offset - parts->offset < parts->size)
			return (struct symbol){ .kind = SYMBOL_FIELD, .source = parts->source,
						.load = load,
						.weight = (uint8_t)(offset - parts->offset),
						.size = parts->size, .mask = 0xff };
	return (struct symbol){ .kind = SYMBOL_FIELD, .source = SOURCE_UNKNOWN, .load = load,
				.weight = (uint8_t)offset, .size = 1, .mask = 0xff };
}

/*
 * Whether what is written leaves all that we know of a packet as it is: "ip ttl set" writes the
 * protocol that is beside it as well, which it has loaded before.
 */
static bool leaves_alone(struct machine *machine, const struct part *parts, uint32_t offset,
			 uint32_t count, const struct nlattr *attr)
{
	size_t room = count;
	const struct symbol *from = machine_register(machine, attr, &room);

	if (room < count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const struct symbol there = symbol_at(parts, offset + i, 0);

		if (there.source == SOURCE_UNKNOWN)
			continue;
		if (from[i].kind != SYMBOL_FIELD || from[i].source != there.source ||
		    from[i].weight != there.weight || from[i].mask != 0xff || from[i].value)
			return false;
	}
	return true;
}

/* A packet is changed, and nothing is kept of it. */
static int add_alteration(struct machine *machine, const char *what)
{
	struct step *step = view_add_step(machine->view, STEP_COUNT);

	if (!step)
		return -ENOMEM;
	step->text = what;
	step->count = COUNT_ALTERS;
	return 0;
}

static int write_payload(struct machine *machine, const struct part *parts, uint32_t offset,
			 uint32_t count, const struct nlattr *from)
{
	/* where it is not known what the header is, it may be any field */
	const bool known = parts != no_parts && (parts != port_parts || machine->protocol >= 0);

	if (known && leaves_alone(machine, parts, offset, count, from))
		return add_alteration(machine, "payload set");
	return view_add_unknown(machine->view, STEP_ANYTHING, "payload set") ? 0 : -ENOMEM;
}

/* One load may take several fields that lie side by side, or a part of one. */
int run_payload(struct machine *machine, const struct attributes *data)
{
	const struct part *parts = parts_of(machine, number_or(data->of[NFTA_PAYLOAD_BASE],
								      UINT32_MAX));
	uint32_t offset = number_or(data->of[NFTA_PAYLOAD_OFFSET], UINT32_MAX);
	uint32_t count = number_in(data->of[NFTA_PAYLOAD_LEN]);
	size_t room = REGISTER_BYTES;
	struct symbol *bytes;

	if (data->of[NFTA_PAYLOAD_SREG])
		return write_payload(machine, parts, offset, count, data->of[NFTA_PAYLOAD_SREG]);
	bytes = machine_register(machine, data->of[NFTA_PAYLOAD_DREG], &room);
	machine->loads++;
	if (count > room)
		count = (uint32_t)room;
	for (uint32_t i = 0; i < count; i++)
		bytes[i] = symbol_at(parts, offset > UINT16_MAX ? UINT16_MAX : offset + i,
				     machine->loads);
	pad(bytes, count, room);
	return 0;
}

/* --- meta ------------------------------------------------------------- */

static int set_meta(struct machine *machine, const struct attributes *data);

int run_meta(struct machine *machine, const struct attributes *data)
{
	const struct nlattr *to = data->of[NFTA_META_DREG];

	if (data->of[NFTA_META_SREG])
		return set_meta(machine, data);
	switch (number_or(data->of[NFTA_META_KEY], UINT32_MAX)) {
	case NFT_META_PROTOCOL:
		return load(machine, to, FIELD_ETHER_TYPE, 2, false);
	case NFT_META_NFPROTO:
		return load(machine, to, FIELD_FAMILY, 1, false);
	case NFT_META_L4PROTO:
		return load(machine, to, FIELD_PROTOCOL, 1, false);
	case NFT_META_MARK:
		return load(machine, to, FIELD_MARK, 4, true);
	case NFT_META_IIFNAME:
		return load(machine, to, FIELD_IN, IFNAMSIZ, false);
	case NFT_META_OIFNAME:
		return load(machine, to, FIELD_OUT, IFNAMSIZ, false);
	case NFT_META_IIF:
		return load(machine, to, SOURCE_IN_INDEX, 4, true);
	case NFT_META_OIF:
		return load(machine, to, SOURCE_OUT_INDEX, 4, true);
	case NFT_META_PKTTYPE:
		return load(machine, to, FIELD_LINK_TYPE, 1, false);
	default:
		return load_unknown(machine, to, SOURCE_UNKNOWN);
	}
}

/* The mark as (mark & mask) ^ value; false: it is something else. */
static bool find_mark(const struct symbol *bytes, struct step *step)
{
	uint32_t mask = 0, value = 0;

	for (size_t i = 0; i < 4; i++) {
		const struct symbol *byte = &bytes[i];
		size_t place = __BYTE_ORDER == __LITTLE_ENDIAN ? i : 3 - i;

		if (byte->kind == SYMBOL_UNKNOWN)
			return false;
		value |= (uint32_t)byte->value << 8 * place;
		if (byte->kind == SYMBOL_CONSTANT)
			continue;
		if (byte->source != FIELD_MARK || byte->weight != 3 - place)
			return false;
		mask |= (uint32_t)byte->mask << 8 * place;
	}
	step->mask = ~mask;
	step->value = value;
	return true;
}

static bool is_of_connection(const struct symbol *bytes)
{
	for (size_t i = 0; i < 4; i++)
		if (bytes[i].kind != SYMBOL_FIELD || bytes[i].source != FIELD_CT_MARK)
			return false;
	return true;
}

static int set_meta(struct machine *machine, const struct attributes *data)
{
	size_t room = 4;
	const struct symbol *bytes = machine_register(machine, data->of[NFTA_META_SREG], &room);
	uint32_t key = number_or(data->of[NFTA_META_KEY], UINT32_MAX);
	bool mark = key == NFT_META_MARK;
	bool restored = mark && room == 4 && is_of_connection(bytes);
	struct step *step = view_add_step(machine->view, !mark ? STEP_COUNT :
					  restored ? STEP_RESTORE_MARK : STEP_MARK);

	if (!step)
		return -ENOMEM;
	if (mark && !restored && (room < 4 || !find_mark(bytes, step)))
		step->flags = STEP_ANY_VALUE;
	if (!mark && key != NFT_META_NFTRACE)
		step->count = COUNT_ALTERS;
	return 0;
}

/* --- conntrack -------------------------------------------------------- */

static int set_ct(struct machine *machine, const struct attributes *data)
{
	uint32_t key = number_or(data->of[NFTA_CT_KEY], UINT32_MAX);
	struct step *step = view_add_step(machine->view, key == NFT_CT_MARK ? STEP_CT_MARK :
					  key == NFT_CT_ZONE ? STEP_TEMPLATE : STEP_COUNT);

	if (!step)
		return -ENOMEM;
	if (key == NFT_CT_ZONE)
		step->flags = STEP_WITHOUT_ENTRY;
	return 0;
}

/* A packet without an entry has a state, and the rule ends where it asks for more. */
int run_ct(struct machine *machine, const struct attributes *data)
{
	const struct nlattr *to = data->of[NFTA_CT_DREG];
	uint32_t key = number_or(data->of[NFTA_CT_KEY], UINT32_MAX);

	if (data->of[NFTA_CT_SREG])
		return set_ct(machine, data);
	if (key != NFT_CT_STATE && !view_add_number(machine->view, FIELD_CT_DIRECTION, 0, 1))
		return -ENOMEM;
	switch (key) {
	case NFT_CT_STATE:
		return load(machine, to, FIELD_STATE, 4, true);
	case NFT_CT_DIRECTION:
		return load(machine, to, FIELD_CT_DIRECTION, 1, false);
	case NFT_CT_STATUS:
		return load(machine, to, FIELD_CT_STATUS, 4, true);
	case NFT_CT_MARK:
		return load(machine, to, FIELD_CT_MARK, 4, true);
	default:
		machine->asks_conntrack = true;
		return load_unknown(machine, to, FIELD_CT_OTHER);
	}
}

/* --- routes and extension headers ------------------------------------- */

static uint8_t type_source(uint32_t flags)
{
	switch (flags) {
	case NFTA_FIB_F_SADDR:
		return FIELD_SOURCE_TYPE;
	case NFTA_FIB_F_DADDR:
		return FIELD_DESTINATION_TYPE;
	case NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF:
		return FIELD_DESTINATION_TYPE_HERE;
	default:
		return SOURCE_UNKNOWN;
	}
}

int run_fib(struct machine *machine, const struct attributes *data)
{
	const struct nlattr *to = data->of[NFTA_FIB_DREG];
	uint32_t result = number_in(data->of[NFTA_FIB_RESULT]);
	uint32_t flags = number_in(data->of[NFTA_FIB_FLAGS]);
	bool reverse = flags & NFTA_FIB_F_SADDR && flags & NFTA_FIB_F_IIF;

	if (result == NFT_FIB_RESULT_ADDRTYPE && type_source(flags) != SOURCE_UNKNOWN)
		return load(machine, to, type_source(flags), 4, true);
	if (result == NFT_FIB_RESULT_ADDRTYPE || !reverse)
		return load_unknown(machine, to, SOURCE_UNKNOWN);
	machine->question = (uint8_t)(flags & NFTA_FIB_F_MARK);
	if (flags & NFTA_FIB_F_PRESENT)
		return load(machine, to, FIELD_REVERSE_PATH, 1, false);
	if (result == NFT_FIB_RESULT_OIF)
		return load(machine, to, SOURCE_REVERSE_INDEX, 4, true);
	return load(machine, to, SOURCE_REVERSE_NAME, IFNAMSIZ, false);
}

int run_exthdr(struct machine *machine, const struct attributes *data)
{
	const struct nlattr *to = data->of[NFTA_EXTHDR_DREG];
	uint32_t op = number_or(data->of[NFTA_EXTHDR_OP], NFT_EXTHDR_OP_IPV6);
	uint32_t flags = number_in(data->of[NFTA_EXTHDR_FLAGS]);
	struct step *step;

	if (!to)	/* it sets or removes an option */
		return add_alteration(machine, NULL);
	if (op != NFT_EXTHDR_OP_IPV6)
		return load_unknown(machine, to, SOURCE_UNKNOWN);
	machine->question = byte_in(data->of[NFTA_EXTHDR_TYPE]);
	if (flags & NFT_EXTHDR_F_PRESENT)
		return load(machine, to, FIELD_EXTENSION, 1, false);
	/* one that is not there ends the rule */
	step = view_add_number(machine->view, FIELD_EXTENSION, 1, 1);
	if (!step)
		return -ENOMEM;
	step->length = machine->question;
	return load_unknown(machine, to, SOURCE_UNKNOWN);
}
