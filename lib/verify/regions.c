/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/regions.h"

#include <errno.h>
#include <stdlib.h>

#define PORTS (UINT16_MAX + 1u)
/* Below it, ports are those of services: see guard.c. */
#define CLIENT_PORT_MIN 1024

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

/* A region begins at a port, and one behind the range. */
static void cut(uint16_t *begins, const struct range *range)
{
	if (range->first < PORTS)
		begins[range->first] = 1;
	if (range->last < PORTS - 1)
		begins[range->last + 1] = 1;
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
		cut(regions->of, &step->range);
	else if (step->kind == STEP_NUMBERS && step->mask == UINT32_MAX)
		for (uint32_t i = 0; i < step->count; i++)
			cut(regions->of, &step->ranges[i]);
	else
		regions->unknown = true;
}

static void cut_at_rule(struct port_regions *regions, const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count && !(rule->flags & (RULE_OURS | RULE_ADDED)); i++)
		cut_at_step(regions, &rule->steps[i]);
}

int regions_find(struct port_regions *regions, const struct view *view)
{
	uint16_t number = 0;

	*regions = (struct port_regions){ .of = calloc(PORTS, sizeof(*regions->of)) };
	if (!regions->of)
		return -ENOMEM;
	regions->of[CLIENT_PORT_MIN] = 1;
	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain_is_ours(chain) ? NULL : chain->rules;
			     rule; rule = rule->next)
				cut_at_rule(regions, rule);
	for (uint32_t port = 0; port < PORTS; port++) {
		number = (uint16_t)(number + regions->of[port]);
		regions->of[port] = number;
	}
	return 0;
}

void regions_free(struct port_regions *regions)
{
	free(regions->of);
	regions->of = NULL;
}

bool regions_alike(const struct port_regions *regions, const struct port_range *one,
		   const struct port_range *other)
{
	if (regions->unknown)
		return one->first == other->first && one->last == other->last;
	return regions->of[one->first] == regions->of[other->first] &&
	       regions->of[one->last] == regions->of[other->last];
}
