/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/align.h"

/* Chains of more rules than this, in the part that differs, are done anew. */
#define CELLS_MAX 4000000u
#define CELLS_AT_HAND ((RULES_AT_HAND + 1) * (RULES_AT_HAND + 1))

/* The rules of two chains between those that are the same at both ends. */
struct middle {
	const struct rule *have, *want;
	size_t rows, columns;
	size_t shift;			/* of @want in its chain */
	uint32_t *have_marks, *want_marks;
	uint16_t *cells;		/* a row more and a column more than rules */
	long *kept;
};

/* Rules of different marks differ; most that differ have different marks. */
static uint32_t mark(const struct rule *rule)
{
	uint64_t high, low;

	memcpy(&high, rule->source.address, sizeof(high));
	memcpy(&low, rule->source.address + sizeof(high), sizeof(low));
	high = (high ^ low * 31) + rule->source.length * 8 + rule->target;
	return (uint32_t)(high * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static void mark_all(const struct rule *rules, size_t count, uint32_t *marks)
{
	for (size_t i = 0; i < count; i++)
		marks[i] = mark(&rules[i]);
}

/* Chains of other clients have nothing in common: that is told apart here. */
static bool may_have_common(const struct middle *middle)
{
	for (size_t i = 0; i < middle->rows; i++)
		for (size_t j = 0; j < middle->columns; j++)
			if (middle->have_marks[i] == middle->want_marks[j])
				return true;
	return false;
}

static bool same(const struct middle *middle, size_t i, size_t j)
{
	return middle->have_marks[i] == middle->want_marks[j] &&
	       rule_same(&middle->have[i], &middle->want[j]);
}

static bool align_middle(const struct middle *middle)
{
	size_t width = middle->columns + 1;
	uint16_t *cells = middle->cells;

	memset(cells, 0, (middle->rows + 1) * width * sizeof(*cells));
	for (size_t i = middle->rows; i-- > 0;)
		for (size_t j = middle->columns; j-- > 0;) {
			uint16_t down = cells[(i + 1) * width + j], right = cells[i * width + j + 1];

			cells[i * width + j] = same(middle, i, j) ?
				(uint16_t)(cells[(i + 1) * width + j + 1] + 1) :
				down > right ? down : right;
		}
	for (size_t i = 0, j = 0; i < middle->rows && j < middle->columns;) {
		if (same(middle, i, j))
			middle->kept[i++] = (long)(middle->shift + j++);
		else if (cells[(i + 1) * width + j] >= cells[i * width + j + 1])
			i++;
		else
			j++;
	}
	return cells[0];
}

/* Short ones do with what is at hand. */
static int align_with_room(struct middle middle)
{
	size_t rules = middle.rows + middle.columns;
	size_t cells = (middle.rows + 1) * (middle.columns + 1);
	uint32_t marks_at_hand[2 * RULES_AT_HAND], *marks = marks_at_hand;
	uint16_t cells_at_hand[CELLS_AT_HAND];
	int any = -ENOMEM;

	middle.cells = cells_at_hand;
	if (rules > 2 * RULES_AT_HAND)
		marks = malloc(rules * sizeof(*marks));
	if (cells > CELLS_AT_HAND)
		middle.cells = malloc(cells * sizeof(*middle.cells));
	if (marks && middle.cells) {
		middle.have_marks = marks;
		middle.want_marks = marks + middle.rows;
		mark_all(middle.have, middle.rows, middle.have_marks);
		mark_all(middle.want, middle.columns, middle.want_marks);
		any = may_have_common(&middle) && align_middle(&middle);
	}
	if (middle.cells != cells_at_hand)
		free(middle.cells);
	if (marks != marks_at_hand)
		free(marks);
	return any;
}

int chain_align(const struct chain *have, const struct chain *want, long *kept)
{
	size_t head = 0, have_end = have->count, want_end = want->count;
	struct middle middle;
	bool any;
	int more;

	if (!have_end || !want_end) {
		for (size_t i = 0; i < have_end; i++)
			kept[i] = -1;
		return false;
	}
	while (head < have_end && head < want_end &&
	       rule_same(&have->rules[head], &want->rules[head])) {
		kept[head] = (long)head;
		head++;
	}
	while (have_end > head && want_end > head &&
	       rule_same(&have->rules[have_end - 1], &want->rules[want_end - 1]))
		kept[--have_end] = (long)--want_end;
	for (size_t i = head; i < have_end; i++)
		kept[i] = -1;
	middle = (struct middle){
		.have = have->rules + head, .rows = have_end - head, .kept = kept + head,
		.want = want->rules + head, .columns = want_end - head, .shift = head,
	};
	any = head > 0 || have_end < have->count;
	if (!middle.rows || !middle.columns || middle.rows >= UINT16_MAX ||
	    middle.columns >= UINT16_MAX ||
	    (middle.rows + 1) * (middle.columns + 1) > CELLS_MAX)
		return any;
	more = align_with_room(middle);
	return more < 0 ? more : any || more;
}
