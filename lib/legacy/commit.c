/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transaction.  Tables are replaced one at a time, each at once; so that
 * no packet is untracked and not accepted in between:
 *
 *	1. filter gets what is new, and keeps all that it accepts; so do the tables mangle
 *	   and security, where the host filters as well
 *	2. raw becomes what is wanted; where something leaves, it goes on untracking answers for
 *	   a while
 *	3. filter becomes what is wanted, and so do the others
 *
 * Most changes need one or two of these.  When a step fails, those before it
 * are taken back, last to first: the same steps the other way round keep the same
 * promise.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/edit.h"
#include "legacy/features.h"
#include "legacy/graft_lower.h"
#include "legacy/grafted.h"
#include "legacy/image.h"
#include "legacy/intermediate.h"
#include "legacy/print.h"
#include "legacy/read.h"
#include "legacy/table_commit.h"
#include "support/packets.h"
#include "support/retry.h"

struct table_step {
	enum family family;
	unsigned int id;
	const struct ruleset *target, *before;	/* what it is to become, and was */
	bool closes;				/* it may accept less than it did */
	bool forgets;				/* it untracks no more answers of what has left */
	bool maybe_done;			/* nobody could see whether it was */
};

#define STEPS_MAX ((2 * LEGACY_TABLES + 1) * FAMILIES)

struct legacy_change {
	struct change change;			/* first */
	struct legacy_image *image;
	struct error *error;
	struct features features[FAMILIES];
	struct ruleset want[FAMILIES][LEGACY_TABLES];
	struct ruleset intermediate[FAMILIES][LEGACY_TABLES];	/* of raw: where something leaves */
	bool accepts_more[FAMILIES][LEGACY_TABLES];	/* the intermediate differs from the final one, so
						   that the third step is needed */
	bool skip[FAMILIES][LEGACY_TABLES];	/* nothing there, nothing wanted */
	struct table_step done[STEPS_MAX];		/* to be taken back on failure */
	size_t done_count;
	bool raw_has_changed;			/* since packets were last waited for */
	bool answers_come;			/* to what was untracked, and is no more */
};

static struct legacy_change *legacy_change(struct change *change)
{
	return (struct legacy_change *)change;
}

/* --- what there is to do ---------------------------------------------- */

/*
 * Where no more than clients have changed, nobody looked at the host: what its services
 * are opened for stays as it is, and so do the chains that twins lead to.
 */
static int keep_chains(struct ruleset *want, const struct ruleset *found)
{
	char service[SERVICE_NAME_MAX + 1];

	for (size_t i = 0; i < want->count; i++) {
		const char *name = want->chains[i]->name;
		struct chain *there = ruleset_find(found, name);

		if (there && (chain_is_opening(name) || chain_service(name, CHAIN_IN, service) ||
			      chain_service(name, CHAIN_OUT, service)))
			want->chains[i] = there;
	}
	return intermediate_keep_twins(want, found);
}

/* Chains of ours as compiled; who leads to those in filter, grafts say. */
static int lower(struct legacy_change *change, enum family family, unsigned int id)
{
	const struct wanted *wanted = change->change.wanted;
	struct ruleset *want = &change->want[family][id];
	int err;

	if (id >= TABLES)
		return 0;
	err = legacy_lower(&wanted->rules[family][id], &wanted->model->families[family], want,
			   change->error);
	grafted_take_jumps(want, legacy_table_name(id));
	if (!err && id == FILTER && !wanted->grafts)
		err = keep_chains(want, &change->image->tables[family][id].found);
	return err == -ENOMEM ? error_set(change->error, err, "out of memory") : err;
}

/* Rules of ours in chains of the host are part of what is there, and of what is wanted. */
static int lower_grafts(struct legacy_change *change, enum family family, unsigned int id)
{
	struct legacy_table *kept = &change->image->tables[family][id];
	struct table table = { .family = &xt_families[family], .name = legacy_table_name(id) };

	if (kept->exists)
		table = kept->table;
	else
		kept->found.grafted = grafted_new(&kept->found, table.family);
	if (!kept->found.grafted)
		return error_set(change->error, -ENOMEM, "out of memory");
	return graft_lower(change->change.wanted->grafts, &table, kept->found.grafted,
			   &change->features[family], &change->want[family][id], change->error);
}

static bool has_nothing(const struct legacy_change *change, enum family family, unsigned int id)
{
	const struct wanted *wanted = change->change.wanted;
	const struct legacy_table *kept = &change->image->tables[family][id];

	if (wanted->grafts && grafts_touch(wanted->grafts, family, legacy_table_name(id)))
		return false;
	if (id >= TABLES)
		return !wanted->grafts || (!kept->found.count && !(kept->found.grafted &&
								   kept->found.grafted->chains));
	return !change->want[family][id].count && !kept->exists;
}

/* Jumps that are there, and stay for now, are those that are there: with their counters. */
static void take_jumps_as_found(struct ruleset *rules, const struct ruleset *found)
{
	for (size_t i = 0; i < rules->jump_count; i++)
		for (size_t j = 0; j < found->jump_count; j++) {
			struct jump *jump = &rules->jumps[i];
			const struct jump *there = &found->jumps[j];

			if (there->unreachable || strcmp(jump->chain, there->chain) ||
			    strcmp(jump->to->name, there->to->name))
				continue;
			jump->entry = there->entry;
			jump->position = there->position;
		}
}

static int make_intermediate(struct legacy_change *change, enum family family, unsigned int id)
{
	int more = intermediate_make(&change->intermediate[family][id],
				     &change->image->tables[family][id].found,
				     &change->want[family][id]);

	change->accepts_more[family][id] = more > 0;
	return more < 0 ? error_set(change->error, more, "out of memory") : 0;
}

/* Raw, as long as answers of what leaves are untracked in it. */
static int make_leaving(struct legacy_change *change, enum family family)
{
	const struct ruleset *leaving = &change->change.wanted->leaving[family];
	struct ruleset *raw = &change->intermediate[family][RAW];

	if (!leaving->count)
		return 0;
	if (intermediate_make(raw, leaving, &change->want[family][RAW]) < 0)
		return error_set(change->error, -ENOMEM, "out of memory");
	take_jumps_as_found(raw, &change->image->tables[family][RAW].found);
	return 0;
}

static int begin_table(struct legacy_change *change, enum family family, unsigned int id)
{
	struct ruleset *found = &change->image->tables[family][id].found;
	int err = 0;

	grafted_take_jumps(found, legacy_table_name(id));
	if (change->change.wanted->grafts)
		err = lower_grafts(change, family, id);
	else
		found->grafted = NULL;		/* those that are there stay as they are */
	if (err)
		return err;
	return id == RAW ? make_leaving(change, family) : make_intermediate(change, family, id);
}

static int begin_family(struct legacy_change *change, enum family family)
{
	bool *skip = change->skip[family], any = false;
	int err = 0;

	for (unsigned int id = RAW; id < LEGACY_TABLES && !err; id++) {
		err = lower(change, family, id);
		skip[id] = has_nothing(change, family, id);
		any |= !skip[id];
	}
	if (!err && any)
		err = features_ask(&change->features[family], &xt_families[family], change->error);
	for (unsigned int id = RAW; id < LEGACY_TABLES && !err; id++)
		if (!skip[id])
			err = begin_table(change, family, id);
	return err;
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
			memset(made->skip[family], true, sizeof(made->skip[family]));
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

	for (enum family family = IPV4; legacy && family < FAMILIES; family++)
		for (unsigned int id = RAW; id < LEGACY_TABLES; id++) {
			ruleset_free(&legacy->want[family][id]);
			ruleset_free(&legacy->intermediate[family][id]);
		}
	free(legacy);
}

int legacy_diff(struct change *change, FILE *out, struct notrack_changes *changes)
{
	struct legacy_change *legacy = legacy_change(change);
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (unsigned int id = RAW; id < LEGACY_TABLES && !err; id++)
			if (!legacy->skip[family][id])
				err = ruleset_print_edit(&legacy->image->tables[family][id].found,
							 &legacy->want[family][id],
							 legacy_table_name(id), family, out, changes);
	return err ? error_set(legacy->error, err, "out of memory") : 0;
}

/* --- one table -------------------------------------------------------- */

/* Commits @step's target once; 0 if there was nothing to do. */
static int try_step(struct legacy_change *change, const struct table_step *step,
		    struct notrack_changes *changes)
{
	struct legacy_table *kept = &change->image->tables[step->family][step->id];
	const struct ruleset *found = &kept->found;
	struct table *table = &kept->table;
	struct ruleset again = { 0 };
	int err = 0, count;

	if (!table->handle) {	/* committed before, or changed by somebody */
		err = table_open(table, &xt_families[step->family], legacy_table_name(step->id),
				 change->image->image.session.foreign_netns, change->error);
		if (!err)
			err = table_read(table, &again, change->error);
		if (!err)
			grafted_take_jumps(&again, table->name);
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
static int do_step(struct legacy_change *change, const struct table_step *step,
		   struct notrack_changes *changes)
{
	struct notrack_changes tried;
	int result = -EAGAIN;

	/* what raw has let through untracked is to be accepted all the way */
	if (step->closes && change->raw_has_changed) {
		packets_wait();
		change->raw_has_changed = false;
	}
	if (step->forgets && change->answers_come) {
		packets_wait_for_answers();
		change->answers_come = false;
	}
	for (int i = 0; i < TRIES && result == -EAGAIN; i++) {
		tried = (struct notrack_changes){ 0 };
		result = try_step(change, step, &tried);
	}
	if (result == -EAGAIN)
		return error_set(change->error, -EBUSY, "table %s (%s): another program, which does "
				 "not take the xtables lock, kept changing it; try again",
				 legacy_table_name(step->id), xt_families[step->family].name);
	if (result > 0) {
		changes->added += tried.added;
		changes->removed += tried.removed;
		change->raw_has_changed |= step->id == RAW;
		change->answers_come |= step->id == RAW && !step->forgets;
	}
	return result < 0 ? result : result > 0;
}

/* --- all tables ------------------------------------------------------- */

static bool maybe_replaced(const struct legacy_change *change, const struct table_step *step)
{
	return change->image->tables[step->family][step->id].table.maybe_replaced;
}

/* What nobody could see whether it was done was put back by now, or stays unknown. */
static int explain_step(const struct table_step *step, bool stuck, struct error *error)
{
	const struct error cause = *error;
	const char *outcome = !stuck ? "was replaced, and put back without the counters of its rules" :
			      step->maybe_done ? "may have been replaced: it could not be read" :
						 "could not be put back as it was";

	return error_set(error, -ENOTRECOVERABLE, "%.800s%stable %s (%s) %s", cause.text,
			 *cause.text ? "; and " : "", legacy_table_name(step->id),
			 xt_families[step->family].name, outcome);
}

/*
 * Down to @kept steps.  Where one cannot be taken back, those before it stay as
 * well: what raw still untracks, filter still accepts.
 */
static int roll_back_to(struct legacy_change *change, size_t kept, int err)
{
	struct error *error = change->error, cause = *error;
	const struct table_step *stuck[FAMILIES] = { NULL }, *bare = NULL;

	while (change->done_count > kept) {
		const struct table_step *done = &change->done[--change->done_count];
		struct table_step back = *done;
		struct notrack_changes ignored = { 0 };
		int result;

		back.target = done->before;
		back.closes = !done->closes && done->id != RAW;
		if (stuck[done->family])
			continue;
		result = do_step(change, &back, &ignored);
		if (result < 0)
			stuck[done->family] = done;
		else if (result && done->maybe_done)
			bare = done;
	}
	*error = cause;
	if (bare)
		err = explain_step(bare, false, error);
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (stuck[family])
			err = explain_step(stuck[family], true, error);
	return err;
}

int legacy_rollback(struct change *change)
{
	return roll_back_to(legacy_change(change), 0, 0);
}

static struct table_step step_to(struct legacy_change *change, enum family family, unsigned int id,
			   unsigned int phase)
{
	struct ruleset *intermediate = &change->intermediate[family][id];
	const struct ruleset *want = &change->want[family][id];
	const struct ruleset *found = &change->image->tables[family][id].found;

	return (struct table_step){
		.family = family, .id = id,
		.target = phase == PHASE_ACCEPT ? intermediate : want,
		.before = phase == PHASE_FINISH ? intermediate : found,
		.closes = phase == PHASE_FINISH,
	};
}

static bool has_step(const struct legacy_change *change, enum family family, unsigned int id,
		     unsigned int phase)
{
	if (change->skip[family][id] || (id == RAW) != (phase == PHASE_UNTRACK))
		return false;
	return phase != PHASE_FINISH || change->accepts_more[family][id];
}

/* Where no rule that accepts goes, answers get in untracked or not. */
static bool has_leaving(const struct legacy_change *change, enum family family)
{
	bool closes = false;

	for (unsigned int id = RAW; id < LEGACY_TABLES; id++)
		closes |= change->accepts_more[family][id];
	return closes && change->change.wanted->leaving[family].count;
}

/* Requests of what leaves are tracked again; see PHASE_UNTRACK. */
static size_t plan_leaving(struct legacy_change *change, struct table_step *plan)
{
	size_t count = 0;

	for (enum family f = IPV4; f < FAMILIES; f++)
		if (has_leaving(change, f) && has_step(change, f, RAW, PHASE_UNTRACK))
			plan[count++] = (struct table_step){
				.family = f, .id = RAW, .target = &change->intermediate[f][RAW],
				.before = &change->image->tables[f][RAW].found,
			};
	return count;
}

static size_t plan_phase(struct legacy_change *change, unsigned int phase, struct table_step *plan)
{
	size_t count = phase == PHASE_UNTRACK ? plan_leaving(change, plan) : 0;

	for (enum family f = IPV4; f < FAMILIES; f++)
		for (unsigned int id = RAW; id < LEGACY_TABLES; id++) {
			if (!has_step(change, f, id, phase))
				continue;
			plan[count] = step_to(change, f, id, phase);
			if (id == RAW && has_leaving(change, f)) {
				plan[count].before = &change->intermediate[f][RAW];
				plan[count].forgets = true;
			}
			count++;
		}
	return count;
}

static size_t plan_steps(struct legacy_change *change, unsigned int phases,
			 struct table_step plan[STEPS_MAX])
{
	static const unsigned int order[] = { PHASE_ACCEPT, PHASE_UNTRACK, PHASE_FINISH };
	size_t count = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (phases & order[i])
			count += plan_phase(change, order[i], plan + count);
	return count;
}

/* What leaves raw in two steps is counted once, as legacy_diff() does. */
static int count_raw(struct legacy_change *change, enum family family,
		     struct notrack_changes *changes)
{
	int err = ruleset_print_edit(&change->image->tables[family][RAW].found,
				     &change->want[family][RAW], legacy_table_name(RAW), family,
				     NULL, changes);

	return err ? error_set(change->error, err, "out of memory") : 0;
}

int legacy_commit(struct change *change, unsigned int phases, struct notrack_changes *changes)
{
	struct legacy_change *legacy = legacy_change(change);
	struct table_step plan[STEPS_MAX];
	size_t planned = plan_steps(legacy, phases, plan), kept = legacy->done_count;

	for (size_t i = 0; i < planned; i++) {
		bool in_two = plan[i].id == RAW && has_leaving(legacy, plan[i].family);
		struct notrack_changes ignored = { 0 };
		int result = 0;

		if (plan[i].forgets)
			result = count_raw(legacy, plan[i].family, changes);
		if (!result)
			result = do_step(legacy, &plan[i], in_two ? &ignored : changes);

		plan[i].maybe_done = result < 0 && maybe_replaced(legacy, &plan[i]);
		/* without its counters, the table is the new one */
		if (result > 0 || result == -ENOTRECOVERABLE || plan[i].maybe_done)
			legacy->done[legacy->done_count++] = plan[i];
		if (result < 0)
			return roll_back_to(legacy, kept, result);
	}
	return 0;
}
