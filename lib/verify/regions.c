/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/regions.h"

#include <string.h>

static bool is_port(uint8_t field)
{
	return field == FIELD_SOURCE_PORT || field == FIELD_DESTINATION_PORT ||
	       field == FIELD_EITHER_PORT;
}

static bool looks_up_port(const struct step *step)
{
	for (uint8_t i = 0; i < step->lookup->field_count; i++)
		if (is_port(step->lookup->fields[i].field))
			return true;
	return false;
}

static void cut_at(struct port_regions *regions, uint32_t port)
{
	if (port <= UINT16_MAX)
		regions->begins[port / 64] |= UINT64_C(1) << port % 64;
}

/* A region begins at a port, and one behind the range. */
static void cut(struct port_regions *regions, const struct range *range)
{
	cut_at(regions, range->first);
	if (range->last < UINT16_MAX)
		cut_at(regions, range->last + 1);
}

static void cut_at_step(struct port_regions *regions, const struct step *step)
{
	if (step->kind == STEP_LOOKUP || step->kind == STEP_MAP) {
		regions->unknown |= looks_up_port(step);
		return;
	}
	if (!step_is_condition(step) || !is_port(step->field))
		return;
	if (step->kind == STEP_NUMBER && step->mask == UINT32_MAX)
		cut(regions, &step->range);
	else if (step->kind == STEP_NUMBERS && step->mask == UINT32_MAX)
		for (uint32_t i = 0; i < step->count; i++)
			cut(regions, &step->ranges[i]);
	else
		regions->unknown = true;
}

static void cut_at_rule(struct port_regions *regions, const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count && !(rule->flags & (RULE_OURS | RULE_ADDED)); i++)
		cut_at_step(regions, &rule->steps[i]);
}

void regions_find(struct port_regions *regions, const struct view *view)
{
	unsigned int count = 0;

	memset(regions, 0, sizeof(*regions));
	cut_at(regions, CLIENT_PORT_MIN);
	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain_is_ours(chain) ? NULL : chain->rules;
			     rule; rule = rule->next)
				cut_at_rule(regions, rule);
	for (size_t i = 0; i < REGION_WORDS; i++) {
		regions->before[i] = (uint16_t)count;
		count += (unsigned int)__builtin_popcountll(regions->begins[i]);
	}
}

static unsigned int region_of(const struct port_regions *regions, uint16_t port)
{
	const uint64_t as_far = UINT64_MAX >> (63 - port % 64);

	return regions->before[port / 64] +
	       (unsigned int)__builtin_popcountll(regions->begins[port / 64] & as_far);
}

bool regions_alike(const struct port_regions *regions, const struct port_range *one,
		   const struct port_range *other)
{
	if (regions->unknown)
		return one->first == other->first && one->last == other->last;
	return region_of(regions, one->first) == region_of(regions, other->first) &&
	       region_of(regions, one->last) == region_of(regions, other->last);
}
