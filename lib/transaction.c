/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction.h"

#include <errno.h>

#include "rules/compile.h"
#include "wanted.h"

static const struct model empty_model;

/* --- what there is to do ---------------------------------------------- */

/* Where only clients have changed, nobody has looked at the host's rules, and ours stay as they are. */
static bool is_local_only(const struct plan *plan, const struct image *image)
{
	return plan->host.forwards || (plan->made ? plan->parity.local_only :
						    image->backend->is_local_only(image));
}

static int compile_planned(struct transaction *transaction, const struct image *image)
{
	const struct plan *plan = &transaction->plan;
	int err = wanted_compile(&transaction->wanted, transaction->nt,
				 plan->made ? plan->parity.opened : NULL, is_local_only(plan, image));

	if (plan->made)
		transaction->wanted.grafts = &plan->parity.grafts;
	return err;
}

/* Of services that are in @image; clients alone that change let nothing leave. */
static int compile_leaving_services(struct transaction *transaction, struct image *image,
				    struct model *had, struct wanted *wanted)
{
	struct notrack *nt = transaction->nt;
	int err;

	if (!transaction->plan.made)
		return 0;
	err = image->backend->raise(image, PART_RULES, had);
	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (context_has(nt, family))
			err = compile_leaving(&had->families[family], &nt->model.families[family],
					      family, transaction->wanted.local_only,
					      &wanted->leaving[family], &nt->error);
	return err;
}

/*
 * In the world of a backend that holds nothing of ours, rules may be wanted all the same; and
 * twins may stand there that lead to no chain of ours.
 */
static bool has_grafts(const struct transaction *transaction, size_t backend)
{
	const struct grafts *grafts = transaction->nothing.grafts;

	if (transaction->plan.ours & 1u << backends[backend]->world)
		return true;
	for (size_t i = 0; grafts && i < grafts->count; i++)
		if (grafts->list[i].chain->table->world == backends[backend]->world)
			return true;
	return false;
}

static int begin_backend(struct transaction *transaction, size_t backend, bool chosen)
{
	struct wanted *wanted = chosen ? &transaction->wanted : &transaction->nothing;
	struct image *image;
	int err;

	if (!chosen && !transaction->plan.made)	/* what it has in chains of the host stays */
		return 0;
	err = context_image(transaction->nt, backend, PART_RULES, &image);
	if (err || (!chosen && !backends[backend]->is_used(image) &&
		    !has_grafts(transaction, backend)))
		return err;
	err = compile_leaving_services(transaction, image, &transaction->had[backend], wanted);
	if (!err)
		err = backends[backend]->begin(image, wanted,
					       &transaction->changes[transaction->count]);
	transaction->count += !err;
	return err;
}

/* Then all of it moves to the chosen one. */
static int others_untrack(struct notrack *nt, size_t chosen)
{
	for (size_t i = 1; i < BACKENDS; i++) {
		size_t backend = (chosen + i) % BACKENDS;
		struct image *image;
		int err = context_image(nt, backend, PART_RULES, &image);

		if (err)
			return err;
		if (backends[backend]->untracks(image))
			return true;
	}
	return false;
}

int transaction_diff(const struct transaction *transaction, FILE *out,
		     struct notrack_changes *changes)
{
	int err = 0;

	for (size_t i = 0; i < transaction->count && !err; i++) {
		struct change *change = transaction->changes[i];

		err = change->image->backend->diff(change, out, changes);
	}
	return err;
}

static bool changes_anything(const struct transaction *transaction)
{
	struct notrack_changes changes = { 0 };
	int err = transaction_diff(transaction, NULL, &changes);

	return err || changes.added || changes.removed;
}

/* What stands already, by force or since before the host was as it is, is no change. */
static int refuse(const struct transaction *transaction, const struct error *why)
{
	if (!changes_anything(transaction))
		return 0;
	transaction->nt->error = *why;
	return -ECANCELED;
}

/*
 * Of clients alone that change, nobody has to know the rest, unless the model was read from
 * elsewhere than it goes to.
 */
static int complete_where_it_moves(struct notrack *nt)
{
	int err = 0;

	if (context_chosen(nt) != nt->loaded_from || context_has_moved(nt))
		err = context_complete_in_kernel(nt, NULL);
	if (!err && context_has_moved(nt)) {	/* nothing of it is known here */
		nt->clients_only = false;
		opening_memory_free(&nt->memory);
	}
	return err;
}

/* Whether more than clients may have changed; or -errno. */
static int more_than_clients(struct notrack *nt)
{
	int same = true, moves;

	/* what somebody else has changed of services since, clients alone do not put right */
	if (context_is_partial(nt) || nt->clients_only)
		same = context_has_services_of_kernel(nt);
	if (same < 0)
		return same;
	moves = others_untrack(nt, context_chosen(nt));
	return moves < 0 ? moves : moves || !same;
}

/* Fills in @refused with the sentence where the change, if it is one, is to be refused. */
static int make_plan(struct transaction *transaction, bool whole, struct error *refused)
{
	struct notrack *nt = transaction->nt;
	struct image *image;
	int more = more_than_clients(nt), err;

	if (more < 0)
		return more;
	/* the plan looks at what it has, too */
	err = context_image(nt, context_chosen(nt), PART_RULES, &image);
	if (!err)
		err = plan_make(&transaction->plan, nt, whole || more);
	if (err == -ECANCELED && !nt->insists) {
		*refused = nt->error;
		*nt->error.text = '\0';
		err = 0;
	}
	if (!err)
		err = compile_planned(transaction, image);
	return err;
}

int transaction_begin(struct transaction *transaction, struct notrack *nt, bool whole)
{
	struct error refused = { "" };
	int err;

	*transaction = (struct transaction){ .nt = nt };
	err = context_choose(nt);
	if (!err)
		err = complete_where_it_moves(nt);
	if (!err)
		err = make_plan(transaction, whole, &refused);
	/* who only looks is shown what differs */
	transaction->wanted.lets_damage_go = whole || nt->force & NOTRACK_FORCE;
	transaction->nothing = (struct wanted){
		.families = nt->families, .model = &empty_model,
		.grafts = transaction->wanted.grafts,
		.lets_damage_go = transaction->wanted.lets_damage_go,
		/* one table may hold both families, and what stays of the other is written anew */
		.local_only = transaction->wanted.local_only,
	};
	for (size_t i = 0; i < BACKENDS && !err; i++)
		err = begin_backend(transaction, (context_chosen(nt) + i) % BACKENDS, !i);
	return !err && *refused.text ? refuse(transaction, &refused) : err;
}

void transaction_end(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->count; i++)
		transaction->changes[i]->image->backend->end(transaction->changes[i]);
	for (size_t i = 0; i < BACKENDS; i++)
		model_free(&transaction->had[i]);
	wanted_free(&transaction->wanted);
	wanted_free(&transaction->nothing);
	plan_free(&transaction->plan);
	context_forget(transaction->nt);
}

/* --- committing ------------------------------------------------------- */

static int rollback(struct transaction *transaction, int err)
{
	for (size_t i = transaction->count; i-- > 0;) {
		struct change *change = transaction->changes[i];

		if (change->image->backend->rollback(change))
			err = -ENOTRECOVERABLE;
	}
	return err;
}

int transaction_run(struct transaction *transaction, struct notrack_changes *changes)
{
	const unsigned int phases[] = { PHASE_ACCEPT, PHASE_UNTRACK, PHASE_FINISH };
	struct change *only = transaction->changes[0];
	int err = 0;

	if (transaction->count == 1)
		return only->image->backend->commit(only, PHASES, changes);
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]) && !err; i++)
		for (size_t j = 0; j < transaction->count && !err; j++) {
			struct change *change = transaction->changes[j];

			err = change->image->backend->commit(change, phases[i], changes);
		}
	return err ? rollback(transaction, err) : 0;
}

void transaction_tell(struct notrack *nt, const struct notrack_changes *changes)
{
	if (changes->added || changes->removed || nt->insists)
		return;
	findings_remove(&nt->findings, "numbers");
	findings_remove(&nt->findings, "opened");
}
