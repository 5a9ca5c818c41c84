/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/port_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct port_list port_list_merge(struct port_range *ranges, size_t count)
{
	size_t merged = 0;

	if (!count)
		return (struct port_list){ 0 };
	qsort(ranges, count, sizeof(*ranges), port_range_compare);
	for (size_t i = 1; i < count; i++) {
		struct port_range *last = &ranges[merged];

		if (ranges[i].first > last->last + 1)
			ranges[++merged] = ranges[i];
		else if (ranges[i].last > last->last)
			last->last = ranges[i].last;
	}
	return (struct port_list){ ranges, merged + 1, false };
}

static unsigned int slots_of(const struct port_range *range)
{
	return range->first == range->last ? 1 : 2;
}

static bool fit_one_rule(const struct port_list *list)
{
	unsigned int slots = 0;

	for (size_t i = 0; i < list->count; i++)
		slots += slots_of(&list->ranges[i]);
	return slots <= PORT_SLOTS;
}

int port_list_without(const struct port_range *range, const struct port_list *without,
		      struct arena *arena, struct port_list *left)
{
	const bool all = !range->first && range->last == UINT16_MAX;
	struct port_range *ranges;
	uint32_t from = range->first;
	size_t count = 0;

	if (all && fit_one_rule(without)) {
		*left = (struct port_list){ without->ranges, without->count, true };
		return 0;
	}
	ranges = arena_alloc(arena, (without->count + 1) * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < without->count && from <= range->last; i++) {
		const struct port_range *hole = &without->ranges[i];
		uint32_t end = hole->first <= range->last ? hole->first : range->last + 1u;

		if (hole->last < from)
			continue;
		if (end > from)
			ranges[count++] = (struct port_range){ (uint16_t)from, (uint16_t)(end - 1) };
		from = hole->last + 1u;
	}
	if (from <= range->last)
		ranges[count++] = (struct port_range){ (uint16_t)from, range->last };
	*left = (struct port_list){ ranges, count, false };
	return 0;
}

bool port_list_take(const struct port_list *list, size_t *next, struct ports *ports)
{
	unsigned int slots = PORT_SLOTS;

	memset(ports, 0, sizeof(*ports));
	if (list->inverted && !list->count)
		return !(*next)++;
	if (*next >= list->count)
		return false;
	ports->inverted = list->inverted;
	for (; *next < list->count && slots_of(&list->ranges[*next]) <= slots; (*next)++) {
		slots -= slots_of(&list->ranges[*next]);
		ports->range[ports->count].first = list->ranges[*next].first;
		ports->range[ports->count++].last = list->ranges[*next].last;
	}
	return true;
}
