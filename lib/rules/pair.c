/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "support/memory.h"
#include "rules/pair.h"

int pairs_make(struct pairs *pairs, const struct ruleset *have, const struct ruleset *want)
{
	size_t i = 0, j = 0;

	*pairs = (struct pairs){ .room = have->count + want->count };
	pairs->list = memory_get(pairs->room * sizeof(*pairs->list));
	if (!pairs->list)
		return -ENOMEM;
	while (i < have->count || j < want->count) {
		int order = i == have->count ? 1 : j == want->count ? -1 :
			    strcmp(have->chains[i]->name, want->chains[j]->name);

		pairs->list[pairs->count++] = (struct pair){
			.have = order <= 0 ? have->chains[i++] : NULL,
			.want = order >= 0 ? want->chains[j++] : NULL,
		};
	}
	return 0;
}

struct pair *pairs_find(struct pairs *pairs, const char *name)
{
	size_t low = 0, high = pairs->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct pair *pair = &pairs->list[middle];
		int order = strcmp(name, (pair->have ? pair->have : pair->want)->name);

		if (!order)
			return &pairs->list[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void pairs_free(struct pairs *pairs)
{
	memory_put(pairs->list, pairs->room * sizeof(*pairs->list));
	*pairs = (struct pairs){ 0 };
}
