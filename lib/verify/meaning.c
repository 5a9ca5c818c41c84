/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/meaning.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory.h"
#include "support/search.h"

/* Of larger maps, nobody would want a twin an element. */
enum { ELEMENTS_MAX = 256, STEPS_MAX = 64 };

/* --- what is looked up ------------------------------------------------ */

static bool is_lookup(const struct step *step)
{
	return step->kind == STEP_LOOKUP || step->kind == STEP_MAP;
}

/* A map leads somewhere; a set with a state in its key is as good as rules with a state. */
static bool wants_rows(const struct step *step)
{
	return is_lookup(step) && (step->kind == STEP_MAP || lookup_asks_conntrack(step->lookup));
}

static bool has_rows(const struct step *step)
{
	return wants_rows(step) && step->lookup->read && !step->lookup->named &&
	       !lookup_is_hidden(step->lookup) &&
	       step->lookup->count <= ELEMENTS_MAX &&
	       (!(step->flags & STEP_INVERTED) || step->lookup->field_count == 1);
}

bool rule_asks_others(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (wants_rows(&rule->steps[i]) && !has_rows(&rule->steps[i]) &&
		    lookup_asks_conntrack(rule->steps[i].lookup))
			return true;
	return false;
}

/* --- one element ------------------------------------------------------ */

/* A row that is being made. */
struct row {
	struct step steps[STEPS_MAX];
	size_t count;
};

static struct step *add_step(struct row *row, enum step_kind kind, uint8_t field)
{
	struct step *step = &row->steps[row->count++];

	memset(step, 0, sizeof(*step));
	step->kind = (uint8_t)kind;
	step->field = field;
	step->mask = UINT32_MAX;
	return step;
}

/* Where only a part of an address is looked up, a range does not say it. */
static void add_address(struct row *row, const struct key_field *field, const struct key_range *range)
{
	struct step *step;

	if (field->length != 8 * field->size) {
		step = add_step(row, STEP_UNKNOWN, FIELD_FAMILY);
		step->text = "part of an address";
		return;
	}
	step = add_step(row, STEP_ADDRESSES, field->field);
	step->count = 1;
	step->addresses = &range->addresses;
}

static void add_condition(struct row *row, const struct key_field *field,
			  const struct key_range *range)
{
	struct step *step;

	switch (field->field) {
	case FIELD_SOURCE:
	case FIELD_DESTINATION:
		add_address(row, field, range);
		break;
	case FIELD_IN:
	case FIELD_OUT:
		step = add_step(row, STEP_INTERFACE, field->field);
		step->length = range->length;
		memcpy(step->name, range->name, sizeof(step->name));
		break;
	default:
		step = add_step(row, STEP_NUMBER, field->field);
		step->mask = field->mask;
		step->range = range->numbers;
	}
}

static bool is_state_alone(const struct view_lookup *lookup)
{
	return lookup->field_count == 1 && lookup->fields[0].field == FIELD_STATE;
}

/* "ct state { established, related }": one of several. */
static void add_states(struct row *row, uint32_t states, bool inverted)
{
	struct step *step = add_step(row, STEP_NUMBER, FIELD_STATE);

	step->mask = states;
	step->flags = inverted ? 0 : STEP_INVERTED;
}

static uint32_t states_of(const struct set_element *element)
{
	return element->ranges[0].numbers.first | element->ranges[0].numbers.last;
}

static void add_verdict(struct row *row, const struct set_element *element)
{
	struct step *step = add_step(row, (enum step_kind)element->verdict, 0);

	step->mask = 0;
	if (element->verdict == STEP_JUMP || element->verdict == STEP_GOTO)
		step->chain = element->chain;
}

/* --- one rule --------------------------------------------------------- */

/* Rows of one rule that are being made. */
struct making {
	const struct view_rule *rule;
	size_t at;			/* the number of the step that is looked up */
	struct arena *arena;
	struct meaning *list;
	size_t count;
};

static int end_row(struct making *making, const struct row *row, size_t extra, size_t extra_count)
{
	const size_t size = row->count * sizeof(row->steps[0]);
	struct view_rule *rule = arena_alloc(making->arena, sizeof(*rule) + size);

	if (!rule)
		return -ENOMEM;
	rule->handle = making->rule->handle;
	rule->flags = making->rule->flags;
	rule->count = (uint32_t)row->count;
	memcpy(rule->steps, row->steps, size);
	making->list[making->count++] = (struct meaning){
		.row = rule, .extra_first = (uint8_t)extra, .extra_count = (uint8_t)extra_count };
	return 0;
}

/* The steps around the one that is looked up stay as they are. */
static void copy_steps(const struct making *making, struct row *row, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		row->steps[row->count++] = making->rule->steps[i];
}

static int add_row(struct making *making, const struct set_element *element, uint32_t states)
{
	const struct step *step = &making->rule->steps[making->at];
	const struct view_lookup *lookup = step->lookup;
	struct row row = { .count = 0 };
	size_t extra, extra_count;

	copy_steps(making, &row, 0, making->at);
	extra = row.count;
	if (states)
		add_states(&row, states, step->flags & STEP_INVERTED);
	for (size_t i = 0; i < lookup->field_count && !states; i++)
		add_condition(&row, &lookup->fields[i], &element->ranges[i]);
	if (step->kind == STEP_MAP)
		add_verdict(&row, element);
	extra_count = row.count - extra;
	if (step->kind != STEP_MAP)
		copy_steps(making, &row, making->at + 1, making->rule->count);
	return end_row(making, &row, extra, extra_count);
}

static bool same_verdict(const struct set_element *a, const struct set_element *b)
{
	return a->verdict == b->verdict && a->chain == b->chain;
}

/* Elements with one verdict are one row, named by the first of them. */
static int add_rows_of_states(struct making *making)
{
	const struct step *step = &making->rule->steps[making->at];
	const struct view_lookup *lookup = step->lookup;
	int err = 0;

	for (size_t i = 0; i < lookup->count && !err; i++) {
		const struct set_element *element = element_at(lookup, i);
		uint32_t states = 0;
		bool first = true;

		for (size_t j = 0; j < lookup->count; j++) {
			const struct set_element *other = element_at(lookup, j);

			if (step->kind == STEP_MAP && !same_verdict(element, other))
				continue;
			first &= j >= i;
			states |= states_of(other);
		}
		if (first)
			err = add_row(making, element, states);
	}
	return err;
}

static int add_rows(struct making *making)
{
	const struct view_lookup *lookup = making->rule->steps[making->at].lookup;
	int err = 0;

	making->list = arena_alloc(making->arena, (lookup->count + 1) * sizeof(*making->list));
	if (!making->list)
		return -ENOMEM;
	if (is_state_alone(lookup))
		return add_rows_of_states(making);
	for (size_t i = 0; i < lookup->count && !err; i++)
		err = add_row(making, element_at(lookup, i), 0);
	return err;
}

/* The first step that has rows; a rule with a second one is beyond us. */
static bool find_lookup(struct making *making)
{
	size_t found = 0;

	for (size_t i = 0; i < making->rule->count; i++) {
		if (!has_rows(&making->rule->steps[i]))
			continue;
		if (!found++)
			making->at = i;
	}
	return found == 1 && making->rule->count + KEY_FIELDS_MAX + 1 < STEPS_MAX;
}

/* --- all -------------------------------------------------------------- */

static int find_in_rule(struct meaning_index *index, const struct view_rule *rule,
			struct arena *arena)
{
	struct making making = { .rule = rule, .arena = arena };
	struct meanings *list;
	int err;

	if (!find_lookup(&making))
		return 0;
	list = memory_grow(index->list, index->count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	index->list = list;
	err = add_rows(&making);
	list[index->count++] = (struct meanings){ .rule = rule, .list = making.list,
						  .count = making.count };
	return err;
}

static int compare_meanings(const void *a, const void *b)
{
	const struct meanings *one = a, *other = b;

	return one->rule < other->rule ? -1 : one->rule > other->rule;
}

int meanings_find(struct meaning_index *index, const struct view *view, struct arena *arena)
{
	int err = 0;

	for (const struct view_table *table = view->tables; table && !err; table = table->next)
		for (const struct view_chain *chain = table->chains; chain && !err;
		     chain = chain->next)
			for (const struct view_rule *rule = chain->rules; rule && !err;
			     rule = rule->next)
				err = find_in_rule(index, rule, arena);
	if (index->count)
		qsort(index->list, index->count, sizeof(*index->list), compare_meanings);
	return err;
}

void meanings_free(struct meaning_index *index)
{
	free(index->list);
	*index = (struct meaning_index){ 0 };
}

const struct meanings *meanings_of(const struct meaning_index *index,
				   const struct view_rule *rule, struct meanings *meanings)
{
	const struct meanings key = { .rule = rule };
	const struct meanings *found = search(&key, index->list, index->count, sizeof(key),
					      compare_meanings);

	if (found)
		return found;
	*meanings = (struct meanings){ .rule = rule, .count = 1, .plain = { .row = rule } };
	meanings->list = &meanings->plain;
	return meanings;
}
