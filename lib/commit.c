/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transaction.  Tables are replaced one at a time, each at once; so that
 * no packet is untracked and not accepted in between:
 *
 *	1. filter gets what is new, and keeps all that it accepts
 *	2. raw becomes what is wanted
 *	3. filter becomes what is wanted
 *
 * Most changes need one or two of these.  When a step fails, those before it
 * are taken back, last to first.
 */
#include <errno.h>

#include "legacy/table.h"
#include "transaction.h"

/* How often a table may change under our hands, by a program without the lock. */
#define TRIES 10

struct step {
	enum family family;
	enum table_id id;
	const struct ruleset *target, *before;	/* what it is to become, and was */
};

#define STEPS_MAX (3 * FAMILIES)

struct commit {
	struct transaction transaction;
	struct step done[STEPS_MAX];	/* to be taken back on failure */
	size_t done_count;
	struct notrack_changes changes;
};

/* --- one table -------------------------------------------------------- */

/* Commits @target once; 0 if there was nothing to do. */
static int try_step(struct commit *commit, const struct step *step,
		    struct notrack_changes *changes)
{
	struct notrack *nt = commit->transaction.nt;
	struct table *table = &nt->snapshots[step->family][step->id].table;
	const struct ruleset *found = transaction_have(&commit->transaction, step->family, step->id);
	struct ruleset again = { 0 };
	int err = 0, count;

	if (!table->handle) {	/* committed before, or changed by somebody */
		err = table_open(table, &xt_families[step->family], step->id, nt->netns_fd >= 0,
				 &nt->error);
		if (!err)
			err = table_read(table, &again, &nt->error);
		found = &again;
	}
	count = err ? err : table_edit(table, found, step->target, &nt->revisions[step->family], changes,
						 &nt->error);
	if (count > 0) {
		err = table_commit(table, &nt->error);
		if (err)
			count = err;
	} else if (count < 0 || found == &again) {
		table_close(table);
	}
	ruleset_free(&again);
	return count;
}

/* Returns whether it was committed, or -errno. */
static int do_step(struct commit *commit, const struct step *step)
{
	struct notrack_changes changes;
	int result = -EAGAIN;

	for (int i = 0; i < TRIES && result == -EAGAIN; i++) {
		changes = (struct notrack_changes){ 0 };
		result = try_step(commit, step, &changes);
	}
	if (result == -EAGAIN)
		return error_set(&commit->transaction.nt->error, -EBUSY, "table %s (%s): another program, "
			    "which does not take the xtables lock, kept changing it; try again",
			    table_name(step->id), xt_families[step->family].name);
	if (result > 0) {
		commit->changes.added += changes.added;
		commit->changes.removed += changes.removed;
	}
	return result < 0 ? result : result > 0;
}

/* --- all tables ------------------------------------------------------- */

/*
 * The same steps the other way round keep the same promise.  Where one fails, those
 * before it stay as well: what raw still untracks, filter still accepts.
 */
static int rollback(struct commit *commit, int err)
{
	struct error *error = &commit->transaction.nt->error, cause = *error;
	const struct step *stuck[FAMILIES] = { NULL };

	while (commit->done_count--) {
		const struct step *done = &commit->done[commit->done_count];
		struct step back = *done;

		back.target = done->before;
		if (!stuck[done->family] && do_step(commit, &back) < 0)
			stuck[done->family] = done;
	}
	*error = cause;
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (stuck[family])
			err = error_set(error, -ENOTRECOVERABLE, "%.900s; and table %s (%s) could not be put "
				   "back as it was", cause.text, table_name(stuck[family]->id),
				   xt_families[family].name);
	return err;
}

static size_t plan_steps(const struct transaction *t, struct step plan[STEPS_MAX])
{
	size_t count = 0;

	for (enum family f = IPV4; f < FAMILIES; f++)
		if (!t->skip[f][FILTER])
			plan[count++] = (struct step){ f, FILTER, &t->both[f],
						       transaction_have(t, f, FILTER) };
	for (enum family f = IPV4; f < FAMILIES; f++)
		if (!t->skip[f][RAW])
			plan[count++] = (struct step){ f, RAW, &t->want[f][RAW],
						       transaction_have(t, f, RAW) };
	for (enum family f = IPV4; f < FAMILIES; f++)
		if (!t->skip[f][FILTER] && t->more[f])
			plan[count++] = (struct step){ f, FILTER, &t->want[f][FILTER],
						       &t->both[f] };
	return count;
}

static int run_steps(struct commit *commit)
{
	struct step plan[STEPS_MAX];
	size_t planned = plan_steps(&commit->transaction, plan);

	for (size_t i = 0; i < planned; i++) {
		int result = do_step(commit, &plan[i]);

		/* without its counters, the table may be the new one */
		if (result > 0 || result == -ENOTRECOVERABLE)
			commit->done[commit->done_count++] = plan[i];
		if (result < 0)
			return rollback(commit, result);
	}
	return 0;
}

static int commit_in_kernel(struct notrack *nt, void *data)
{
	struct commit *commit = data;
	int err = transaction_begin(&commit->transaction, nt);

	if (!err)
		err = run_steps(commit);
	transaction_end(&commit->transaction);
	return err;
}

static int commit_locked(struct notrack *nt, struct notrack_changes *changes)
{
	struct commit commit = { .done_count = 0 };
	bool held = lock_is_held(&nt->lock);
	int err = notrack_lock(nt);

	if (!err)
		err = context_in_kernel(nt, commit_in_kernel, &commit);
	if (err)
		commit.changes = (struct notrack_changes){ 0 };
	if (!held)
		notrack_unlock(nt);
	context_give_struct(changes, &commit.changes, sizeof(commit.changes));
	return err ? err : (int)(commit.changes.added + commit.changes.removed);
}

int notrack_commit(struct notrack *nt, struct notrack_changes *changes)
{
	context_begin(nt);
	return commit_locked(nt, changes);
}

int notrack_clear(struct notrack *nt, struct notrack_changes *changes)
{
	struct model kept = nt->model;
	int result;

	context_begin(nt);
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (context_has(nt, family))
			nt->model.families[family] = (struct family_model){ 0 };
	result = commit_locked(nt, changes);
	if (result < 0)
		nt->model = kept;	/* and so it can be tried again */
	else
		model_clear(&kept, nt->families);
	return result;
}

