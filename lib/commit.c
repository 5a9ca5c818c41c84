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
#include <stdlib.h>

#include "compile.h"
#include "context.h"
#include "diff.h"
#include "table.h"
#include "union.h"

/* How often a table may change under our hands, by a program without the lock. */
#define TRIES 10

struct transaction {
	struct notrack *nt;
	const struct model *model;
	struct ruleset want[FAMILIES][TABLES];
	struct ruleset both[FAMILIES];		/* filter, halfway */
	bool more[FAMILIES];			/* and that is more than is wanted */
	bool skip[FAMILIES][TABLES];		/* nothing there, nothing wanted */
	struct notrack_changes changes;
	struct step *steps;			/* done, to be taken back on failure */
	size_t step_count;
};

struct step {
	enum family family;
	enum table_id id;
	const struct ruleset *target;
};

#define STEPS_MOST (3 * FAMILIES)

/* --- reading and comparing -------------------------------------------- */

/* As it was found; kept until the end of the transaction, for the way back. */
static const struct ruleset *have(const struct transaction *t, enum family family,
				  enum table_id id)
{
	return &t->nt->snapshots[family][id].found;
}

static int begin_table(struct transaction *t, enum family family, enum table_id id)
{
	const struct kernel *kernel = &kernels[family];
	int err;

	/* a table that is not there would be made by being read */
	t->skip[family][id] = !t->want[family][id].count && !table_exists(kernel, id);
	if (t->skip[family][id])
		return 0;
	err = context_read(t->nt, family, id);
	if (!err)
		err = revisions_ask(&t->nt->revisions[family], kernel, &t->nt->error);
	return err;
}

static int begin_family(struct transaction *t, enum family family)
{
	struct ruleset *want = t->want[family];
	int err = compile(&t->model->families[family], family, want, &t->nt->error);

	for (enum table_id id = RAW; id < TABLES && !err; id++)
		err = begin_table(t, family, id);
	if (!err)
		err = ruleset_union(&t->both[family], have(t, family, FILTER), &want[FILTER]);
	if (err < 0 && !*t->nt->error.text)
		fail(&t->nt->error, err, "out of memory");
	t->more[family] = err > 0;
	return err < 0 ? err : 0;
}

static int begin(struct transaction *t)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		if (context_has(t->nt, family))
			err = begin_family(t, family);
		else
			t->skip[family][RAW] = t->skip[family][FILTER] = true;
	}
	return err;
}

static void end(struct transaction *t)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		for (enum table_id id = RAW; id < TABLES; id++)
			ruleset_free(&t->want[family][id]);
		ruleset_free(&t->both[family]);
	}
	context_forget(t->nt);
}

/* --- one table -------------------------------------------------------- */

/* Commits @target once; 0 if there was nothing to do. */
static int try_step(struct transaction *t, const struct step *step,
		    struct notrack_changes *changes)
{
	struct table *table = &t->nt->snapshots[step->family][step->id].table;
	struct ruleset again = { 0 };
	const struct ruleset *found = have(t, step->family, step->id);
	struct error *error = &t->nt->error;
	int err = 0, count;

	if (!table->open) {	/* committed before, or changed by somebody */
		err = table_open(table, &kernels[step->family], step->id, error);
		if (!err)
			err = table_read(table, &again, error);
		found = &again;
	}
	count = err ? err : table_edit(table, found, step->target, changes, error);
	if (count > 0) {
		err = table_commit(table, &t->nt->revisions[step->family], error);
		if (err)
			count = err;
	} else if (count < 0 || found == &again) {
		table_close(table);
	}
	ruleset_free(&again);
	return count;
}

/* Returns whether it was committed, or -errno. */
static int do_step(struct transaction *t, const struct step *step)
{
	struct notrack_changes changes;
	int result = -EAGAIN;

	for (int i = 0; i < TRIES && result == -EAGAIN; i++) {
		changes = (struct notrack_changes){ 0 };
		result = try_step(t, step, &changes);
	}
	if (result == -EAGAIN)
		return fail(&t->nt->error, -EBUSY, "table %s (%s): another program, which does "
			    "not take the xtables lock, kept changing it; try again",
			    table_name(step->id), kernels[step->family].name);
	if (result > 0) {
		t->changes.added += changes.added;
		t->changes.removed += changes.removed;
	}
	return result < 0 ? result : result > 0;
}

/* --- all tables ------------------------------------------------------- */

static int take_back(struct transaction *t, int err)
{
	struct error cause = t->nt->error;

	while (t->step_count--) {
		struct step back = t->steps[t->step_count];

		back.target = have(t, back.family, back.id);
		if (do_step(t, &back) < 0)
			return fail(&t->nt->error, -ENOTRECOVERABLE, "%.500s; and table %s (%s) could "
				    "not be put back as it was", cause.text, table_name(back.id),
				    kernels[back.family].name);
	}
	t->nt->error = cause;
	return err;
}

static int run_steps(struct transaction *t)
{
	struct step plan[STEPS_MOST], done[STEPS_MOST];
	size_t planned = 0;
	int result = 0;

	for (enum family f = IPV4; f < FAMILIES; f++)
		plan[planned++] = (struct step){ f, FILTER, &t->both[f] };
	for (enum family f = IPV4; f < FAMILIES; f++)
		plan[planned++] = (struct step){ f, RAW, &t->want[f][RAW] };
	for (enum family f = IPV4; f < FAMILIES; f++)
		if (t->more[f])
			plan[planned++] = (struct step){ f, FILTER, &t->want[f][FILTER] };
	t->steps = done;
	for (size_t i = 0; i < planned && result >= 0; i++) {
		if (t->skip[plan[i].family][plan[i].id])
			continue;
		result = do_step(t, &plan[i]);
		if (result > 0)
			done[t->step_count++] = plan[i];
	}
	return result < 0 ? take_back(t, result) : 0;
}

static int commit_model(struct notrack *nt, const struct model *model,
			struct notrack_changes *changes)
{
	struct transaction *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return fail(&nt->error, -ENOMEM, "out of memory");
	t->nt = nt;
	t->model = model;
	err = begin(t);
	if (!err)
		err = run_steps(t);
	if (!err)
		*changes = t->changes;
	end(t);
	free(t);
	return err;
}

struct commit {
	const struct model *model;
	struct notrack_changes changes;
};

static int commit_in_kernel(struct notrack *nt, void *data)
{
	struct commit *commit = data;

	return commit_model(nt, commit->model, &commit->changes);
}

static int commit_locked(struct notrack *nt, struct notrack_changes *changes)
{
	struct commit commit = { .model = &nt->model };
	bool held = nt->lock_fd >= 0;
	int err = notrack_lock(nt);

	if (!err)
		err = context_in_kernel(nt, commit_in_kernel, &commit);
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
	context_begin(nt);
	model_clear(&nt->model, nt->families);
	return commit_locked(nt, changes);
}

/* --- looking without touching ----------------------------------------- */

struct printer {
	FILE *out;
	enum family family;
	enum table_id id;
	struct notrack_changes changes;
};

static void print_line(struct printer *printer, char sign, const struct rule *rule,
		       const char *chain)
{
	if (!printer->out)
		return;
	fprintf(printer->out, "%c%s %s ", sign, printer->family == IPV6 ? "-6" : "-4",
		table_name(printer->id));
	rule_print(rule, chain, printer->family, printer->out);
	putc('\n', printer->out);
}

static int print_nothing(void *data, const struct chain *chain)
{
	(void)data;
	(void)chain;
	return 0;
}

static int print_added(void *data, const struct chain *chain, const struct rule *rule,
		       unsigned int position, bool last)
{
	struct printer *printer = data;

	(void)position;
	(void)last;
	printer->changes.added++;
	print_line(printer, '+', rule, chain->name);
	return 0;
}

static int print_removed(void *data, const struct chain *chain, const struct rule *rule,
			 unsigned int position)
{
	struct printer *printer = data;

	(void)position;
	printer->changes.removed++;
	print_line(printer, '-', rule, chain->name);
	return 0;
}

static int print_hook_added(void *data, const struct hook *hook)
{
	const struct rule jump = { .target = TARGET_JUMP, .chain = hook->target };
	struct printer *printer = data;

	printer->changes.added++;
	print_line(printer, '+', &jump, hook->chain);
	return 0;
}

static int print_hook_removed(void *data, const struct hook *hook)
{
	const struct rule jump = { .target = TARGET_JUMP, .chain = hook->target };
	struct printer *printer = data;

	printer->changes.removed++;
	print_line(printer, '-', &jump, hook->chain);
	return 0;
}

static int print_flushed(void *data, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		print_removed(data, chain, &chain->rules[i], 0);
	return 0;
}

static int print_replaced(void *data, const struct chain *chain, const struct chain *want)
{
	print_flushed(data, chain);
	for (size_t i = 0; i < want->count; i++)
		print_added(data, want, &want->rules[i], 0, true);
	return 0;
}

static int count_empty(void *data, const struct chain *chain)
{
	struct printer *printer = data;

	printer->changes.removed += chain->count == 0;
	return 0;
}

static const struct edit_ops print_edit = {
	.add_chain = print_nothing,
	.add_rule = print_added,
	.remove_rule = print_removed,
	.add_hook = print_hook_added,
	.remove_hook = print_hook_removed,
	.replace_chain = print_replaced,
	.flush_chain = print_flushed,
	.remove_chain = count_empty,
};

static int diff_in_kernel(struct notrack *nt, void *data)
{
	struct transaction *t = calloc(1, sizeof(*t));
	struct printer *printer = data;
	int err;

	if (!t)
		return fail(&nt->error, -ENOMEM, "out of memory");
	t->nt = nt;
	t->model = &nt->model;
	err = begin(t);
	for (enum family f = IPV4; f < FAMILIES && !err; f++)
		for (enum table_id id = RAW; id < TABLES && !err; id++) {
			printer->family = f;
			printer->id = id;
			err = ruleset_edit(have(t, f, id), &t->want[f][id], &print_edit, printer);
		}
	if (err && !*nt->error.text)
		fail(&nt->error, err, "out of memory");
	end(t);
	free(t);
	return err;
}

int notrack_diff(struct notrack *nt, FILE *out, struct notrack_changes *changes)
{
	struct printer printer = { .out = out };
	int err;

	context_begin(nt);
	err = context_in_kernel(nt, diff_in_kernel, &printer);
	context_give_struct(changes, &printer.changes, sizeof(printer.changes));
	return err ? err : (int)(printer.changes.added + printer.changes.removed);
}

int notrack_print_rules(struct notrack *nt, FILE *out)
{
	int err = 0;

	context_begin(nt);
	for (enum family f = IPV4; f < FAMILIES && !err; f++) {
		struct ruleset want[TABLES] = { 0 };

		if (!context_has(nt, f) || !nt->model.families[f].count)
			continue;
		err = compile(&nt->model.families[f], f, want, &nt->error);
		if (!err)
			fprintf(out, "# %s: for %s-restore --noflush\n", kernels[f].name,
				f == IPV6 ? "ip6tables-legacy" : "iptables-legacy");
		for (enum table_id id = RAW; id < TABLES; id++) {
			if (!err)
				ruleset_print(&want[id], id, f, out);
			ruleset_free(&want[id]);
		}
	}
	if (!err && ferror(out))
		err = fail(&nt->error, -EIO, "the rules cannot be written");
	return err;
}
