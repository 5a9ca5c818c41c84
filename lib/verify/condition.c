/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions as such, whatever packets they are asked of. */
#include "verify/probe_parts.h"

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
	case STEP_ADDRESSES:	/* has no mask, whoever made it */
		return mix_bytes(condition->kind * 256u + condition->field, condition->addresses,
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
		identity += condition->length;
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

/* --- which ports a rule names ------------------------------------------ */

/* Fields as bits. */
_Static_assert(FIELDS <= 32, "a field is a bit");
#define DESTINATION_PORTS (1u << FIELD_DESTINATION_PORT | 1u << FIELD_EITHER_PORT)
#define SOURCE_PORTS (1u << FIELD_SOURCE_PORT | 1u << FIELD_EITHER_PORT)
#define ANY_PORTS (DESTINATION_PORTS | SOURCE_PORTS)

static bool is_one_of(uint8_t field, uint32_t fields)
{
	return field < FIELDS && UINT32_C(1) << field & fields;
}

static bool asks_one_of(const struct step *step, uint32_t fields)
{
	if (step->kind != STEP_LOOKUP && step->kind != STEP_MAP)
		return step_is_condition(step) && is_one_of(step->field, fields);
	for (size_t i = 0; i < step->lookup->field_count; i++)
		if (is_one_of(step->lookup->fields[i].field, fields))
			return true;
	return false;
}

static bool rule_names(const struct view_rule *rule, uint32_t fields)
{
	for (size_t i = 0; rule && i < rule->count; i++)
		if (asks_one_of(&rule->steps[i], fields))
			return true;
	return false;
}

bool rule_names_ports(const struct view_rule *rule)
{
	return rule_names(rule, ANY_PORTS);
}

bool rule_names_sources(const struct view_rule *rule)
{
	return rule_names(rule, SOURCE_PORTS);
}

bool rule_names_destinations(const struct view_rule *rule)
{
	return rule_names(rule, DESTINATION_PORTS);
}
