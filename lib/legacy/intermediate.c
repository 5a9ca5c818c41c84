/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "legacy/grafted.h"
#include "rules/align.h"
#include "rules/pair.h"
#include "legacy/intermediate.h"

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
	return rule->target == TARGET_ACCEPT ||
	       (rule->target == TARGET_JUMP && chain_is_top(chain->name) &&
		!chain_is_top(rule->to->name) && has_accept(rule->to));
}

/* @all: whatever it does, not only what it lets through. */
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

struct merger {
	const struct ruleset *have;
	struct ruleset *both;
	bool *keep;		/* chains of @have, by index */
	bool *twin;		/* those that twins lead to: they are as old rules need them */
	size_t *pending;	/* of those, whose rules were not looked at yet */
	size_t pending_count;
	bool more;
};

static void keep(struct merger *merger, size_t index)
{
	if (merger->keep[index])
		return;
	merger->keep[index] = true;
	merger->pending[merger->pending_count++] = index;
}

/* Not by recursion: somebody may have nested chains of such names as deep as he likes. */
static void keep_reached(struct merger *merger, size_t index)
{
	size_t next;

	keep(merger, index);
	while (merger->pending_count) {
		const struct chain *chain =
			merger->have->chains[merger->pending[--merger->pending_count]];

		for (size_t i = 0; i < chain->count; i++)
			if (chain->rules[i].to &&
			    ruleset_index(merger->have, chain->rules[i].to->name, &next))
				keep(merger, next);
	}
}

static bool accepts(const struct chain *chain)
{
	return has_accept(chain) || chain_is_top(chain->name);
}

/* As keep_reached(): what rules lead to that are copies of others as well. */
static void mark_twins(struct merger *merger, const char *root)
{
	const struct ruleset *have = merger->have;
	size_t next;

	if (!ruleset_index(have, root, &next) || merger->twin[next])
		return;
	merger->twin[next] = true;
	merger->pending[merger->pending_count++] = next;
	while (merger->pending_count) {
		const struct chain *chain = have->chains[merger->pending[--merger->pending_count]];

		for (size_t i = 0; i < chain->count; i++) {
			const char *to = rule_led_to(&chain->rules[i], have->grafted->family);

			if (!to || !ruleset_index(have, to, &next) || merger->twin[next])
				continue;
			merger->twin[next] = true;
			merger->pending[merger->pending_count++] = next;
		}
	}
}

static void keep_twins(struct merger *merger)
{
	const struct grafted *grafted = merger->have->grafted;

	for (const struct grafted_chain *chain = grafted ? grafted->chains : NULL; chain;
	     chain = chain->next)
		for (size_t i = 0; i < chain->count; i++)
			if (chain->rules[i].twin && chain->rules[i].to)
				mark_twins(merger, chain->rules[i].to);
	for (size_t i = 0; i < merger->have->count; i++)
		merger->keep[i] |= merger->twin[i];
}

/*
 * Chains that the new rules lack stay in the intermediate table, with every chain
 * they jump to.
 */
static void keep_going(struct merger *merger, const struct ruleset *want)
{
	const struct ruleset *have = merger->have;
	size_t next;

	for (size_t i = 0; i < have->count; i++) {
		const struct chain *chain = have->chains[i];

		if (!accepts(chain))
			continue;
		if (!ruleset_find(want, chain->name))
			keep_reached(merger, i);
		/* and so is a jump to it */
		for (size_t j = 0; chain_is_top(chain->name) && j < chain->count; j++)
			if (chain->rules[j].to && lets_through(&chain->rules[j], chain) &&
			    !ruleset_find(want, chain->rules[j].to->name) &&
			    ruleset_index(have, chain->rules[j].to->name, &next))
				keep_reached(merger, next);
	}
}

/* @kept: that of @have, which is not wanted, stays in the intermediate table. */
static int merge(struct merger *merger, const struct pair *pair, bool kept, bool twin)
{
	struct chain *have = pair->have, *want = pair->want, *both;

	if (!want && !kept)
		return 0;
	merger->more |= !want;
	/* other chains let nothing through: they change at once */
	if (!have || !want || (!accepts(have) && !twin))
		return ruleset_share_chain(merger->both, want ? want : have);
	both = ruleset_add_chain(merger->both, have->name);
	return both ? merge_chain(both, have, want, twin, &merger->more) : -ENOMEM;
}

int intermediate_make(struct ruleset *both, const struct ruleset *have,
		  const struct ruleset *want)
{
	struct merger merger = {
		.have = have, .both = both,
		.keep = calloc(have->count + 1, sizeof(*merger.keep)),
		.twin = calloc(have->count + 1, sizeof(*merger.twin)),
		.pending = calloc(have->count + 1, sizeof(*merger.pending)),
	};
	struct pairs pairs = { 0 };
	size_t index = 0;		/* of the pair's chain in @have */
	int err = merger.keep && merger.twin && merger.pending ?
		  pairs_make(&pairs, have, want) : -ENOMEM;

	if (!err)
		keep_going(&merger, want);
	if (!err && want->grafted)
		keep_twins(&merger);
	for (size_t i = 0; i < pairs.count && !err; i++) {
		const struct pair *pair = &pairs.list[i];

		err = merge(&merger, pair, pair->have && merger.keep[index],
			    pair->have && merger.twin[index]);
		index += pair->have != NULL;
	}
	for (size_t i = 0; i < want->jump_count && !err; i++)
		err = ruleset_add_jump(both, &want->jumps[i]);
	/* no more than is there, except during a rollback */
	for (size_t i = 0; i < have->jump_count && !err; i++)
		if (chain_is_top(have->jumps[i].to->name) &&
		    !ruleset_find(want, have->jumps[i].to->name))
			err = ruleset_add_jump(both, &have->jumps[i]);
	if (!err && want->grafted) {
		err = grafted_merge(both, have->grafted, want->grafted);
		merger.more |= err > 0;
		err = err < 0 ? err : 0;
	}
	pairs_free(&pairs);
	free(merger.keep);
	free(merger.twin);
	free(merger.pending);
	return err ? err : merger.more;
}
