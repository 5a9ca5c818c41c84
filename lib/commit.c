/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls that bring the model into the kernel, or take all of ours out of it. */
#include <errno.h>

#include "context.h"
#include "layout.h"
#include "stale.h"
#include "support/retry.h"
#include "transaction.h"

/* What was opened, and whom the host lets in by itself, for the next commit. */
static void remember(struct transaction *transaction)
{
	struct plan *plan = &transaction->plan;
	struct notrack *nt = transaction->nt;
	struct opening_memory before = nt->memory;

	if (!plan->made)
		return;
	nt->deferred = plan->parity.deferred;
	nt->memory = plan->memory;
	nt->memory.used = true;
	plan->memory = before;
}

/*
 * Where the host's rules are not those that the plan was made for, a new one is made.  -EBUSY is
 * final: whoever says so has tried often enough.
 */
static int commit_in_kernel(struct notrack *nt, void *data)
{
	struct transaction transaction;
	int err = GRAFT_OUTDATED;

	for (int tries = 0; tries < TRIES && err == GRAFT_OUTDATED; tries++) {
		*(struct notrack_changes *)data = (struct notrack_changes){ 0 };
		err = transaction_begin(&transaction, nt, false);
		for (size_t i = 0; i < BACKENDS && !err; i++)
			err = stale_loosen(nt, &transaction.had[i],
					   transaction.wanted.local_only);
		if (!err)
			err = transaction_run(&transaction, data);
		if (!err) {
			nt->local_only = transaction.wanted.local_only;
			remember(&transaction);
		}
		transaction_end(&transaction);
	}
	transaction_tell(nt, data);
	return err == GRAFT_OUTDATED ? -EBUSY : err;
}

static int commit_locked(struct notrack *nt, struct notrack_changes *changes)
{
	struct notrack_changes made = { 0 };
	bool held = lock_is_held(&nt->lock);
	int err = notrack_lock(nt);

	if (!err)
		err = context_in_kernel(nt, commit_in_kernel, &made);
	if (err)
		made = (struct notrack_changes){ 0 };
	if (!held)
		notrack_unlock(nt);
	layout_give(&layout_changes, changes, &made);
	return err ? err : (int)(made.added + made.removed);
}

/* What could not be read would be removed, as the model does not have it. */
static int check_damage(struct notrack *nt)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		const char *damage = nt->model.families[family].damage;

		if (damage && context_has(nt, family) && !(nt->force & NOTRACK_FORCE))
			return error_set(&nt->error, -EBADMSG, "%.850s; a commit would remove that service: "
					 "commit a whole configuration in place of what was loaded, "
					 "clear, or force it", damage);
	}
	return 0;
}

int notrack_commit(struct notrack *nt, struct notrack_changes *changes)
{
	UNCANCELLED;
	int result = context_begin_changes(nt, changes);

	if (!result)
		result = check_damage(nt);
	if (!result)
		result = commit_locked(nt, changes);
	if (result >= 0) {	/* what was damaged is gone */
		model_forget_damage(&nt->model, nt->families);
		context_settle(nt);
		model_forget_came(&nt->model, nt->families);
		nt->known_in = nt->here;
		nt->clients_only = true;
		nt->insists = nt->clients_changed = false;
	}
	return result;
}

int notrack_clear(struct notrack *nt, struct notrack_changes *changes)
{
	UNCANCELLED;
	int result = context_begin_changes(nt, changes);
	struct model kept;

	if (result)
		return result;
	kept = nt->model;
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (context_has(nt, family))
			nt->model.families[family] = (struct family_model){ 0 };
	nt->clients_only = false;
	result = commit_locked(nt, changes);
	if (result < 0)
		nt->model = kept;	/* and so it can be tried again */
	else
		model_clear(&kept, nt->families);
	return result;
}
