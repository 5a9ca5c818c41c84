/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The xtables tables raw and filter, through libiptc, as a backend. */
#include "legacy/image.h"

#include <errno.h>
#include <stdlib.h>

#include "legacy/grafted.h"
#include "legacy/print.h"
#include "legacy/read.h"
#include "legacy/view.h"

/* A table that is not there would be made by being read. */
static int read_table(struct legacy_image *image, enum family family, unsigned int id)
{
	const struct session *session = &image->image.session;
	struct legacy_table *table = &image->tables[family][id];
	const struct table named = { .family = &xt_families[family], .name = legacy_table_name(id) };
	int err = table_exists(named.family, named.name);

	if (err < 0)
		return table_explain(&named, err, session->error);
	table->exists = err;
	if (!table->exists)
		return 0;
	err = table_open(&table->table, &xt_families[family], legacy_table_name(id),
			 session->foreign_netns, session->error);
	return err ? err : table_read(&table->table, &table->found, session->error);
}

static void release(struct image *image)
{
	for (enum family family = IPV4; image && family < FAMILIES; family++)
		for (unsigned int id = RAW; id < LEGACY_TABLES; id++) {
			struct legacy_table *table = &legacy_image(image)->tables[family][id];

			table_close(&table->table);
			ruleset_free(&table->found);
		}
	free(image);
}

static int read(const struct session *session, unsigned int parts, struct image **image)
{
	struct legacy_image *made = calloc(1, sizeof(*made));
	int err = 0;

	if (!made)
		return error_set(session->error, -ENOMEM, "out of memory");
	made->image.backend = &legacy_backend;
	made->image.session = *session;
	made->image.parts = parts | PART_RULES | PART_CLIENTS;
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (unsigned int id = RAW; id < LEGACY_TABLES && !err; id++)
			if (session_has(session, family))
				err = read_table(made, family, id);
	if (err) {		/* a part must not be taken for the whole */
		release(&made->image);
		return err;
	}
	*image = &made->image;
	return 0;
}

static bool has_graft(const struct ruleset *found)
{
	return found->grafted && found->grafted->chains;
}

static bool is_used(const struct image *image)
{
	const struct legacy_image *legacy = (const struct legacy_image *)image;

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (unsigned int id = RAW; id < LEGACY_TABLES; id++)
			if (legacy->tables[family][id].found.count ||
			    has_graft(&legacy->tables[family][id].found))
				return true;
	return false;
}

static bool untracks(const struct image *image)
{
	const struct legacy_image *legacy = (const struct legacy_image *)image;

	for (enum family family = IPV4; family < FAMILIES; family++)
		if (legacy->tables[family][RAW].found.count)
			return true;
	return false;
}

static bool asks_local(const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->rules[i].match && chain->rules[i].match->to_local)
			return true;
	return false;
}

static bool is_local_only(const struct image *image)
{
	const struct legacy_image *legacy = (const struct legacy_image *)image;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct ruleset *raw = &legacy->tables[family][RAW].found;

		for (size_t i = 0; i < raw->count; i++)
			if (asks_local(raw->chains[i]))
				return true;
	}
	return false;
}

static int print_family(const struct session *session, const struct wanted *wanted,
			enum family family, FILE *out)
{
	struct ruleset lowered[TABLES] = { 0 };
	int err = 0;

	for (enum table_id id = RAW; id < TABLES && !err; id++)
		err = legacy_lower(&wanted->rules[family][id], &wanted->model->families[family],
				   &lowered[id], session->error);
	if (!err)
		fprintf(out, "# %s: for %s-restore --noflush\n", xt_families[family].name,
			family == IPV6 ? "ip6tables-legacy" : "iptables-legacy");
	for (enum table_id id = RAW; id < TABLES; id++) {
		if (!err)
			ruleset_print(&lowered[id], id, family, out);
		ruleset_free(&lowered[id]);
	}
	return err;
}

static int print(const struct session *session, const struct wanted *wanted, FILE *out)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (session_has(session, family) && wanted->rules[family][RAW].count)
			err = print_family(session, wanted, family, out);
	return err;
}

static int print_beside(struct image *image, const struct wanted *wanted, FILE *out)
{
	struct legacy_image *legacy = legacy_image(image);
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (unsigned int id = RAW; id < LEGACY_TABLES && !err; id++) {
			struct ruleset printed = { 0 };

			if (wanted && id < TABLES)
				err = legacy_lower(&wanted->rules[family][id],
						   &wanted->model->families[family], &printed,
						   image->session.error);
			if (!err)
				ruleset_print_beside(&legacy->tables[family][id].found, &printed,
						     legacy_table_name(id), family, out);
			ruleset_free(&printed);
		}
	return err;
}

static uint64_t bytes(const struct session *session)
{
	uint64_t sum = 0;

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (enum table_id id = RAW; id < TABLES; id++)
			if (session_has(session, family))
				sum += table_bytes(&xt_families[family], table_name(id));
	return sum;
}

const struct backend legacy_backend = {
	.name = "legacy",
	.tables = "the legacy tables",
	.world = WORLD_LEGACY,
	.probe = legacy_probe,
	.view = legacy_view,
	.read = read,
	.release = release,
	.is_used = is_used,
	.untracks = untracks,
	.is_local_only = is_local_only,
	.raise = legacy_raise,
	.count = legacy_count,
	.begin = legacy_begin,
	.diff = legacy_diff,
	.commit = legacy_commit,
	.rollback = legacy_rollback,
	.end = legacy_end,
	.print = print,
	.print_beside = print_beside,
	.buckets = legacy_buckets,
	.bytes = bytes,
	.check = legacy_check,
	.mark = tables_mark,
};
