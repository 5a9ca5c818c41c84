/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, chains and entries, as libiptc has them, into a view. */
#include "legacy/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "legacy/table.h"

/* The tables, and when packets meet them: enum nf_ip_hook_priorities. */
static const struct {
	const char *name;
	enum chain_type type;
	int priority;
	int source_priority;		/* at INPUT and POSTROUTING */
} tables[] = {
	{ "raw", CHAIN_FILTER, -300, -300 },
	{ "mangle", CHAIN_FILTER, -150, -150 },
	{ "nat", CHAIN_NAT, -100, 100 },
	{ "filter", CHAIN_FILTER, 0, 0 },
	{ "security", CHAIN_FILTER, 50, 50 },
};
#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

static const char *const hook_names[HOOKS] = {
	[HOOK_PREROUTING] = "PREROUTING",
	[HOOK_INPUT] = "INPUT",
	[HOOK_FORWARD] = "FORWARD",
	[HOOK_OUTPUT] = "OUTPUT",
	[HOOK_POSTROUTING] = "POSTROUTING",
};

static const struct {
	const char *name;		/* "ip" */
	const char *names_file;		/* which tables are there; reading another one makes it */
} families[FAMILIES] = {
	[IPV4] = { "ip", "ip_tables_names" },
	[IPV6] = { "ip6", "ip6_tables_names" },
};

/* One table that is being read. */
struct reader {
	struct view *view;
	struct view_table *table;
	enum family family;
	size_t kind;			/* of tables[] */
	const struct xtc *xtc;
	struct xtc_handle *handle;
};

/* --- chains ----------------------------------------------------------- */

static enum hook hook_of(const struct reader *reader, const char *chain)
{
	enum hook hook = HOOK_POSTROUTING;

	if (!reader->xtc->builtin(chain, reader->handle))
		return HOOK_NONE;
	while (hook && strcmp(hook_names[hook], chain))
		hook--;
	return hook;
}

static int read_chain(const struct reader *reader, const char *name)
{
	struct view_chain *chain = view_add_chain(reader->view, reader->table, name);
	enum hook hook = hook_of(reader, name);
	struct xt_counters counters;
	const char *policy;

	if (!chain)
		return -ENOMEM;
	chain->type = (uint8_t)tables[reader->kind].type;
	if (hook == HOOK_NONE)
		return 0;
	policy = reader->xtc->policy(name, &counters, reader->handle);
	chain->drops = policy && !strcmp(policy, "DROP");
	view_set_hook(reader->view, chain, hook,
		      hook == HOOK_INPUT || hook == HOOK_POSTROUTING ?
		      tables[reader->kind].source_priority : tables[reader->kind].priority);
	return 0;
}

static int read_rules(const struct reader *reader, struct view_chain *chain)
{
	const void *entry = reader->xtc->first_rule(chain->name, reader->handle);
	uint64_t number = 0;
	int err = 0;

	for (; entry && !err; entry = reader->xtc->next_rule(entry, reader->handle))
		err = legacy_view_entry(reader->view, chain, reader->family, entry,
					reader->xtc->target(entry, reader->handle), number++);
	return err;
}

static int read_table(struct reader *reader)
{
	const struct xtc *all = reader->xtc;
	const char *name;
	int err = 0;

	reader->table = view_add_table(reader->view, WORLD_LEGACY, 1u << reader->family,
				       families[reader->family].name, tables[reader->kind].name);
	if (!reader->table)
		return -ENOMEM;
	for (name = all->first_chain(reader->handle); name && !err;
	     name = all->next_chain(reader->handle))
		err = read_chain(reader, name);
	for (struct view_chain *chain = reader->table->chains; chain && !err; chain = chain->next)
		err = read_rules(reader, chain);
	return err;
}

/* --- tables ----------------------------------------------------------- */

/* Which of the tables the namespace has, as bits: reading one that is not there makes it. */
static unsigned int tables_there(enum family family)
{
	char path[64], line[XT_TABLE_MAXNAMELEN + 2];
	unsigned int there = 0;
	FILE *names;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", families[family].names_file);
	names = fopen(path, "re");
	if (!names)	/* not ours to read, or no /proc: let the kernel say so */
		return errno != ENOENT || access("/proc/thread-self/net", F_OK) ? ~0u : 0;
	while (fgets(line, sizeof(line), names)) {
		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < TABLE_COUNT; i++)
			if (!strcmp(line, tables[i].name))
				there |= 1u << i;
	}
	fclose(names);
	return there;
}

static int open_table(struct reader *reader, bool check, struct error *error)
{
	struct table table;
	int err = table_open(&table, &xt_families[reader->family], tables[reader->kind].name, check,
			     error);

	if (err)	/* a kernel without the table has nothing to walk through */
		return err == -EPROTONOSUPPORT ? 0 : err;
	reader->handle = table.handle;
	xtc_lock();
	err = read_table(reader);
	xtc_unlock();
	table_close(&table);
	return err ? error_set(error, -ENOMEM, "out of memory") : 0;
}

int legacy_view(unsigned int wanted, bool check, struct view *view, struct error *error)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		unsigned int there = wanted & 1u << family ? tables_there(family) : 0;

		for (size_t i = 0; i < TABLE_COUNT && !err; i++) {
			struct reader reader = { .view = view, .family = family, .kind = i,
						 .xtc = &xtc[family] };

			if (there & 1u << i)
				err = open_table(&reader, check, error);
		}
	}
	return err;
}
