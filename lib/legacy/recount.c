/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/recount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory.h"

/* How often somebody may be faster once more. */
#define TRIES 10

/* The entries of @replace as if they had been read. */
static int view(struct blob *known, const struct blob *blob, struct ipt_replace *replace)
{
	*known = (struct blob){ .kernel = blob->kernel, .id = blob->id, .sockfd = -1 };
	known->info.valid_hooks = replace->valid_hooks;
	known->info.num_entries = replace->num_entries;
	known->info.size = replace->size;
	memcpy(known->info.hook_entry, replace->hook_entry, sizeof(replace->hook_entry));
	known->block = (void *)((char *)replace->entries - offsetof(struct ipt_get_entries, entrytable));
	return blob_index(known);
}

/* But for counters, and where in the block it jumps. */
static bool same_entry(const struct blob *known, uint32_t offset, const struct blob *now,
		       uint32_t other)
{
	const struct xt_family *kernel = known->kernel;
	const char *a = blob_entry(known, offset), *b = blob_entry(now, other);
	uint16_t target = entry_target_offset(kernel, a), next = entry_next(kernel, a);

	if (target != entry_target_offset(kernel, b) || next != entry_next(kernel, b) ||
	    memcmp(a, b, kernel->mark_offset) ||
	    memcmp(a + kernel->entry_size, b + kernel->entry_size, target - kernel->entry_size))
		return false;
	if (*entry_target(kernel, a)->u.user.name || *entry_target(kernel, b)->u.user.name)
		return !memcmp(a + target, b + target, next - target);
	return !strcmp(blob_label(known, offset), blob_label(now, other));
}

static uint32_t *list_offsets(const struct blob *blob, const struct blob_chain *chain)
{
	uint32_t *offsets = malloc((chain->count + 1) * sizeof(*offsets)), offset = chain->rules;

	/* with the foot: the policy, which counts as well */
	for (uint32_t i = 0; offsets && i <= chain->count; i++, offset = blob_next(blob, offset))
		offsets[i] = offset;
	return offsets;
}

/* From both ends, up to where somebody put a rule in between, or took one away. */
static int match_chain(const struct blob *known, const struct blob_chain *before,
		       const struct blob *now, const struct blob_chain *after,
		       const struct xt_counters *counters, struct xt_counters *sums)
{
	uint32_t *old = list_offsets(known, before), *new = list_offsets(now, after);
	uint32_t head = 0, i = before->count + 1, j = after->count + 1;

	if (!old || !new) {
		free(old);
		free(new);
		return -ENOMEM;
	}
	for (; head < i && head < j && same_entry(known, old[head], now, new[head]); head++)
		sums[after->first + head] = counters[before->first + head];
	while (i > head && j > head && same_entry(known, old[i - 1], now, new[j - 1]))
		sums[after->first + --j] = counters[before->first + --i];
	free(old);
	free(new);
	return 0;
}

/* Chains keep their order, so that the next one is most often the one after the last. */
static const struct blob_chain *find_chain(const struct blob *now, const char *name, size_t *hint)
{
	for (size_t i = 0; i < now->count; i++) {
		size_t at = (*hint + i) % now->count;

		if (strcmp(now->chains[at].name, name))
			continue;
		*hint = at + 1;
		return &now->chains[at];
	}
	return NULL;
}

static int add_to(const struct blob *now, const struct blob *known,
		  const struct xt_counters *counters)
{
	size_t size = sizeof(struct xt_counters_info) + now->info.num_entries * sizeof(*counters);
	struct xt_counters_info *sums = memory_get(size);
	size_t hint = 0;
	int err = sums ? 0 : -ENOMEM;

	for (size_t i = 0; i < known->count && !err; i++) {
		const struct blob_chain *chain = find_chain(now, known->chains[i].name, &hint);

		if (chain)
			err = match_chain(known, &known->chains[i], now, chain, counters,
					  sums->counters);
	}
	if (!err) {
		strcpy(sums->name, table_name(now->id));
		sums->num_counters = now->info.num_entries;
		err = blob_add_counters(now, sums);
	}
	memory_put(sums, size);
	return err;
}

int recount(const struct blob *blob, struct ipt_replace *replace,
	    const struct xt_counters *counters)
{
	struct blob known, now;
	int err = view(&known, blob, replace);

	for (int i = 0; !err && i < TRIES; i++) {
		err = blob_read(&now, blob->kernel, blob->id);
		if (!err)
			err = add_to(&now, &known, counters);
		blob_free(&now);
		if (err != -EINVAL)	/* the kernel's word for another number of entries */
			break;
		err = i + 1 < TRIES ? 0 : err;
	}
	free(known.chains);
	return err;
}
