/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public calls that bring the model into the kernel, or say what that would change.
 *
 * The chosen backend gets what the model means, any other one that holds rules of
 * ours gets none.  Moving from one to the other is make before break, too: the
 * new one accepts before it untracks, and untracks before the old one stops; the
 * old one untracks no more before it stops accepting.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "layout.h"
#include "plan.h"
#include "rules/compile.h"
#include "stale.h"
#include "support/stream.h"

struct transaction {
	struct notrack *nt;
	struct plan plan;			/* what is to stand in chains of the host */
	struct wanted wanted, nothing;
	struct change *changes[BACKENDS];	/* the chosen backend's first */
	struct model had[BACKENDS];		/* services that are there, where the plan is made */
	size_t count;
};

static const struct model empty_model;

/* How often somebody may change the host's rules between our looking at them and the commit. */
#define TRIES 10

/* --- what there is to do ---------------------------------------------- */

/* Where only clients have changed, nobody has looked at the host's rules, and ours stay as they are. */
static bool is_local_only(const struct plan *plan, const struct image *image)
{
	return plan->host.forwards || (plan->made ? plan->parity.local_only :
						    image->backend->is_local_only(image));
}

static int compile_all(struct notrack *nt, const struct plan *plan, const struct image *image,
		       struct wanted *wanted)
{
	int err = 0;

	*wanted = (struct wanted){ .families = nt->families, .model = &nt->model };
	wanted->local_only = plan ? is_local_only(plan, image) : nt->local_only;
	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (context_has(nt, family))
			err = compile(&nt->model.families[family], family,
				      plan && plan->made ? &plan->parity.opened[family] : NULL,
				      wanted->local_only, wanted->rules[family], &nt->error);
	if (plan && plan->made)
		wanted->grafts = &plan->parity.grafts;
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

static void free_wanted(struct wanted *wanted)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		for (enum table_id id = RAW; id < TABLES; id++)
			ruleset_free(&wanted->rules[family][id]);
		ruleset_free(&wanted->leaving[family]);
	}
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

static bool changes_anything(const struct transaction *transaction)
{
	struct notrack_changes changes = { 0 };
	int err = 0;

	for (size_t i = 0; i < transaction->count && !err; i++) {
		struct change *change = transaction->changes[i];

		err = change->image->backend->diff(change, NULL, &changes);
	}
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

static int begin(struct transaction *transaction, struct notrack *nt, bool whole)
{
	int err = context_choose(nt), same = true, moves = false;
	size_t chosen = context_chosen(nt);
	struct error why = { "" };
	struct image *image;

	*transaction = (struct transaction){ .nt = nt };
	if (!err && (chosen != nt->loaded_from || context_has_moved(nt)))
		err = context_complete_in_kernel(nt, NULL);
	if (!err && context_has_moved(nt)) {	/* nothing of it is known here */
		nt->clients_only = false;
		opening_memory_free(&nt->memory);
	}
	/* what somebody else has changed of services since, clients alone do not put right */
	if (!err && (context_is_partial(nt) || nt->clients_only))
		same = context_has_services_of_kernel(nt);
	if (!err && same < 0)
		err = same;
	if (!err)
		moves = others_untrack(nt, chosen);
	if (!err && moves < 0)
		err = moves;
	if (!err)			/* the plan looks at what it has, too */
		err = context_image(nt, chosen, PART_RULES, &image);
	if (!err)
		err = plan_make(&transaction->plan, nt, whole || moves || !same);
	if (err == -ECANCELED && !nt->insists) {	/* if it changes anything at all */
		why = nt->error;
		*nt->error.text = '\0';
		err = 0;
	}
	if (!err)
		err = compile_all(nt, &transaction->plan, image, &transaction->wanted);
	/* who only looks is shown what differs */
	transaction->wanted.lets_damage_go = whole || nt->force & NOTRACK_FORCE;
	transaction->nothing = (struct wanted){ .families = nt->families, .model = &empty_model,
						.grafts = transaction->wanted.grafts };
	transaction->nothing.lets_damage_go = transaction->wanted.lets_damage_go;
	/* one table may hold both families, and what stays of the other is written anew */
	transaction->nothing.local_only = transaction->wanted.local_only;
	for (size_t i = 0; i < BACKENDS && !err; i++)
		err = begin_backend(transaction, (chosen + i) % BACKENDS, !i);
	return !err && *why.text ? refuse(transaction, &why) : err;
}

static void end(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->count; i++)
		transaction->changes[i]->image->backend->end(transaction->changes[i]);
	for (size_t i = 0; i < BACKENDS; i++)
		model_free(&transaction->had[i]);
	free_wanted(&transaction->wanted);
	free_wanted(&transaction->nothing);
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

static int run(struct transaction *transaction, struct notrack_changes *changes)
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
 * Numbers of the host's rules are other ones, and services opened, only where rules of ours come
 * or go; whoever watches is told once, and hears of it as long as it is so.
 */
static void tell_changes(struct notrack *nt, const struct notrack_changes *changes)
{
	if (changes->added || changes->removed || nt->insists)
		return;
	findings_remove(&nt->findings, "numbers");
	findings_remove(&nt->findings, "opened");
}

/* -EBUSY: the host's rules are not those that the plan was made for; then a new one is made. */
static int commit_in_kernel(struct notrack *nt, void *data)
{
	struct transaction transaction;
	int err = -EBUSY;

	for (int tries = 0; tries < TRIES && err == -EBUSY; tries++) {
		*(struct notrack_changes *)data = (struct notrack_changes){ 0 };
		err = begin(&transaction, nt, false);
		for (size_t i = 0; i < BACKENDS && !err; i++)
			err = stale_loosen(nt, &transaction.had[i],
					   transaction.wanted.local_only);
		if (!err)
			err = run(&transaction, data);
		if (!err) {
			nt->local_only = transaction.wanted.local_only;
			remember(&transaction);
		}
		end(&transaction);
	}
	tell_changes(nt, data);
	return err;
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

/* Nothing is committed that the caller could not be told. */
static int begin_call(struct notrack *nt, const struct notrack_changes *changes)
{
	int err = context_begin(nt);

	return err || !changes ? err : layout_check(&layout_changes, changes, &nt->error);
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
	int result = begin_call(nt, changes);

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
	int result = begin_call(nt, changes);
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

/* --- looking ---------------------------------------------------------- */

/*
 * What is asked of another network namespace is asked by a thread of its own, and the caller's
 * stream is the caller's: it may be locked, or write to where only that one gets.
 */
static int print_in_kernel(struct notrack *nt, int (*work)(struct notrack *nt, void *data),
			   void *data, FILE **out)
{
	FILE *theirs = *out;
	struct stream stream;
	int err;

	if (!theirs || nt->netns_fd < 0)
		return context_in_kernel(nt, work, data);
	if (stream_open(&stream))
		return error_set(&nt->error, -ENOMEM, "out of memory");
	*out = stream.out;
	err = context_in_kernel(nt, work, data);
	*out = theirs;
	if (stream_close(&stream) && !err)
		err = error_set(&nt->error, -ENOMEM, "out of memory");
	if (stream.text && !err)	/* the caller looks at ferror() */
		fwrite(stream.text, 1, stream.size, theirs);
	free(stream.text);
	return err;
}

struct preview {
	FILE *out;
	struct notrack_changes changes;
};

static int diff_in_kernel(struct notrack *nt, void *data)
{
	struct preview *preview = data;
	struct transaction transaction;
	int err = begin(&transaction, nt, true);

	for (size_t i = 0; i < transaction.count && !err; i++) {
		struct change *change = transaction.changes[i];

		err = change->image->backend->diff(change, preview->out, &preview->changes);
	}
	end(&transaction);
	tell_changes(nt, &preview->changes);
	return err;
}

/* Where it failed before, it does so again: what is in the buffer is kept. */
static int write_out(struct notrack *nt, FILE *out)
{
	errno = 0;
	if (!fflush(out) && !ferror(out))
		return 0;
	return error_set(&nt->error, -EIO, errno ? "the rules cannot be written: %m" :
						  "the rules cannot be written");
}

int notrack_diff(struct notrack *nt, FILE *out, struct notrack_changes *changes)
{
	UNCANCELLED;
	struct preview preview = { .out = out };
	int err = begin_call(nt, changes);

	if (err)
		return err;
	err = print_in_kernel(nt, diff_in_kernel, &preview, &preview.out);
	if (!err && out)
		err = write_out(nt, out);
	layout_give(&layout_changes, changes, &preview.changes);
	return err ? err : (int)(preview.changes.added + preview.changes.removed);
}

/* What is printed of the whole model. */
struct printing {
	struct wanted wanted;
	FILE *out;
};

static int print_wanted(struct notrack *nt, void *data)
{
	struct printing *printing = data;
	const struct session session = context_session(nt);

	return backends[context_chosen(nt)]->print(&session, &printing->wanted, printing->out);
}

static int print_beside(struct notrack *nt, void *data)
{
	struct printing *printing = data;
	struct image *image;
	int err = 0;

	for (size_t i = 0; i < BACKENDS && !err; i++) {
		err = context_image(nt, i, PART_RULES, &image);
		if (!err)
			err = backends[i]->print_beside(image, i == context_chosen(nt) ?
							&printing->wanted : NULL, printing->out);
	}
	return err;
}

static int print_all(struct notrack *nt, FILE *out, int (*print)(struct notrack *nt, void *data),
		     bool asks_kernel)
{
	struct printing printing = { .out = out };
	int err = context_complete(nt);

	if (err)
		return err;
	err = compile_all(nt, NULL, NULL, &printing.wanted);
	if (!err)
		err = asks_kernel ? print_in_kernel(nt, print, &printing, &printing.out) :
				    print(nt, &printing);
	free_wanted(&printing.wanted);
	if (!err && ferror(out))
		err = error_set(&nt->error, -EIO, "the rules cannot be written");
	return err;
}

int notrack_print_rules(struct notrack *nt, FILE *out)
{
	UNCANCELLED;
	int err = context_begin(nt, ARGUMENT(out));

	return err ? err : print_all(nt, out, print_wanted, false);
}

int notrack_print_host_rules(struct notrack *nt, FILE *out)
{
	UNCANCELLED;
	int err = context_begin(nt, ARGUMENT(out));

	return err ? err : print_all(nt, out, print_beside, true);
}
