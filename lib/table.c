/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xtables.h>

#include "diff.h"
#include "table.h"

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

static int explain_open(int err, const struct kernel *kernel, enum table_id id,
			struct error *error)
{
	const char *name = table_name(id);

	switch (err) {
	case EPERM:
	case EACCES:
		return fail(error, -EPERM, "table %s (%s): not permitted; run as root, or with "
			    "CAP_NET_ADMIN and CAP_NET_RAW in this network namespace", name,
			    kernel->name);
	case ENOMEM:
	case ENOBUFS:
		return fail(error, -ENOMEM, "table %s (%s): the kernel is out of memory", name,
			    kernel->name);
	case ENOENT:
	case ENOPROTOOPT:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ENOSYS:
		return fail(error, -EPROTONOSUPPORT, "table %s (%s): the kernel has none; load "
			    "module %s, or build it with CONFIG_IP%s_NF_%s and "
			    "CONFIG_NETFILTER_XTABLES_LEGACY%s%s", name, kernel->name,
			    kernel->table_module[id], kernel->family == IPV6 ? "6" : "",
			    id == RAW ? "RAW" : "FILTER",
			    kernel->family == IPV6 ? "; where IPv6 is off, use -4" : "",
			    host_uses_nft() ? "; iptables on this host is the nft-based one" : "");
	default:
		errno = err;
		return fail(error, -EIO, "table %s (%s): cannot be read: %m", name, kernel->name);
	}
}

static bool may_be_module(int err)
{
	return err == ENOENT || err == ENOPROTOOPT || err == EPROTONOSUPPORT;
}

int table_open(struct table *table, const struct kernel *kernel, enum table_id id,
	       struct error *error)
{
	table->kernel = kernel;
	table->id = id;
	table->handle = kernel->init(table_name(id));
	if (!table->handle && may_be_module(errno)) {
		xtables_insmod(kernel->module, NULL, true);
		xtables_insmod(kernel->table_module[id], NULL, true);
		table->handle = kernel->init(table_name(id));
	}
	return table->handle ? 0 : explain_open(errno, kernel, id, error);
}

void table_close(struct table *table)
{
	if (table->handle)
		table->kernel->free(table->handle);
	table->handle = NULL;
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

static int read_chain(struct table *table, const char *name, struct ruleset *found)
{
	const struct kernel *kernel = table->kernel;
	struct chain *chain = ruleset_add_chain(found, name);
	const void *entry = kernel->first_rule(name, table->handle);
	struct rule rule;
	int err = chain ? 0 : -ENOMEM;

	for (; entry && !err; entry = kernel->next_rule(entry, table->handle)) {
		err = entry_decode(&rule, entry, kernel->get_target(entry, table->handle), kernel,
				   &found->arena);
		if (!err && !chain_add_rule(chain, &rule))
			err = -ENOMEM;
	}
	if (!err)
		pair_rules(chain);
	return err;
}

/* Somebody's chain: which of its rules enter ours. */
static int read_hooks(struct table *table, const char *name, struct ruleset *found)
{
	const struct kernel *kernel = table->kernel;
	const void *entry = kernel->first_rule(name, table->handle);
	unsigned int position = 0;

	for (; entry; entry = kernel->next_rule(entry, table->handle), position++) {
		const char *target = kernel->get_target(entry, table->handle);
		struct hook hook = { .position = position };

		if (!is_ours(target))
			continue;
		hook.chain = arena_strdup(&found->arena, name);
		hook.target = arena_strdup(&found->arena, target);
		hook.entry = entry_copy(entry, target, kernel, &found->arena);
		if (!hook.chain || !hook.target || !hook.entry || ruleset_add_hook(found, &hook))
			return -ENOMEM;
	}
	return 0;
}

int table_read(struct table *table, struct ruleset *found, struct error *error)
{
	const struct kernel *kernel = table->kernel;
	const char *name = kernel->first_chain(table->handle);
	int err = 0;

	for (; name && !err; name = kernel->next_chain(table->handle))
		err = is_ours(name) ? read_chain(table, name, found) :
				      read_hooks(table, name, found);
	if (!err)
		err = ruleset_sort(found);
	return err ? fail(error, err, "table %s (%s): out of memory", table_name(table->id),
			  kernel->name) : 0;
}

/* --- editing ---------------------------------------------------------- */

struct editor {
	struct table *table;
	const struct revisions *revisions;
	struct notrack_changes changes;
	void *buffer;
	struct error *error;
};

/* libiptc knows what it was told only: an error here is ours, or memory. */
static int check(struct editor *editor, int done, const char *what, const char *chain)
{
	int err = errno == ENOMEM ? -ENOMEM : -EIO;

	if (done)
		return 0;
	return fail(editor->error, err, "table %s (%s): cannot %s chain %s: %m",
		    table_name(editor->table->id), editor->table->kernel->name, what, chain);
}

static int add_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	struct table *table = editor->table;

	return check(editor, table->kernel->create_chain(chain->name, table->handle), "make",
		     chain->name);
}

static int add_rule(void *data, const struct chain *chain, const struct rule *rule,
		    unsigned int position, bool last)
{
	struct editor *editor = data;
	const struct kernel *kernel = editor->table->kernel;
	struct xtc_handle *handle = editor->table->handle;
	int err = entry_encode(editor->buffer, rule, kernel, editor->revisions, editor->error);

	if (err)
		return err;
	editor->changes.added++;
	return check(editor, last ? kernel->append(chain->name, editor->buffer, handle) :
				    kernel->insert(chain->name, editor->buffer, position, handle),
		     "add a rule to", chain->name);
}

static int remove_rule(void *data, const struct chain *chain, const struct rule *rule,
		       unsigned int position)
{
	struct editor *editor = data;
	struct table *table = editor->table;

	(void)rule;
	editor->changes.removed++;
	return check(editor, table->kernel->remove(chain->name, position, table->handle),
		     "remove a rule from", chain->name);
}

static int add_hook(void *data, const struct hook *hook)
{
	struct editor *editor = data;
	struct table *table = editor->table;
	const struct rule jump = { .target = TARGET_JUMP, .chain = hook->target };
	const void *entry = hook->entry;
	int err;

	if (!entry) {
		err = entry_encode(editor->buffer, &jump, table->kernel, editor->revisions,
				   editor->error);
		if (err)
			return err;
		entry = editor->buffer;
	}
	editor->changes.added++;
	return check(editor, table->kernel->insert(hook->chain, entry, hook->position,
						   table->handle), "add a jump to", hook->chain);
}

static int remove_hook(void *data, const struct hook *hook)
{
	struct editor *editor = data;
	struct table *table = editor->table;

	editor->changes.removed++;
	return check(editor, table->kernel->remove(hook->chain, hook->position, table->handle),
		     "remove a jump from", hook->chain);
}

static int flush_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	struct table *table = editor->table;

	editor->changes.removed += (unsigned int)chain->count;
	return check(editor, table->kernel->flush_chain(chain->name, table->handle), "flush",
		     chain->name);
}

static int remove_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	struct table *table = editor->table;

	return check(editor, table->kernel->delete_chain(chain->name, table->handle), "remove",
		     chain->name);
}

static const struct edit_ops edit_table = {
	.add_chain = add_chain,
	.add_rule = add_rule,
	.remove_rule = remove_rule,
	.add_hook = add_hook,
	.remove_hook = remove_hook,
	.flush_chain = flush_chain,
	.remove_chain = remove_chain,
};

int table_edit(struct table *table, const struct ruleset *found, const struct ruleset *want,
	       const struct revisions *revisions, struct notrack_changes *changes,
	       struct error *error)
{
	struct editor editor = { .table = table, .revisions = revisions, .error = error };
	int err;

	editor.buffer = malloc(ENTRY_MOST);
	if (!editor.buffer)
		return fail(error, -ENOMEM, "out of memory");
	*error = (struct error){ 0 };
	err = ruleset_edit(found, want, &edit_table, &editor);
	free(editor.buffer);
	if (err)
		return *error->text ? err : fail(error, err, "out of memory");
	changes->added += editor.changes.added;
	changes->removed += editor.changes.removed;
	return (int)(editor.changes.added + editor.changes.removed);
}

/* --- committing ------------------------------------------------------- */

/*
 * iptc_commit() replaces the table, then adds the counters of rules that
 * stayed, in two calls.  When the second fails, the rules are in, with
 * counters of 0; the handle still has them as they were read.
 */
static int put_counters_back(const struct kernel *kernel, struct xtc_handle *old,
			     struct xtc_handle *new)
{
	struct xt_counters counters, *read;
	const char *name, *policy;

	for (name = kernel->first_chain(old); name; name = kernel->next_chain(old)) {
		/* libiptc counts rules from 1 here */
		for (unsigned int i = 1; (read = kernel->read_counter(name, i, old)); i++) {
			counters = *read;
			read = kernel->read_counter(name, i, new);
			if (!read)
				return -EAGAIN;
			counters.pcnt += read->pcnt;
			counters.bcnt += read->bcnt;
			if (!kernel->set_counter(name, i, &counters, new))
				return -errno;
		}
		if (!kernel->builtin(name, old))
			continue;
		policy = kernel->get_policy(name, &counters, old);
		if (policy && !kernel->set_policy(name, policy, &counters, new))
			return -errno;
	}
	return kernel->commit(new) ? 0 : -errno;
}

/* But for counters, and what the kernel keeps in entries for itself. */
static bool same_entry(const struct kernel *kernel, const void *a, const void *b)
{
	struct header one, other;
	const char *bytes = a, *others = b;

	kernel->get_header(a, &one);
	kernel->get_header(b, &other);
	return one.target_offset == other.target_offset && one.next_offset == other.next_offset &&
	       !memcmp(bytes, others, kernel->selector_size) &&
	       !memcmp(bytes + kernel->entry_size, others + kernel->entry_size,
		       one.target_offset - kernel->entry_size);
}

/* Whether two handles, one of them edited, have the same rules. */
static bool same_rules(const struct kernel *kernel, struct xtc_handle *a, struct xtc_handle *b)
{
	const char *one = kernel->first_chain(a), *other = kernel->first_chain(b);

	for (; one && other && !strcmp(one, other);
	     one = kernel->next_chain(a), other = kernel->next_chain(b)) {
		const void *rule = kernel->first_rule(one, a), *same = kernel->first_rule(other, b);

		for (; rule && same; rule = kernel->next_rule(rule, a),
		     same = kernel->next_rule(same, b))
			if (!same_entry(kernel, rule, same) ||
			    strcmp(kernel->get_target(rule, a), kernel->get_target(same, b)))
				return false;
		if (rule || same)
			return false;
	}
	return !one && !other;
}

static int explain_commit(const struct table *table, int err, struct error *error)
{
	const char *name = table_name(table->id), *family = table->kernel->name;

	switch (err) {
	case EAGAIN:
		return -EAGAIN;
	case EPERM:
	case EACCES:
		return explain_open(err, table->kernel, table->id, error);
	case ENOMEM:
	case ENOBUFS:
		return fail(error, -ENOMEM, "table %s (%s): the kernel has no memory for it", name,
			    family);
	case ENOENT:
		return fail(error, -EPROTONOSUPPORT, "table %s (%s): the kernel lacks a match or "
			    "target of our rules, or a module of it cannot be loaded", name, family);
	default:
		errno = err;
		return fail(error, -EIO, "table %s (%s): the kernel refused it: %m; its log may "
			    "say more", name, family);
	}
}

int table_commit(struct table *table, bool *replaced, struct error *error)
{
	const struct kernel *kernel = table->kernel;
	struct xtc_handle *now;
	int err = 0;

	*replaced = true;
	if (kernel->commit(table->handle)) {
		table_close(table);
		return 0;
	}
	err = errno;
	now = err == EAGAIN ? NULL : kernel->init(table_name(table->id));
	*replaced = now && same_rules(kernel, table->handle, now);
	if (*replaced)
		put_counters_back(kernel, table->handle, now);
	if (now)
		kernel->free(now);
	table_close(table);
	return explain_commit(table, err, error);
}
