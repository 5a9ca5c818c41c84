/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/align.h"
#include "rules/diff.h"
#include "rules/pair.h"
#include "support/memory.h"

struct edit {
	const struct edit_ops *ops;
	void *data;
	struct notrack_changes *changes;
	struct notrack_changes empty;	/* chains without rules */
};

/* --- steps ------------------------------------------------------------ */

static int add_chain(struct edit *edit, const struct chain *chain)
{
	edit->empty.added += chain->count == 0;
	return edit->ops ? edit->ops->add_chain(edit->data, chain) : 0;
}

static int remove_chain(struct edit *edit, const struct chain *chain)
{
	edit->empty.removed += chain->count == 0;
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
 * The jumps of a ruleset in order of where they lead to and stand: anybody may have
 * ten thousand chains that lead to ours, and to search all of them for each is slow.
 */
struct jumps {
	const struct jump **list;
	size_t count, room;
};

static int compare_jumps(const struct jump *a, const struct jump *b)
{
	int order = strcmp(a->to->name, b->to->name);

	return order ? order : strcmp(a->chain, b->chain);
}

static int compare_listed(const void *a, const void *b)
{
	return compare_jumps(*(const struct jump *const *)a, *(const struct jump *const *)b);
}

static int list_jumps(struct jumps *jumps, const struct ruleset *rules)
{
	jumps->room = rules->jump_count + 1;
	jumps->list = memory_get(jumps->room * sizeof(struct jump *));
	if (!jumps->list)
		return -ENOMEM;
	for (size_t i = 0; i < rules->jump_count; i++)
		jumps->list[jumps->count++] = &rules->jumps[i];
	qsort(jumps->list, jumps->count, sizeof(struct jump *), compare_listed);
	return 0;
}

static void forget_jumps(struct jumps *jumps)
{
	memory_put(jumps->list, jumps->room * sizeof(struct jump *));
}

static bool has_same(const struct jumps *jumps, const struct jump *jump)
{
	return bsearch(&jump, jumps->list, jumps->count, sizeof(struct jump *), compare_listed);
}

/* Of the few jumps that services have, each is looked for among all. */
static bool is_reached(const struct ruleset *rules, const struct chain *to)
{
	for (size_t i = 0; i < rules->jump_count; i++)
		if (!rules->jumps[i].unreachable && !strcmp(rules->jumps[i].to->name, to->name))
			return true;
	return false;
}

/*
 * A jump that is there stays where it is.  During a rollback, which leads to what was
 * found, the jump must be in the same chain as before, and one that was not there goes.
 */
static int edit_listed(struct edit *edit, const struct ruleset *have, const struct ruleset *want,
		       const struct jumps *had, const struct jumps *wanted)
{
	int err = 0;

	/* from the end, so that positions hold; to other chains: not our rule */
	for (size_t i = have->jump_count; i-- > 0 && !err;)
		if (chain_is_top(have->jumps[i].to->name) &&
		    (!ruleset_find(want, have->jumps[i].to->name) ||
		     (want->found && !has_same(wanted, &have->jumps[i]))))
			err = remove_jump(edit, &have->jumps[i]);
	for (size_t i = 0; i < want->jump_count && !err; i++) {
		const struct jump *jump = &want->jumps[i];

		if (!(jump->entry ? has_same(had, jump) : is_reached(have, jump->to)))
			err = add_jump(edit, jump);
	}
	return err;
}

static int edit_jumps(struct edit *edit, const struct ruleset *have, const struct ruleset *want)
{
	struct jumps had = { 0 }, wanted = { 0 };
	int err = list_jumps(&had, have);

	if (!err)
		err = list_jumps(&wanted, want);
	if (!err)
		err = edit_listed(edit, have, want, &had, &wanted);
	forget_jumps(&had);
	forget_jumps(&wanted);
	return err;
}

int ruleset_edit(const struct ruleset *have, const struct ruleset *want,
		 const struct edit_ops *ops, void *data, struct notrack_changes *changes)
{
	struct edit edit = { .ops = ops, .data = data, .changes = changes };
	const struct notrack_changes before = *changes;
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
	/* where nothing else is, a chain without rules is a change, too */
	if (changes->added == before.added && changes->removed == before.removed) {
		changes->added += edit.empty.added;
		changes->removed += edit.empty.removed;
	}
	pairs_free(&pairs);
	return err;
}
