/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/other_servers.h"

#include "verify/regions.h"

/* Ports that no client has, and not the service's. */
static bool is_of_other(const struct range *range, const struct port_range *service)
{
	return range->last < CLIENT_PORT_MIN &&
	       (range->last < service->first || range->first > service->last);
}

static bool names_other(const struct step *step, enum field field, const struct port_range *service)
{
	if (step->field != field || step->flags & STEP_INVERTED || step->mask != UINT32_MAX)
		return false;
	if (step->kind == STEP_NUMBER)
		return is_of_other(&step->range, service);
	for (uint32_t i = 0; step->kind == STEP_NUMBERS && i < step->count; i++)
		if (!is_of_other(&step->ranges[i], service))
			return false;
	return step->kind == STEP_NUMBERS && step->count;
}

static bool asks_number(const struct step *step, enum field field)
{
	return (step->kind == STEP_NUMBER || step->kind == STEP_NUMBERS) && step->field == field;
}

/*
 * A question is let in as if it were the answer of another server: by that one's port, and nothing
 * else.  Whoever names addresses, or the service's port, means those who may ask.
 */
static bool is_for_other_answers(const struct view_rule *rule, const struct probe *probe)
{
	bool named = false;

	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (!step_is_condition(step))
			continue;
		if (names_other(step, FIELD_SOURCE_PORT, &probe->destination_port))
			named = true;
		else if (!asks_number(step, FIELD_PROTOCOL) && !asks_number(step, FIELD_FAMILY) &&
			 !asks_number(step, FIELD_ETHER_TYPE) && !asks_number(step, FIELD_NEXT_HEADER))
			return false;
	}
	return named;
}

/* An answer is let through as if it asked another server, whoever may ask that one. */
static bool is_for_other_questions(const struct view_rule *rule, const struct probe *probe)
{
	bool named = false;

	for (size_t i = 0; i < rule->count; i++)
		named |= names_other(&rule->steps[i], FIELD_DESTINATION_PORT, &probe->source_port);
	return named && !rule_names_sources(rule);
}

bool rule_is_of_other_server(const struct view_rule *rule, const struct probe *probe)
{
	return probe->reply ? is_for_other_questions(rule, probe) : is_for_other_answers(rule, probe);
}
