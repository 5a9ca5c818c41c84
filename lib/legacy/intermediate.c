/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/intermediate.h"

#include <errno.h>
#include <stdlib.h>

#include "legacy/graft_edit.h"
#include "rules/align.h"
#include "rules/pair.h"

static bool has_accept(const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->rules[i].target == TARGET_ACCEPT)
			return true;
	return false;
}

/* What lets a packet through, or leads from where ours are entered to what does. */
static bool lets_through(const struct rule *rule, const struct chain *chain)
{
	return rule->target == TARGET_ACCEPT || rule->target == TARGET_NOTRACK ||
	       (rule->target == TARGET_JUMP && chain_is_top(chain->name) &&
		!chain_is_top(rule->to->name) && has_accept(rule->to));
}

/*
 * The rules of @want, and between them those of @have that let packets through; with
 * @all, whatever those do.
 */
static int merge_chain(struct chain *both, const struct chain *have, const struct chain *want,
		       bool all, bool *more)
{
	long *kept = calloc(have->count + 1, sizeof(*kept));
	size_t i = 0;
	int err = kept ? chain_align(have, want, kept) : -ENOMEM;

	err = err < 0 ? err : 0;
	for (size_t j = 0; !err && j <= want->count;) {
		const struct rule *rule;

		if (i < have->count && kept[i] < 0) {
			rule = &have->rules[i++];
			if (!all && !lets_through(rule, have))
				continue;
			*more = true;
		} else if (j < want->count) {
			i += i < have->count && kept[i] == (long)j;
			rule = &want->rules[j++];
		} else {
			break;
		}
		if (!chain_add_rule(both, rule))
			err = -ENOMEM;
	}
	free(kept);
	return err;
}

/* --- chains that twins lead to ----------------------------------------- */

/* They do with packets what a rule of the host did, so that all of it has to stay. */
struct twins {
	const struct ruleset *have;
	bool *reached;			/* its chains, by index */
	size_t *pending, pending_count;	/* of those, whose rules were not looked at yet */
};

static void reach(struct twins *twins, const char *name)
{
	size_t index;

	if (!name || !ruleset_index(twins->have, name, &index) || twins->reached[index])
		return;
	twins->reached[index] = true;
	twins->pending[twins->pending_count++] = index;
}

/* Not by recursion: somebody may have nested chains of such names as deep as he likes. */
static void reach_all(struct twins *twins)
{
	const struct ruleset *have = twins->have;

	for (const struct grafted_chain *chain = have->grafted ? have->grafted->chains : NULL; chain;
	     chain = chain->next)
		for (size_t i = 0; i < chain->count; i++)
			if (chain->rules[i].twin)
				reach(twins, chain->rules[i].to);
	while (twins->pending_count) {
		const struct chain *chain = have->chains[twins->pending[--twins->pending_count]];

		for (size_t i = 0; i < chain->count; i++)
			reach(twins, rule_led_to(&chain->rules[i], have->grafted->family));
	}
}

int intermediate_keep_twins(struct ruleset *want, const struct ruleset *have)
{
	struct twins twins = {
		.have = have,
		.reached = calloc(have->count + 1, sizeof(*twins.reached)),
		.pending = calloc(have->count + 1, sizeof(*twins.pending)),
	};
	const size_t wanted = want->count;
	int err = twins.reached && twins.pending ? 0 : -ENOMEM;

	if (!err)
		reach_all(&twins);
	for (size_t i = 0; i < have->count && !err; i++)
		if (twins.reached[i] && !ruleset_find(want, have->chains[i]->name))
			err = ruleset_share_chain(want, have->chains[i]);
	free(twins.reached);
	free(twins.pending);
	return err || want->count == wanted ? err : ruleset_sort(want);
}

/* --- chains ----------------------------------------------------------- */

/* Other chains let nothing through: they change, or go, at once. */
static int merge(struct ruleset *both, const struct pair *pair, bool twin, bool *more)
{
	static const struct chain nothing;
	struct chain *merged;

	if (!pair->have ||
	    (!twin && !has_accept(pair->have) && !chain_is_top(pair->have->name)))
		return pair->want ? ruleset_share_chain(both, pair->want) : 0;
	*more |= !pair->want;
	merged = ruleset_add_chain(both, pair->have->name);
	return merged ? merge_chain(merged, pair->have, pair->want ? pair->want : &nothing, twin,
				    more) : -ENOMEM;
}

static int merge_all(struct ruleset *both, const struct pairs *pairs, const struct twins *twins,
		     bool *more)
{
	size_t index = 0;		/* of the pair's chain in what is there */
	int err = 0;

	for (size_t i = 0; i < pairs->count && !err; i++) {
		const struct pair *pair = &pairs->list[i];

		err = merge(both, pair, pair->have && twins->reached[index], more);
		index += pair->have != NULL;
	}
	return err;
}

/* --- where they are entered ------------------------------------------- */

static int merge_jumps(struct ruleset *both, const struct ruleset *have, const struct ruleset *want)
{
	int err = 0;

	for (size_t i = 0; i < want->jump_count && !err; i++)
		err = ruleset_add_jump(both, &want->jumps[i]);
	/* no more than is there, except during a rollback */
	for (size_t i = 0; i < have->jump_count && !err; i++)
		if (chain_is_top(have->jumps[i].to->name) &&
		    !ruleset_find(want, have->jumps[i].to->name))
			err = ruleset_add_jump(both, &have->jumps[i]);
	return err;
}

static int merge_grafts(struct ruleset *both, const struct ruleset *have,
			const struct ruleset *want, bool *more)
{
	int more_grafts;

	if (!want->grafted || !have->grafted) {
		both->grafted = want->grafted;
		return 0;
	}
	more_grafts = grafted_merge(both, have->grafted, want->grafted);
	*more |= more_grafts > 0;
	return more_grafts < 0 ? more_grafts : 0;
}

int intermediate_make(struct ruleset *both, const struct ruleset *have,
		      const struct ruleset *want)
{
	struct twins twins = {
		.have = have,
		.reached = calloc(have->count + 1, sizeof(*twins.reached)),
		.pending = calloc(have->count + 1, sizeof(*twins.pending)),
	};
	struct pairs pairs = { 0 };
	bool more = false;
	int err = twins.reached && twins.pending ? pairs_make(&pairs, have, want) : -ENOMEM;

	if (!err && want->grafted)
		reach_all(&twins);
	if (!err)
		err = merge_all(both, &pairs, &twins, &more);
	if (!err)
		err = merge_jumps(both, have, want);
	if (!err)
		err = merge_grafts(both, have, want, &more);
	pairs_free(&pairs);
	free(twins.reached);
	free(twins.pending);
	return err ? err : more;
}
