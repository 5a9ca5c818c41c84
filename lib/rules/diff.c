/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/align.h"
#include "rules/diff.h"
#include "rules/pair.h"

static bool same_chain(const struct chain *have, const struct chain *want)
{
	if (have->count != want->count)
		return false;
	for (size_t i = 0; i < have->count; i++)
		if (!rule_same(&have->rules[i], &want->rules[i]))
			return false;
	return true;
}

static int edit_aligned(const struct chain *have, const struct chain *want, const long *kept,
			const struct edit_ops *ops, void *data)
{
	size_t i = 0;
	unsigned int position = 0;
	int err = 0;

	for (size_t j = 0; !err && j <= want->count;) {
		if (i < have->count && kept[i] < 0) {
			err = ops->remove_rule(data, have, &have->rules[i++], position);
		} else if (i < have->count && kept[i] == (long)j) {
			i++;
			j++;
			position++;
		} else if (j < want->count) {
			err = ops->add_rule(data, have, &want->rules[j++], position++);
		} else {
			break;
		}
	}
	return err;
}

static int edit_chain(const struct chain *have, const struct chain *want,
		      const struct edit_ops *ops, void *data)
{
	long at_hand[RULES_AT_HAND], *kept = at_hand;
	int err;

	if (same_chain(have, want))
		return 0;
	if (have->count > RULES_AT_HAND)
		kept = malloc(have->count * sizeof(*kept));
	err = kept ? chain_align(have, want, kept) : -ENOMEM;
	if (err > 0)
		err = edit_aligned(have, want, kept, ops, data);
	else if (!err)
		err = ops->replace_chain(data, have, want);
	if (kept != at_hand)
		free(kept);
	return err;
}

static int fill_chain(const struct chain *want, const struct edit_ops *ops, void *data)
{
	int err = 0;

	for (size_t i = 0; i < want->count && !err; i++)
		err = ops->add_rule(data, want, &want->rules[i], (unsigned int)i);
	return err;
}

static int add_chains(const struct pairs *pairs, const struct edit_ops *ops, void *data)
{
	int err = 0;

	for (size_t i = 0; i < pairs->count && !err; i++)
		if (!pairs->list[i].have)
			err = ops->add_chain(data, pairs->list[i].want);
	return err;
}

static int edit_rules(const struct chain *have, const struct chain *want,
		      const struct edit_ops *ops, void *data)
{
	if (!want)
		return have->count ? ops->flush_chain(data, have) : 0;
	if (have)	/* so that rules which lead to @want find it in the table */
		((struct chain *)want)->slot = have->slot;
	return have ? edit_chain(have, want, ops, data) : fill_chain(want, ops, data);
}

/* --- where ours are entered ------------------------------------------- */

/* A jump that is there stays where it is; one of a way back must be at its place. */
static bool has_jump(const struct ruleset *rules, const struct jump *jump)
{
	for (size_t i = 0; i < rules->jump_count; i++)
		if (!strcmp(rules->jumps[i].target, jump->target) &&
		    (jump->entry ? !strcmp(rules->jumps[i].chain, jump->chain) :
				   !rules->jumps[i].unreachable))
			return true;
	return false;
}

static bool is_entered(const struct ruleset *rules, const char *chain)
{
	for (size_t i = 0; i < rules->jump_count; i++)
		if (!strcmp(rules->jumps[i].target, chain))
			return true;
	return false;
}

/* On a way back, to what was found, a jump that was not there. */
static bool is_extra(const struct ruleset *want, const struct jump *jump)
{
	for (size_t i = 0; i < want->jump_count; i++)
		if (!strcmp(want->jumps[i].target, jump->target) &&
		    !strcmp(want->jumps[i].chain, jump->chain))
			return false;
	return want->found;
}

static int edit_jumps(const struct ruleset *have, const struct ruleset *want,
		      const struct edit_ops *ops, void *data)
{
	int err = 0;

	/* from the end, so that positions hold; to other chains: not our rule */
	for (size_t i = have->jump_count; i-- > 0 && !err;)
		if (chain_is_top(have->jumps[i].target) &&
		    (!ruleset_find(want, have->jumps[i].target) ||
		     is_extra(want, &have->jumps[i])))
			err = ops->remove_jump(data, &have->jumps[i]);
	for (size_t i = 0; i < want->jump_count && !err; i++)
		if (!has_jump(have, &want->jumps[i]))
			err = ops->add_jump(data, &want->jumps[i]);
	return err;
}

/* A chain that a rule of others leads to stays, empty. */
static bool stays(const struct ruleset *have, const struct chain *chain)
{
	return !chain_is_top(chain->name) && is_entered(have, chain->name);
}

static int remove_chains(const struct ruleset *have, const struct pairs *pairs,
			 const struct edit_ops *ops, void *data)
{
	int err = 0;

	for (size_t i = 0; i < pairs->count && !err; i++)
		if (!pairs->list[i].want && !stays(have, pairs->list[i].have))
			err = ops->remove_chain(data, pairs->list[i].have);
	return err;
}

int ruleset_edit(const struct ruleset *have, const struct ruleset *want,
		 const struct edit_ops *ops, void *data)
{
	struct pairs pairs;
	int err = pairs_make(&pairs, have, want);

	if (!err)
		err = add_chains(&pairs, ops, data);
	for (size_t i = 0; i < pairs.count && !err; i++)
		err = edit_rules(pairs.list[i].have, pairs.list[i].want, ops, data);
	if (!err)
		err = edit_jumps(have, want, ops, data);
	if (!err)
		err = remove_chains(have, &pairs, ops, data);
	pairs_free(&pairs);
	return err;
}
