/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "rules/pair.h"
#include "support/memory.h"
#include "support/search.h"

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

static int compare_name(const void *name, const void *element)
{
	const struct pair *pair = element;

	return strcmp(name, (pair->have ? pair->have : pair->want)->name);
}

struct pair *pairs_find(struct pairs *pairs, const char *name)
{
	return search(name, pairs->list, pairs->count, sizeof(*pairs->list), compare_name);
}

void pairs_free(struct pairs *pairs)
{
	memory_put(pairs->list, pairs->room * sizeof(*pairs->list));
	*pairs = (struct pairs){ 0 };
}
