/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters that libiptc does not keep: of policies, and of a table that got none. */
#include "legacy/counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/entry.h"

int counters_keep_policies(const struct table *from, const struct table *to)
{
	const struct xtc *calls = &xtc[to->family->family];
	struct xt_counters counters, since;

	for (const char *chain = calls->first_chain(to->handle); chain;
	     chain = calls->next_chain(to->handle)) {
		const char *policy = calls->policy(chain, &since, to->handle);

		if (!policy)	/* the built-in chains come first */
			break;
		if (!calls->policy(chain, &counters, from->handle))
			continue;
		if (from != to) {
			counters.pcnt += since.pcnt;
			counters.bcnt += since.bcnt;
		}
		if (!calls->set_policy(chain, policy, &counters, to->handle))
			return xtc_errno();
	}
	return 0;
}

/* --- a chain in two tables -------------------------------------------- */

struct both {
	const struct xt_family *family;
	const struct table *from, *to;
	struct xtc_entries before, now;
};

/* But for counters; where in the table it jumps, the name of the chain tells. */
static bool same_entry(const struct both *both, size_t i, size_t j)
{
	const struct xtc *calls = &xtc[both->family->family];
	const void *one = both->before.list[i], *other = both->now.list[j];

	return entry_same(one, other, both->family) &&
	       !strcmp(calls->target(one, both->from->handle),
		       calls->target(other, both->to->handle));
}

static int add_to_entry(const struct both *both, const char *chain, size_t i, size_t j)
{
	struct xt_counters counters, since;

	memcpy(&counters, (const char *)both->before.list[i] + both->family->at.counters,
	       sizeof(counters));
	memcpy(&since, (const char *)both->now.list[j] + both->family->at.counters, sizeof(since));
	if (!(counters.pcnt | counters.bcnt))
		return 0;
	counters.pcnt += since.pcnt;
	counters.bcnt += since.bcnt;
	return xtc[both->family->family].set_counters(chain, (unsigned int)j + 1, &counters,
						      both->to->handle) ? 0 : xtc_errno();
}

/* From both ends, up to where somebody put a rule in between, or took one away. */
static int add_to_chain(struct both *both, const char *chain)
{
	size_t head = 0, i, j;
	int err = xtc_list(&both->before, both->family->family, chain, both->from->handle);

	if (!err)
		err = xtc_list(&both->now, both->family->family, chain, both->to->handle);
	i = both->before.count;
	j = both->now.count;
	for (; !err && head < i && head < j && same_entry(both, head, head); head++)
		err = add_to_entry(both, chain, head, head);
	for (; !err && i > head && j > head && same_entry(both, i - 1, j - 1); i--, j--)
		err = add_to_entry(both, chain, i - 1, j - 1);
	return err;
}

int counters_add(const struct table *from, const struct table *to)
{
	const struct xtc *calls = &xtc[to->family->family];
	struct both both = { .family = to->family, .from = from, .to = to };
	int err = counters_keep_policies(from, to);

	for (const char *chain = calls->first_chain(to->handle); chain && !err;
	     chain = calls->next_chain(to->handle))
		err = add_to_chain(&both, chain);
	free(both.before.list);
	free(both.now.list);
	return err;
}
