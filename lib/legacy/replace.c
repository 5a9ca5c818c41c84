/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table with edits becomes a new block, and the kernel's. */
#include "legacy/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the kernel takes at most (XT_MAX_TABLE_SIZE in net/netfilter/x_tables.c). */
#define TABLE_MAX (512u * 1024 * 1024)

static int compare_edits(const void *a, const void *b)
{
	return strcmp((*(struct blob_edit *const *)a)->name, (*(struct blob_edit *const *)b)->name);
}

static void sort_edits(struct blob_edit **edits, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_edits(&edits[i - 1], &edits[i]) > 0) {
			qsort(edits, count, sizeof(*edits), compare_edits);
			return;
		}
}

/* Built-in chains as they are, then the others by name, as iptables keeps them. */
static int order_chains(struct build *build, size_t count)
{
	struct blob_edit **old = arena_alloc(&build->arena, (count + 1) * sizeof(*old));
	struct blob_edit **new = arena_alloc(&build->arena, (count + 1) * sizeof(*new));
	size_t old_count = 0, new_count = 0;

	build->chains = arena_alloc(&build->arena, (count + 1) * sizeof(*build->chains));
	if (!build->chains || !old || !new)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct blob_edit *edit = &build->edits[i];

		if (edit->removed)
			continue;
		if (!edit->old)
			new[new_count++] = edit;
		else if (edit->old->hook < 0)
			old[old_count++] = edit;
		else
			build->chains[build->count++] = edit;
	}
	build->builtin_count = build->count;
	sort_edits(old, old_count);
	sort_edits(new, new_count);
	for (size_t i = 0, j = 0; i < old_count || j < new_count;) {
		bool take_old = j == new_count ||
				(i < old_count && compare_edits(&old[i], &new[j]) < 0);

		build->chains[build->count++] = take_old ? old[i++] : new[j++];
	}
	return 0;
}

static struct blob_edit *find_chain(const struct build *build, const char *name)
{
	size_t low = build->builtin_count, high = build->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, build->chains[middle]->name);

		if (!order)
			return build->chains[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The bytes of a new entry: those of one without matches are known. */
static int rule_size(struct build *build, const struct rule *rule, uint32_t *size)
{
	const struct xt_family *kernel = build->blob->kernel;
	int err;

	if (!rule->match && rule->target != TARGET_FOREIGN && rule->target != TARGET_NOTRACK) {
		*size += (uint32_t)(kernel->entry_size + STANDARD_SIZE);
		return 0;
	}
	err = entry_encode(build->scratch, rule, kernel, build->revisions, build->error);
	if (!err)
		*size += entry_next(kernel, build->scratch);
	return err;
}

static int chain_size(struct build *build, const struct blob_edit *edit, uint32_t *size,
		      uint32_t *entries)
{
	const struct xt_family *kernel = build->blob->kernel;
	int err = 0;

	if (edit->fresh) {
		*entries += (uint32_t)edit->fresh->count;
		for (size_t i = 0; i < edit->fresh->count && !err && *size <= TABLE_MAX; i++)
			err = rule_size(build, &edit->fresh->rules[i], size);
		return err;
	}
	if (!edit->touched) {
		*entries += edit->old->count;
		*size += edit->old->foot - edit->old->rules;
		return 0;
	}
	*entries += (uint32_t)edit->count;
	for (size_t i = 0; i < edit->count && !err && *size <= TABLE_MAX; i++) {
		const struct blob_item *item = &edit->items[i];

		if (item->rule || item->jump)
			err = rule_size(build, item->rule ? item->rule : item->jump, size);
		else
			*size += entry_next(kernel, item->entry ? item->entry :
					    blob_entry(build->blob, item->offset));
	}
	return err;
}

static int check_size(struct build *build, uint32_t size)
{
	if (size <= TABLE_MAX)
		return 0;
	return error_set(build->error, -EINVAL, "table %s (%s): would be larger than the 512 MiB that the "
		    "kernel takes; use fewer or wider prefixes", table_name(build->blob->id),
		    build->blob->kernel->name);
}

/* Where each chain will be, and how much there is. */
static int lay_out(struct build *build, uint32_t *size, uint32_t *entries)
{
	const struct xt_family *kernel = build->blob->kernel;
	int err = 0;

	*size = *entries = 0;
	for (size_t i = 0; i < build->count && !err; i++) {
		struct blob_edit *edit = build->chains[i];

		if (i >= build->builtin_count) {
			*size += blob_head_size(kernel);
			++*entries;
		}
		edit->rules = *size;
		err = chain_size(build, edit, size, entries);
		if (!err)
			err = check_size(build, *size);
		edit->foot = *size;
		*size += blob_foot_size(kernel);
		++*entries;
	}
	*size += blob_head_size(kernel);
	++*entries;
	return err;
}

static int make_room(struct build *build, uint32_t size, uint32_t entries)
{
	struct blob *blob = build->blob;

	build->replace = arena_alloc(&build->arena, sizeof(*build->replace) + size);
	build->origin = arena_alloc(&build->arena, entries * sizeof(*build->origin));
	build->counters = arena_alloc(&build->arena, sizeof(*build->counters) +
				      entries * sizeof(build->counters->counters[0]));
	build->old_counters = arena_alloc(&build->arena, blob->info.num_entries *
					  sizeof(*build->old_counters));
	if (!build->replace || !build->origin || !build->counters || !build->old_counters)
		return -ENOMEM;
	strcpy(build->replace->name, blob->info.name);
	build->replace->valid_hooks = blob->info.valid_hooks;
	build->replace->num_entries = entries;
	build->replace->size = size;
	build->replace->num_counters = blob->info.num_entries;
	build->replace->counters = build->old_counters;
	strcpy(build->counters->name, blob->info.name);
	build->counters->num_counters = entries;
	return 0;
}

/* The new offset of what was at @verdict; -1 if it is gone. */
static int move_jump(const struct build *build, int verdict)
{
	const struct blob *blob = build->blob;
	uint32_t head = (uint32_t)verdict - blob_head_size(blob->kernel);
	const struct blob_edit *edit = &build->edits[*blob_mark(blob, head)];

	return edit->removed ? -1 : (int)edit->rules;
}

static char *place(const struct build *build)
{
	return (char *)build->replace->entries + build->offset;
}

static void step(struct build *build, uint32_t origin)
{
	build->origin[build->number++] = origin;
	build->offset += entry_next(build->blob->kernel, place(build));
}

/* Points a jump in the entry at @place, which was at @offset, to where it leads now. */
static int move_entry(const struct build *build, char *at, uint32_t offset)
{
	const struct xt_family *kernel = build->blob->kernel;
	struct xt_standard_target *target = (void *)(at + entry_target_offset(kernel, at));
	uint16_t next = entry_next(kernel, at);

	if (*target->target.u.user.name || target->verdict < 0)
		return 0;
	if ((uint32_t)target->verdict == offset + next)
		target->verdict = (int)(build->offset + next);
	else
		target->verdict = move_jump(build, target->verdict);
	return target->verdict < 0 ? -EBUSY : 0;
}

/* One entry that stays: its bytes, but for where it jumps. */
static int keep_entry(struct build *build, uint32_t offset, uint32_t number)
{
	const char *old = blob_entry(build->blob, offset);

	memcpy(place(build), old, entry_next(build->blob->kernel, old));
	if (move_entry(build, place(build), offset))
		return -EBUSY;
	step(build, number + 1);
	return 0;
}

static int verdict_of(const struct build *build, const char *label, uint32_t next)
{
	const struct blob_edit *edit;

	if (!*label)
		return (int)next;
	if (!strcmp(label, "ACCEPT"))
		return -NF_ACCEPT - 1;
	if (!strcmp(label, "DROP"))
		return -NF_DROP - 1;
	if (!strcmp(label, "RETURN"))
		return XT_RETURN;
	if (!strcmp(label, "QUEUE"))
		return -NF_QUEUE - 1;
	edit = find_chain(build, label);
	return edit ? (int)edit->rules : 0;
}

/*
 * From a label in place of the target's name to a verdict, where it is one;
 * @to is the chain of that name, where it is known.
 */
static void resolve_label(struct build *build, const struct blob_edit *to)
{
	const struct xt_family *kernel = build->blob->kernel;
	char *entry = place(build);
	struct xt_standard_target *target = (void *)(entry + entry_target_offset(kernel, entry));
	char *name = target->target.u.user.name;
	int verdict;

	if (target->target.u.user.target_size != STANDARD_SIZE || target->target.u.user.revision)
		return;
	verdict = to ? (int)to->rules :
		  verdict_of(build, name, build->offset + entry_next(kernel, entry));
	if (!verdict)		/* a target of that size, not a chain: no chain is at 0 */
		return;
	memset(name, 0, sizeof(target->target.u.user.name));
	target->verdict = verdict;
}

/* The chain that @rule, of a chain that was compiled or read, leads to. */
static const struct blob_edit *leads_to(const struct build *build, const struct rule *rule)
{
	const struct chain *chain = rule_chain(rule);
	const struct blob_edit *edit;

	if (rule->target != TARGET_JUMP && rule->target != TARGET_GOTO)
		return NULL;
	edit = chain->slot < build->edit_count ? &build->edits[chain->slot] : NULL;
	/* one that the edit did not meet has a slot of another table */
	if (!edit || edit->removed)
		return NULL;
	return edit->name == chain->name || !strcmp(edit->name, chain->name) ? edit : NULL;
}

static int add_rule(struct build *build, const struct rule *rule, const struct blob_edit *to)
{
	struct xt_counters *counters = &build->counters->counters[build->number];
	const struct xt_family *kernel = build->blob->kernel;
	int err = entry_encode(place(build), rule, kernel, build->revisions, build->error);

	if (err)
		return err;
	counters->pcnt = rule->count.packets;
	counters->bcnt = rule->count.bytes;
	resolve_label(build, to);
	step(build, (uint32_t)(inherit_find(build->carry, rule) + 1));
	return 0;
}

static int add_item(struct build *build, const struct blob_item *item)
{
	if (item->rule)
		return add_rule(build, item->rule, leads_to(build, item->rule));
	if (item->jump)
		return add_rule(build, item->jump, NULL);
	if (!item->entry)
		return keep_entry(build, item->offset, item->number);
	memcpy(place(build), item->entry, entry_next(build->blob->kernel, item->entry));
	memcpy(&build->counters->counters[build->number],
	       (const char *)item->entry + build->blob->kernel->counters_offset,
	       sizeof(struct xt_counters));
	resolve_label(build, NULL);
	step(build, 0);
	return 0;
}

/* A chain that stays as it is, its head and foot with it. */
static int keep_chain(struct build *build, const struct blob_chain *chain)
{
	const struct blob *blob = build->blob;
	uint32_t begin = chain->rules - (chain->hook < 0 ? blob_head_size(blob->kernel) : 0);
	uint32_t shift = begin - build->offset;
	int err = 0;

	memcpy(place(build), blob_entry(blob, begin), blob_next(blob, chain->foot) - begin);
	if (chain->hook < 0) {
		memset(place(build) + blob->kernel->mark_offset, 0, sizeof(uint32_t));
		step(build, 0);
	}
	for (uint32_t i = 0; i <= chain->count && !err; i++) {
		err = move_entry(build, place(build), build->offset + shift);
		step(build, chain->first + i + 1);
	}
	return err;
}

static void add_head(struct build *build, const char *name)
{
	const struct xt_family *kernel = build->blob->kernel;
	const struct header header = { .target_offset = (uint16_t)kernel->entry_size,
				       .next_offset = (uint16_t)blob_head_size(kernel) };
	struct xt_error_target *target = (void *)(place(build) + kernel->entry_size);

	kernel->put_header(place(build), &header);
	target->target.u.user.target_size = ERROR_SIZE;
	strcpy(target->target.u.user.name, XT_ERROR_TARGET);
	strncpy(target->errorname, name, sizeof(target->errorname) - 1);
	step(build, 0);
}

static void add_foot(struct build *build)
{
	const struct xt_family *kernel = build->blob->kernel;
	const struct header header = { .target_offset = (uint16_t)kernel->entry_size,
				       .next_offset = (uint16_t)blob_foot_size(kernel) };
	struct xt_standard_target *target = (void *)(place(build) + kernel->entry_size);

	kernel->put_header(place(build), &header);
	target->target.u.user.target_size = STANDARD_SIZE;
	target->verdict = XT_RETURN;
	step(build, 0);
}

static int write_chain(struct build *build, const struct blob_edit *edit)
{
	const struct blob_chain *old = edit->old;
	int err = 0;

	if (old && old->hook >= 0) {
		build->replace->hook_entry[old->hook] = edit->rules;
		build->replace->underflow[old->hook] = edit->foot;
	}
	if (!edit->fresh && !edit->touched)
		return keep_chain(build, old);
	if (!old || old->hook < 0)
		add_head(build, edit->name);
	if (edit->fresh)
		for (size_t i = 0; i < edit->fresh->count && !err; i++)
			err = add_rule(build, &edit->fresh->rules[i],
				       leads_to(build, &edit->fresh->rules[i]));
	else
		for (size_t i = 0; i < edit->count && !err; i++)
			err = add_item(build, &edit->items[i]);
	if (err)
		return err;
	if (old)
		return keep_entry(build, old->foot, old->first + old->count);
	add_foot(build);
	return 0;
}

static int write_chains(struct build *build)
{
	int err = 0;

	for (size_t i = 0; i < build->count && !err; i++)
		err = write_chain(build, build->chains[i]);
	if (!err)
		add_head(build, XT_ERROR_TARGET);
	return err;
}

int blob_replace(struct blob *blob, struct blob_edit *edits, size_t count,
		 const struct inheritance *carry, const struct features *revisions,
		 struct error *error)
{
	struct build build = { .blob = blob, .edits = edits, .edit_count = count, .carry = carry,
			       .revisions = revisions, .error = error };
	uint32_t size = 0, entries = 0;
	int err;

	build.scratch = arena_alloc(&build.arena, ENTRY_MAX);
	err = build.scratch ? order_chains(&build, count) : -ENOMEM;
	if (!err)
		err = lay_out(&build, &size, &entries);
	if (!err)
		err = make_room(&build, size, entries);
	if (!err)
		err = write_chains(&build);
	if (!err)
		err = build_hand_over(&build);
	arena_free(&build.arena);
	return err;
}
