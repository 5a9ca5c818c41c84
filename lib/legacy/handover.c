/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new block becomes the kernel's, with the counters of what stays. */
#include "legacy/build.h"
#include "legacy/recount.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static int set_replace(const struct blob *blob, const struct ipt_replace *replace)
{
	return setsockopt(blob->sockfd, blob->kernel->level, IPT_SO_SET_REPLACE, replace,
			  (socklen_t)(sizeof(*replace) + replace->size)) ? -errno : 0;
}

/*
 * The table is replaced, its counters began at 0, and cannot be added to: put
 * back what was there, and what was counted before and since.  -EAGAIN if somebody
 * changed the new table meanwhile, which then stays.
 */
static int roll_back_table(const struct build *build)
{
	struct blob *blob = build->blob;
	uint32_t size = blob->info.size, entries = blob->info.num_entries;
	struct arena arena = { 0 };
	struct ipt_replace *replace = arena_alloc(&arena, sizeof(*replace) + size);
	struct xt_counters_info *counters = arena_alloc(&arena, sizeof(*counters) +
					entries * sizeof(counters->counters[0]));
	struct xt_counters *since = arena_alloc(&arena, build->replace->num_entries *
						sizeof(*since));
	int err = replace && counters && since ? 0 : -ENOMEM;

	if (!err) {
		for (size_t i = 0; i < blob->count; i++)
			if (blob->chains[i].hook < 0)
				*blob_mark(blob, blob->chains[i].rules - blob_head_size(blob->kernel)) = 0;
		memcpy(replace, build->replace, sizeof(*replace));
		memcpy(replace->hook_entry, blob->info.hook_entry, sizeof(replace->hook_entry));
		memcpy(replace->underflow, blob->info.underflow, sizeof(replace->underflow));
		replace->num_entries = entries;
		replace->size = size;
		replace->num_counters = build->replace->num_entries;
		replace->counters = since;
		memcpy(replace->entries, blob->block->entrytable, size);
		err = set_replace(blob, replace);
	}
	if (!err) {
		strcpy(counters->name, replace->name);
		counters->num_counters = entries;
		memcpy(counters->counters, build->old_counters, entries * sizeof(*since));
		for (uint32_t i = 0; i < build->replace->num_entries; i++) {
			struct xt_counters *sum;

			if (!build->origin[i])
				continue;
			sum = &counters->counters[build->origin[i] - 1];
			sum->pcnt += since[i].pcnt;
			sum->bcnt += since[i].bcnt;
		}
		err = blob_add_counters(blob, counters);
		if (err && recount(blob, replace, counters->counters))
			err = -ENOTRECOVERABLE;
		else
			err = 0;
	}
	arena_free(&arena);
	return err;
}

/* Completes the counters; false: all are 0, as the kernel's are now. */
static bool have_counters(struct build *build)
{
	struct xt_counters *counters = build->counters->counters;
	uint64_t any = 0;

	for (uint32_t i = 0; i < build->replace->num_entries; i++) {
		if (build->origin[i])
			counters[i] = build->old_counters[build->origin[i] - 1];
		any |= counters[i].pcnt | counters[i].bcnt;
	}
	return any;
}

int build_hand_over(struct build *build)
{
	int err = set_replace(build->blob, build->replace), back;

	if (err || !have_counters(build))
		return err;
	err = blob_add_counters(build->blob, build->counters);
	if (!err)
		return 0;
	back = roll_back_table(build);
	if (!back)
		return err;
	if (back != -ENOTRECOVERABLE && !recount(build->blob, build->replace, build->counters->counters))
		return 0;
	return -ENOTRECOVERABLE;
}
