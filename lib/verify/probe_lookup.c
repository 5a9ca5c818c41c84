/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets and maps: whether packets have what is looked up there. */
#include "verify/probe_parts.h"

#include <errno.h>
#include <sys/socket.h>

struct step probe_step_of(const struct key_field *field, const struct key_range *range)
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

static bool lies_apart(const struct range *asked, uint32_t first, uint32_t last)
{
	return asked->first > last || asked->last < first;
}

/*
 * Whether an element is of another protocol, or of other ports.  Of a map with 10,000 elements most
 * are, and a walk comes by many times: that is seen before addresses are compared.
 */
static bool is_of_others(const struct probe *probe, const struct view_lookup *map,
			 const struct set_element *element)
{
	bool others = false;

	for (size_t i = 0; i < map->field_count && !others; i++) {
		const struct range *asked = &element->ranges[i].numbers;

		if (map->fields[i].mask != UINT32_MAX)
			continue;
		if (map->fields[i].field == FIELD_PROTOCOL)
			others = lies_apart(asked, probe->protocol, probe->protocol);
		else if (map->fields[i].field == FIELD_SOURCE_PORT)
			others = lies_apart(asked, probe->source_port.first, probe->source_port.last);
		else if (map->fields[i].field == FIELD_DESTINATION_PORT)
			others = lies_apart(asked, probe->destination_port.first,
					    probe->destination_port.last);
	}
	return others;
}

unsigned int probe_meets_element(const struct probe *probe, const struct view_lookup *map,
				 size_t index, const struct situation *situation)
{
	const struct set_element *element = element_at(map, index);
	struct situation usual = *situation;
	unsigned int meets = ALL_DO;

	if (is_of_others(probe, map, element))
		return NONE_DOES;
	/* packets cannot be narrowed to those of a mark */
	usual.mark.as_it_came = 0;

	for (size_t i = 0; i < map->field_count && meets & ALL_DO; i++) {
		const struct step step = probe_step_of(&map->fields[i], &element->ranges[i]);

		meets = meets_both(meets, is_part(&map->fields[i]) ? NOBODY_KNOWS :
				   probe_meets(probe, &step, &usual));
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
	case FIELD_TCP_FLAGS:	/* others have more of them: see probe_meets.c */
		value->number = probe->tcp_flags;
		return probe->plain;
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
	if (!asks_own || !view->knows_own[probe->family] || view->own_count > OWN_MAX)
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

unsigned int probe_meets_lookup(const struct probe *probe, const struct view_lookup *lookup,
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
