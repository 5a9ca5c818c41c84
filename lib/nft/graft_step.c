/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables of iptables-nft get what it writes itself, since it reads nothing else: matches of
 * xtables where it has no expressions.  They are laid out here as the kernel's headers for
 * xtables have them.
 */
#include "nft/graft_step.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#define SCTP_CHUNK_OFFSET 12
#define SCTP_INIT 1
#define TCP_FLAGS_OFFSET 13

/* --- states ---------------------------------------------------------------- */

/* struct xt_conntrack_mtinfo3: addresses, ports and so on, that nothing is asked of. */
struct conntrack_info {
	uint8_t addresses[128];
	uint32_t expires[2];
	uint16_t protocol, ports[4];
	uint16_t flags, inverted;	/* what is asked */
	uint16_t states, statuses;
	uint16_t last_ports[4];
} __attribute__((aligned(8)));
#define CONNTRACK_ASKS_STATE 1
#define CONNTRACK_UNTRACKED (1u << 8)	/* the others have the bits of enum ct_state */

void step_write_states(const struct step_writer *writer, uint8_t states)
{
	const struct conntrack_info info = {
		.flags = CONNTRACK_ASKS_STATE,
		.states = (uint16_t)((states & ~CT_UNTRACKED) |
				     (states & CT_UNTRACKED ? CONNTRACK_UNTRACKED : 0)),
	};
	const uint32_t mask = states, nothing = 0;

	if (writer->place->is_iptables) {
		expression_match(writer->out, "conntrack", 3, &info, sizeof(info));
		return;
	}
	expression_load_state(writer->out);
	expression_mask(writer->out, &mask, sizeof(mask));
	expression_compare(writer->out, true, &nothing, sizeof(nothing));
}

/* --- ports ------------------------------------------------------------------ */

/* struct xt_multiport_v1 */
struct multiport_info {
	uint8_t field, count;
	uint16_t ports[15];
	uint8_t begins_range[15];
	uint8_t inverted;
};
#define MULTIPORT_SOURCE 0
#define MULTIPORT_DESTINATION 1

static bool write_multiport(const struct step_writer *writer, const struct step *step)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	const size_t count = step->kind == STEP_NUMBER ? 1 : step->count;
	struct multiport_info info = {
		.field = step->field == FIELD_SOURCE_PORT ? MULTIPORT_SOURCE : MULTIPORT_DESTINATION,
		.inverted = !!(step->flags & STEP_INVERTED),
	};

	for (size_t i = 0; i < count; i++) {
		bool is_range = ranges[i].first != ranges[i].last;

		if (info.count + is_range >= (int)(sizeof(info.ports) / sizeof(info.ports[0])))
			return false;
		info.begins_range[info.count] = is_range;
		info.ports[info.count++] = (uint16_t)ranges[i].first;
		if (is_range)
			info.ports[info.count++] = (uint16_t)ranges[i].last;
	}
	expression_match(writer->out, "multiport", 1, &info, sizeof(info));
	return true;
}

/* iptables-nft has expressions for one range of TCP or UDP. */
static bool needs_multiport(const struct step_writer *writer, const struct step *step)
{
	return writer->place->is_iptables &&
	       (step->kind == STEP_NUMBERS || writer->beside ||
		(writer->protocol != IPPROTO_TCP && writer->protocol != IPPROTO_UDP));
}

/* --- numbers ----------------------------------------------------------------- */

/* Returns how many bytes it has; 0: there are no words for it. */
static size_t load_number(const struct step_writer *writer, uint8_t field)
{
	struct expression_writer *out = writer->out;

	switch (field) {
	case FIELD_FAMILY:
		expression_load_meta(out, NFT_META_NFPROTO);
		return 1;
	case FIELD_ETHER_TYPE:
		expression_load_meta(out, NFT_META_PROTOCOL);
		return 2;
	case FIELD_PROTOCOL:
		expression_load_meta(out, NFT_META_L4PROTO);
		return 1;
	case FIELD_LINK_TYPE:
		expression_load_meta(out, NFT_META_PKTTYPE);
		return 1;
	case FIELD_MARK:
		expression_load_meta(out, NFT_META_MARK);
		return 4;
	case FIELD_SOURCE_PORT:
	case FIELD_DESTINATION_PORT:
		expression_load_payload(out, NFT_PAYLOAD_TRANSPORT_HEADER,
					field == FIELD_SOURCE_PORT ? 0 : 2, 2);
		return 2;
	case FIELD_TCP_FLAGS:
		expression_load_payload(out, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1);
		return 1;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		expression_load_payload(out, NFT_PAYLOAD_TRANSPORT_HEADER,
					field == FIELD_ICMP_CODE, 1);
		return 1;
	case FIELD_SOURCE_TYPE:
	case FIELD_DESTINATION_TYPE:
		expression_load_address_type(out, field == FIELD_DESTINATION_TYPE);
		return 4;
	default:
		return 0;
	}
}

/* Four bytes are in the order of this host, fewer in that of the network. */
static void encode(uint32_t number, size_t size, uint8_t bytes[4])
{
	const uint32_t whole = size == 4 ? number : htobe32(number << 8 * (4 - size));

	memcpy(bytes, &whole, sizeof(whole));
}

static bool write_range(const struct step_writer *writer, const struct range *range, size_t size,
			bool inverted)
{
	uint8_t first[4], last[4];

	encode(range->first, size, first);
	encode(range->last, size, last);
	if (range->first == range->last)
		expression_compare(writer->out, inverted, first, size);
	else if (size < 4)
		expression_range(writer->out, inverted, first, last, size);
	return size < 4 || range->first == range->last;
}

/* Of several ranges, none: which takes a condition each; one of them takes a rule each. */
static bool write_numbers(const struct step_writer *writer, const struct step *step)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	const size_t count = step->kind == STEP_NUMBER ? 1 : step->count;
	const bool inverted = step->flags & STEP_INVERTED;

	if (count != 1 && !inverted)
		return false;
	for (size_t i = 0; i < count; i++) {
		size_t size = load_number(writer, step->field);
		uint8_t mask[4];

		if (!size)
			return false;
		encode(step->mask, size, mask);
		if (step->mask != UINT32_MAX)
			expression_mask(writer->out, mask, size);
		if (!write_range(writer, &ranges[i], size, inverted))
			return false;
	}
	return true;
}

/* struct ipt_icmp: the type, the first and the last code, whether inverted; and padding */
static bool write_icmp_match(const struct step_writer *writer, const struct step *step)
{
	const uint8_t info[8] = { (uint8_t)step->range.first, 0, UINT8_MAX,
				  !!(step->flags & STEP_INVERTED) };

	if (step->kind != STEP_NUMBER || step->range.first != step->range.last)
		return false;
	expression_match(writer->out, writer->family == AF_INET6 ? "icmp6" : "icmp", 0, info,
			 sizeof(info));
	return true;
}

/* struct xt_addrtype_info_v1 */
static bool write_address_type_match(const struct step_writer *writer, const struct step *step)
{
	struct {
		uint16_t source, destination;
		uint32_t flags;
	} info = { .flags = 0 };

	if (step->kind != STEP_NUMBER || step->range.first != step->range.last)
		return false;
	if (step->field == FIELD_SOURCE_TYPE)
		info.source = (uint16_t)(1u << step->range.first);
	else
		info.destination = (uint16_t)(1u << step->range.first);
	if (step->flags & STEP_INVERTED)
		info.flags = step->field == FIELD_SOURCE_TYPE ? 1 : 2;
	expression_match(writer->out, "addrtype", 1, &info, sizeof(info));
	return true;
}

static bool write_number(const struct step_writer *writer, const struct step *step)
{
	const bool is_port = step->field == FIELD_SOURCE_PORT ||
			     step->field == FIELD_DESTINATION_PORT;

	if (is_port && needs_multiport(writer, step))
		return write_multiport(writer, step);
	if (writer->place->is_iptables && step->field == FIELD_ICMP_TYPE)
		return write_icmp_match(writer, step);
	if (writer->place->is_iptables &&
	    (step->field == FIELD_SOURCE_TYPE || step->field == FIELD_DESTINATION_TYPE))
		return write_address_type_match(writer, step);
	return write_numbers(writer, step);
}

/* --- addresses and names ------------------------------------------------------ */

static size_t load_address(const struct step_writer *writer, uint8_t field, size_t size)
{
	const bool source = field == FIELD_SOURCE;
	const size_t whole = writer->family == AF_INET6 ? 16 : 4;

	expression_load_payload(writer->out, NFT_PAYLOAD_NETWORK_HEADER,
				writer->family == AF_INET6 ? source ? 8 : 24 : source ? 12 : 16,
				(uint32_t)(size ? size : whole));
	return size ? size : whole;
}

/* Whole bytes are loaded alone; both programs read it so. */
static bool write_prefix(const struct step_writer *writer, const struct step *step)
{
	uint8_t mask[16] = { 0 };
	size_t size;

	if (writer->family == AF_UNSPEC || !step->length)
		return false;
	size = load_address(writer, step->field, step->length % 8 ? 0 : step->length / 8);
	for (size_t bit = 0; bit < step->length; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	if (step->length % 8)
		expression_mask(writer->out, mask, size);
	expression_compare(writer->out, step->flags & STEP_INVERTED, step->address, size);
	return true;
}

static bool write_addresses(const struct step_writer *writer, const struct step *step)
{
	size_t size;

	if (writer->family == AF_UNSPEC || step->count != 1 || writer->place->is_iptables)
		return false;
	size = load_address(writer, step->field, 0);
	if (memcmp(step->addresses->first, step->addresses->last, size))
		expression_range(writer->out, step->flags & STEP_INVERTED, step->addresses->first,
				 step->addresses->last, size);
	else
		expression_compare(writer->out, step->flags & STEP_INVERTED,
				   step->addresses->first, size);
	return true;
}

/* nft(8) compares a name with all that follows its end. */
static bool write_interface(const struct step_writer *writer, const struct step *step)
{
	const bool whole = strnlen(step->name, step->length) < step->length;

	expression_load_meta(writer->out, step->field == FIELD_IN ? NFT_META_IIFNAME :
								      NFT_META_OIFNAME);
	expression_compare(writer->out, step->flags & STEP_INVERTED, step->name,
			   whole && !writer->place->is_iptables ? IFNAMSIZ : step->length);
	return true;
}

bool step_write(const struct step_writer *writer, const struct step *step)
{
	switch (step->kind) {
	case STEP_NUMBER:
	case STEP_NUMBERS:
		return write_number(writer, step);
	case STEP_PREFIX:
		return write_prefix(writer, step);
	case STEP_ADDRESSES:
		return write_addresses(writer, step);
	case STEP_INTERFACE:
		return write_interface(writer, step);
	default:
		return false;
	}
}

/* struct xt_sctp_info: ports, which nothing is asked of, and which chunks there may be. */
struct sctp_info {
	uint16_t ports[4];
	uint32_t chunks[64];		/* a bit each, and room for more */
	uint32_t how;
	uint8_t chunk_flags[4][3];
	int32_t chunk_flag_count;
	uint32_t flags, inverted;	/* what is asked */
} __attribute__((aligned(8)));
#define SCTP_ASKS_CHUNKS 4
#define SCTP_ANY_OF_THEM 1

/* As the legacy tables have it: an INIT is alone in its packet. */
static void write_sctp_match(const struct step_writer *writer, bool inverted)
{
	const struct sctp_info info = {
		.chunks = { 1u << SCTP_INIT },
		.how = SCTP_ANY_OF_THEM,
		.flags = SCTP_ASKS_CHUNKS,
		.inverted = inverted ? SCTP_ASKS_CHUNKS : 0,
	};

	expression_match(writer->out, "sctp", 0, &info, sizeof(info));
}

void step_write_sctp_init(const struct step_writer *writer, bool inverted)
{
	static const uint8_t init = SCTP_INIT;

	if (writer->place->is_iptables) {
		write_sctp_match(writer, inverted);
		return;
	}
	expression_load_payload(writer->out, NFT_PAYLOAD_TRANSPORT_HEADER, SCTP_CHUNK_OFFSET, 1);
	expression_compare(writer->out, inverted, &init, sizeof(init));
}

bool step_write_verdict(const struct step_writer *writer, const struct step *step)
{
	switch (step->kind) {
	case STEP_ACCEPT:
		expression_verdict(writer->out, NF_ACCEPT, NULL);
		return true;
	case STEP_DROP:
		expression_verdict(writer->out, NF_DROP, NULL);
		return true;
	case STEP_RETURN:
		expression_verdict(writer->out, NFT_RETURN, NULL);
		return true;
	case STEP_JUMP:
		expression_verdict(writer->out, NFT_JUMP, step->chain->name);
		return true;
	case STEP_GOTO:
		expression_verdict(writer->out, NFT_GOTO, step->chain->name);
		return true;
	case STEP_COUNT:		/* "continue" */
		return true;
	default:
		return false;
	}
}
