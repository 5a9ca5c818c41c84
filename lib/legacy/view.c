/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, chains and entries, as libiptc has them, into a view. */
#include "legacy/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "legacy/check.h"
#include "legacy/entry.h"
#include "legacy/grafted.h"
#include "legacy/image.h"
#include "legacy/table.h"
#include "legacy/xtc.h"
#include "rules/name.h"
#include "support/retry.h"

/* The tables, and when packets meet them: enum nf_ip_hook_priorities. */
static const struct {
	unsigned int table;
	enum chain_type type;
	int priority;
	int source_priority;		/* at INPUT and POSTROUTING */
} tables[] = {
	{ RAW, CHAIN_FILTER, -300, -300 },
	{ MANGLE, CHAIN_FILTER, -150, -150 },
	{ NAT, CHAIN_NAT, -100, 100 },
	{ FILTER, CHAIN_FILTER, 0, 0 },
	{ SECURITY, CHAIN_FILTER, 50, 50 },
};
#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

static const char *const view_families[FAMILIES] = { [IPV4] = "ip", [IPV6] = "ip6" };

/* One table that is being read. */
struct reader {
	struct view *view;
	struct view_table *table;
	const struct xt_family *family;
	size_t kind;			/* of tables[] */
	const struct xtc *xtc;
	struct xtc_handle *handle;
	/* in the kernel's table: where chains begin, and where jumps to them lead */
	uint32_t offset, *starts, *targets;
	size_t first_number;		/* of the table's first chain */
	bool wild;			/* a jump leads to where no chain begins */
};

static const char *name_of(const struct reader *reader)
{
	return legacy_table_name(tables[reader->kind].table);
}

/* --- chains ----------------------------------------------------------- */

static enum hook hook_of(const struct reader *reader, const char *chain)
{
	return reader->xtc->builtin(chain, reader->handle) ? hook_of_builtin(chain) : HOOK_NONE;
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

/* Where a rule leads, in the kernel's table. */
static void note_jump(struct reader *reader, const struct view_rule *rule, const void *entry)
{
	const struct step *verdict = rule_verdict(rule);
	const struct xt_standard_target *target = (const void *)entry_target(reader->family, entry);
	uint32_t *noted;

	if (!verdict || (verdict->kind != STEP_JUMP && verdict->kind != STEP_GOTO))
		return;
	noted = &reader->targets[verdict->chain->number - reader->first_number];
	reader->wild |= *noted && *noted != (uint32_t)target->verdict;
	*noted = (uint32_t)target->verdict;
}

static void mark_ours(const struct reader *reader, struct view_chain *chain, const void *entry)
{
	if (name_is_ours(chain->name) ||
	    graft_is(reader->family, entry, reader->xtc->target(entry, reader->handle)))
		chain->last->flags |= RULE_OURS;
}

/* Chains lie in the kernel's table as libiptc lists them: their starts are known. */
static int read_rules(struct reader *reader, struct view_chain *chain)
{
	const struct xt_family *family = reader->family;
	const void *entry;
	uint64_t number = 0;
	int err = 0;

	if (chain->hook == HOOK_NONE)
		reader->offset += entry_head_size(family);
	reader->starts[chain->number - reader->first_number] = reader->offset;
	for (entry = reader->xtc->first_rule(chain->name, reader->handle); entry && !err;
	     entry = reader->xtc->next_rule(entry, reader->handle)) {
		err = legacy_view_entry(reader->view, chain, family->family, entry,
					reader->xtc->target(entry, reader->handle), number++);
		if (!err) {
			note_jump(reader, chain->last, entry);
			mark_ours(reader, chain, entry);
		}
		reader->offset += entry_next(family, entry);
	}
	reader->offset += entry_foot_size(family);
	return err;
}

/* A jump to where no chain begins; or libiptc lists chains in another order: no proof. */
static bool is_wild(const struct reader *reader, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (reader->targets[i] && reader->targets[i] != reader->starts[i])
			return true;
	return reader->wild;
}

static int read_all_rules(struct reader *reader)
{
	size_t count = reader->view->chain_count - reader->first_number;
	int err = 0;

	reader->starts = calloc(2 * count + 1, sizeof(*reader->starts));
	if (!reader->starts)
		return -ENOMEM;
	reader->targets = reader->starts + count;
	for (struct view_chain *chain = reader->table->chains; chain && !err; chain = chain->next)
		err = read_rules(reader, chain);
	reader->wild = is_wild(reader, count);
	free(reader->starts);
	return err;
}

static int read_table(struct reader *reader)
{
	const char *name;
	int err = 0;

	reader->first_number = reader->view->chain_count;
	reader->table = view_add_table(reader->view, WORLD_LEGACY, 1u << reader->family->family,
				       view_families[reader->family->family],
				       name_of(reader));
	if (!reader->table)
		return -ENOMEM;
	for (name = reader->xtc->first_chain(reader->handle); name && !err;
	     name = reader->xtc->next_chain(reader->handle))
		err = read_chain(reader, name);
	return err ? err : read_all_rules(reader);
}

/* --- tables ----------------------------------------------------------- */

/* Which of the tables the namespace has, as bits: reading one that is not there makes it. */
static int find_tables(enum family family, unsigned int *there, struct error *error)
{
	char names[TABLE_NAMES_SIZE];
	int told = table_names_read(&xt_families[family], names);

	*there = 0;
	errno = -told;
	if (told < 0)
		return error_set(error, error_of_system(told), "which tables there are (%s) cannot be read: "
				 "%m", xt_families[family].name);
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (!told || table_is_named(names, legacy_table_name(tables[i].table)))
			*there |= 1u << i;
	return 0;
}

static int explain(int err, const struct reader *reader, struct error *error)
{
	const struct table named = { .family = reader->family, .name = name_of(reader) };

	return table_explain(&named, err, error);
}

/* A kernel without the table has nothing to walk through. */
static bool is_absent(int err, const struct xt_family *family)
{
	if (err == -EAFNOSUPPORT)
		return !table_family_is_forbidden(family);
	return err == -ENOENT || err == -ENOPROTOOPT || err == -EPROTONOSUPPORT;
}

/* Somebody may change the table between libiptc's two questions. */
static void init(struct reader *reader)
{
	for (int i = 0; i < TRIES && !reader->handle; i++) {
		errno = 0;
		reader->handle = reader->xtc->init(name_of(reader));
		if (errno != EAGAIN)
			break;
	}
}

/* What libiptc has of it since the backend read it. */
static struct xtc_handle *find_handle(const struct reader *reader, struct image *image)
{
	const enum family family = reader->family->family;

	if (!image || image->backend->world != WORLD_LEGACY)
		return NULL;
	for (size_t i = 0; i < LEGACY_TABLES; i++) {
		const struct table *table = &legacy_image(image)->tables[family][i].table;

		if (table->handle && !table->doubtful &&
		    !strcmp(table->name, name_of(reader)))
			return table->handle;
	}
	return NULL;
}

static int read_opened(struct reader *reader, struct error *error)
{
	int err;

	xtc_lock();
	err = read_table(reader);
	xtc_unlock();
	if (reader->wild && table_check(reader->family, name_of(reader), error) > 0)
		return -EIO;
	return err ? error_set(error, -ENOMEM, "out of memory") : 0;
}

static int open_table(struct reader *reader, bool check, struct error *error)
{
	int err = check ? table_check(reader->family, name_of(reader), error) : 0;

	if (err)
		return err > 0 ? -EIO : is_absent(err, reader->family) ? 0 : explain(err, reader, error);
	xtc_lock();
	init(reader);
	/* a handle that memory was short for has part of the table, and libiptc aborts on it */
	err = reader->handle && xtc_errno() != -ENOMEM ? read_table(reader) : xtc_errno();
	if (reader->handle)
		reader->xtc->free(reader->handle);
	xtc_unlock();
	if (!reader->handle || reader->wild)
		if (table_check(reader->family, name_of(reader), error) > 0)
			return -EIO;
	if (!reader->handle)
		return is_absent(err, reader->family) ? 0 : explain(err, reader, error);
	return err ? error_set(error, -ENOMEM, "out of memory") : 0;
}

int legacy_view(const struct session *session, struct image *image, struct view *view)
{
	struct error *error = session->error;
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		unsigned int there = 0;

		if (session_has(session, family) && !err)
			err = find_tables(family, &there, error);
		for (size_t i = 0; i < TABLE_COUNT && !err; i++) {
			struct reader reader = { .view = view, .family = &xt_families[family],
						 .kind = i, .xtc = &xtc[family] };

			reader.handle = find_handle(&reader, image);
			if (reader.handle)
				err = read_opened(&reader, error);
			else if (there & 1u << i)
				err = open_table(&reader, session->foreign_netns, error);
		}
	}
	return err;
}
