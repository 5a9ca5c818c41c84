/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets of packets, narrowed to those that a condition is about. */
#include "verify/probe_parts.h"

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
		const struct step step = probe_step_of(&lookup->fields[i], &element->ranges[i]);

		/* what all packets have is as narrow as it goes */
		if (!condition_depends(&step) && probe_meets(probe, &step, &situation) != ALL_DO &&
		    !probe_narrow(probe, &step, 0))
			return false;
	}
	return true;
}
