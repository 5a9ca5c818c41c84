/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts of things by key: a row of 24 bytes each, and no allocation of its own. */
#ifndef LIB_TALLY_H
#define LIB_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* All of it is the key: what does not apply is 0. */
struct tally_key {
	uint8_t address[16];
	uint16_t port;
	uint8_t protocol;
	uint8_t family;
};

struct tally_row {
	struct tally_key key;
	uint32_t count;
};

struct tally {
	struct tally_row *rows;		/* in the order in which they came */
	size_t count, room;
	uint32_t *slots;		/* number of a row + 1; 0 is free */
	size_t slot_count;		/* a power of two */
	uint64_t seed;
};

/* Adds one; the row's number, or -ENOMEM. */
long tally_add(struct tally *tally, const struct tally_key *key);
/* Most first, then by key, until something is added. */
void tally_rank(struct tally *tally);
/* The row at a rank, from 0 on. */
static inline const struct tally_row *tally_ranked(const struct tally *tally, size_t rank)
{
	return &tally->rows[tally->slots[rank]];
}
void tally_free(struct tally *tally);

#endif
