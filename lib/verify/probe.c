/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As the kernel decides on one packet; where a set of packets is asked instead,
 * a condition may be met by a few of them.
 */
#include "verify/probe.h"

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

static unsigned int all_or_none(bool does)
{
	return does ? ALL_DO : NONE_DOES;
}

/* --- addresses -------------------------------------------------------- */

/* The addresses of a prefix, from the first to the last. */
static struct address_range range_of(const struct prefix *prefix)
{
	struct address_range range;
	unsigned int length = prefix->length, bytes = family_bits(prefix->family) / 8;

	memcpy(range.first, prefix->address, sizeof(range.first));
	memcpy(range.last, prefix->address, sizeof(range.last));
	for (unsigned int i = length / 8; i < bytes; i++)
		range.last[i] |= (uint8_t)(i == length / 8 ? 0xffu >> length % 8 : 0xffu);
	return range;
}

static bool lies_within(const struct address_range *inner, const struct address_range *outer,
			unsigned int bytes)
{
	return memcmp(inner->first, outer->first, bytes) >= 0 &&
	       memcmp(inner->last, outer->last, bytes) <= 0;
}

static bool touches(const struct address_range *one, const struct address_range *other,
		    unsigned int bytes)
{
	return memcmp(one->first, other->last, bytes) <= 0 &&
	       memcmp(one->last, other->first, bytes) >= 0;
}

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
 * Who is in a set is not asked: the usual one is no member, unless it is an
 * address that the service names, or this host's.
 */
static unsigned int ask_set(const struct probe *probe, const struct step *condition)
{
	bool source = condition->field == FIELD_SOURCE;
	const struct prefix *packets = source ? &probe->source : &probe->destination;

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

/* The ranges of a condition, be they one or several. */
struct ranges {
	const struct range *list;
	size_t count;
};

static struct ranges ranges_of(const struct step *condition)
{
	if (condition->kind == STEP_NUMBER)
		return (struct ranges){ &condition->range, 1 };
	return (struct ranges){ condition->ranges, condition->count };
}

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
static unsigned int meets_values(const struct step *condition, uint32_t usual,
				 const uint32_t *others, size_t count)
{
	bool does = asks_for(condition, usual), differs = false;

	for (size_t i = 0; i < count; i++)
		differs |= asks_for(condition, others[i]) != does;
	if (!differs)
		return all_or_none(does);
	return does ? MOST_DO : FEW_DO;
}

/* A server's address may be one that many hosts listen to. */
static unsigned int ask_address_type(const struct probe *probe, const struct step *condition)
{
	static const uint32_t others[] = { RTN_BROADCAST, RTN_MULTICAST, RTN_ANYCAST };
	bool source = condition->field == FIELD_SOURCE_TYPE;
	bool own = source ? probe->own_source : probe->own_destination;
	bool open = !source && !probe->destination.length && !probe->local_destination &&
		    !(probe->own_source && probe->own_destination);

	/* over lo come packets for an address of any interface */
	if (condition->field == FIELD_DESTINATION_TYPE_HERE && probe->own_source)
		return NOBODY_KNOWS;
	return meets_values(condition, own ? RTN_LOCAL : RTN_UNICAST, others,
			    open ? sizeof(others) / sizeof(others[0]) : 0);
}

static unsigned int ask_link_type(const struct probe *probe, const struct step *condition)
{
	static const uint32_t others[] = { PACKET_BROADCAST, PACKET_MULTICAST };
	bool open = !probe->own_source && !probe->destination.length;

	return meets_values(condition, PACKET_HOST, others, open ? 2 : 0);
}

static unsigned int ask_mark(const struct step *condition, const struct mark *mark)
{
	if (condition->mask & mark->unknown)
		return NOBODY_KNOWS;
	return all_or_none(asks_for(condition, mark->value));
}

/* --- conntrack -------------------------------------------------------- */

#define STATES_WITH_ENTRY (CT_ESTABLISHED | CT_RELATED | CT_NEW)

/* What IPS_* bits a connection has, as far as its state tells. */
static void find_status(uint32_t state, bool confirmed, uint32_t *known, uint32_t *status)
{
	*known = IPS_EXPECTED | IPS_DYING | IPS_TEMPLATE;
	*status = 0;
	if (state == CT_NEW)	/* its first packet has not left this host, but for over lo */
		*known |= IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED;
	if (confirmed)
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
		return ask_mark(condition, &situation->connection_mark);
	case FIELD_CT_STATUS:
		find_status(state, situation->confirmed, &known, &status);
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
		return all_or_none(asks_for(condition, 1));
	case FIELD_PROTOCOL:
		return all_or_none(asks_for(condition, probe->protocol));
	case FIELD_SOURCE_PORT:
	case FIELD_DESTINATION_PORT:
	case FIELD_EITHER_PORT:
		return ask_ports(probe, condition);
	case FIELD_TCP_FLAGS:
		return all_or_none(asks_for(condition, probe->tcp_flags));
	case FIELD_CHUNK:
		return all_or_none(asks_for(condition, probe->chunk));
	case FIELD_ICMP_TYPE:
		return all_or_none(!has_ports(probe) && asks_for(condition, probe->icmp_type));
	case FIELD_EXTENSION:
	case FIELD_FRAGMENT:	/* whole packets come here: see notrackctl(8) */
		return all_or_none(asks_for(condition, 0));
	case FIELD_MARK:
		return ask_mark(condition, &situation->mark);
	case FIELD_SOURCE_TYPE:
	case FIELD_DESTINATION_TYPE:
	case FIELD_DESTINATION_TYPE_HERE:
		return ask_address_type(probe, condition);
	case FIELD_LINK_TYPE:
		return ask_link_type(probe, condition);
	default:
		return NOBODY_KNOWS;
	}
}

/* --- sets and maps ---------------------------------------------------- */

/* What a field of an element asks, as a condition of its own. */
static struct step step_of(const struct key_field *field, const struct key_range *range)
{
	struct step step = { .field = field->field, .mask = field->mask };

	switch (field->field) {
	case FIELD_SOURCE:
	case FIELD_DESTINATION:
		step.kind = STEP_ADDRESSES;
		step.count = 1;
		step.addresses = &range->addresses;
		break;
	case FIELD_IN:
	case FIELD_OUT:
		step.kind = STEP_INTERFACE;
		step.length = range->length;
		memcpy(step.name, range->name, sizeof(step.name));
		break;
	default:
		step.kind = STEP_NUMBER;
		step.range = range->numbers;
	}
	return step;
}

static bool is_address(const struct key_field *field)
{
	return field->field == FIELD_SOURCE || field->field == FIELD_DESTINATION;
}

/* A part of an address is looked up: who has it, a set of prefixes does not say. */
static bool is_part(const struct key_field *field)
{
	return is_address(field) && field->length != 8 * field->size;
}

unsigned int probe_meets_element(const struct probe *probe, const struct view_lookup *map,
				 size_t index, const struct situation *situation)
{
	const struct set_element *element = element_at(map, index);
	unsigned int meets = ALL_DO;

	for (size_t i = 0; i < map->field_count && meets & ALL_DO; i++) {
		const struct step step = step_of(&map->fields[i], &element->ranges[i]);

		meets = meets_both(meets, is_part(&map->fields[i]) ? NOBODY_KNOWS :
				   probe_meets(probe, &step, situation));
	}
	return meets;
}

/* One of them is enough. */
static unsigned int meets_either(unsigned int a, unsigned int b)
{
	return ((a | b) & ALL_DO) | (a & b & NONE_DOES);
}

static bool is_exact_address(const struct prefix *prefix)
{
	return prefix->length == family_bits(prefix->family);
}

static bool is_exact_name(const char *name)
{
	size_t size = strlen(name);

	return !size || name[size - 1] != '+';
}

static bool put_port(const struct port_range *ports, struct key_value *value)
{
	value->number = ports->first;
	return ports->first == ports->last;
}

static bool put_number(const struct probe *probe, uint8_t field, const struct situation *situation,
		       struct key_value *value)
{
	switch (field) {
	case FIELD_FAMILY:
		value->number = probe->family == IPV6 ? AF_INET6 : AF_INET;
		return true;
	case FIELD_PROTOCOL:
		value->number = probe->protocol;
		return true;
	case FIELD_SOURCE_PORT:
		return put_port(&probe->source_port, value);
	case FIELD_DESTINATION_PORT:
		return put_port(&probe->destination_port, value);
	case FIELD_TCP_FLAGS:
		value->number = probe->tcp_flags;
		return true;
	case FIELD_MARK:
		value->number = situation->mark.value;
		return !situation->mark.unknown;
	case FIELD_STATE:
		value->number = situation->states;
		return !(situation->states & (situation->states - 1));
	default:
		return false;
	}
}

/* The value of a field; false: the packets have more than one. */
static bool put_value(const struct probe *probe, uint8_t field, const struct situation *situation,
		      struct key_value *value)
{
	const struct prefix *prefix = field == FIELD_SOURCE ? &probe->source : &probe->destination;
	const char *name = field == FIELD_IN ? probe->in : probe->out;

	switch (field) {
	case FIELD_SOURCE:
	case FIELD_DESTINATION:
		memcpy(value->address, prefix->address, sizeof(value->address));
		return is_exact_address(prefix);
	case FIELD_IN:
	case FIELD_OUT:
		strcpy(value->name, name);
		return is_exact_name(name);
	default:
		return put_number(probe, field, situation, value);
	}
}

/* @own: the address that is asked for in place of an own one that the probe does not say; or NULL. */
static int ask_key(const struct probe *probe, const struct view_lookup *lookup,
		   const struct situation *situation, const struct prefix *own,
		   struct set_element *found)
{
	struct key_value key[KEY_FIELDS_MAX] = { 0 };
	struct probe asked = *probe;

	if (own && probe->own_source && !probe->source.length)
		asked.source = *own;
	if (own && probe->own_destination && !probe->destination.length)
		asked.destination = *own;
	for (size_t i = 0; i < lookup->field_count; i++)
		if (!put_value(&asked, lookup->fields[i].field, situation, &key[i]))
			return -EAGAIN;
	return situation->view->ask(situation->view->asker, lookup, key, found);
}

/* Whether all that it could be are addresses of this host: others may share those it serves at. */
static bool is_own(const struct probe *probe, uint8_t field)
{
	if (field == FIELD_SOURCE)
		return probe->own_source && !probe->source.length;
	return field == FIELD_DESTINATION && !probe->destination.length && probe->own_destination &&
	       (probe->local_destination || probe->own_source);
}

/* Of many addresses, a question for each would take long. */
#define OWN_MAX 64

/* 0: none of this host's addresses is in the set; -EAGAIN: some may be. */
static int ask_own(const struct probe *probe, const struct view_lookup *lookup,
		   const struct situation *situation, struct set_element *found)
{
	const struct view *view = situation->view;
	bool asks_own = false;

	for (size_t i = 0; i < lookup->field_count; i++)
		asks_own |= is_own(probe, lookup->fields[i].field);
	if (!asks_own || !view->own_count || view->own_count > OWN_MAX)
		return -EAGAIN;
	for (size_t i = 0; i < view->own_count; i++)
		if (view->own[i].family == probe->family &&
		    ask_key(probe, lookup, situation, &view->own[i], found))
			return -EAGAIN;
	return 0;
}

int probe_ask(const struct probe *probe, const struct view_lookup *lookup,
	      const struct situation *situation, struct set_element *found)
{
	int there;

	if (!situation->view || !situation->view->ask)
		return -EAGAIN;
	there = ask_key(probe, lookup, situation, NULL, found);
	return there == -EAGAIN ? ask_own(probe, lookup, situation, found) : there;
}

/* The usual packet is in no set that others fill, where its key is not known. */
static unsigned int ask_named(const struct probe *probe, const struct view_lookup *lookup,
			      const struct situation *situation)
{
	struct set_element found = { 0 };
	int there = probe_ask(probe, lookup, situation, &found);

	if (there >= 0)
		return all_or_none(there);
	if (there != -EAGAIN)
		return NOBODY_KNOWS;
	for (size_t i = 0; i < lookup->field_count; i++)
		if ((lookup->fields[i].field == FIELD_SOURCE && !probe->own_source) ||
		    (lookup->fields[i].field == FIELD_DESTINATION && !probe->own_destination) ||
		    lookup->fields[i].field == FIELD_SOURCE_PORT ||
		    lookup->fields[i].field == FIELD_DESTINATION_PORT)
			return FEW_DO;
	return NOBODY_KNOWS;
}

static unsigned int ask_lookup(const struct probe *probe, const struct view_lookup *lookup,
			       const struct situation *situation)
{
	unsigned int meets = NONE_DOES;

	if (lookup->named)
		return ask_named(probe, lookup, situation);
	if (!lookup->read)
		return NOBODY_KNOWS;
	for (size_t i = 0; i < lookup->count && meets != ALL_DO; i++)
		meets = meets_either(meets, probe_meets_element(probe, lookup, i, situation));
	return meets;
}

/* --- a condition ------------------------------------------------------ */

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
		return ask_set(probe, condition);
	case STEP_LOOKUP:
		return ask_lookup(probe, condition->lookup, situation);
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

/* --- narrower --------------------------------------------------------- */

static void narrow_address(struct prefix *packets, const struct prefix *to)
{
	if (packets->length < to->length)
		*packets = *to;
}

/* The largest prefix that begins a range, within the packets'. */
static struct prefix prefix_at(const struct address_range *range, const struct prefix *packets)
{
	const unsigned int bits = family_bits(packets->family);
	const struct address_range all = range_of(packets);
	struct prefix prefix = { .family = packets->family };
	struct address_range covered;

	memcpy(prefix.address, memcmp(range->first, all.first, bits / 8) > 0 ? range->first :
	       all.first, sizeof(prefix.address));
	for (prefix.length = packets->length; prefix.length < bits; prefix.length++) {
		covered = range_of(&prefix);
		if (prefix_covers(&prefix, &prefix) && lies_within(&covered, range, bits / 8))
			break;
	}
	return prefix;
}

static bool narrow_addresses(struct prefix *packets, const struct address_range *ranges,
			     size_t count, size_t index)
{
	const unsigned int bytes = family_bits(packets->family) / 8;
	const struct address_range all = range_of(packets);

	for (size_t i = 0; i < count; i++)
		if (touches(&all, &ranges[i], bytes) && !index--) {
			*packets = prefix_at(&ranges[i], packets);
			return true;
		}
	return false;
}

static bool narrow_ports(struct port_range *packets, const struct step *condition, size_t index)
{
	struct ranges ranges = ranges_of(condition);

	if (condition->mask != UINT32_MAX)
		return false;
	for (size_t i = 0; i < ranges.count; i++) {
		const struct range *range = &ranges.list[i];

		if (range->first > packets->last || range->last < packets->first || index--)
			continue;
		if (range->first > packets->first)
			packets->first = (uint16_t)range->first;
		if (range->last < packets->last)
			packets->last = (uint16_t)range->last;
		return true;
	}
	return false;
}

static bool narrow_interface(char packets[IFNAMSIZ], const struct step *condition)
{
	size_t size = strnlen(condition->name, condition->length);

	if (size >= IFNAMSIZ - 1u)
		return false;
	memcpy(packets, condition->name, size);
	packets[size] = size < condition->length ? '\0' : '+';
	packets[size + 1] = '\0';
	return true;
}

/* Either port: that which may be narrowed at all. */
static bool narrow_number(struct probe *probe, const struct step *condition, size_t index)
{
	bool by_source = condition->field == FIELD_SOURCE_PORT ||
			 (condition->field == FIELD_EITHER_PORT &&
			  probe->source_port.first != probe->source_port.last);

	if (condition->field != FIELD_SOURCE_PORT && condition->field != FIELD_DESTINATION_PORT &&
	    condition->field != FIELD_EITHER_PORT)
		return false;
	return narrow_ports(by_source ? &probe->source_port : &probe->destination_port, condition,
			    index);
}

bool probe_narrow(struct probe *probe, const struct step *condition, size_t index)
{
	struct prefix *address = condition->field == FIELD_SOURCE ? &probe->source :
								    &probe->destination;
	struct prefix asked = { .length = condition->length, .family = probe->family };

	switch (condition->kind) {
	case STEP_PREFIX:
		memcpy(asked.address, condition->address, sizeof(asked.address));
		narrow_address(address, &asked);
		return !index;
	case STEP_ADDRESSES:
		return narrow_addresses(address, condition->addresses, condition->count, index);
	case STEP_INTERFACE:
		return !index && narrow_interface(condition->field == FIELD_IN ? probe->in :
						  probe->out, condition);
	case STEP_NUMBER:
	case STEP_NUMBERS:
		return narrow_number(probe, condition, index);
	default:
		return false;
	}
}

/* Not all of them are about the condition. */
static void trim_ports(struct port_range *packets, const struct step *condition)
{
	const struct ranges ranges = ranges_of(condition);

	for (size_t i = 0; i < ranges.count; i++) {
		const struct range *range = &ranges.list[i];

		if (range->first <= packets->first && range->last >= packets->first &&
		    range->last < packets->last)
			packets->first = (uint16_t)(range->last + 1);
		if (range->last >= packets->last && range->first <= packets->last &&
		    range->first > packets->first)
			packets->last = (uint16_t)(range->first - 1);
	}
}

void probe_narrow_away(struct probe *probe, const struct step *condition)
{
	if ((condition->kind != STEP_NUMBER && condition->kind != STEP_NUMBERS) ||
	    condition->mask != UINT32_MAX)
		return;
	if (condition->field == FIELD_SOURCE_PORT)
		trim_ports(&probe->source_port, condition);
	else if (condition->field == FIELD_DESTINATION_PORT)
		trim_ports(&probe->destination_port, condition);
}

bool probe_narrow_to_element(struct probe *probe, const struct view_lookup *lookup, size_t index)
{
	const struct set_element *element = element_at(lookup, index);
	const struct situation situation = { .states = CT_NEW };

	for (size_t i = 0; i < lookup->field_count; i++) {
		const struct step step = step_of(&lookup->fields[i], &element->ranges[i]);

		/* what all packets have is as narrow as it goes */
		if (!condition_depends(&step) && probe_meets(probe, &step, &situation) != ALL_DO &&
		    !probe_narrow(probe, &step, 0))
			return false;
	}
	return true;
}

/* --- conditions as such ----------------------------------------------- */

static uint32_t mix(uint32_t hash, uint32_t value)
{
	return (hash ^ value) * 0x9e3779b1u ^ hash >> 15;
}

static uint32_t mix_bytes(uint32_t hash, const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;

	while (size--)
		hash = mix(hash, *byte++);
	return hash;
}

static uint32_t hash_text(const char *text)
{
	uint32_t hash = 0;

	for (; *text; text++)
		hash = mix(hash, (unsigned char)*text);
	return hash;
}

uint32_t condition_identity(const struct step *condition)
{
	uint32_t identity = mix(condition->kind * 256u + condition->field, condition->mask);
	struct ranges ranges;

	switch (condition->kind) {
	case STEP_PREFIX:
		return mix_bytes(mix(identity, condition->length), condition->address,
				 sizeof(condition->address));
	case STEP_INTERFACE:
		return mix_bytes(identity, condition->name, condition->length);
	case STEP_ADDRESSES:
		return mix_bytes(identity, condition->addresses,
				 condition->count * sizeof(*condition->addresses));
	case STEP_UNKNOWN:
	case STEP_SET:
	case STEP_REMEMBERED:
		return mix(identity, condition->index);
	case STEP_LOOKUP:
	case STEP_MAP:
		for (size_t i = 0; i < condition->lookup->field_count; i++)
			identity = mix(identity, condition->lookup->fields[i].field);
		return mix(identity, hash_text(condition->lookup->name));
	case STEP_NUMBER:
	case STEP_NUMBERS:
		ranges = ranges_of(condition);
		for (size_t i = 0; i < ranges.count; i++)
			identity = mix(mix(identity, ranges.list[i].first), ranges.list[i].last);
		return identity;
	default:
		return identity;
	}
}

static bool field_depends(uint8_t field)
{
	return field >= FIELD_STATE || field == FIELD_MARK;
}

bool condition_depends(const struct step *condition)
{
	if (condition->kind == STEP_WITHIN_RATE)
		return false;
	if (condition->kind != STEP_LOOKUP && condition->kind != STEP_MAP)
		return field_depends(condition->field);
	for (size_t i = 0; i < condition->lookup->field_count; i++)
		if (field_depends(condition->lookup->fields[i].field))
			return true;
	return false;
}
