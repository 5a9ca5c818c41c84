/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/inherit.h"

#include <errno.h>
#include <string.h>

#include "support/memory.h"

/* The mark tells most rules apart without a look at them, which costs a cache miss or two. */
struct inherit_slot {
	uint32_t mark;
	uint32_t place;		/* from 1 on; 0 is free */
};

/* One counts what a client sent, the other what its limit let through. */
static bool is_of_client(const struct rule *rule)
{
	return rule->to && !rule->match &&
	       (rule->target == TARGET_JUMP || rule->target == TARGET_NONE ||
		rule->target == TARGET_RETURN);
}

static bool counts_same(const struct rule *a, const struct rule *b)
{
	return (a->target == TARGET_JUMP) == (b->target == TARGET_JUMP) &&
	       !prefix_compare(&a->source, &b->source) &&
	       (a->to == b->to || !strcmp(a->to->name, b->to->name));
}

static uint64_t hash(const struct rule *rule)
{
	uint64_t high, low;

	memcpy(&high, rule->source.address, sizeof(high));
	memcpy(&low, rule->source.address + sizeof(high), sizeof(low));
	high ^= low * 31 + rule->source.length;
	high *= UINT64_C(0x9e3779b97f4a7c15);
	high ^= high >> 32;
	/* the two of a client side by side, in one line of the cache */
	return high << 1 | (rule->target == TARGET_JUMP);
}

static void put_slot(struct inheritance *inheritance, size_t index)
{
	uint64_t key = hash(inheritance->list[index]);
	size_t last = inheritance->slot_count - 1, slot = key & last;

	while (inheritance->slots[slot].place)
		slot = (slot + 1) & last;
	inheritance->slots[slot] = (struct inherit_slot){ (uint32_t)(key >> 32),
							  (uint32_t)index + 1 };
}

int inherit_note(struct inheritance *inheritance, const struct rule *rule)
{
	size_t size = sizeof(*inheritance->list), room = inheritance->room;
	const struct rule **grown;

	/* one that has counted nothing leaves nothing */
	if (!is_of_client(rule) || !(rule->count.packets | rule->count.bytes))
		return 0;
	if (inheritance->count == room) {
		room = room ? 2 * room : 64;
		grown = memory_enlarge(inheritance->list, inheritance->room * size, room * size);
		if (!grown)
			return -ENOMEM;
		inheritance->list = grown;
		inheritance->room = room;
	}
	inheritance->list[inheritance->count++] = rule;
	return 0;
}

/* Once all are noted. */
static int fill_slots(struct inheritance *inheritance)
{
	size_t count = 2;

	while (count < 2 * inheritance->count)
		count *= 2;
	inheritance->slots = memory_get(count * sizeof(*inheritance->slots));
	if (!inheritance->slots)
		return -ENOMEM;
	inheritance->slot_count = count;
	for (size_t i = 0; i < inheritance->count; i++)
		put_slot(inheritance, i);
	return 0;
}

int inherit_find(struct inheritance *inheritance, const struct rule *rule,
		 struct notrack_count *count)
{
	uint64_t key = hash(rule);
	size_t last;

	if (!inheritance->count || !is_of_client(rule))
		return 0;
	if (!inheritance->slots && fill_slots(inheritance))
		return -ENOMEM;
	last = inheritance->slot_count - 1;
	for (size_t slot = key & last; inheritance->slots[slot].place; slot = (slot + 1) & last) {
		const struct rule *noted = inheritance->list[inheritance->slots[slot].place - 1];

		if (inheritance->slots[slot].mark != key >> 32 || !counts_same(noted, rule))
			continue;
		*count = noted->count;
		return 0;
	}
	return 0;
}

void inherit_free(struct inheritance *inheritance)
{
	memory_put(inheritance->list, inheritance->room * sizeof(*inheritance->list));
	memory_put(inheritance->slots, inheritance->slot_count * sizeof(*inheritance->slots));
	*inheritance = (struct inheritance){ 0 };
}
