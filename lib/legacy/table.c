/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xtables.h>

/* --- opening ---------------------------------------------------------- */

bool table_exists(const struct xt_family *kernel, enum table_id id)
{
	char path[64], line[XT_TABLE_MAXNAMELEN + 2];
	bool found = false;
	FILE *names;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s_names", kernel->module);
	names = fopen(path, "re");
	if (!names)	/* not ours to read, or no /proc: let the kernel say so */
		return errno != ENOENT || access("/proc/thread-self/net", F_OK);
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

static int not_permitted(const struct xt_family *kernel, enum table_id id, struct error *error)
{
	return error_set(error, -EPERM, "table %s (%s): not permitted; run as root, or with "
		    "CAP_NET_ADMIN and CAP_NET_RAW in this network namespace", table_name(id),
		    kernel->name);
}

static int explain_open(int err, const struct xt_family *kernel, enum table_id id,
			struct error *error)
{
	const char *name = table_name(id);

	switch (err) {
	case -EPERM:
	case -EACCES:
		return not_permitted(kernel, id, error);
	case -ENOMEM:
	case -ENOBUFS:
		return error_set(error, -ENOMEM, "table %s (%s): no memory to read it", name,
			    kernel->name);
	case -EAGAIN:
		return error_set(error, -EBUSY, "table %s (%s): another program keeps changing it; try "
			    "again", name, kernel->name);
	case -ENOENT:
	case -ENOPROTOOPT:
	case -EAFNOSUPPORT:
	case -EPROTONOSUPPORT:
		return error_set(error, -EPROTONOSUPPORT, "table %s (%s): the kernel has none; load "
			    "module %s, or build it with CONFIG_IP%s_NF_%s and "
			    "CONFIG_NETFILTER_XTABLES_LEGACY%s%s", name, kernel->name,
			    kernel->table_module[id], kernel->family == IPV6 ? "6" : "",
			    id == RAW ? "RAW" : "FILTER",
			    kernel->family == IPV6 ? "; where IPv6 is off, use -4" : "",
			    host_uses_nft() ? "; iptables on this host is the nft-based one" : "");
	default:
		errno = -err;
		return error_set(error, -EIO, "table %s (%s): cannot be read: %m", name, kernel->name);
	}
}

static bool may_be_module(int err)
{
	return err == -ENOENT || err == -ENOPROTOOPT || err == -EPROTONOSUPPORT;
}

int table_open(struct table *table, const struct xt_family *kernel, enum table_id id,
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

void table_close(struct table *table)
{
	if (!table->open)
		return;
	table_drop_edits(table);
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
	return elsewhere ? strncpy(elsewhere->name, blob_label(blob, offset), CHAIN_NAME_FOUND) :
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

/* The built-in chains that "NOTRACK-INPUT" and the like are for. */
static size_t home_of(const struct blob *blob, const char *top)
{
	for (size_t i = 0; i < blob->count; i++)
		if (blob->chains[i].hook >= 0 &&
		    !strcmp(blob->chains[i].name, top + strlen(CHAIN_PREFIX)))
			return i;
	return blob->count;
}

/* Marks what rules lead to from @number on, through chains of others. */
static void mark_reached(const struct blob *blob, size_t number, bool *reached)
{
	size_t *pending = calloc(blob->count + 1, sizeof(*pending)), count = 0;

	reached[number] = true;
	if (!pending) {		/* then any jump is good enough */
		memset(reached, true, blob->count);
		return;
	}
	pending[count++] = number;
	while (count) {
		const struct blob_chain *chain = &blob->chains[pending[--count]];
		uint32_t offset = chain->rules;

		for (uint32_t i = 0; i < chain->count; i++, offset = blob_next(blob, offset)) {
			long next = blob_jump(blob, offset);

			if (next < 0 || reached[next] || is_ours(blob->chains[next].name))
				continue;
			reached[next] = true;
			pending[count++] = (size_t)next;
		}
	}
	free(pending);
}

/* A jump in a chain that no packet of its hook gets to is none. */
static int find_unreachable(const struct blob *blob, struct ruleset *found)
{
	bool *reached;

	for (size_t i = 0; i < found->jump_count; i++) {
		struct jump *jump = &found->jumps[i];
		size_t home = chain_is_top(jump->target) ? home_of(blob, jump->target) : blob->count;

		if (home == blob->count || !strcmp(jump->chain, blob->chains[home].name))
			continue;
		reached = calloc(blob->count, sizeof(*reached));
		if (!reached)
			return -ENOMEM;
		mark_reached(blob, home, reached);
		jump->unreachable = true;
		for (size_t j = 0; j < blob->count; j++)
			if (reached[j] && !strcmp(blob->chains[j].name, jump->chain))
				jump->unreachable = false;
		free(reached);
	}
	return 0;
}

/* Somebody's chain: which of its rules enter ours. */
static int read_jumps(const struct blob *blob, const struct blob_chain *from,
		      struct ruleset *found)
{
	uint32_t offset = from->rules;

	for (uint32_t i = 0; i < from->count; i++, offset = blob_next(blob, offset)) {
		const char *label = blob_label(blob, offset);
		struct jump jump = { .position = i };

		if (!is_ours(label))
			continue;
		jump.chain = arena_strdup(&found->arena, from->name);
		jump.target = arena_strdup(&found->arena, label);
		jump.entry = entry_copy(blob_entry(blob, offset), label, blob->kernel,
					&found->arena);
		if (!jump.chain || !jump.target || !jump.entry || ruleset_add_jump(found, &jump))
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
				     read_jumps(blob, &blob->chains[i], found);
	free(by_number);
	found->found = true;
	if (!err)
		err = find_unreachable(blob, found);
	if (!err)
		err = ruleset_sort(found);
	return err ? error_set(error, err, "table %s (%s): out of memory", table_name(table->id),
			  table->kernel->name) : 0;
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
		return error_set(error, -ENOMEM, "table %s (%s): no memory for it, here or in the kernel",
			    name, family);
	case -ENOENT:
		return error_set(error, -EPROTONOSUPPORT, "table %s (%s): the kernel lacks a match or "
			    "target of our rules, or a module of it cannot be loaded", name, family);
	case -EBUSY:
		return error_set(error, -EBUSY, "table %s (%s): a rule of others leads to a chain of ours "
			    "that has to go; remove that rule", name, family);
	case -ENOTRECOVERABLE:
		return error_set(error, err, "table %s (%s): another program changed it, or the kernel "
			    "did not take its counters back: they are lost", name, family);
	default:
		errno = -err;
		return error_set(error, -EIO, "table %s (%s): the kernel refused it: %m; its log may "
			    "say more", name, family);
	}
}

int table_commit(struct table *table, const struct features *revisions, struct error *error)
{
	int err;

	*error = (struct error){ 0 };
	err = blob_replace(&table->blob, table->edits, table->edit_count, &table->carry, revisions,
			   error);
	if (err && !*error->text)
		err = explain_commit(table, err, error);
	table_close(table);
	return err;
}
