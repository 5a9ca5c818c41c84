/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As the kernel decides on one packet; where a set of packets is asked instead,
 * a condition may be met by a few of them.
 */
#include "verify/probe_parts.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

static unsigned int invert(unsigned int meets, bool inverted)
{
	return inverted ? (meets & ALL_DO) << 1 | (meets & NONE_DOES) >> 1 : meets;
}

/* --- addresses -------------------------------------------------------- */

/* A list of ranges, none of which adds to another. */
static unsigned int meets_addresses(const struct prefix *packets, const struct prefix *usual,
				    const struct address_range *asked, size_t count)
{
	const unsigned int bytes = family_bits(packets->family) / 8;
	const struct address_range all = range_of(packets), one = range_of(usual);
	bool some = false, usual_does = false;

	for (size_t i = 0; i < count; i++) {
		if (lies_within(&all, &asked[i], bytes))
			return ALL_DO;
		some |= touches(&all, &asked[i], bytes);
		usual_does |= usual->length && lies_within(&one, &asked[i], bytes);
	}
	return usual_does ? MOST_DO : some ? FEW_DO : NONE_DOES;
}

static unsigned int meets_prefix(const struct prefix *packets, const struct prefix *usual,
				 const struct step *condition)
{
	struct prefix asked = { .length = condition->length, .family = packets->family };

	memcpy(asked.address, condition->address, sizeof(asked.address));
	if (prefix_covers(&asked, packets))
		return ALL_DO;
	if (!prefix_covers(packets, &asked))
		return NONE_DOES;
	return usual->length && prefix_covers(&asked, usual) && prefix_covers(packets, usual) ?
	       MOST_DO : FEW_DO;
}

static unsigned int ask_address(const struct probe *probe, const struct step *condition)
{
	bool source = condition->field == FIELD_SOURCE;
	const struct prefix *packets = source ? &probe->source : &probe->destination;
	const struct prefix *usual = source ? &probe->usual_source : &probe->usual_destination;

	if (condition->kind == STEP_PREFIX)
		return meets_prefix(packets, usual, condition);
	return meets_addresses(packets, usual, condition->addresses, condition->count);
}

/*
 * Of one address, the set is asked.  Of many, the usual one is no member, unless it is of those
 * that the service names, or this host's.
 */
static unsigned int ask_set(const struct probe *probe, const struct step *condition,
			    const struct situation *situation)
{
	bool source = condition->field == FIELD_SOURCE;
	const struct prefix *packets = source ? &probe->source : &probe->destination;
	const struct view *view = situation->view;
	int there = -EAGAIN;

	if (condition->count && view && view->ask_set &&
	    packets->length == family_bits(packets->family))
		there = view->ask_set(condition, (enum family)packets->family, packets->address);
	if (there >= 0)
		return all_or_none(there);
	if (packets->length || (!source && probe->own_destination))
		return NOBODY_KNOWS;
	return FEW_DO;
}

/* --- interfaces ------------------------------------------------------- */

static bool begins(const char *name, const char *with, size_t size)
{
	return !strncmp(name, with, size);
}

static unsigned int ask_interface(const struct probe *probe, const struct step *condition)
{
	const char *packets = condition->field == FIELD_IN ? probe->in : probe->out;
	const char *usual = probe->usual_interface;
	size_t size = strlen(packets), asked = condition->length;
	bool open = size && packets[size - 1] == '+';

	size -= open;
	if (!asked || (asked <= size && begins(packets, condition->name, asked)))
		return ALL_DO;
	if (!open)	/* its end counts as well */
		return all_or_none(!strncmp(packets, condition->name, asked));
	if (!begins(condition->name, packets, size))
		return NONE_DOES;
	return *usual && begins(usual, condition->name, asked) && begins(usual, packets, size) ?
	       MOST_DO : FEW_DO;
}

/* --- numbers ---------------------------------------------------------- */

static bool asks_for(const struct step *condition, uint32_t value)
{
	struct ranges ranges = ranges_of(condition);

	value &= condition->mask;
	for (size_t i = 0; i < ranges.count; i++)
		if (value >= ranges.list[i].first && value <= ranges.list[i].last)
			return true;
	return false;
}

/* The ranges lie apart from each other, so that one of them has all or none has. */
static unsigned int meets_ports(const struct port_range *packets, const struct step *condition)
{
	struct ranges ranges = ranges_of(condition);
	bool some = false;

	if (packets->first == packets->last)
		return all_or_none(asks_for(condition, packets->first));
	if (condition->mask != UINT32_MAX)
		return NOBODY_KNOWS;
	for (size_t i = 0; i < ranges.count; i++) {
		if (ranges.list[i].first <= packets->first && ranges.list[i].last >= packets->last)
			return ALL_DO;
		some |= ranges.list[i].first <= packets->last &&
			ranges.list[i].last >= packets->first;
	}
	return some ? FEW_DO : NONE_DOES;
}

static bool has_ports(const struct probe *probe)
{
	return probe->protocol != IPPROTO_ICMP && probe->protocol != IPPROTO_ICMPV6;
}

static unsigned int ask_ports(const struct probe *probe, const struct step *condition)
{
	unsigned int source, destination;

	if (!has_ports(probe))
		return NONE_DOES;
	source = meets_ports(&probe->source_port, condition);
	destination = meets_ports(&probe->destination_port, condition);
	if (condition->field == FIELD_SOURCE_PORT)
		return source;
	if (condition->field == FIELD_DESTINATION_PORT)
		return destination;
	/* one of them: not neither */
	return invert(meets_both(invert(source, true), invert(destination, true)), true);
}

/* The usual packet has one value; others, whom a rule may single out, have one of more. */
static unsigned int meets_values(const struct probe *probe, const struct step *condition,
				 uint32_t usual, const uint32_t *others, size_t count)
{
	bool does = asks_for(condition, usual), differs = false;

	for (size_t i = 0; i < count && !probe->plain; i++)
		differs |= asks_for(condition, others[i]) != does;
	if (!differs)
		return all_or_none(does);
	return does ? MOST_DO : FEW_DO;
}

/*
 * A server's address may be one that many hosts listen to, but for a connection (the kernel takes
 * no SYN there), and but for an answer, which comes to the address that the question came from.
 */
static bool may_be_for_many(const struct probe *probe)
{
	return !probe->destination.length && !probe->local_destination && !probe->reply &&
	       probe->protocol != IPPROTO_TCP && probe->protocol != IPPROTO_SCTP;
}

/*
 * A packet may claim to come from where no route leads to.  That it comes from this host itself,
 * the kernel believes of IPv6 alone.
 */
static unsigned int ask_source_type(const struct probe *probe, const struct step *condition)
{
	static const uint32_t others[] = { RTN_UNREACHABLE, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_THROW,
					   RTN_LOCAL, RTN_ANYCAST };

	if (probe->own_source)
		return all_or_none(asks_for(condition, RTN_LOCAL));
	return meets_values(probe, condition, RTN_UNICAST, others, probe->family == IPV6 ? 6 : 4);
}

/* Asked by the interface a packet came by, the address of another one is none of this host's. */
static unsigned int ask_destination_type(const struct probe *probe, const struct step *condition)
{
	static const uint32_t others[] = { RTN_BROADCAST, RTN_MULTICAST, RTN_ANYCAST,
					   RTN_UNICAST, RTN_UNREACHABLE };
	const bool here = condition->field == FIELD_DESTINATION_TYPE_HERE;
	const bool open = may_be_for_many(probe) && !(probe->own_source && probe->own_destination);
	const size_t first = open ? 0 : 3, end = here ? 5 : 3;

	/* over lo come packets for an address of any interface */
	if (here && probe->own_source)
		return NOBODY_KNOWS;
	return meets_values(probe, condition, probe->own_destination ? RTN_LOCAL : RTN_UNICAST,
			    others + first, end - first);
}

/* On a link, all may be sent what is for this host alone; the kernel takes no connection so. */
static unsigned int ask_link_type(const struct probe *probe, const struct step *condition)
{
	static const uint32_t others[] = { PACKET_BROADCAST, PACKET_MULTICAST };
	const bool open = !probe->own_source && probe->protocol != IPPROTO_TCP &&
			  probe->protocol != IPPROTO_SCTP;

	return meets_values(probe, condition, PACKET_HOST, others, open ? 2 : 0);
}

/* Anybody may claim an address that is reached by another interface, or by none. */
static unsigned int ask_reverse_path(const struct probe *probe, const struct step *condition)
{
	static const uint32_t not_reached = 0;

	return meets_values(probe, condition, 1, &not_reached, !probe->own_source);
}

/* --- headers ---------------------------------------------------------- */

static unsigned int ask_extension(const struct probe *probe, const struct step *condition)
{
	static const uint32_t has_one = 1;

	return meets_values(probe, condition, 0, &has_one, probe->family == IPV6);
}

static unsigned int ask_next_header(const struct probe *probe, const struct step *condition)
{
	static const uint32_t extensions[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
					       IPPROTO_AH, IPPROTO_DSTOPTS };

	return meets_values(probe, condition, probe->protocol, extensions,
			    sizeof(extensions) / sizeof(extensions[0]));
}

/*
 * Segments may have flags beside those that they are told by: of congestion, as the SYN of a
 * client that knows of ECN, or to push what it was sent; and, where conntrack takes it for
 * possible, of urgent data: see rules/segment.h.
 */
static unsigned int ask_tcp_flags(const struct probe *probe, const struct step *condition)
{
	const uint8_t told_by = probe->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
	const bool may_be_urgent = told_by == TCP_SYN || told_by == TCP_ACK ||
				   told_by == (TCP_FIN | TCP_ACK);
	const unsigned int beside = TCP_PSH | TCP_ECE | TCP_CWR | (may_be_urgent ? TCP_URG : 0);
	const bool does = asks_for(condition, probe->tcp_flags);
	bool differs = false;

	for (unsigned int some = beside; some && !probe->plain; some = (some - 1) & beside)
		differs |= asks_for(condition, probe->tcp_flags | some) != does;
	if (!differs)
		return all_or_none(does);
	return does ? MOST_DO : FEW_DO;
}

/* INIT stands alone; behind it, any other may come first in a packet. */
static unsigned int ask_chunk(const struct probe *probe, const struct step *condition)
{
	static const uint32_t others[] = { 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
					   0x40, 0x80, 0x82, 0xc0, 0xc1, 0xc2 };

	return meets_values(probe, condition, probe->chunk, others,
			    probe->chunk == SCTP_INIT ? 0 : sizeof(others) / sizeof(others[0]));
}

static unsigned int ask_mark(const struct probe *probe, const struct step *condition,
			     const struct mark *mark)
{
	const bool does = asks_for(condition, mark->value);

	if (condition->mask & mark->unknown)
		return NOBODY_KNOWS;
	if (!(condition->mask & mark->as_it_came) || probe->plain)
		return all_or_none(does);
	return does ? MOST_DO : FEW_DO;
}

/* --- conntrack -------------------------------------------------------- */

#define STATES_WITH_ENTRY (CT_ESTABLISHED | CT_RELATED | CT_NEW)

/* What a rule may make of packets that it takes. */
static uint32_t translations_of(const struct view_rule *rule)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (step->kind == STEP_UNKNOWN || step->kind == STEP_ANYTHING)
			bits |= IPS_SRC_NAT | IPS_DST_NAT;
		else if (step->kind == STEP_TRANSLATE)
			bits |= step->field == TRANSLATE_SOURCE || step->field == TRANSLATE_MASQUERADE ?
				IPS_SRC_NAT : IPS_DST_NAT;
	}
	return bits;
}

/*
 * How the connection may be translated: rules of NAT meet its first packet, which answers are
 * not like.
 */
static uint32_t find_translations(const struct probe *probe, const struct view *view)
{
	uint32_t bits = view ? 0 : IPS_SRC_NAT | IPS_DST_NAT;

	if (!view || !view->translates)
		return bits;
	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
				const uint32_t more = translations_of(rule) & ~bits;

				if (more && !chain_is_ours(chain) && table->families & 1u << probe->family &&
				    (probe->reply || probe_could_meet(probe, rule) & ALL_DO))
					bits |= more;
			}
	return bits;
}

/* What IPS_* bits a connection has, as far as its state tells. */
static void find_status(const struct probe *probe, uint32_t state,
			const struct situation *situation, uint32_t *known, uint32_t *status)
{
	*known = IPS_EXPECTED | IPS_DYING | IPS_TEMPLATE;
	*known |= (IPS_SRC_NAT | IPS_DST_NAT) & ~find_translations(probe, situation->view);
	*status = 0;
	if (state == CT_NEW)	/* its first packet has not left this host, but for over lo */
		*known |= IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED;
	if (situation->confirmed)
		*status = IPS_CONFIRMED;
	if (state == CT_ESTABLISHED) {
		*known |= IPS_SEEN_REPLY | IPS_CONFIRMED;
		*status = IPS_SEEN_REPLY | IPS_CONFIRMED;
	}
}

/* A packet that has an entry, in one state. */
static unsigned int ask_entry(const struct probe *probe, const struct step *condition,
			      const struct situation *situation, uint32_t state)
{
	uint32_t known, status;

	switch (condition->field) {
	case FIELD_CT_DIRECTION:
		if (state == CT_RELATED)	/* an error is about either */
			return NOBODY_KNOWS;
		return all_or_none(asks_for(condition, probe->reply && state != CT_NEW));
	case FIELD_CT_MARK:
		return ask_mark(probe, condition, &situation->connection_mark);
	case FIELD_CT_STATUS:
		find_status(probe, state, situation, &known, &status);
		if (condition->mask & ~known)
			return NOBODY_KNOWS;
		return all_or_none(asks_for(condition, status));
	default:
		return NOBODY_KNOWS;
	}
}

/* Nobody knows, unless each state that the packet may be in says the same. */
static unsigned int ask_conntrack(const struct probe *probe, const struct step *condition,
				  const struct situation *situation)
{
	bool inverted = condition->flags & STEP_INVERTED;
	unsigned int meets = 0, all = 0;

	for (uint32_t state = CT_INVALID; state <= CT_UNTRACKED; state <<= 1) {
		if (!(situation->states & state))
			continue;
		if (condition->field == FIELD_STATE)
			meets = invert(all_or_none(asks_for(condition, state)), inverted);
		else if (state & STATES_WITH_ENTRY)
			meets = invert(ask_entry(probe, condition, situation, state), inverted);
		else if (step_is_unread(condition))
			meets = NOBODY_KNOWS;
		else
			meets = all_or_none(condition->flags & STEP_WITHOUT_ENTRY);
		if (all && all != meets)
			return NOBODY_KNOWS;
		all = meets;
	}
	return all ? all : NOBODY_KNOWS;
}

/* --- a condition ------------------------------------------------------ */

static unsigned int ask_number(const struct probe *probe, const struct step *condition,
			       const struct situation *situation)
{
	switch (condition->field) {
	case FIELD_FAMILY:
		return all_or_none(asks_for(condition, probe->family == IPV6 ? AF_INET6 : AF_INET));
	case FIELD_ETHER_TYPE:
		return all_or_none(asks_for(condition, probe->family == IPV6 ? ETH_P_IPV6 : ETH_P_IP));
	case FIELD_REVERSE_PATH:
		return ask_reverse_path(probe, condition);
	case FIELD_PROTOCOL:
		return all_or_none(asks_for(condition, probe->protocol));
	case FIELD_NEXT_HEADER:
		return ask_next_header(probe, condition);
	case FIELD_SOURCE_PORT:
	case FIELD_DESTINATION_PORT:
	case FIELD_EITHER_PORT:
		return ask_ports(probe, condition);
	case FIELD_TCP_FLAGS:
		return ask_tcp_flags(probe, condition);
	case FIELD_CHUNK:
		return ask_chunk(probe, condition);
	case FIELD_ICMP_TYPE:
		return all_or_none(!has_ports(probe) && asks_for(condition, probe->icmp_type));
	case FIELD_EXTENSION:
		return ask_extension(probe, condition);
	case FIELD_FRAGMENT:	/* whole packets come here: see notrackctl(8) */
		return all_or_none(asks_for(condition, 0));
	case FIELD_MARK:
		return ask_mark(probe, condition, &situation->mark);
	case FIELD_SOURCE_TYPE:
		return ask_source_type(probe, condition);
	case FIELD_DESTINATION_TYPE:
	case FIELD_DESTINATION_TYPE_HERE:
		return ask_destination_type(probe, condition);
	case FIELD_LINK_TYPE:
		return ask_link_type(probe, condition);
	default:
		return NOBODY_KNOWS;
	}
}

static unsigned int ask(const struct probe *probe, const struct step *condition,
			const struct situation *situation)
{
	switch (condition->kind) {
	case STEP_NUMBER:
	case STEP_NUMBERS:
		return ask_number(probe, condition, situation);
	case STEP_PREFIX:
	case STEP_ADDRESSES:
		return ask_address(probe, condition);
	case STEP_INTERFACE:
		return ask_interface(probe, condition);
	case STEP_WITHIN_RATE:	/* what is asked about keeps to every rate */
		return ALL_DO;
	case STEP_REMEMBERED:
		return FEW_DO;
	case STEP_SET:
		return ask_set(probe, condition, situation);
	case STEP_LOOKUP:
		return probe_meets_lookup(probe, condition->lookup, situation);
	default:
		return NOBODY_KNOWS;
	}
}

unsigned int probe_meets(const struct probe *probe, const struct step *condition,
			 const struct situation *situation)
{
	if (condition->field >= FIELD_STATE && condition->kind != STEP_WITHIN_RATE)
		return ask_conntrack(probe, condition, situation);
	return invert(ask(probe, condition, situation), condition->flags & STEP_INVERTED);
}

unsigned int probe_could_meet(const struct probe *probe, const struct view_rule *rule)
{
	const struct situation situation = { .states = CT_NEW };
	unsigned int meets = ALL_DO;

	for (size_t i = 0; i < rule->count; i++)
		if (step_is_condition(&rule->steps[i]) && !condition_depends(&rule->steps[i]))
			meets = meets_both(meets, probe_meets(probe, &rule->steps[i], &situation));
	return meets;
}
