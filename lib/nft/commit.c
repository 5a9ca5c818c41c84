/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes of our table: a batch, computed from one generation of the kernel's rules. */
#include "nft/change.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

/* How often somebody may change rules between our reading and our batch. */
#define TRIES 10

/* --- steps -------------------------------------------------------------- */

static void put_elements(struct batch *batch, const struct nft_place *place,
			 const struct nft_plan *plan)
{
	for (size_t i = 0; i < plan->edit_count; i++) {
		const struct nft_set_edit *edit = &plan->edits[i];

		/* in this order, as a set may have no room for both */
		elements_remove(batch, place, &edit->set, &edit->remove);
		elements_add(batch, place, &edit->set, &edit->add, edit->restores_counters);
	}
}

static void put_step(struct batch *batch, const struct nft_place *place,
		     const struct nft_step *step, const struct nft_plan *plan)
{
	switch (step->kind) {
	case NFT_ADD_TABLE:
		message_add_table(batch, place);
		break;
	case NFT_ADD_SET:
		message_add_set(batch, place, step->set);
		break;
	case NFT_ADD_CHAIN:
		message_add_chain(batch, place, step->chain);
		break;
	case NFT_EDIT_ELEMENTS:
		put_elements(batch, place, plan);
		break;
	case NFT_PREPARED:
		batch_prepared(batch);
		break;
	case NFT_REMOVE_RULE:
		message_delete_rule(batch, place, step->chain->name, step->rule);
		break;
	case NFT_REMOVE_SET:
		message_delete_set(batch, place, step->set->name);
		break;
	case NFT_REMOVE_CHAIN:
		message_delete_chain(batch, place, step->chain->name);
		break;
	case NFT_ADD_RULE:
		message_add_rule(batch, place, step->chain->name, step->rule, step->before);
		break;
	case NFT_REMOVE_TABLE:
		message_delete_table(batch, place);
		break;
	}
}

void nft_steps_put(const struct nft_steps *steps, const struct nft_plan *plan,
		   const struct nft_place *place, struct batch *batch)
{
	for (size_t i = 0; i < steps->count; i++)
		put_step(batch, place, &steps->list[i], plan);
}

/* Whether it was committed, or -errno; -EAGAIN: what was planned from is out of date. */
static int send_steps(struct nft_change *change)
{
	struct error *error = change->change.image->session.error;
	struct nft_state *have = nft_change_have(change);
	struct batch batch;
	int err;

	batch_begin(&batch, &nft_changed_image(change)->netlink);
	nft_steps_put(&change->steps, &change->plan, &nft_own_place, &batch);
	err = batch_send(&batch, &have->generation, error);
	if ((!err && batch.count) || batch.is_partly_done)
		change->is_committed = true;
	if (!err)
		err = batch.count > 0;
	batch_free(&batch);
	return err;
}

/* --- planning anew ------------------------------------------------------ */

static int read_again(struct nft_change *change)
{
	const struct session *session = &change->change.image->session;
	int err;

	nft_steps_free(&change->steps);		/* which refer to what is freed here */
	nft_plan_free(&change->plan);
	nft_state_free(&change->fresh);
	err = nft_state_read(&change->fresh, &nft_changed_image(change)->netlink,
			     session->families, session->error);
	change->is_stale = true;
	change->is_outdated = err;
	return err;
}

static int plan_again(struct nft_change *change)
{
	int err = read_again(change);

	return err ? err : nft_change_plan(change);
}

static int too_often(struct nft_change *change)
{
	return error_set(change->change.image->session.error, -EBUSY, "another program kept changing "
			 "the rules of nftables; try again");
}

/* --- phases ------------------------------------------------------------- */

static int commit_table(struct nft_change *change, struct notrack_changes *changes)
{
	int result = -EAGAIN;

	for (int i = 0; i < TRIES && result == -EAGAIN; i++) {
		result = change->is_outdated ? plan_again(change) : 0;
		if (!result)
			result = send_steps(change);
		change->is_outdated |= result == -EAGAIN;
	}
	if (result == -EAGAIN)
		return too_often(change);
	if (result > 0) {
		nft_steps_report(&change->steps, nft_change_have(change), &change->plan, NULL,
				 changes);
		change->is_outdated = true;
	}
	return result < 0 ? result : 0;
}

int nft_change_commit(struct change *base, unsigned int phases, struct notrack_changes *changes)
{
	struct nft_change *change = nft_change_of(base);
	const struct notrack_changes before = *changes;
	struct error *error = base->image->session.error, cause;
	int err;

	if (!nft_changed_image(change)->is_supported || !(phases & PHASE_UNTRACK))
		return 0;
	err = commit_table(change, changes);
	if (!err)
		return 0;
	*changes = before;
	cause = *error;
	if (nft_change_rollback(base))
		return error_set(error, -ENOTRECOVERABLE, "%.900s; and table inet " NFT_TABLE
				 " could not be put back as it was", cause.text);
	*error = cause;
	return err;
}

/* --- rollback ----------------------------------------------------------- */

static int plan_rollback(struct nft_change *change)
{
	struct nft_state *before = &nft_changed_image(change)->state;
	int err = read_again(change);

	if (err)
		return err;
	err = nft_plan_restore(&change->plan, &change->fresh.pools, &before->pools);
	if (!err)
		err = nft_steps_make(&change->steps, &change->fresh.table, &before->table, true);
	return err ? error_set(change->change.image->session.error, err, "out of memory") : 0;
}

int nft_change_rollback(struct change *base)
{
	struct nft_change *change = nft_change_of(base);
	int err = -EAGAIN;

	if (!change->is_committed)
		return 0;
	for (int i = 0; i < TRIES && err == -EAGAIN; i++) {
		err = plan_rollback(change);
		if (!err)
			err = send_steps(change);
	}
	change->is_outdated = true;
	if (err < 0)
		return err == -EAGAIN ? too_often(change) : err;
	change->is_committed = false;
	return 0;
}
