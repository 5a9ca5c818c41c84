/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/table_commit.h"

#include <errno.h>
#include <stdio.h>

#include "legacy/counters.h"
#include "legacy/graft_edit.h"
#include "legacy/grafted.h"
#include "legacy/read.h"
#include "rules/diff.h"
#include "support/retry.h"

static int is_as_wanted(const struct table *table, struct table *now, struct error *error)
{
	struct notrack_changes changes = { 0 };
	struct ruleset found = { 0 };
	int result = table_open(now, table->family, table->name, table->check, error);

	if (!result)
		result = table_read(now, &found, error);
	if (!result)
		grafted_take_jumps(&found, table->name);
	if (!result)
		result = ruleset_edit(&found, table->want, NULL, NULL, &changes);
	if (!result && table->want->grafted)
		changes.added += !grafted_has(found.grafted, table->want->grafted, table->family);
	ruleset_free(&found);
	return result ? result : !changes.added && !changes.removed;
}

/* Whoever reads it can do something about the host's own rules alone. */
static int explain_refusal(const struct table *table, int err, struct error *error)
{
	const struct grafted *grafted = table->want->grafted;
	char others[48] = "";

	if (err != -EINVAL || !grafted || !grafted->repeated)
		return table_explain(table, err, error);
	if (grafted->repeated_count > 1)
		snprintf(others, sizeof(others), ", or of %zu others", grafted->repeated_count - 1);
	errno = -err;
	return error_set(error, -EIO, "table %s (%s): the kernel refused it: %m, it may be for what rules "
			 "of ours repeat of %s%s; its log may say more; let that rule ask for no state, "
			 "or leave the service tracked", table->name, table->family->name,
			 grafted->repeated, others);
}

/*
 * libiptc replaces the table, and then adds the counters of what stayed.  It gives
 * the same answer whichever of the two failed, so look what the table is now.
 * Where it is the new one, its counters began at 0: add to them what is missing.
 * Where nobody can see what it is, the caller is told so, who may see later.
 */
static int settle(struct table *table, int err, struct error *error)
{
	const struct xtc *calls = &xtc[table->family->family];
	struct error ignored;
	struct table now;
	bool replaced = false;
	int result = -EAGAIN;

	for (int i = 0; i < TRIES && (result == -EAGAIN || (result && !replaced)); i++) {
		result = is_as_wanted(table, &now, &ignored);
		if (!result) {
			table_close(&now);
			return err == -EAGAIN ? err : explain_refusal(table, err, error);
		}
		replaced |= result > 0;
		xtc_lock();
		if (result > 0)
			result = counters_add(table, &now);
		if (!result && !calls->commit(now.handle))
			result = xtc_errno();
		xtc_unlock();
		table_close(&now);
	}
	if (result && !replaced) {
		table->maybe_replaced = true;
		return table_explain(table, err, error);
	}
	return result ? error_set(error, -ENOTRECOVERABLE, "table %s (%s): was replaced, but the "
				  "counters of its rules could not be put back and are lost; another "
				  "program changed the table, or there is no memory",
				  table->name, table->family->name) : 0;
}

int table_commit(struct table *table, struct error *error)
{
	int err;

	*error = (struct error){ 0 };
	xtc_lock();
	err = counters_keep_policies(table, table);
	if (!err && !xtc[table->family->family].commit(table->handle))
		err = xtc_errno();
	xtc_unlock();
	if (err)
		err = settle(table, err, error);
	table_close(table);
	return err;
}
