/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a rule means, as bytes: those of two rules that mean the same are the same.
 * Conditions that remember nothing may come in any order, and twice.  Steps that a view
 * knows but roughly are told by the expressions that they were made of.
 */
#include "nft/body_essence.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>

#include "nft/expressions.h"
#include "rules/graft.h"
#include "rules/view_words.h"
#include "support/stream.h"

struct describing {
	struct view_reader *reader;
	const struct view_table *table;
	struct expressions all;
	const uint8_t *from;
	FILE *out;
};

static void put(FILE *out, const void *bytes, size_t size)
{
	fwrite(bytes, 1, size, out);
}

static void put_text(FILE *out, const char *text)
{
	put(out, text, strlen(text) + 1);
}

static void put_head(FILE *out, uint8_t kind, const struct step *step)
{
	const uint8_t head[] = { kind, step->flags & STEP_INVERTED, step->field };

	put(out, head, sizeof(head));
}

/* --- conditions ---------------------------------------------------------- */

static bool is_within(const struct step *step, uint32_t value)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	const size_t count = step->kind == STEP_NUMBER ? 1 : step->count;
	bool found = false;

	for (size_t i = 0; i < count; i++)
		found |= (value & step->mask) >= ranges[i].first &&
			 (value & step->mask) <= ranges[i].last;
	return found != !!(step->flags & STEP_INVERTED);
}

/* Which states meet it, however it asks. */
static void put_states(FILE *out, const struct step *step)
{
	static const uint8_t states[] = { CT_INVALID, CT_ESTABLISHED, CT_RELATED, CT_NEW,
					  CT_UNTRACKED };
	uint8_t met = 0;

	for (size_t i = 0; i < sizeof(states); i++)
		if (is_within(step, states[i]))
			met |= states[i];
	put(out, "state", 5);
	put(out, &met, 1);
}

static void put_numbers(FILE *out, const struct step *step)
{
	if (step->field == FIELD_STATE) {
		put_states(out, step);
		return;
	}
	put_head(out, STEP_NUMBERS, step);
	put(out, &step->mask, sizeof(step->mask));
	if (step->kind == STEP_NUMBER)
		put(out, &step->range, sizeof(step->range));
	else
		put(out, step->ranges, step->count * sizeof(*step->ranges));
}

/* As an IPv4 address is; of which family it is, another condition says. */
static bool is_short(const struct step *step)
{
	static const uint8_t nothing[12];

	return step->length <= 32 && !memcmp(step->address + 4, nothing, sizeof(nothing));
}

static void put_addresses(FILE *out, const struct step *step)
{
	struct address_range range;

	put_head(out, STEP_ADDRESSES, step);
	if (step->kind == STEP_ADDRESSES) {
		put(out, step->addresses, step->count * sizeof(*step->addresses));
		return;
	}
	memcpy(range.first, step->address, sizeof(range.first));
	memcpy(range.last, step->address, sizeof(range.last));
	for (size_t bit = step->length; bit < (is_short(step) ? 32 : 128); bit++)
		range.last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	put(out, &range, sizeof(range));
}

static void put_lookup(FILE *out, const struct step *step)
{
	const struct view_lookup *lookup = step->lookup;

	put_head(out, step->kind, step);
	put_text(out, lookup->named ? lookup->name : "");
	put(out, lookup->fields, lookup->field_count * sizeof(lookup->fields[0]));
	for (size_t i = 0; i < lookup->count && !lookup->named; i++) {
		const struct set_element *element = element_at(lookup, i);

		put(out, &element->verdict, sizeof(element->verdict));
		put_text(out, element->chain ? element->chain->name : "");
		put(out, element->ranges, lookup->field_count * sizeof(element->ranges[0]));
	}
}

/* --- what the view has no words for --------------------------------------- */

static bool names_unnamed_set(const struct describing *describing,
			      const struct expression_parts *parts, const struct nlattr *attr)
{
	const char *name = expression_set(parts);
	const struct view_set *set = name ? reader_find_set(describing->reader, describing->table,
							    name) : NULL;

	return set && set->flags & NFT_SET_ANONYMOUS && mnl_attr_get_payload(attr) == name;
}

static void put_expression(const struct describing *describing, const struct nlattr *expression)
{
	const struct expression_parts parts = expression_parts(expression);

	put_text(describing->out, parts.name);
	for (uint16_t type = 1; type < ATTRIBUTES; type++) {
		const struct nlattr *attr = parts.data.of[type];
		uint32_t room;
		uint16_t size;

		if (!attr || expression_is_private(parts.name, type) ||
		    names_unnamed_set(describing, &parts, attr))
			continue;
		size = mnl_attr_get_payload_len(attr);
		put(describing->out, &type, sizeof(type));
		put(describing->out, &size, sizeof(size));
		put(describing->out, expression_lasting(parts.name, attr, &room), size);
	}
}

/* With what it loads: all since the expression of the step before. */
static void put_expressions(const struct describing *describing, size_t step)
{
	size_t first = step ? describing->from[step - 1] + 1u : 0;

	for (size_t i = first; i <= describing->from[step]; i++)
		put_expression(describing, describing->all.list[i]);
}

/* --- steps ---------------------------------------------------------------- */

static void put_step(const struct describing *describing, size_t index)
{
	const struct step *step = &describing->reader->view->steps[index];
	FILE *out = describing->out;

	switch (step->kind) {
	case STEP_NUMBER:
	case STEP_NUMBERS:
		put_numbers(out, step);
		break;
	case STEP_PREFIX:
	case STEP_ADDRESSES:
		put_addresses(out, step);
		break;
	case STEP_INTERFACE:
		put_head(out, step->kind, step);
		put(out, step->name, step->length);
		break;
	case STEP_LOOKUP:
	case STEP_MAP:
		put_lookup(out, step);
		break;
	case STEP_JUMP:
	case STEP_GOTO:
		put_head(out, step->kind, step);
		put_text(out, step->chain->name);
		break;
	case STEP_ACCEPT:
	case STEP_DROP:
	case STEP_RETURN:
		put_head(out, step->kind, step);
		break;
	default:
		put_head(out, step->kind, step);
		put_expressions(describing, index);
	}
}

/* One step as bytes, each. */
static int compare_pieces(const void *a, const void *b)
{
	const struct stream *one = a, *other = b;
	size_t common = one->size < other->size ? one->size : other->size;
	int order = memcmp(one->text, other->text, common);

	return order ? order : (one->size > other->size) - (one->size < other->size);
}

static int make_piece(struct describing *describing, size_t step, struct stream *piece)
{
	if (stream_open(piece))
		return -ENOMEM;
	describing->out = piece->out;
	put_step(describing, step);
	return stream_close(piece);
}

/* The conditions that come before the first step that remembers, or has an effect. */
static bool ends_head(const struct step *step)
{
	return !step_is_condition(step) || step->flags & STEP_REMEMBERS;
}

static void join(struct stream *pieces, size_t head, size_t count, FILE *out)
{
	qsort(pieces, head, sizeof(*pieces), compare_pieces);
	for (size_t i = 0; i < count; i++) {
		const uint32_t size = (uint32_t)pieces[i].size;

		if (i && i < head && !compare_pieces(&pieces[i - 1], &pieces[i]))
			continue;
		put(out, &size, sizeof(size));
		put(out, pieces[i].text, pieces[i].size);
	}
}

/* --- ranges ----------------------------------------------------------------- */

/* From one number on, and up to another: as one condition, where it is two. */
static bool narrow_numbers(struct step *step, const struct step *other)
{
	if (step->kind != STEP_NUMBER || step->mask != UINT32_MAX)
		return false;
	if (step->range.first < other->range.first)
		step->range.first = other->range.first;
	if (step->range.last > other->range.last)
		step->range.last = other->range.last;
	return true;
}

static bool narrow_addresses(struct view *view, struct step *step, const struct step *other)
{
	struct address_range *range;

	if (step->kind != STEP_ADDRESSES || step->count != 1 || other->count != 1)
		return false;
	range = arena_alloc(&view->arena, sizeof(*range));
	if (!range)
		return false;
	*range = *step->addresses;
	if (memcmp(range->first, other->addresses->first, sizeof(range->first)) < 0)
		memcpy(range->first, other->addresses->first, sizeof(range->first));
	if (memcmp(range->last, other->addresses->last, sizeof(range->last)) > 0)
		memcpy(range->last, other->addresses->last, sizeof(range->last));
	step->addresses = range;
	return true;
}

/* Puts what both ask into @step; false: they ask for different things. */
static bool narrow(struct view *view, struct step *step, const struct step *other)
{
	return step->kind == other->kind && step->field == other->field &&
	       step->mask == other->mask && !((step->flags | other->flags) & STEP_INVERTED) &&
	       (narrow_numbers(step, other) || narrow_addresses(view, step, other));
}

/* Whether the next step adds to this one, so that it goes without saying. */
static bool is_told_by_next(struct view *view, size_t index)
{
	struct step *step = &view->steps[index];

	return index + 1 < view->step_count && step_is_condition(step) &&
	       narrow(view, &view->steps[index + 1], step);
}

static int make_essence(struct describing *describing, FILE *out)
{
	struct view *view = describing->reader->view;
	struct stream *pieces = calloc(view->step_count + 1, sizeof(*pieces));
	size_t count = 0, head = 0;
	bool in_head = true;
	int err = pieces ? 0 : -ENOMEM;

	for (size_t i = 0; i < view->step_count && !err; i++) {
		if (view->steps[i].flags & STEP_COUNTER || is_told_by_next(view, i))
			continue;
		in_head &= !ends_head(&view->steps[i]);
		head += in_head;
		err = make_piece(describing, i, &pieces[count++]);
	}
	if (!err)
		join(pieces, head, count, out);
	while (count)
		free(pieces[--count].text);
	free(pieces);
	return err;
}

int nft_body_describe(struct nft_body *body, struct view_reader *reader,
		      const struct view_table *table, const uint8_t *from, struct arena *arena)
{
	struct describing describing = {
		.reader = reader, .table = table, .from = from,
		.all = expressions_of(body->expressions, body->size),
	};
	struct stream essence;
	char *text, *copy = NULL;
	int err = stream_open(&essence);

	if (err)
		return err;
	err = make_essence(&describing, essence.out);
	if (!stream_close(&essence) && !err)
		copy = arena_alloc(arena, essence.size + 1);
	if (copy)
		memcpy(copy, essence.text, essence.size);
	free(essence.text);
	body->essence = copy;
	body->essence_size = essence.size;
	if (!copy)
		return -ENOMEM;
	text = malloc(EXPRESSIONS_SIZE);
	if (text)
		body->text = arena_strdup(arena, view_steps_words(table, reader->view->steps,
								  reader->view->step_count, text,
								  EXPRESSIONS_SIZE));
	free(text);
	return body->text ? 0 : -ENOMEM;
}
