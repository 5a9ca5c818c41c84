/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/tally.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Odd numbers with bits spread evenly; see "fibonacci hashing". */
#define MIX_ONE UINT64_C(0x9e3779b97f4a7c15)
#define MIX_OTHER UINT64_C(0xc2b2ae3d27d4eb4f)

/* Hashed as bytes, of which none fills it up. */
static_assert(sizeof(struct tally_key) == sizeof(((struct tally_key *)0)->address) + sizeof(uint32_t),
	      "a key of other members");

/* Seeded: who sends the packets must not choose the slots. */
static uint64_t hash(const struct tally *tally, const struct tally_key *key)
{
	uint64_t high, low, state = tally->seed;
	uint32_t rest;

	memcpy(&high, key->address, sizeof(high));
	memcpy(&low, key->address + sizeof(high), sizeof(low));
	memcpy(&rest, (const char *)key + sizeof(key->address), sizeof(rest));
	state = (state ^ high) * MIX_ONE;
	state = (state ^ state >> 29 ^ low) * MIX_OTHER;
	state = (state ^ state >> 31 ^ rest) * MIX_ONE;
	return state ^ state >> 32;
}

static size_t find_slot(const struct tally *tally, const struct tally_key *key)
{
	size_t slot = hash(tally, key) & (tally->slot_count - 1);

	while (tally->slots[slot] &&
	       memcmp(&tally->rows[tally->slots[slot] - 1].key, key, sizeof(*key)))
		slot = (slot + 1) & (tally->slot_count - 1);
	return slot;
}

static int more_slots(struct tally *tally)
{
	size_t count = tally->slot_count ? 2 * tally->slot_count : 256;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	if (!tally->slot_count && getrandom(&tally->seed, sizeof(tally->seed), GRND_NONBLOCK) < 0)
		tally->seed = (uintptr_t)slots;
	free(tally->slots);
	tally->slots = slots;
	tally->slot_count = count;
	for (size_t i = 0; i < tally->count; i++)
		slots[find_slot(tally, &tally->rows[i].key)] = (uint32_t)i + 1;
	return 0;
}

static int more_rows(struct tally *tally)
{
	size_t room = tally->room ? tally->room + tally->room / 2 : 128;
	struct tally_row *rows = realloc(tally->rows, room * sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	tally->rows = rows;
	tally->room = room;
	return 0;
}

long tally_add(struct tally *tally, const struct tally_key *key)
{
	size_t slot;

	/* three quarters full at most */
	if (4 * tally->count >= 3 * tally->slot_count && more_slots(tally))
		return -ENOMEM;
	slot = find_slot(tally, key);
	if (!tally->slots[slot]) {
		if (tally->count == tally->room && more_rows(tally))
			return -ENOMEM;
		tally->rows[tally->count] = (struct tally_row){ .key = *key };
		tally->slots[slot] = (uint32_t)++tally->count;
	}
	tally->rows[tally->slots[slot] - 1].count++;
	return (long)tally->slots[slot] - 1;
}

static int compare_ranks(const void *a, const void *b, void *data)
{
	const struct tally_row *rows = data;
	const struct tally_row *one = &rows[*(const uint32_t *)a], *other = &rows[*(const uint32_t *)b];

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	if (one->key.family != other->key.family)
		return (int)one->key.family - other->key.family;
	if (one->key.protocol != other->key.protocol)
		return (int)one->key.protocol - other->key.protocol;
	if (one->key.port != other->key.port)
		return (int)one->key.port - other->key.port;
	return memcmp(one->key.address, other->key.address, sizeof(one->key.address));
}

/* Numbers are sorted, not rows, in the room that the slots had. */
void tally_rank(struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++)
		tally->slots[i] = (uint32_t)i;
	tally->slot_count = 0;
	if (tally->count)
		qsort_r(tally->slots, tally->count, sizeof(*tally->slots), compare_ranks, tally->rows);
}

void tally_free(struct tally *tally)
{
	free(tally->rows);
	free(tally->slots);
	*tally = (struct tally){ 0 };
}
