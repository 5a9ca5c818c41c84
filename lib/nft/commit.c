/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes, comes in one batch: accepts together with the rules that untrack.  A batch is
 * made hook by hook, though, and packets that were untracked may be on their way to the
 * next one when it is made.  So accepts go in a batch of their own, when no such packet is
 * left.
 */
#include "nft/change.h"

#include <errno.h>

#include "nft/question.h"
#include "support/packets.h"

/* Whether it was committed, or -errno; -EAGAIN: what was planned from is out of date. */
static int send_phases(struct nft_change *change, unsigned int phases)
{
	struct nft_state *have = nft_change_have(change);
	struct batch batch;
	int err;

	batch_begin(&batch, &nft_changed_image(change)->netlink);
	nft_plan_put(&change->plan, phases, &batch);
	if (batch.count && phases == PHASE_FINISH && change->was_untracked) {
		packets_wait();
		/* somebody changes rules meanwhile, most often: then the next try need not wait */
		change->was_untracked = false;
	}
	err = batch_send(&batch, &have->generation, change->change.image->session.error);
	if ((!err && batch.count) || batch.is_partly_done)
		change->is_committed = true;
	if (!err)
		err = batch.count > 0;
	batch_free(&batch);
	return err;
}

/* Those that can be done in one batch. */
static unsigned int next_phases(const struct nft_change *change, unsigned int left)
{
	unsigned int opening = left & (PHASE_ACCEPT | PHASE_UNTRACK);

	return opening && nft_plan_closes(&change->plan) ? opening : left;
}

static int commit_next(struct nft_change *change, unsigned int left,
		       struct notrack_changes *changes)
{
	unsigned int phases = next_phases(change, left);
	int result = send_phases(change, phases);

	if (result < 0)
		return result;
	if (result && !change->is_counted)
		nft_plan_report(&change->plan, nft_change_have(change), phases, NULL, changes);
	change->was_untracked |= result && phases & PHASE_UNTRACK;
	change->done |= phases;
	return 0;
}

static int commit_phases(struct nft_change *change, unsigned int phases,
			 struct notrack_changes *changes)
{
	int err = nft_change_plan(change);

	for (int tries = 0; !err && phases & ~change->done;) {
		err = commit_next(change, phases & ~change->done, changes);
		if (err == -ENFILE && !change->reads_all) {
			change->reads_all = true;	/* then it is known which sets have room */
			err = -EAGAIN;
		}
		if (err != -EAGAIN)
			continue;
		if (++tries == TRIES)
			return error_set(change->change.image->session.error, -EBUSY, "another "
					 "program kept changing the rules of nftables; try again");
		change->is_planned = false;
		err = nft_change_plan(change);
	}
	return err;
}

/* Where no rule that accepts goes, answers get in untracked or not. */
static bool has_leaving(const struct nft_change *change)
{
	const struct wanted *wanted = change->change.wanted;

	return (wanted->leaving[IPV4].count || wanted->leaving[IPV6].count) &&
	       nft_plan_closes(&change->plan);
}

/*
 * Requests of what leaves are tracked again, and answers are not yet.  What comes and what
 * goes is counted as if all that is left to do were done at once.
 */
static int commit_leaving(struct nft_change *change, unsigned int phases,
			  struct notrack_changes *changes)
{
	int err;

	nft_plan_report(&change->plan, nft_change_have(change), phases | PHASE_FINISH, NULL,
			changes);
	change->is_counted = true;
	change->answers_stay = true;
	change->is_planned = false;
	err = commit_phases(change, phases & ~PHASE_FINISH, changes);
	change->answers_stay = change->is_planned = false;
	if (!err)
		packets_wait_for_answers();
	return err ? err : commit_phases(change, phases, changes);
}

int nft_change_commit(struct change *base, unsigned int phases, struct notrack_changes *changes)
{
	struct nft_change *change = nft_change_of(base);
	const struct notrack_changes before = *changes;
	int err;

	if (!nft_changed_image(change)->is_supported)
		return 0;
	err = nft_change_plan(change);
	if (!err && phases & PHASE_UNTRACK && has_leaving(change))
		err = commit_leaving(change, phases, changes);
	else if (!err)
		err = commit_phases(change, phases, changes);
	if (!err)
		return 0;
	*changes = before;
	if (err == -ENFILE)
		err = -EIO;
	return nft_change_rollback(base) ? -ENOTRECOVERABLE : err;
}

int nft_change_rollback(struct change *base)
{
	struct nft_change *change = nft_change_of(base);
	struct error *error = base->image->session.error, cause = *error;
	struct notrack_changes ignored = { .added = 0 };
	int err;

	if (!change->is_committed)
		return 0;
	change->goes_back = true;
	change->is_planned = false;
	err = commit_phases(change, PHASES, &ignored);
	change->goes_back = change->is_planned = false;
	change->is_committed = err < 0;
	if (err)
		return error_set(error, -ENOTRECOVERABLE, "%.800s%sthe rules of nftables could not be "
				 "put back as they were", cause.text, *cause.text ? "; and " : "");
	*error = cause;
	return 0;
}
