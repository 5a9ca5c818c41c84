/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parcel.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <string.h>

#include "unit.h"

/* A packet on its way. */
struct journey {
	const struct parcel *packet;
	struct parcel_fate fate;
	uint32_t state;
	bool ahead;			/* of conntrack */
	bool notrack;
};

enum outcome {
	GO_ON,
	ACCEPTED,
	DROPPED,
	LEFT,				/* the chain */
};

/* --- conditions ------------------------------------------------------- */

static bool in_ranges(const struct step *step, uint32_t value)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	size_t count = step->kind == STEP_NUMBER ? 1 : step->count;

	for (size_t i = 0; i < count; i++)
		if ((value & step->mask) >= ranges[i].first && (value & step->mask) <= ranges[i].last)
			return true;
	return false;
}

static bool has_entry(const struct journey *journey)
{
	return journey->state & (CT_NEW | CT_ESTABLISHED | CT_RELATED);
}

static bool has_ports(const struct parcel *packet)
{
	return packet->protocol == IPPROTO_UDP || packet->protocol == IPPROTO_TCP;
}

/* Sets @meets; returns whether an inversion counts. */
static bool meets_number(const struct journey *journey, const struct step *step, bool *meets)
{
	const struct parcel *packet = journey->packet;

	*meets = false;
	switch (step->field) {
	case FIELD_FAMILY:
		*meets = in_ranges(step, packet->family == IPV6 ? AF_INET6 : AF_INET);
		return true;
	case FIELD_PROTOCOL:
		*meets = in_ranges(step, packet->protocol);
		return true;
	case FIELD_SOURCE_PORT:
		*meets = in_ranges(step, packet->source_port);
		return has_ports(packet);
	case FIELD_DESTINATION_PORT:
		*meets = in_ranges(step, packet->destination_port);
		return has_ports(packet);
	case FIELD_EITHER_PORT:
		*meets = in_ranges(step, packet->source_port) ||
			 in_ranges(step, packet->destination_port);
		return has_ports(packet);
	case FIELD_TCP_FLAGS:
		*meets = in_ranges(step, packet->tcp_flags);
		return packet->protocol == IPPROTO_TCP;
	case FIELD_ICMP_TYPE:
		*meets = in_ranges(step, packet->icmp_type);
		return !has_ports(packet);
	case FIELD_MARK:
		*meets = in_ranges(step, journey->fate.mark);
		return true;
	case FIELD_SOURCE_TYPE:
		*meets = in_ranges(step, packet->own_source ? RTN_LOCAL : RTN_UNICAST);
		return true;
	case FIELD_DESTINATION_TYPE:
		*meets = in_ranges(step, packet->own_destination ? RTN_LOCAL : RTN_UNICAST);
		return true;
	case FIELD_STATE:
		*meets = in_ranges(step, journey->state);
		return true;
	case FIELD_CT_DIRECTION:
		*meets = in_ranges(step, packet->reply);
		return has_entry(journey);
	case FIELD_CT_STATUS:
		*meets = in_ranges(step, journey->state == CT_ESTABLISHED ? UINT32_MAX : 0);
		return has_entry(journey);
	default:
		ck_abort_msg("field %u", step->field);
	}
}

static bool meets_prefix(const struct parcel *packet, const struct step *step)
{
	const uint8_t *address = step->field == FIELD_SOURCE ? packet->source : packet->destination;

	for (unsigned int bit = 0; bit < step->length; bit++)
		if ((address[bit / 8] ^ step->address[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

static uint32_t value_of(const struct journey *journey, uint8_t field)
{
	switch (field) {
	case FIELD_STATE:
		return journey->state;
	case FIELD_PROTOCOL:
		return journey->packet->protocol;
	case FIELD_DESTINATION_PORT:
		return journey->packet->destination_port;
	default:
		ck_abort_msg("field %u of a key", field);
	}
}

static const struct set_element *find_element(const struct journey *journey,
					      const struct view_lookup *lookup)
{
	for (size_t i = 0; i < lookup->count; i++) {
		const struct set_element *element = element_at(lookup, i);
		size_t same = 0;

		for (size_t j = 0; j < lookup->field_count; j++)
			same += lookup->fields[j].field == FIELD_IN ?
				!strcmp(journey->packet->in, element->ranges[j].name) :
				(lookup->fields[j].field != FIELD_DESTINATION_PORT ||
				 has_ports(journey->packet)) &&
				value_of(journey, lookup->fields[j].field) ==
				element->ranges[j].numbers.first;
		if (same == lookup->field_count)
			return element;
	}
	return NULL;
}

static bool meets(struct journey *journey, const struct step *step)
{
	const struct parcel *packet = journey->packet;
	bool meets = false, counts = true;

	switch (step->kind) {
	case STEP_NUMBER:
	case STEP_NUMBERS:
		counts = meets_number(journey, step, &meets);
		break;
	case STEP_PREFIX:
		meets = meets_prefix(packet, step);
		break;
	case STEP_INTERFACE:
		meets = !memcmp(step->field == FIELD_IN ? packet->in : packet->out, step->name,
				step->length);
		break;
	case STEP_WITHIN_RATE:
		meets = packet->within_rate;
		break;
	case STEP_REMEMBERED:
		journey->fate.asked++;
		meets = packet->remembered;
		break;
	case STEP_LOOKUP:
		meets = find_element(journey, step->lookup);
		break;
	case STEP_UNKNOWN:
		meets = packet->unknown;
		break;
	default:
		ck_abort_msg("condition %u", step->kind);
	}
	return counts && meets != !!(step->flags & STEP_INVERTED);
}

/* --- rules and chains ------------------------------------------------- */

static void take_effect(struct journey *journey, const struct step *step)
{
	struct parcel_fate *fate = &journey->fate;

	if (step->kind == STEP_COUNT && step->flags & STEP_REMEMBERS)
		fate->recorded++;
	else if (step->kind == STEP_COUNT)
		fate->logged++;
	else if (step->kind == STEP_MARK) {
		fate->mark = (fate->mark & ~step->mask) ^ step->value;
		fate->marked++;
	} else if (step->kind == STEP_NOTRACK && journey->ahead && journey->notrack)
		fate->untracked = true;
}

static enum outcome walk_chain(struct journey *journey, const struct view_chain *chain);

static enum outcome take_element(struct journey *journey, const struct set_element *element)
{
	enum outcome outcome;

	switch (element ? element->verdict : STEP_COUNT) {
	case STEP_ACCEPT:
		return ACCEPTED;
	case STEP_DROP:
		return DROPPED;
	case STEP_RETURN:
		return LEFT;
	case STEP_JUMP:
		outcome = walk_chain(journey, element->chain);
		return outcome == LEFT ? GO_ON : outcome;
	default:
		return GO_ON;
	}
}

static enum outcome walk_rule(struct journey *journey, const struct view_rule *rule)
{
	enum outcome outcome;

	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (step_is_condition(step)) {
			if (!meets(journey, step))
				return GO_ON;
			continue;
		}
		switch (step->kind) {
		case STEP_ACCEPT:
			return ACCEPTED;
		case STEP_QUEUE:
			journey->fate.queued++;
			return ACCEPTED;
		case STEP_DROP:
		case STEP_REJECT:
			return DROPPED;
		case STEP_RETURN:
			return LEFT;
		case STEP_JUMP:
			outcome = walk_chain(journey, step->chain);
			return outcome == LEFT ? GO_ON : outcome;
		case STEP_MAP:
			return take_element(journey, find_element(journey, step->lookup));
		case STEP_GOTO:
			return walk_chain(journey, step->chain);
		default:
			take_effect(journey, step);
		}
	}
	return GO_ON;
}

static enum outcome walk_chain(struct journey *journey, const struct view_chain *chain)
{
	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
		enum outcome outcome = walk_rule(journey, rule);

		if (outcome != GO_ON)
			return outcome;
	}
	return LEFT;
}

static bool walk_hook(struct journey *journey, const struct view *view, enum hook hook)
{
	const bool conntrack = hook == HOOK_PREROUTING || hook == HOOK_OUTPUT;

	for (const struct view_chain *base = view->hooks[hook]; base; base = base->next_at_hook) {
		enum outcome outcome;

		if (!(base->table->families & 1u << journey->packet->family))
			continue;
		journey->ahead = conntrack && base->priority <= -200;
		journey->state = journey->fate.untracked ? CT_UNTRACKED :
				 journey->ahead ? CT_INVALID : journey->packet->state;
		outcome = walk_chain(journey, base);
		if (outcome == DROPPED || (outcome == LEFT && base->drops))
			return false;
	}
	return true;
}

struct parcel_fate parcel_send(const struct view *view, const struct parcel *parcel, bool notrack)
{
	struct journey journey = { .packet = parcel, .notrack = notrack };
	const bool in = *parcel->in;

	journey.fate.accepted = walk_hook(&journey, view, in ? HOOK_PREROUTING : HOOK_OUTPUT) &&
				walk_hook(&journey, view, in ? HOOK_INPUT : HOOK_POSTROUTING);
	return journey.fate;
}
