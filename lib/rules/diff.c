/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/align.h"
#include "rules/diff.h"
#include "rules/pair.h"

struct edit {
	const struct edit_ops *ops;
	void *data;
	struct notrack_changes *changes;
};

/* --- steps ------------------------------------------------------------ */

/* One without rules is a change, too. */
static int add_chain(struct edit *edit, const struct chain *chain)
{
	edit->changes->added += chain->count == 0;
	return edit->ops ? edit->ops->add_chain(edit->data, chain) : 0;
}

static int remove_chain(struct edit *edit, const struct chain *chain)
{
	edit->changes->removed += chain->count == 0;
	return edit->ops ? edit->ops->remove_chain(edit->data, chain) : 0;
}

static int add_rule(struct edit *edit, const struct chain *chain, const struct rule *rule,
		    unsigned int position)
{
	edit->changes->added++;
	return edit->ops ? edit->ops->add_rule(edit->data, chain, rule, position) : 0;
}

static int remove_rule(struct edit *edit, const struct chain *chain, const struct rule *rule,
		       unsigned int position)
{
	edit->changes->removed++;
	return edit->ops ? edit->ops->remove_rule(edit->data, chain, rule, position) : 0;
}

static int flush_chain(struct edit *edit, const struct chain *chain)
{
	edit->changes->removed += (unsigned int)chain->count;
	return edit->ops && chain->count ? edit->ops->flush_chain(edit->data, chain) : 0;
}

static int add_jump(struct edit *edit, const struct jump *jump)
{
	edit->changes->added++;
	return edit->ops ? edit->ops->add_jump(edit->data, jump) : 0;
}

static int remove_jump(struct edit *edit, const struct jump *jump)
{
	edit->changes->removed++;
	return edit->ops ? edit->ops->remove_jump(edit->data, jump) : 0;
}

/* --- chains ----------------------------------------------------------- */

static bool same_chain(const struct chain *have, const struct chain *want)
{
	if (have->count != want->count)
		return false;
	for (size_t i = 0; i < have->count; i++)
		if (!rule_same(&have->rules[i], &want->rules[i]))
			return false;
	return true;
}

static int edit_aligned(struct edit *edit, const struct chain *have, const struct chain *want,
			const long *kept)
{
	size_t i = 0;
	unsigned int position = 0;
	int err = 0;

	for (size_t j = 0; !err && j <= want->count;) {
		if (i < have->count && kept[i] < 0) {
			err = remove_rule(edit, have, &have->rules[i++], position);
		} else if (i < have->count && kept[i] == (long)j) {
			i++;
			j++;
			position++;
		} else if (j < want->count) {
			err = add_rule(edit, have, &want->rules[j++], position++);
		} else {
			break;
		}
	}
	return err;
}

static int fill_chain(struct edit *edit, const struct chain *want)
{
	int err = 0;

	for (size_t i = 0; i < want->count && !err; i++)
		err = add_rule(edit, want, &want->rules[i], (unsigned int)i);
	return err;
}

static int edit_chain(struct edit *edit, const struct chain *have, const struct chain *want)
{
	long at_hand[RULES_AT_HAND], *kept = at_hand;
	int err;

	if (have->count > RULES_AT_HAND)
		kept = malloc(have->count * sizeof(*kept));
	err = kept ? chain_align(have, want, kept) : -ENOMEM;
	if (err > 0) {
		err = edit_aligned(edit, have, want, kept);
	} else if (!err) {
		err = flush_chain(edit, have);
		if (!err)
			err = fill_chain(edit, want);
	}
	if (kept != at_hand)
		free(kept);
	return err;
}

static int add_chains(struct edit *edit, const struct pairs *pairs)
{
	int err = 0;

	for (size_t i = 0; i < pairs->count && !err; i++)
		if (!pairs->list[i].have)
			err = add_chain(edit, pairs->list[i].want);
	return err;
}

static int edit_rules(struct edit *edit, const struct pairs *pairs)
{
	int err = 0;

	for (size_t i = 0; i < pairs->count && !err; i++) {
		const struct pair *pair = &pairs->list[i];

		if (!pair->want)
			err = flush_chain(edit, pair->have);
		else if (!pair->have)
			err = fill_chain(edit, pair->want);
		else if (pair->differs)
			err = edit_chain(edit, pair->have, pair->want);
	}
	return err;
}

/* A chain that a rule of others leads to stays, empty. */
static bool goes(const struct pair *pair)
{
	return !pair->want && (chain_is_top(pair->have->name) || !pair->entered);
}

static void mark_entered(struct pairs *pairs, const struct ruleset *have)
{
	for (size_t i = 0; i < have->jump_count; i++) {
		struct pair *pair = pairs_find(pairs, have->jumps[i].to->name);

		if (pair)
			pair->entered = true;
	}
}

static int remove_chains(struct edit *edit, const struct pairs *pairs)
{
	int err = 0;

	for (size_t i = 0; i < pairs->count && !err; i++)
		if (goes(&pairs->list[i]))
			err = remove_chain(edit, pairs->list[i].have);
	return err;
}

static int announce(struct edit *edit, struct pairs *pairs)
{
	const struct edit_ops *ops = edit->ops;
	int err = 0;

	for (size_t i = 0; i < pairs->count && !err; i++) {
		struct pair *pair = &pairs->list[i];

		pair->differs = !pair->have || !pair->want || !same_chain(pair->have, pair->want);
		if (pair->have && pair->differs && ops && ops->will_change)
			err = ops->will_change(edit->data, pair->have);
		if (!err && goes(pair) && ops && ops->will_go)
			err = ops->will_go(edit->data, pair->have);
	}
	return err;
}

/* --- where ours are entered ------------------------------------------- */

/*
 * A jump that is there stays where it is.  During a rollback the jump must be in
 * the same chain as before.
 */
static bool has_jump(const struct ruleset *rules, const struct jump *jump)
{
	for (size_t i = 0; i < rules->jump_count; i++)
		if (!strcmp(rules->jumps[i].to->name, jump->to->name) &&
		    (jump->entry ? !strcmp(rules->jumps[i].chain, jump->chain) :
				   !rules->jumps[i].unreachable))
			return true;
	return false;
}

/* During a rollback, which leads to what was found: a jump that was not there. */
static bool is_extra(const struct ruleset *want, const struct jump *jump)
{
	for (size_t i = 0; i < want->jump_count && want->found; i++)
		if (!strcmp(want->jumps[i].to->name, jump->to->name) &&
		    !strcmp(want->jumps[i].chain, jump->chain))
			return false;
	return want->found;
}

static int edit_jumps(struct edit *edit, const struct ruleset *have, const struct ruleset *want)
{
	int err = 0;

	/* from the end, so that positions hold; to other chains: not our rule */
	for (size_t i = have->jump_count; i-- > 0 && !err;)
		if (chain_is_top(have->jumps[i].to->name) &&
		    (!ruleset_find(want, have->jumps[i].to->name) ||
		     is_extra(want, &have->jumps[i])))
			err = remove_jump(edit, &have->jumps[i]);
	for (size_t i = 0; i < want->jump_count && !err; i++)
		if (!has_jump(have, &want->jumps[i]))
			err = add_jump(edit, &want->jumps[i]);
	return err;
}

int ruleset_edit(const struct ruleset *have, const struct ruleset *want,
		 const struct edit_ops *ops, void *data, struct notrack_changes *changes)
{
	struct edit edit = { ops, data, changes };
	struct pairs pairs;
	int err = pairs_make(&pairs, have, want);

	if (!err) {
		mark_entered(&pairs, have);
		err = announce(&edit, &pairs);
	}
	if (!err)
		err = add_chains(&edit, &pairs);
	if (!err)
		err = edit_rules(&edit, &pairs);
	if (!err)
		err = edit_jumps(&edit, have, want);
	if (!err && ops && ops->edit_others)
		err = ops->edit_others(data);
	if (!err)
		err = remove_chains(&edit, &pairs);
	pairs_free(&pairs);
	return err;
}
