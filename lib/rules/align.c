/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/align.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Chains of more rules than this, in the part that differs, are done anew. */
#define CELLS_MAX 4000000u
#define CELLS_AT_HAND ((RULES_AT_HAND + 1) * (RULES_AT_HAND + 1))

static bool same(const struct alignment *rules, size_t have, size_t want)
{
	return rules->same(rules->data, have, want);
}

/*
 * A cell says how long the longest common rest is, from one rule of each chain on.  That is no
 * more than the shorter chain has rules, which is far less than a cell holds.
 */
static void measure(const struct alignment *rules, uint16_t *cells, size_t width)
{
	for (size_t i = rules->have_end; i-- > rules->have;) {
		uint16_t *row = cells + (i - rules->have) * width, *below = row + width;

		for (size_t j = rules->want_end; j-- > rules->want;) {
			size_t at = j - rules->want;

			if (same(rules, i, j))
				row[at] = (uint16_t)(below[at + 1] + 1);
			else
				row[at] = below[at] > row[at + 1] ? below[at] : row[at + 1];
		}
	}
}

static void follow(const struct alignment *rules, const uint16_t *cells, size_t width, long *kept)
{
	size_t i = rules->have, j = rules->want;

	while (i < rules->have_end && j < rules->want_end) {
		const uint16_t *cell = cells + (i - rules->have) * width + (j - rules->want);

		if (same(rules, i, j))
			kept[i++] = (long)j++;
		else if (cell[width] >= cell[1])
			i++;
		else
			j++;
	}
}

/* Short ones do with what is at hand. */
static int align_middle(const struct alignment *rules, long *kept)
{
	size_t rows = rules->have_end - rules->have + 1, width = rules->want_end - rules->want + 1;
	uint16_t at_hand[CELLS_AT_HAND], *cells = at_hand;
	bool any;

	if (rows == 1 || width == 1 || rows > CELLS_MAX / width)
		return false;
	if (rows * width > CELLS_AT_HAND)
		cells = malloc(rows * width * sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	memset(cells, 0, rows * width * sizeof(*cells));
	measure(rules, cells, width);
	any = cells[0];
	if (any)
		follow(rules, cells, width, kept);
	if (cells != at_hand)
		free(cells);
	return any;
}

int align(struct alignment rules, long *kept)
{
	const struct alignment all = rules;
	bool any;
	int more;

	while (rules.have < rules.have_end && rules.want < rules.want_end &&
	       same(&rules, rules.have, rules.want))
		kept[rules.have++] = (long)rules.want++;
	while (rules.have < rules.have_end && rules.want < rules.want_end &&
	       same(&rules, rules.have_end - 1, rules.want_end - 1))
		kept[--rules.have_end] = (long)--rules.want_end;
	for (size_t i = rules.have; i < rules.have_end; i++)
		kept[i] = -1;
	any = rules.have > all.have || rules.have_end < all.have_end;
	more = align_middle(&rules, kept);
	return more < 0 ? more : any || more;
}

/* --- rules as they are meant ------------------------------------------- */

struct two_chains {
	const struct chain *have, *want;
};

static bool same_rules(const void *data, size_t have, size_t want)
{
	const struct two_chains *chains = data;

	return rule_same(&chains->have->rules[have], &chains->want->rules[want]);
}

int chain_align(const struct chain *have, const struct chain *want, long *kept)
{
	const struct two_chains chains = { have, want };

	return align((struct alignment){ .have_end = have->count, .want_end = want->count,
					 .same = same_rules, .data = &chains }, kept);
}
