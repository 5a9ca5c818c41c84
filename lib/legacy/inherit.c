/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "legacy/inherit.h"
#include "support/memory.h"

struct carried {
	const struct rule *rule;
	uint32_t number;
};

/* The mark tells most rules apart without a look at them, which costs a cache miss or two. */
struct inherit_slot {
	uint32_t mark;
	uint32_t place;		/* from 1 on; 0 is free */
};

/* One counts what a client sent, the other what its limit let through. */
static bool is_of_client(const struct rule *rule)
{
	return rule->chain && !rule->match &&
	       (rule->target == TARGET_JUMP || rule->target == TARGET_NONE ||
		rule->target == TARGET_RETURN);
}

static bool counts_same(const struct rule *a, const struct rule *b)
{
	return (a->target == TARGET_JUMP) == (b->target == TARGET_JUMP) &&
	       !prefix_compare(&a->source, &b->source) &&
	       (a->chain == b->chain || !strcmp(a->chain, b->chain));
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

int inherit_begin(struct inheritance *carry, size_t rules)
{
	*carry = (struct inheritance){ .room = rules, .slot_count = 2 };
	while (carry->slot_count < 2 * rules)
		carry->slot_count *= 2;
	carry->list = memory_get(carry->room * sizeof(*carry->list));
	carry->slots = memory_get(carry->slot_count * sizeof(*carry->slots));
	return carry->list && carry->slots ? 0 : -ENOMEM;
}

void inherit_free(struct inheritance *carry)
{
	memory_put(carry->list, carry->room * sizeof(*carry->list));
	memory_put(carry->slots, carry->slot_count * sizeof(*carry->slots));
	*carry = (struct inheritance){ 0 };
}

void inherit_note(struct inheritance *carry, const struct rule *rule, uint32_t number)
{
	uint64_t key = hash(rule);
	size_t last = carry->slot_count - 1, slot = key & last;

	if (!is_of_client(rule))
		return;
	while (carry->slots[slot].place)
		slot = (slot + 1) & last;
	carry->list[carry->count++] = (struct carried){ rule, number };
	carry->slots[slot] = (struct inherit_slot){ (uint32_t)(key >> 32), (uint32_t)carry->count };
}

long inherit_find(const struct inheritance *carry, const struct rule *rule)
{
	uint64_t key = hash(rule);
	size_t last = carry->slot_count - 1;

	if (!carry->count || !is_of_client(rule))
		return -1;
	for (size_t slot = key & last; carry->slots[slot].place; slot = (slot + 1) & last) {
		const struct carried *carried = &carry->list[carry->slots[slot].place - 1];

		if (carry->slots[slot].mark == key >> 32 && counts_same(carried->rule, rule))
			return carried->number;
	}
	return -1;
}
