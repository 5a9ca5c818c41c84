/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Building a view; what all that walk through one need of it. */
#include "rules/view.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/name.h"
#include "support/hash.h"
#include "support/memory.h"
#include "support/text.h"

static_assert(sizeof(struct step) == 24, "a step is small");

/* --- tables and chains ------------------------------------------------ */

struct view_table *view_add_table(struct view *view, enum world world, unsigned int families,
				  const char *family_name, const char *name)
{
	struct view_table *table = arena_alloc(&view->arena, sizeof(*table));

	if (!table)
		return NULL;
	table->name = arena_strdup(&view->arena, name);
	if (!table->name)
		return NULL;
	table->family_name = family_name;
	table->world = (uint8_t)world;
	table->families = (uint8_t)families;
	*(view->last ? &view->last->next : &view->tables) = table;
	view->last = table;
	return table;
}

static size_t hash(const struct view_table *table, const char *name)
{
	const uint64_t value = hash_text(HASH_BEGIN ^ (uintptr_t)table, name);

	return (size_t)(value ^ value >> 32);
}

static void put_name(struct view *view, struct view_chain *chain)
{
	size_t slot = hash(chain->table, chain->name) & (view->name_room - 1);

	chain->next_of_name = view->names[slot];
	view->names[slot] = chain;
}

/* At least as many slots as chains. */
static int grow_names(struct view *view)
{
	size_t room = view->name_room ? 2 * view->name_room : 64;
	struct view_chain **names = calloc(room, sizeof(struct view_chain *));

	if (!names)
		return -ENOMEM;
	free(view->names);
	view->names = names;
	view->name_room = room;
	for (struct view_table *table = view->tables; table; table = table->next)
		for (struct view_chain *chain = table->chains; chain; chain = chain->next)
			put_name(view, chain);
	return 0;
}

struct view_chain *view_add_chain(struct view *view, struct view_table *table, const char *name)
{
	struct view_chain *chain;

	if (view->chain_count == view->name_room && grow_names(view))
		return NULL;
	chain = arena_alloc(&view->arena, sizeof(*chain));
	if (!chain)
		return NULL;
	chain->name = arena_strdup(&view->arena, name);
	if (!chain->name)
		return NULL;
	chain->table = table;
	chain->number = view->chain_count++;
	*(table->last ? &table->last->next : &table->chains) = chain;
	table->last = chain;
	put_name(view, chain);
	return chain;
}

bool view_has_table(const struct view *view, const char *name)
{
	for (const struct view_table *table = view->tables; table; table = table->next)
		if (!strcmp(table->name, name))
			return true;
	return false;
}

struct view_chain *view_find_chain(const struct view *view, const struct view_table *table,
				   const char *name)
{
	struct view_chain *chain = NULL;

	if (view->name_room)
		chain = view->names[hash(table, name) & (view->name_room - 1)];
	while (chain && (chain->table != table || strcmp(chain->name, name)))
		chain = chain->next_of_name;
	return chain;
}

enum hook hook_of_builtin(const char *chain)
{
	static const char *const names[HOOKS] = {
		[HOOK_PREROUTING] = "PREROUTING", [HOOK_INPUT] = "INPUT", [HOOK_FORWARD] = "FORWARD",
		[HOOK_OUTPUT] = "OUTPUT", [HOOK_POSTROUTING] = "POSTROUTING",
	};
	enum hook hook = HOOK_POSTROUTING;

	while (hook && strcmp(names[hook], chain))
		hook--;
	return hook;
}

static void put_at_hook(struct view_chain **at, struct view_chain *chain, enum hook hook, int priority)
{
	chain->is_base = true;
	chain->hook = (uint8_t)hook;
	chain->priority = priority;
	chain->next_at_hook = *at;
	*at = chain;
}

void view_set_hook(struct view *view, struct view_chain *chain, enum hook hook, int priority)
{
	struct view_chain **at = &view->hooks[hook];

	while (*at && (*at)->priority < priority)
		at = &(*at)->next_at_hook;
	put_at_hook(at, chain, hook, priority);
}

void view_set_hook_ahead(struct view *view, struct view_chain *chain, const struct view_chain *of)
{
	struct view_chain **at = &view->hooks[of->hook];

	while (*at && *at != of)
		at = &(*at)->next_at_hook;
	put_at_hook(at, chain, (enum hook)of->hook, of->priority);
}

/* --- rules ------------------------------------------------------------ */

struct step *view_add_step(struct view *view, enum step_kind kind)
{
	struct step *step;

	if (view->step_count == view->step_room) {
		size_t room = view->step_room ? 2 * view->step_room : 32;
		struct step *steps = realloc(view->steps, room * sizeof(*steps));

		if (!steps)
			return NULL;
		view->steps = steps;
		view->step_room = room;
	}
	step = &view->steps[view->step_count++];
	memset(step, 0, sizeof(*step));
	step->kind = (uint8_t)kind;
	return step;
}

struct step *view_add_number(struct view *view, enum field field, uint32_t first, uint32_t last)
{
	struct step *step = view_add_step(view, STEP_NUMBER);

	if (!step)
		return NULL;
	step->field = (uint8_t)field;
	step->mask = UINT32_MAX;
	step->range = (struct range){ first, last };
	return step;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *one = a, *other = b;

	return one->first < other->first ? -1 : one->first > other->first;
}

/* In order, and apart from each other; returns how many are left. */
static size_t merge_ranges(struct range *ranges, size_t count)
{
	size_t merged = 0;

	if (count)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 1; i < count; i++) {
		struct range *last = &ranges[merged];

		if (ranges[i].first > last->last && ranges[i].first - last->last > 1)
			ranges[++merged] = ranges[i];
		else if (ranges[i].last > last->last)
			last->last = ranges[i].last;
	}
	return count ? merged + 1 : 0;
}

int view_set_numbers(struct view *view, struct step *step, enum field field,
		     const struct range *ranges, size_t count)
{
	struct range *copy = arena_alloc(&view->arena, count * sizeof(*copy) + 1);

	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, ranges, count * sizeof(*copy));
	step->kind = STEP_NUMBERS;
	step->field = (uint8_t)field;
	step->mask = UINT32_MAX;
	step->count = (uint32_t)merge_ranges(copy, count);
	step->ranges = copy;
	return 0;
}

struct step *view_add_numbers(struct view *view, enum field field, const struct range *ranges,
			      size_t count)
{
	struct step *step = view_add_step(view, STEP_NUMBERS);

	return step && !view_set_numbers(view, step, field, ranges, count) ? step : NULL;
}

struct step *view_add_states(struct view *view, uint32_t states)
{
	struct step *step = view_add_number(view, FIELD_STATE, 0, 0);

	if (!step)
		return NULL;
	step->mask = states;
	step->flags = STEP_INVERTED;	/* not none of them */
	return step;
}

struct step *view_add_unknown(struct view *view, enum step_kind kind, const char *what)
{
	struct step *step = view_add_step(view, kind);

	if (step)
		step->text = what;
	return step;
}

static bool asks_state(const struct view_lookup *lookup)
{
	for (size_t i = 0; i < lookup->field_count; i++)
		if (lookup->fields[i].field == FIELD_STATE)
			return true;
	return false;
}

static uint32_t find_flags(const struct step *steps, size_t count)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < count; i++) {
		if (step_is_condition(&steps[i]) && steps[i].field == FIELD_STATE)
			flags |= RULE_ASKS_STATE;
		if (steps[i].flags & STEP_REMEMBERS)
			flags |= RULE_REMEMBERS;
		if ((steps[i].kind == STEP_LOOKUP || steps[i].kind == STEP_MAP) &&
		    asks_state(steps[i].lookup))
			flags |= RULE_ASKS_STATE;
		if (steps[i].kind == STEP_UNKNOWN || steps[i].kind == STEP_ANYTHING)
			flags |= RULE_UNKNOWN;
	}
	return flags;
}

static struct view_rule *new_rule(struct view *view, const struct step *steps, size_t count)
{
	size_t size = count * sizeof(*steps);
	struct view_rule *rule = arena_alloc(&view->arena, sizeof(*rule) + size);

	if (!rule)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if ((steps[i].kind == STEP_JUMP || steps[i].kind == STEP_GOTO) &&
		    steps[i].chain->referrers < 2)
			steps[i].chain->referrers++;
		view->marks_connections |= steps[i].kind == STEP_CT_MARK;
		view->translates |= steps[i].kind == STEP_TRANSLATE || steps[i].kind == STEP_UNKNOWN;
		view->marks_packets |= steps[i].kind == STEP_MARK ||
				       steps[i].kind == STEP_RESTORE_MARK;
	}
	rule->count = (uint32_t)count;
	rule->flags = find_flags(steps, count);
	if (size)
		memcpy(rule->steps, steps, size);
	return rule;
}

struct view_rule *view_end_rule(struct view *view, struct view_chain *chain, uint64_t handle)
{
	struct view_rule *rule = new_rule(view, view->steps, view->step_count);

	view->step_count = 0;
	if (!rule)
		return NULL;
	rule->handle = handle;
	rule->number = chain->last ? chain->last->number + 1 : 1;
	*(chain->last ? &chain->last->next : &chain->rules) = rule;
	chain->last = rule;
	view_drop_index(chain);
	return rule;
}

struct view_rule *view_insert_rule(struct view *view, struct view_chain *chain,
				   struct view_rule *after, const struct step *steps,
				   size_t count)
{
	struct view_rule *rule = new_rule(view, steps, count);
	struct view_rule **at = after ? &after->next : &chain->rules;

	if (!rule)
		return NULL;
	rule->next = *at;
	*at = rule;
	if (!rule->next)
		chain->last = rule;
	chain->only_drops = false;
	view_drop_index(chain);
	if (after && after->run && after->run->last != after)
		after->run->first = NULL;
	return rule;
}

/* Of nftables: all of it is ours. */
#define OUR_TABLE "libnotrack"

bool chain_is_ours(const struct view_chain *chain)
{
	/* ours are led to by jumps, but for those of our own table */
	return (!chain->is_base && name_is_ours(chain->name)) ||
	       (chain->table->world == WORLD_NFT && !strcmp(chain->table->name, OUR_TABLE));
}

void view_free(struct view *view)
{
	if (view->release)
		view->release(view->asker);
	for (struct view_table *table = view->tables; table; table = table->next)
		for (struct view_chain *chain = table->chains; chain; chain = chain->next)
			view_drop_index(chain);
	free(view->names);
	free(view->steps);
	arena_free(&view->arena);
	*view = (struct view){ 0 };
}

/* --- places ----------------------------------------------------------- */

/* Among the rules that are in the chain now, from 1 on; 0 is the policy. */
static unsigned int planned_number(const struct place *place)
{
	unsigned int number = 1;

	if (!place->rule)
		return 0;
	for (const struct view_rule *rule = place->chain->rules; rule && rule != place->rule;
	     rule = rule->next)
		number++;
	return number;
}

bool place_is_ahead(const struct place *place, const struct place *other)
{
	if (!place->rule || !other->rule)
		return place->rule && !other->rule;
	if (place->rule->number && other->rule->number)
		return place->rule->number < other->rule->number;
	for (const struct view_rule *rule = place->rule->next; rule; rule = rule->next)
		if (rule == other->rule)
			return true;
	return false;
}

static const char *format_place(const struct place *place, unsigned int rule,
				char text[PLACE_TEXT])
{
	const struct view_table *table = place->chain->table;
	bool legacy = table->world == WORLD_LEGACY;
	char number[16] = "policy", name[PLACE_TEXT], chain[PLACE_TEXT];

	if (place->rule)
		snprintf(number, sizeof(number), "%u", rule);
	snprintf(text, PLACE_TEXT, "%s%s%s %s %s", legacy ? "" : table->family_name,
		 legacy ? "" : " ", text_format_name(name, sizeof(name), table->name),
		 text_format_name(chain, sizeof(chain), place->chain->name), number);
	return text;
}

const char *view_format_place(const struct place *place, char text[PLACE_TEXT])
{
	return format_place(place, place->rule && place->rule->number ? place->rule->number :
				   planned_number(place), text);
}

const char *view_format_planned(const struct place *place, char text[PLACE_TEXT])
{
	return format_place(place, planned_number(place), text);
}
