/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/graft_edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/entry.h"
#include "rules/align.h"
#include "rules/graft.h"
#include "rules/name.h"

/* --- one place, ahead of one rule of the host -------------------------- */

struct comparison {
	const struct xt_family *family;
	const struct grafted_ops *ops;
	void *data;
	struct notrack_changes *changes;
	const struct grafted_chain *chain;
	const struct grafted_rule *have, *want;		/* those of the chain */
};

static int keep(const struct comparison *comparison, const struct grafted_rule *have)
{
	return comparison->ops && comparison->ops->keep ?
	       comparison->ops->keep(comparison->data, comparison->chain, have) : 0;
}

static int add(const struct comparison *comparison, const struct grafted_rule *want,
	       const struct grafted_rule *at)
{
	comparison->changes->added++;
	return comparison->ops ? comparison->ops->add(comparison->data, comparison->chain, want,
						      at) : 0;
}

static int take(const struct comparison *comparison, const struct grafted_rule *have)
{
	comparison->changes->removed++;
	return comparison->ops ? comparison->ops->remove(comparison->data, comparison->chain,
							 have) : 0;
}

static bool same_grafts(const void *data, size_t have, size_t want)
{
	const struct comparison *comparison = data;

	return entry_same(comparison->have[have].entry, comparison->want[want].entry,
			  comparison->family);
}

/* The grafts of one chain that stand, or are to stand, ahead of the same rule. */
static int compare_slot(const struct comparison *comparison, const struct alignment *slot,
			long *kept)
{
	int err = align(*slot, kept);

	err = err < 0 ? err : 0;
	for (size_t i = slot->have, j = slot->want;
	     !err && (i < slot->have_end || j < slot->want_end);) {
		const struct grafted_rule *have = i < slot->have_end ? &comparison->have[i] : NULL;

		if (have && kept[i] == (long)j) {
			err = keep(comparison, have);
			i++;
			j++;
		} else if (have && kept[i] < 0) {
			err = take(comparison, have);
			i++;
		} else {
			err = add(comparison, &comparison->want[j++], have);
		}
	}
	return err;
}

/* --- chains ----------------------------------------------------------- */

static size_t end_of_slot(const struct grafted_chain *chain, size_t from, unsigned int before)
{
	while (chain && from < chain->count && chain->rules[from].before == before)
		from++;
	return from;
}

static bool begins_at(const struct grafted_chain *chain, size_t index, unsigned int *before)
{
	if (!chain || index >= chain->count)
		return false;
	if (chain->rules[index].before < *before)
		*before = chain->rules[index].before;
	return true;
}

static int compare_slots(const struct comparison *comparison, const struct grafted_chain *have,
			 const struct grafted_chain *want, long *kept)
{
	struct alignment slot = { .same = same_grafts, .data = comparison };
	int err = 0;

	while (!err) {
		unsigned int before = UINT32_MAX;
		bool any = begins_at(have, slot.have, &before);

		any |= begins_at(want, slot.want, &before);
		if (!any)
			break;
		slot.have_end = end_of_slot(have, slot.have, before);
		slot.want_end = end_of_slot(want, slot.want, before);
		err = compare_slot(comparison, &slot, kept);
		slot.have = slot.have_end;
		slot.want = slot.want_end;
	}
	return err;
}

static int compare_chain(struct comparison *comparison, const struct grafted_chain *have,
			 const struct grafted_chain *want)
{
	long *kept = malloc(((have ? have->count : 0) + 1) * sizeof(*kept));
	int err;

	if (!kept)
		return -ENOMEM;
	comparison->chain = have ? have : want;
	comparison->have = have ? have->rules : NULL;
	comparison->want = want ? want->rules : NULL;
	err = compare_slots(comparison, have, want, kept);
	free(kept);
	return err;
}

int grafted_compare(const struct grafted *have, const struct grafted *want,
		    const struct xt_family *family, const struct grafted_ops *ops, void *data,
		    struct notrack_changes *changes)
{
	struct comparison comparison = { .family = family, .ops = ops, .data = data,
					 .changes = changes };
	int err = 0;

	for (const struct grafted_chain *chain = have ? have->chains : NULL; chain && !err;
	     chain = chain->next)
		err = compare_chain(&comparison, chain, grafted_find(want, chain->name));
	for (const struct grafted_chain *chain = want ? want->chains : NULL; chain && !err;
	     chain = chain->next)
		if (!grafted_find(have, chain->name))
			err = compare_chain(&comparison, NULL, chain);
	return err;
}

static bool same_rules(const struct grafted_chain *have, const struct grafted_chain *want,
		       const struct xt_family *family)
{
	size_t count = have ? have->count : 0;

	if (count != (want ? want->count : 0))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!entry_same(have->rules[i].entry, want->rules[i].entry, family))
			return false;
	return true;
}

bool grafted_has(const struct grafted *have, const struct grafted *want,
		 const struct xt_family *family)
{
	for (const struct grafted_chain *chain = have ? have->chains : NULL; chain; chain = chain->next)
		if (!same_rules(chain, grafted_find(want, chain->name), family))
			return false;
	for (const struct grafted_chain *chain = want->chains; chain; chain = chain->next)
		if (!same_rules(grafted_find(have, chain->name), chain, family))
			return false;
	return true;
}

/* --- both ------------------------------------------------------------- */

struct merger {
	struct grafted *both;
	const struct grafted *want;
	bool more;
};

static int put(void *data, const struct grafted_chain *chain, const struct grafted_rule *rule)
{
	struct merger *merger = data;
	const struct grafted_chain *want = grafted_find(merger->want, chain->name);
	struct grafted_chain *to = grafted_find(merger->both, chain->name);

	if (!to)
		to = grafted_add_chain(merger->both, chain->name);
	if (!to)
		return -ENOMEM;
	to->checked = want && want->checked;
	to->fingerprint = want ? want->fingerprint : 0;
	return grafted_add_rule(merger->both, to, rule) ? 0 : -ENOMEM;
}

static int put_wanted(void *data, const struct grafted_chain *chain,
		      const struct grafted_rule *want, const struct grafted_rule *at)
{
	(void)at;
	return put(data, chain, want);
}

static int put_more(void *data, const struct grafted_chain *chain, const struct grafted_rule *have)
{
	struct merger *merger = data;

	merger->more = true;
	return put(data, chain, have);
}

int grafted_merge(struct ruleset *both, const struct grafted *have, const struct grafted *want)
{
	static const struct grafted_ops ops = { .keep = put, .add = put_wanted, .remove = put_more };
	struct merger merger = { .both = grafted_new(both, want->family), .want = want };
	struct notrack_changes ignored = { 0 };
	int err;

	if (!merger.both)
		return -ENOMEM;
	both->grafted = merger.both;
	merger.both->repeated = want->repeated;
	merger.both->repeated_count = want->repeated_count;
	err = grafted_compare(have, want, want->family, &ops, &merger, &ignored);
	return err ? err : merger.more;
}

/* --- in a table ------------------------------------------------------- */

struct editor {
	const struct table *table;
	long shift;			/* of the chain's positions, by what was done to it */
	const char *chain;		/* the last one */
};

static unsigned int position_now(struct editor *editor, const struct grafted_chain *chain,
				 unsigned int position)
{
	if (editor->chain != chain->name)
		editor->shift = 0;
	editor->chain = chain->name;
	return (unsigned int)((long)position + editor->shift);
}

static unsigned int position_of_slot(const struct grafted_chain *live, unsigned int before)
{
	return live->host_at[before < live->host_count ? before : live->host_count];
}

/*
 * libiptc takes the name of a chain that is not there for that of a target, which the kernel
 * then lacks: somebody's own rule leads to a chain of such a name as ours have.
 */
static bool leads_nowhere(const struct table *table, const void *entry)
{
	const char *to = entry_target(table->family, entry)->u.user.name;

	return name_is_ours(to) && !xtc[table->family->family].is_chain(to, table->handle);
}

/* A rule of the chain that it was encoded for, or found in. */
static int insert(void *data, const struct grafted_chain *live, const struct grafted_rule *want,
		  const struct grafted_rule *at)
{
	struct editor *editor = data;
	const struct table *table = editor->table;
	const struct xtc *calls = &xtc[table->family->family];
	unsigned int position = position_now(editor, live, at ? at->position :
					     position_of_slot(live, want->before));

	char *counters = (char *)want->entry + table->family->at.counters;
	int err;

	if (leads_nowhere(table, want->entry))
		return -EMLINK;
	/* one that comes back in a rollback goes on from what it had counted */
	memcpy(counters, &want->count, sizeof(want->count));
	err = calls->insert(live->name, want->entry, position, table->handle) ? 0 : xtc_errno();
	memset(counters, 0, sizeof(want->count));
	editor->shift += !err;
	return err;
}

static int delete(void *data, const struct grafted_chain *live, const struct grafted_rule *have)
{
	struct editor *editor = data;
	const struct table *table = editor->table;
	const struct xtc *calls = &xtc[table->family->family];

	if (!calls->delete(live->name, position_now(editor, live, have->position), table->handle))
		return xtc_errno();
	editor->shift--;
	return 0;
}

static int check_chain(const struct table *table, const struct grafted_chain *live,
		       const struct grafted_chain *want, struct error *error)
{
	if (!want->checked || live->fingerprint == want->fingerprint)
		return 0;
	return error_set(error, GRAFT_OUTDATED, "table %s (%s): another program changed chain %s "
			 "since its rules were looked at; try again", table->name, table->family->name,
			 want->name);
}

/* The chains of either as they are now. */
static int list_live(struct grafted *live, const struct table *table, const struct grafted *have,
		     const struct grafted *want, struct error *error)
{
	int err = 0;

	for (const struct grafted_chain *chain = want->chains; chain && !err; chain = chain->next) {
		const struct grafted_chain *now = grafted_list(live, table, chain->name);

		err = now ? check_chain(table, now, chain, error) : -ENOMEM;
	}
	for (const struct grafted_chain *chain = have ? have->chains : NULL; chain && !err;
	     chain = chain->next)
		if (!grafted_find(want, chain->name) && !grafted_list(live, table, chain->name))
			err = -ENOMEM;
	return err;
}

int grafted_edit(const struct table *table, const struct grafted *have, const struct grafted *want,
		 struct notrack_changes *changes, struct error *error)
{
	static const struct grafted_ops ops = { .add = insert, .remove = delete };
	struct editor editor = { .table = table };
	struct ruleset scratch = { 0 };
	struct grafted *live = grafted_new(&scratch, table->family);
	int err = live ? list_live(live, table, have, want, error) : -ENOMEM;

	if (!err)
		err = grafted_compare(live, want, table->family, &ops, &editor, changes);
	ruleset_free(&scratch);
	return err;
}
