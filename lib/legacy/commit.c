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
 * are taken back, last to first: the same steps the other way round keep the same
 * promise.
 */
#include <errno.h>
#include <stdlib.h>

#include "legacy/image.h"
#include "legacy/intermediate.h"
#include "legacy/print.h"

/* How often a table may change under our hands, by a program without the lock. */
#define TRIES 10

struct step {
	enum family family;
	enum table_id id;
	const struct ruleset *target, *before;	/* what it is to become, and was */
};

#define STEPS_MAX (3 * FAMILIES)

struct legacy_change {
	struct change change;			/* first */
	struct legacy_image *image;
	struct error *error;
	struct features features[FAMILIES];
	struct ruleset want[FAMILIES][TABLES];
	struct ruleset intermediate[FAMILIES];	/* of filter */
	bool accepts_more[FAMILIES];		/* the intermediate differs from the final one, so
						   that the third step is needed */
	bool skip[FAMILIES][TABLES];		/* nothing there, nothing wanted */
	struct step done[STEPS_MAX];		/* to be taken back on failure */
	size_t done_count;
};

static struct legacy_change *legacy_change(struct change *change)
{
	return (struct legacy_change *)change;
}

/* --- what there is to do ---------------------------------------------- */

static int begin_family(struct legacy_change *change, enum family family)
{
	const struct wanted *wanted = change->change.wanted;
	const struct family_model *model = &wanted->model->families[family];
	struct legacy_table *tables = change->image->tables[family];
	struct ruleset *want = change->want[family];
	bool any = false;
	int err = 0;

	for (enum table_id id = RAW; id < TABLES && !err; id++) {
		err = legacy_lower(&wanted->rules[family][id], model, &want[id], change->error);
		change->skip[family][id] = !want[id].count && !tables[id].exists;
		any |= !change->skip[family][id];
	}
	if (!err && any)
		err = features_ask(&change->features[family], &xt_families[family], change->error);
	if (err)
		return err;
	err = intermediate_make(&change->intermediate[family], &tables[FILTER].found, &want[FILTER]);
	change->accepts_more[family] = err > 0;
	return err < 0 ? error_set(change->error, err, "out of memory") : 0;
}

int legacy_begin(struct image *image, const struct wanted *wanted, struct change **change)
{
	struct legacy_change *made = calloc(1, sizeof(*made));
	int err = 0;

	if (!made)
		return error_set(image->session.error, -ENOMEM, "out of memory");
	made->change = (struct change){ image, wanted };
	made->image = legacy_image(image);
	made->error = image->session.error;
	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		if (wanted->families & 1u << family)
			err = begin_family(made, family);
		else
			made->skip[family][RAW] = made->skip[family][FILTER] = true;
	}
	if (err)
		legacy_end(&made->change);
	else
		*change = &made->change;
	return err;
}

void legacy_end(struct change *change)
{
	struct legacy_change *legacy = legacy_change(change);

	for (enum family family = IPV4; legacy && family < FAMILIES; family++) {
		for (enum table_id id = RAW; id < TABLES; id++)
			ruleset_free(&legacy->want[family][id]);
		ruleset_free(&legacy->intermediate[family]);
	}
	free(legacy);
}

int legacy_diff(struct change *change, FILE *out, struct notrack_changes *changes)
{
	struct legacy_change *legacy = legacy_change(change);
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (enum table_id id = RAW; id < TABLES && !err; id++)
			if (!legacy->skip[family][id])
				err = ruleset_print_edit(&legacy->image->tables[family][id].found,
							 &legacy->want[family][id], id, family, out,
							 changes);
	return err ? error_set(legacy->error, err, "out of memory") : 0;
}

/* --- one table -------------------------------------------------------- */

/* Commits @step's target once; 0 if there was nothing to do. */
static int try_step(struct legacy_change *change, const struct step *step,
		    struct notrack_changes *changes)
{
	struct legacy_table *kept = &change->image->tables[step->family][step->id];
	const struct ruleset *found = &kept->found;
	struct table *table = &kept->table;
	struct ruleset again = { 0 };
	int err = 0, count;

	if (!table->handle) {	/* committed before, or changed by somebody */
		err = table_open(table, &xt_families[step->family], table_name(step->id),
				 change->image->image.session.foreign_netns, change->error);
		if (!err)
			err = table_read(table, &again, change->error);
		found = &again;
	}
	count = err ? err : table_edit(table, found, step->target,
				       &change->features[step->family], changes, change->error);
	if (count > 0) {
		err = table_commit(table, change->error);
		if (err)
			count = err;
	} else if (count < 0 || found == &again) {
		table_close(table);
	}
	ruleset_free(&again);
	return count;
}

/* Returns whether it was committed, or -errno. */
static int do_step(struct legacy_change *change, const struct step *step,
		   struct notrack_changes *changes)
{
	struct notrack_changes tried;
	int result = -EAGAIN;

	for (int i = 0; i < TRIES && result == -EAGAIN; i++) {
		tried = (struct notrack_changes){ 0 };
		result = try_step(change, step, &tried);
	}
	if (result == -EAGAIN)
		return error_set(change->error, -EBUSY, "table %s (%s): another program, which does "
				 "not take the xtables lock, kept changing it; try again",
				 table_name(step->id), xt_families[step->family].name);
	if (result > 0) {
		changes->added += tried.added;
		changes->removed += tried.removed;
	}
	return result < 0 ? result : result > 0;
}

/* --- all tables ------------------------------------------------------- */

/*
 * Down to @kept steps.  Where one cannot be taken back, those before it stay as
 * well: what raw still untracks, filter still accepts.
 */
static int roll_back_to(struct legacy_change *change, size_t kept, int err)
{
	struct error *error = change->error, cause = *error;
	const struct step *stuck[FAMILIES] = { NULL };

	while (change->done_count > kept) {
		const struct step *done = &change->done[--change->done_count];
		struct step back = *done;
		struct notrack_changes ignored = { 0 };

		back.target = done->before;
		if (!stuck[done->family] && do_step(change, &back, &ignored) < 0)
			stuck[done->family] = done;
	}
	*error = cause;
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (stuck[family])
			err = error_set(error, -ENOTRECOVERABLE, "%.800s%stable %s (%s) could not be put "
					"back as it was", cause.text, *cause.text ? "; and " : "",
					table_name(stuck[family]->id), xt_families[family].name);
	return err;
}

int legacy_rollback(struct change *change)
{
	return roll_back_to(legacy_change(change), 0, 0);
}

static size_t plan_steps(struct legacy_change *change, unsigned int phases,
			 struct step plan[STEPS_MAX])
{
	size_t count = 0;

	for (enum family f = IPV4; f < FAMILIES; f++)
		if (phases & PHASE_ACCEPT && !change->skip[f][FILTER])
			plan[count++] = (struct step){ f, FILTER, &change->intermediate[f],
						       &change->image->tables[f][FILTER].found };
	for (enum family f = IPV4; f < FAMILIES; f++)
		if (phases & PHASE_UNTRACK && !change->skip[f][RAW])
			plan[count++] = (struct step){ f, RAW, &change->want[f][RAW],
						       &change->image->tables[f][RAW].found };
	for (enum family f = IPV4; f < FAMILIES; f++)
		if (phases & PHASE_FINISH && !change->skip[f][FILTER] && change->accepts_more[f])
			plan[count++] = (struct step){ f, FILTER, &change->want[f][FILTER],
						       &change->intermediate[f] };
	return count;
}

int legacy_commit(struct change *change, unsigned int phases, struct notrack_changes *changes)
{
	struct legacy_change *legacy = legacy_change(change);
	struct step plan[STEPS_MAX];
	size_t planned = plan_steps(legacy, phases, plan), kept = legacy->done_count;

	for (size_t i = 0; i < planned; i++) {
		int result = do_step(legacy, &plan[i], changes);

		/* without its counters, the table may be the new one */
		if (result > 0 || result == -ENOTRECOVERABLE)
			legacy->done[legacy->done_count++] = plan[i];
		if (result < 0)
			return roll_back_to(legacy, kept, result);
	}
	return 0;
}
