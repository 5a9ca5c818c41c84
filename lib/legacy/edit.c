/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps from one set of chains to another, done to the table that libiptc holds. */
#include "legacy/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/entry.h"
#include "legacy/graft_edit.h"
#include "legacy/inherit.h"
#include "rules/diff.h"
#include "support/memory.h"

struct editor {
	const struct xtc *calls;
	struct xtc_handle *handle;
	const struct xt_family *family;
	const struct features *features;
	struct inheritance inheritance;
	const struct chain **going;	/* chains that will be removed, by name */
	size_t going_count, renamed;	/* the first ones have been renamed */
	size_t user_chains;		/* that the table has now */
	size_t size;			/* of all entries that were added */
	uint64_t *scratch;		/* for one entry */
	const struct table *table;
	const struct ruleset *found;
	struct notrack_changes *changes;	/* of grafts */
	struct error *error;
};

/* What the kernel takes at most (XT_MAX_TABLE_SIZE in net/netfilter/x_tables.c). */
#define TABLE_MAX (512u * 1024 * 1024)

/* libiptc gives 1, or 0 and errno. */
static int result(int done)
{
	return done ? 0 : xtc_errno();
}

/* --- chains ----------------------------------------------------------- */

static int note_going(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	const struct chain **grown = memory_grow(editor->going, editor->going_count,
						 sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	editor->going = grown;
	grown[editor->going_count++] = chain;
	return 0;
}

/* What new rules may go on counting. */
static int note_counters(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	int err = 0;

	for (size_t i = 0; i < chain->count && !err; i++)
		err = inherit_note(&editor->inheritance, &chain->rules[i]);
	return err;
}

/*
 * libiptc finds chains through an index that points to each 40th of them.  When it
 * renames a chain it takes it out first, and if it then renews the index, it makes
 * room by the number of chains before.  Where that is one more than a multiple of
 * 40, a place at the end stays empty, and the next search stumbles over it.
 */
#define INDEXED_CHAINS 40

/* Removing chains one by one and making others is slow: one that goes becomes one that comes. */
static int add_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	int err;

	if (editor->renamed == editor->going_count || editor->user_chains % INDEXED_CHAINS == 1) {
		editor->user_chains++;
		return result(editor->calls->create_chain(chain->name, editor->handle));
	}
	err = result(editor->calls->rename_chain(editor->going[editor->renamed++]->name,
						 chain->name, editor->handle));
	return err ? err : result(editor->calls->flush_chain(chain->name, editor->handle));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(const struct chain *const *)a)->name,
		      (*(const struct chain *const *)b)->name);
}

/* Whether it goes on under another name. */
static bool is_renamed(const struct editor *editor, const struct chain *chain)
{
	return editor->renamed && bsearch(&chain, editor->going, editor->renamed,
					  sizeof(*editor->going), compare_names);
}

static int flush_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;

	return is_renamed(editor, chain) ? 0 :
	       result(editor->calls->flush_chain(chain->name, editor->handle));
}

/* 0, or EMLINK where a rule of others leads to it. */
static int remove_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;

	return is_renamed(editor, chain) ? 0 :
	       result(editor->calls->delete_chain(chain->name, editor->handle));
}

/* --- rules ------------------------------------------------------------ */

/* Ends at once what would end as a table that is too large. */
static int insert(struct editor *editor, const char *chain, const void *entry, unsigned int position)
{
	editor->size += entry_next(editor->family, entry);
	if (editor->size > TABLE_MAX)
		return error_set(editor->error, -EINVAL, "a table (%s) would be larger than the 512 MiB "
				 "that the kernel takes; use fewer or wider prefixes",
				 editor->family->name);
	return result(editor->calls->insert(chain, entry, position, editor->handle));
}

static int encode(struct editor *editor, const struct rule *rule)
{
	return entry_encode(editor->scratch, rule, editor->family, editor->features, editor->error);
}

static int add_rule(void *data, const struct chain *chain, const struct rule *rule,
		    unsigned int position)
{
	struct editor *editor = data;
	struct rule counted = *rule;
	int err;

	counted.count = inherit_find(&editor->inheritance, rule);
	err = encode(editor, &counted);
	return err ? err : insert(editor, chain->name, editor->scratch, position);
}

static int remove_rule(void *data, const struct chain *chain, const struct rule *rule,
		       unsigned int position)
{
	struct editor *editor = data;

	(void)rule;
	return result(editor->calls->delete(chain->name, position, editor->handle));
}

static int add_jump(void *data, const struct jump *jump)
{
	struct editor *editor = data;
	const struct rule plain = { .target = TARGET_JUMP, .to = jump->to };
	const void *entry = jump->entry;
	int err = 0;

	if (!entry) {
		err = encode(editor, &plain);
		entry = editor->scratch;
	}
	if (!err)
		err = insert(editor, jump->chain, entry, jump->position);
	if (err == -E2BIG)	/* a chain of others is shorter than it was */
		err = result(editor->calls->append(jump->chain, entry, editor->handle));
	return err;
}

static int remove_jump(void *data, const struct jump *jump)
{
	struct editor *editor = data;

	return result(editor->calls->delete(jump->chain, jump->position, editor->handle));
}

static int edit_grafts(void *data)
{
	struct editor *editor = data;
	const struct grafted *want = editor->table->want->grafted;

	return want ? grafted_edit(editor->table, editor->found->grafted, want, editor->changes,
				   editor->error) : 0;
}

static const struct edit_ops edit_table = {
	.will_change = note_counters,
	.will_go = note_going,
	.add_chain = add_chain,
	.add_rule = add_rule,
	.remove_rule = remove_rule,
	.add_jump = add_jump,
	.remove_jump = remove_jump,
	.edit_others = edit_grafts,
	.flush_chain = flush_chain,
	.remove_chain = remove_chain,
};

int table_edit(struct table *table, const struct ruleset *found, const struct ruleset *want,
	       const struct features *features, struct notrack_changes *changes,
	       struct error *error)
{
	struct notrack_changes counted = { 0 };
	struct editor editor = {
		.calls = &xtc[table->family->family], .handle = table->handle,
		.family = table->family, .features = features, .user_chains = table->user_chains,
		.scratch = malloc(ENTRY_MAX), .error = error,
		.table = table, .found = found, .changes = &counted,
	};
	int err = -ENOMEM;

	*error = (struct error){ 0 };
	table->want = want;
	xtc_lock();
	if (editor.scratch)
		err = ruleset_edit(found, want, &edit_table, &editor, &counted);
	xtc_unlock();
	inherit_free(&editor.inheritance);
	free(editor.going);
	free(editor.scratch);
	if (err)
		return *error->text ? err : table_explain(table, err, error);
	changes->added += counted.added;
	changes->removed += counted.removed;
	return (int)(counted.added + counted.removed);
}
