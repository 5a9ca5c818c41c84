/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps from one set of chains to another, noted chain by chain for an open table. */
#include "legacy/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/diff.h"
#include "support/memory.h"

void table_drop_edits(struct table *table)
{
	for (size_t i = 0; i < table->edit_count; i++)
		free(table->edits[i].items);
	memory_put(table->edits, table->edit_room * sizeof(*table->edits));
	table->edits = NULL;
	table->edit_count = table->edit_room = 0;
	inherit_free(&table->carry);
}

struct editor {
	struct table *table;
	struct notrack_changes changes;
};

static int begin_edits(struct table *table, size_t chains_more)
{
	table->edit_room = table->blob.count + chains_more;
	table->edits = memory_get(table->edit_room * sizeof(*table->edits));
	if (!table->edits) {
		table->edit_room = 0;
		return -ENOMEM;
	}
	for (; table->edit_count < table->blob.count; table->edit_count++) {
		struct blob_chain *chain = &table->blob.chains[table->edit_count];

		table->edits[table->edit_count].name = chain->name;
		table->edits[table->edit_count].old = chain;
	}
	return 0;
}

/* A chain's slot: that of its edit, which for one that is there is its own number. */
static struct blob_edit *edit_of(struct table *table, const struct chain *chain)
{
	return &table->edits[chain->slot];
}

/* A chain of others. */
static struct blob_edit *find_edit(struct table *table, const char *name)
{
	for (size_t i = 0; i < table->edit_count; i++)
		if (!strcmp(table->edits[i].name, name))
			return &table->edits[i];
	return NULL;
}

/* From a span of entries to a list of them, with room for one more. */
static int touch(struct table *table, struct blob_edit *edit)
{
	size_t have = edit->touched ? edit->count : edit->old->count;
	uint32_t offset = edit->old->rules;

	if (!edit->touched || !(edit->count & (edit->count - 1))) {
		size_t room = 8;
		struct blob_item *grown;

		while (room < 2 * have + 1)
			room *= 2;
		grown = realloc(edit->items, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		edit->items = grown;
	}
	if (edit->touched)
		return 0;
	edit->touched = true;
	edit->count = have;
	for (uint32_t i = 0; i < have; i++, offset = blob_next(&table->blob, offset))
		edit->items[i] = (struct blob_item){ .offset = offset,
						     .number = edit->old->first + i };
	return 0;
}

static int insert_item(struct editor *editor, struct blob_edit *edit, unsigned int position,
		       struct blob_item item)
{
	if (!edit || touch(editor->table, edit))
		return -ENOMEM;
	if (position > edit->count)	/* a chain of others is shorter than it was */
		position = (unsigned int)edit->count;
	memmove(edit->items + position + 1, edit->items + position,
		(edit->count - position) * sizeof(*edit->items));
	edit->items[position] = item;
	edit->count++;
	editor->changes.added++;
	return 0;
}

static int remove_item(struct editor *editor, struct blob_edit *edit, unsigned int position)
{
	if (!edit || touch(editor->table, edit))
		return -ENOMEM;
	edit->count--;
	memmove(edit->items + position, edit->items + position + 1,
		(edit->count - position) * sizeof(*edit->items));
	editor->changes.removed++;
	return 0;
}

static int add_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	struct table *table = editor->table;

	((struct chain *)chain)->slot = table->edit_count;
	table->edits[table->edit_count++] = (struct blob_edit){ .name = chain->name,
								.fresh = chain };
	/* one without rules is a change, too */
	editor->changes.added += chain->count == 0;
	return 0;
}

static int add_rule(void *data, const struct chain *chain, const struct rule *rule,
		    unsigned int position)
{
	struct editor *editor = data;
	struct blob_edit *edit = edit_of(editor->table, chain);

	if (!edit->fresh)
		return insert_item(editor, edit, position, (struct blob_item){ .rule = rule });
	editor->changes.added++;
	return 0;
}

static int remove_rule(void *data, const struct chain *chain, const struct rule *rule,
		       unsigned int position)
{
	struct editor *editor = data;

	(void)rule;
	return remove_item(editor, edit_of(editor->table, chain), position);
}

static int add_jump(void *data, const struct jump *jump)
{
	struct editor *editor = data;
	struct blob_item item = { .entry = jump->entry };

	item.jump = jump->entry ? NULL : &jump->rule;
	return insert_item(editor, find_edit(editor->table, jump->chain), jump->position, item);
}

static int remove_jump(void *data, const struct jump *jump)
{
	struct editor *editor = data;

	return remove_item(editor, find_edit(editor->table, jump->chain), jump->position);
}

static int replace_chain(void *data, const struct chain *chain, const struct chain *want)
{
	struct editor *editor = data;

	edit_of(editor->table, chain)->fresh = want;
	editor->changes.removed += (unsigned int)chain->count;
	editor->changes.added += (unsigned int)want->count;
	return 0;
}

static int flush_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	struct blob_edit *edit = edit_of(editor->table, chain);

	edit->touched = true;
	edit->count = 0;
	editor->changes.removed += (unsigned int)chain->count;
	return 0;
}

static int remove_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;

	edit_of(editor->table, chain)->removed = true;
	/* one without rules is a change, too */
	editor->changes.removed += chain->count == 0;
	return 0;
}

static const struct edit_ops edit_table = {
	.add_chain = add_chain,
	.add_rule = add_rule,
	.remove_rule = remove_rule,
	.add_jump = add_jump,
	.remove_jump = remove_jump,
	.replace_chain = replace_chain,
	.flush_chain = flush_chain,
	.remove_chain = remove_chain,
};

/* Whether rules of a chain that is there may go. */
static bool loses(const struct blob_edit *edit)
{
	return edit->removed || edit->fresh || edit->touched;
}

/* What new rules may go on counting. */
static int note_losses(struct table *table, const struct ruleset *found)
{
	size_t rules = 0;
	int err;

	for (size_t i = 0; i < found->count; i++)
		if (loses(edit_of(table, found->chains[i])))
			rules += found->chains[i]->count;
	err = rules ? inherit_begin(&table->carry, rules) : 0;
	for (size_t i = 0; i < found->count && rules && !err; i++) {
		const struct chain *chain = found->chains[i];
		const struct blob_edit *edit = edit_of(table, chain);

		for (size_t j = 0; loses(edit) && j < chain->count; j++)
			inherit_note(&table->carry, &chain->rules[j], edit->old->first + (uint32_t)j);
	}
	return err;
}

int table_edit(struct table *table, const struct ruleset *found, const struct ruleset *want,
	       struct notrack_changes *changes, struct error *error)
{
	struct editor editor = { .table = table };
	int err;

	table_drop_edits(table);
	err = begin_edits(table, want->count);
	if (!err)
		err = ruleset_edit(found, want, &edit_table, &editor);
	if (!err && editor.changes.added && editor.changes.removed)
		err = note_losses(table, found);
	if (err)
		return error_set(error, err, "table %s (%s): out of memory", table_name(table->id),
			    table->kernel->name);
	changes->added += editor.changes.added;
	changes->removed += editor.changes.removed;
	return (int)(editor.changes.added + editor.changes.removed);
}
