/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xtables.h>

#include "diff.h"
#include "memory.h"

/* --- opening ---------------------------------------------------------- */

bool table_exists(const struct kernel *kernel, enum table_id id)
{
	char path[64], line[XT_TABLE_MAXNAMELEN + 2];
	bool found = false;
	FILE *names;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s_names", kernel->module);
	names = fopen(path, "re");
	if (!names)
		return errno != ENOENT;	/* not ours to read: let the kernel say so */
	while (!found && fgets(line, sizeof(line), names)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strcmp(line, table_name(id));
	}
	fclose(names);
	return found;
}

/* Debian and its kin: a link to the nft-based commands. */
static bool host_uses_nft(void)
{
	char path[4096];
	ssize_t size = readlink("/etc/alternatives/iptables", path, sizeof(path) - 1);

	if (size <= 0)
		size = readlink("/usr/sbin/iptables", path, sizeof(path) - 1);
	if (size <= 0)
		return false;
	path[size] = '\0';
	return strstr(path, "nft") != NULL;
}

static int not_permitted(const struct kernel *kernel, enum table_id id, struct error *error)
{
	return fail(error, -EPERM, "table %s (%s): not permitted; run as root, or with "
		    "CAP_NET_ADMIN and CAP_NET_RAW in this network namespace", table_name(id),
		    kernel->name);
}

static int explain_open(int err, const struct kernel *kernel, enum table_id id,
			struct error *error)
{
	const char *name = table_name(id);

	switch (err) {
	case -EPERM:
	case -EACCES:
		return not_permitted(kernel, id, error);
	case -ENOMEM:
	case -ENOBUFS:
		return fail(error, -ENOMEM, "table %s (%s): no memory to read it", name,
			    kernel->name);
	case -EAGAIN:
		return fail(error, -EBUSY, "table %s (%s): another program keeps changing it; try "
			    "again", name, kernel->name);
	case -ENOENT:
	case -ENOPROTOOPT:
	case -EAFNOSUPPORT:
	case -EPROTONOSUPPORT:
		return fail(error, -EPROTONOSUPPORT, "table %s (%s): the kernel has none; load "
			    "module %s, or build it with CONFIG_IP%s_NF_%s and "
			    "CONFIG_NETFILTER_XTABLES_LEGACY%s%s", name, kernel->name,
			    kernel->table_module[id], kernel->family == IPV6 ? "6" : "",
			    id == RAW ? "RAW" : "FILTER",
			    kernel->family == IPV6 ? "; where IPv6 is off, use -4" : "",
			    host_uses_nft() ? "; iptables on this host is the nft-based one" : "");
	default:
		errno = -err;
		return fail(error, -EIO, "table %s (%s): cannot be read: %m", name, kernel->name);
	}
}

static bool may_be_module(int err)
{
	return err == -ENOENT || err == -ENOPROTOOPT || err == -EPROTONOSUPPORT;
}

int table_open(struct table *table, const struct kernel *kernel, enum table_id id,
	       struct error *error)
{
	int err = blob_read(&table->blob, kernel, id);

	if (may_be_module(err)) {
		blob_free(&table->blob);
		xtables_insmod(kernel->module, NULL, true);
		xtables_insmod(kernel->table_module[id], NULL, true);
		err = blob_read(&table->blob, kernel, id);
	}
	table->kernel = kernel;
	table->id = id;
	table->open = !err;
	if (err)
		blob_free(&table->blob);
	return err ? explain_open(err, kernel, id, error) : 0;
}

static void drop_edits(struct table *table)
{
	for (size_t i = 0; i < table->edit_count; i++)
		free(table->edits[i].items);
	memory_put(table->edits, table->edit_room * sizeof(*table->edits));
	table->edits = NULL;
	table->edit_count = table->edit_room = 0;
}

void table_close(struct table *table)
{
	if (!table->open)
		return;
	drop_edits(table);
	blob_free(&table->blob);
	table->open = false;
}

/* --- reading ---------------------------------------------------------- */

static bool is_ours(const char *chain)
{
	return !strncmp(chain, CHAIN_PREFIX, strlen(CHAIN_PREFIX));
}

/* The second rule of a client belongs to the limit of the first. */
static void pair_rules(struct chain *chain)
{
	for (size_t i = 1; i < chain->count; i++) {
		const struct rule *first = &chain->rules[i - 1];
		struct rule *second = &chain->rules[i];

		if (first->target == TARGET_JUMP && !second->match &&
		    (second->target == TARGET_NONE || second->target == TARGET_RETURN) &&
		    !prefix_compare(&first->source, &second->source))
			second->chain = first->chain;
	}
}

/* Makes our chains, so that rules can lead to them before they are read. */
static int make_chains(const struct blob *blob, struct ruleset *found, struct chain **by_number)
{
	for (size_t i = 0; i < blob->count; i++) {
		if (blob->chains[i].hook >= 0 || !is_ours(blob->chains[i].name))
			continue;
		by_number[i] = ruleset_add_chain(found, blob->chains[i].name);
		if (!by_number[i])
			return -ENOMEM;
		by_number[i]->slot = i;
	}
	return 0;
}

/* A name that lasts as long as @found. */
static const char *last_label(const struct blob *blob, uint32_t offset, struct ruleset *found,
			      struct chain *const *by_number)
{
	long number = blob_jump(blob, offset);
	struct chain *elsewhere;

	if (number < 0)		/* a verdict, or the target of an entry that is copied */
		return blob_label(blob, offset);
	if (by_number[number])
		return by_number[number]->name;
	elsewhere = arena_alloc(&found->arena, sizeof(*elsewhere));
	return elsewhere ? strncpy(elsewhere->name, blob_label(blob, offset), CHAIN_NAME_MOST) :
			   NULL;
}

static int read_chain(const struct blob *blob, const struct blob_chain *from,
		      struct ruleset *found, struct chain *const *by_number)
{
	struct chain *chain = by_number[from - blob->chains];
	uint32_t offset = from->rules;
	int err = chain_reserve(chain, from->count);

	for (uint32_t i = 0; i < from->count && !err; i++, offset = blob_next(blob, offset)) {
		const char *label = last_label(blob, offset, found, by_number);

		err = label ? entry_decode(&chain->rules[chain->count++], blob_entry(blob, offset),
					   label, blob->kernel, &found->arena) : -ENOMEM;
	}
	if (!err)
		pair_rules(chain);
	return err;
}

/* Somebody's chain: which of its rules enter ours. */
static int read_hooks(const struct blob *blob, const struct blob_chain *from,
		      struct ruleset *found)
{
	uint32_t offset = from->rules;

	for (uint32_t i = 0; i < from->count; i++, offset = blob_next(blob, offset)) {
		const char *label = blob_label(blob, offset);
		struct hook hook = { .position = i };

		if (!is_ours(label))
			continue;
		hook.chain = arena_strdup(&found->arena, from->name);
		hook.target = arena_strdup(&found->arena, label);
		hook.entry = entry_copy(blob_entry(blob, offset), label, blob->kernel,
					&found->arena);
		if (!hook.chain || !hook.target || !hook.entry || ruleset_add_hook(found, &hook))
			return -ENOMEM;
	}
	return 0;
}

int table_read(struct table *table, struct ruleset *found, struct error *error)
{
	const struct blob *blob = &table->blob;
	struct chain **by_number = calloc(blob->count + 1, sizeof(*by_number));
	int err = by_number ? make_chains(blob, found, by_number) : -ENOMEM;

	for (size_t i = 0; i < blob->count && !err; i++)
		err = by_number[i] ? read_chain(blob, &blob->chains[i], found, by_number) :
				     read_hooks(blob, &blob->chains[i], found);
	free(by_number);
	if (!err)
		err = ruleset_sort(found);
	return err ? fail(error, err, "table %s (%s): out of memory", table_name(table->id),
			  table->kernel->name) : 0;
}

/* --- editing ---------------------------------------------------------- */

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
	return 0;
}

static int add_rule(void *data, const struct chain *chain, const struct rule *rule,
		    unsigned int position, bool last)
{
	struct editor *editor = data;
	struct blob_edit *edit = edit_of(editor->table, chain);

	(void)last;
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

static int add_hook(void *data, const struct hook *hook)
{
	struct editor *editor = data;
	struct blob_item item = { .entry = hook->entry };

	item.rule = hook->entry ? NULL : &hook->jump;
	return insert_item(editor, find_edit(editor->table, hook->chain), hook->position, item);
}

static int remove_hook(void *data, const struct hook *hook)
{
	struct editor *editor = data;

	return remove_item(editor, find_edit(editor->table, hook->chain), hook->position);
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
	.add_hook = add_hook,
	.remove_hook = remove_hook,
	.replace_chain = replace_chain,
	.flush_chain = flush_chain,
	.remove_chain = remove_chain,
};

int table_edit(struct table *table, const struct ruleset *found, const struct ruleset *want,
	       struct notrack_changes *changes, struct error *error)
{
	struct editor editor = { .table = table };
	int err;

	drop_edits(table);
	err = begin_edits(table, want->count);
	if (!err)
		err = ruleset_edit(found, want, &edit_table, &editor);
	if (err)
		return fail(error, err, "table %s (%s): out of memory", table_name(table->id),
			    table->kernel->name);
	changes->added += editor.changes.added;
	changes->removed += editor.changes.removed;
	return (int)(editor.changes.added + editor.changes.removed);
}

/* --- committing ------------------------------------------------------- */

static int explain_commit(const struct table *table, int err, struct error *error)
{
	const char *name = table_name(table->id), *family = table->kernel->name;

	switch (err) {
	case -EAGAIN:
		return err;
	case -EPERM:
	case -EACCES:
		return not_permitted(table->kernel, table->id, error);
	case -ENOMEM:
	case -ENOBUFS:
		return fail(error, -ENOMEM, "table %s (%s): no memory for it, here or in the kernel",
			    name, family);
	case -ENOENT:
		return fail(error, -EPROTONOSUPPORT, "table %s (%s): the kernel lacks a match or "
			    "target of our rules, or a module of it cannot be loaded", name, family);
	case -EBUSY:
		return fail(error, -EBUSY, "table %s (%s): a rule of others leads to a chain of ours "
			    "that has to go; remove that rule", name, family);
	case -ENOTRECOVERABLE:
		return fail(error, err, "table %s (%s): the kernel did not take its counters back, "
			    "and they are lost", name, family);
	default:
		errno = -err;
		return fail(error, -EIO, "table %s (%s): the kernel refused it: %m; its log may "
			    "say more", name, family);
	}
}

int table_commit(struct table *table, const struct revisions *revisions, struct error *error)
{
	int err;

	*error = (struct error){ 0 };
	err = blob_replace(&table->blob, table->edits, table->edit_count, revisions, error);
	if (err && !*error->text)
		err = explain_commit(table, err, error);
	table_close(table);
	return err;
}
