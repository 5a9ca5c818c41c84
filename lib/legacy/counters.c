/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters find their rules again, in a table that somebody may have changed since. */
#include "legacy/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory.h"

/* The rules of one chain. */
struct entries {
	const struct table *table;
	const void **list;
	size_t count;
};

static int list_entries(struct entries *entries, const char *chain)
{
	const struct xtc *calls = &xtc[entries->table->family->family];

	for (const void *entry = calls->first_rule(chain, entries->table->handle); entry;
	     entry = calls->next_rule(entry, entries->table->handle)) {
		const void **grown = memory_grow(entries->list, entries->count, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		entries->list = grown;
		grown[entries->count++] = entry;
	}
	return 0;
}

/*
 * What follows a name is as it was in the buffer that the kernel filled, and says nothing.
 * A target begins as a match does.
 */
static bool same_extension(const struct xt_entry_match *a, const struct xt_entry_match *b)
{
	return a->u.match_size == b->u.match_size && a->u.user.revision == b->u.user.revision &&
	       !strcmp(a->u.user.name, b->u.user.name) &&
	       !memcmp(a->data, b->data, a->u.match_size - sizeof(*a));
}

static bool same_matches(const struct xt_family *family, const char *one, const char *other)
{
	size_t target = entry_target_offset(family, one), offset = family->entry_size;

	if (target != entry_target_offset(family, other))
		return false;
	while (offset < target) {
		const struct xt_entry_match *match = (const void *)(one + offset);

		if (!same_extension(match, (const void *)(other + offset)))
			return false;
		offset += match->u.match_size;
	}
	return true;
}

/* But for counters, and where in the table it jumps. */
static bool same_entry(const struct entries *a, size_t i, const struct entries *b, size_t j)
{
	const struct xt_family *family = a->table->family;
	const struct xtc *calls = &xtc[family->family];
	const char *one = a->list[i], *other = b->list[j];
	size_t target = entry_target_offset(family, one);

	if (memcmp(one, other, family->at.mark) || !same_matches(family, one, other))
		return false;
	if (*entry_target(family, one)->u.user.name || *entry_target(family, other)->u.user.name)
		return same_extension((const void *)(one + target), (const void *)(other + target));
	return !strcmp(calls->target(one, a->table->handle), calls->target(other, b->table->handle));
}

static int add_to_entry(const struct entries *from, size_t i, const struct entries *to, size_t j,
			const char *chain)
{
	const struct xtc *calls = &xtc[to->table->family->family];
	size_t offset = to->table->family->at.counters;
	struct xt_counters before, since;

	memcpy(&before, (const char *)from->list[i] + offset, sizeof(before));
	memcpy(&since, (const char *)to->list[j] + offset, sizeof(since));
	if (!(before.pcnt | before.bcnt))
		return 0;
	before.pcnt += since.pcnt;
	before.bcnt += since.bcnt;
	return calls->set_counters(chain, (unsigned int)j + 1, &before, to->table->handle) ? 0 : -errno;
}

/* From both ends, up to where somebody put a rule in between, or took one away. */
static int add_to_chain(struct entries *from, struct entries *to, const char *chain)
{
	size_t head = 0, i, j;
	int err = list_entries(from, chain);

	if (!err)
		err = list_entries(to, chain);
	for (; !err && head < from->count && head < to->count &&
	     same_entry(from, head, to, head); head++)
		err = add_to_entry(from, head, to, head, chain);
	for (i = from->count, j = to->count; !err && i > head && j > head &&
	     same_entry(from, i - 1, to, j - 1); i--, j--)
		err = add_to_entry(from, i - 1, to, j - 1, chain);
	return err;
}

static int add_to_policy(const struct table *from, const struct table *to, const char *chain)
{
	const struct xtc *calls = &xtc[to->family->family];
	struct xt_counters before, since;
	const char *policy = calls->policy(chain, &since, to->handle);

	if (!policy || !calls->policy(chain, &before, from->handle))
		return 0;
	before.pcnt += since.pcnt;
	before.bcnt += since.bcnt;
	return calls->set_policy(chain, policy, &before, to->handle) ? 0 : -errno;
}

int counters_add(const struct table *from, const struct table *to)
{
	const struct xtc *calls = &xtc[to->family->family];
	int err = 0;

	for (const char *chain = calls->first_chain(to->handle); chain && !err;
	     chain = calls->next_chain(to->handle)) {
		struct entries before = { .table = from }, now = { .table = to };

		err = add_to_policy(from, to, chain);
		if (!err)
			err = add_to_chain(&before, &now, chain);
		free(before.list);
		free(now.list);
	}
	return err;
}
