/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/entrances.h"

#include <string.h>

#include "verify/probe_parts.h"

/* The name of none that a rule asks for. */
#define ANY_INTERFACE "any"

static bool is_interface(const struct step *step)
{
	return step->kind == STEP_INTERFACE &&
	       (step->field == FIELD_IN || step->field == FIELD_OUT);
}

/* A set may have any of them, and may change. */
static bool looks_up_interface(const struct step *step)
{
	if (step->kind != STEP_LOOKUP && step->kind != STEP_MAP)
		return false;
	for (size_t i = 0; i < step->lookup->field_count; i++)
		if (step->lookup->fields[i].field == FIELD_IN ||
		    step->lookup->fields[i].field == FIELD_OUT)
			return true;
	return false;
}

static bool rule_names(const struct view_rule *rule, const char *interface)
{
	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (looks_up_interface(step) ||
		    (is_interface(step) && !strncmp(step->name, interface, step->length)))
			return true;
	}
	return false;
}

static bool view_names(const struct view *view, const char *interface)
{
	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
				if (rule_names(rule, interface))
					return true;
	return false;
}

/* --- interfaces that are not up ----------------------------------------- */

static bool is_lo(const struct step *step)
{
	return !strncmp(step->name, "lo", step->length);
}

bool entrances_are_named(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (looks_up_interface(&rule->steps[i]) ||
		    (is_interface(&rule->steps[i]) && !is_lo(&rule->steps[i])))
			return true;
	return false;
}

static bool is_listed(const struct entrances *entrances, const struct step *step)
{
	for (size_t i = 0; i < entrances->count; i++)
		if (!strncmp(step->name, entrances->list[i], step->length))
			return true;
	return is_lo(step);
}

static void add_interface(struct entrances *entrances, const struct step *step)
{
	size_t size = strnlen(step->name, step->length < IFNAMSIZ ? step->length : IFNAMSIZ - 1);
	char *name;

	if (entrances->more || is_listed(entrances, step))
		return;
	entrances->more = entrances->count == ENTRANCES_MAX;
	if (entrances->more)
		return;
	name = memset(entrances->list[entrances->count++], 0, IFNAMSIZ);
	memcpy(name, step->name, size);
}

static void add_elements(struct entrances *entrances, const struct view_lookup *lookup)
{
	entrances->others |= !lookup->read;
	for (size_t i = 0; i < lookup->count && lookup->read; i++)
		for (size_t j = 0; j < lookup->field_count; j++) {
			const struct step step = probe_step_of(&lookup->fields[j],
							       &element_at(lookup, i)->ranges[j]);

			if (is_interface(&step))
				add_interface(entrances, &step);
		}
}

static void add_named(struct entrances *entrances, const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++) {
		if (is_interface(&rule->steps[i]))
			add_interface(entrances, &rule->steps[i]);
		else if (looks_up_interface(&rule->steps[i]))
			add_elements(entrances, rule->steps[i].lookup);
	}
}

/* Of chains that packets from or to this host come to. */
static void add_absent(struct entrances *entrances, const struct view *view)
{
	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->rules;
			     rule && chain->hooks & ~(1u << HOOK_FORWARD); rule = rule->next)
				add_named(entrances, rule);
}

void entrances_find(struct entrances *entrances, const struct view *view, const struct host *host)
{
	bool other = false;

	entrances->count = 0;
	entrances->others = entrances->more = false;
	for (size_t i = 0; i < host->interface_count && entrances->count < ENTRANCES_MAX; i++) {
		bool named = view_names(view, host->interfaces[i]);

		if (!named && other)
			continue;
		other |= !named;
		strcpy(entrances->list[entrances->count++], host->interfaces[i]);
	}
	if (!entrances->count)
		strcpy(entrances->list[entrances->count++], ANY_INTERFACE);
	add_absent(entrances, view);
}

int entrances_each(const struct entrances *entrances, const struct probe *probe,
		   int (*visit)(const struct probe *probe, void *data), void *data)
{
	struct probe one = *probe;
	char *interface = *one.in ? one.in : one.out;
	int result = 0;

	if (strcmp(interface, "+"))
		return visit(probe, data);
	for (size_t i = 0; i < entrances->count && !result; i++) {
		strcpy(interface, entrances->list[i]);
		result = visit(&one, data);
	}
	return result;
}

int entrances_other(const struct entrances *entrances, const struct probe *probe,
		    int (*visit)(const struct probe *probe, void *data), void *data)
{
	struct probe one = *probe;
	char *interface = *one.in ? one.in : one.out;

	if (strcmp(interface, "+") || !entrances->others)
		return 0;
	strcpy(interface, ANY_INTERFACE "+");
	return visit(&one, data);
}
