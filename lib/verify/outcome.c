/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/outcome.h"

#include <string.h>

static bool is_readable(const struct view_part *part)
{
	return part->map && part->map->read;
}

static size_t count_choices(const struct view_part *part)
{
	return is_readable(part) ? part->map->count : 1;
}

static const uint8_t *data_of(const struct view_part *part, size_t element)
{
	return is_readable(part) ? element_at(part->map, element)->data : NULL;
}

static uint32_t port_at(const uint8_t *data)
{
	return (uint32_t)data[0] << 8 | data[1];
}

static void put_address(struct outcome *outcome, const struct view_part *part, size_t element,
			enum family family)
{
	const uint8_t *data = data_of(part, element);
	const size_t size = family_bits(family) / 8;

	outcome->keeps_address = !part->is_given;
	if (data) {
		memcpy(outcome->addresses.first, data + part->first_at, size);
		memcpy(outcome->addresses.last, data + part->last_at, size);
	} else if (part->is_given && part->is_known && !part->map) {
		outcome->addresses = part->addresses;
	} else {
		memset(outcome->addresses.last, 0xff, size);
		outcome->unsure |= part->is_given;
	}
}

static void put_port(struct outcome *outcome, const struct view_part *part, size_t element)
{
	const uint8_t *data = data_of(part, element);

	outcome->keeps_port = !part->is_given;
	outcome->ports = (struct range){ 0, UINT16_MAX };
	if (data)
		outcome->ports = (struct range){ port_at(data + part->first_at),
						 port_at(data + part->last_at) };
	else if (part->is_given && part->is_known && !part->map)
		outcome->ports = part->ports;
	else
		outcome->unsure |= part->is_given;
}

static int visit_plain(const struct step *verdict, enum family family,
		       int (*visit)(void *data, const struct outcome *outcome), void *data)
{
	struct outcome outcome = {
		.keeps_address = !verdict->length, .keeps_port = !verdict->mask,
		.ports = { verdict->mask >> 16, (uint16_t)verdict->mask },
	};
	int err;

	if (outcome.keeps_port)
		outcome.ports.last = UINT16_MAX;
	if (verdict->length) {
		memcpy(outcome.addresses.first, verdict->address, sizeof(verdict->address));
		memcpy(outcome.addresses.last, verdict->address, sizeof(verdict->address));
	} else {
		memset(outcome.addresses.last, 0xff, family_bits(family) / 8);
	}
	err = visit(data, &outcome);
	return err == OUTCOMES_NEXT_PORT ? 0 : err;
}

/* Those of one port; where one map has both, the address of the same element. */
static int visit_port(const struct view_outcomes *outcomes, size_t element, enum family family,
		      int (*visit)(void *data, const struct outcome *outcome), void *data)
{
	const struct view_part *address = &outcomes->address, *port = &outcomes->port;
	const bool is_one = is_readable(port) && port->map == address->map;
	const size_t end = is_one ? element + 1 : count_choices(address);
	int err = 0;

	for (size_t i = is_one ? element : 0; i < end && !err; i++) {
		struct outcome outcome = { 0 };

		put_address(&outcome, address, i, family);
		put_port(&outcome, port, element);
		outcome.of[0].map = is_readable(address) ? address->map : NULL;
		outcome.of[0].element = i;
		outcome.of[1].map = is_readable(port) ? port->map : NULL;
		outcome.of[1].element = element;
		err = visit(data, &outcome);
	}
	return err == OUTCOMES_NEXT_PORT ? 0 : err;
}

int outcomes_each(const struct step *verdict, enum family family,
		  int (*visit)(void *data, const struct outcome *outcome), void *data)
{
	int err = 0;

	if (!(verdict->flags & STEP_OUTCOMES))
		return visit_plain(verdict, family, visit, data);
	for (size_t i = 0; i < count_choices(&verdict->outcomes->port) && !err; i++)
		err = visit_port(verdict->outcomes, i, family, visit, data);
	return err;
}
