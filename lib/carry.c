/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "carry.h"
#include "memory.h"

struct carried {
	const struct rule *rule;
	uint32_t number;
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

static size_t first_slot(const struct carry *carry, const struct rule *rule)
{
	uint64_t high, low;

	memcpy(&high, rule->source.address, sizeof(high));
	memcpy(&low, rule->source.address + sizeof(high), sizeof(low));
	high ^= low * 31 + rule->source.length * 2u + (rule->target == TARGET_JUMP);
	return high * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (carry->slot_count - 1);
}

int carry_begin(struct carry *carry, size_t rules)
{
	*carry = (struct carry){ .room = rules, .slot_count = 2 };
	while (carry->slot_count < 2 * rules)
		carry->slot_count *= 2;
	carry->list = memory_get(carry->room * sizeof(*carry->list));
	carry->slots = memory_get(carry->slot_count * sizeof(*carry->slots));
	return carry->list && carry->slots ? 0 : -ENOMEM;
}

void carry_free(struct carry *carry)
{
	memory_put(carry->list, carry->room * sizeof(*carry->list));
	memory_put(carry->slots, carry->slot_count * sizeof(*carry->slots));
	*carry = (struct carry){ 0 };
}

void carry_note(struct carry *carry, const struct rule *rule, uint32_t number)
{
	size_t slot;

	if (!is_of_client(rule))
		return;
	slot = first_slot(carry, rule);
	while (carry->slots[slot])
		slot = (slot + 1) & (carry->slot_count - 1);
	carry->list[carry->count++] = (struct carried){ rule, number };
	carry->slots[slot] = (uint32_t)carry->count;
}

long carry_find(const struct carry *carry, const struct rule *rule)
{
	if (!carry->count || !is_of_client(rule))
		return -1;
	for (size_t slot = first_slot(carry, rule); carry->slots[slot];
	     slot = (slot + 1) & (carry->slot_count - 1)) {
		const struct carried *carried = &carry->list[carry->slots[slot] - 1];

		if (counts_same(carried->rule, rule))
			return carried->number;
	}
	return -1;
}
