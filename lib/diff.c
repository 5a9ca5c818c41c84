/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

/* Chains of more rules than this, in the part that differs, are done anew. */
#define ALIGN_CELLS_MOST 4000000u
/* Most chains of a tree of clients are short, and need no allocation. */
#define CELLS_AT_HAND 512u
#define RULES_AT_HAND 32u

/*
 * Which rules of two chains are the same ones: for each of @have, the index in
 * @want that it is, or -1.  A longest common subsequence, so that as many
 * rules as can be keep their counters.
 */
static void align_middle(const struct rule *have, size_t have_count, const struct rule *want,
			 size_t want_count, size_t shift, uint16_t *cells, long *kept)
{
	size_t width = want_count + 1;

	for (size_t i = have_count; i-- > 0;)
		for (size_t j = want_count; j-- > 0;) {
			uint16_t down = cells[(i + 1) * width + j], right = cells[i * width + j + 1];

			cells[i * width + j] = rule_same(&have[i], &want[j]) ?
				(uint16_t)(cells[(i + 1) * width + j + 1] + 1) :
				down > right ? down : right;
		}
	for (size_t i = 0, j = 0; i < have_count && j < want_count;) {
		if (rule_same(&have[i], &want[j]))
			kept[i++] = (long)(shift + j++);
		else if (cells[(i + 1) * width + j] >= cells[i * width + j + 1])
			i++;
		else
			j++;
	}
}

static int align(const struct chain *have, const struct chain *want, long *kept)
{
	size_t head = 0, have_end = have->count, want_end = want->count, rows, columns, count;
	uint16_t at_hand[CELLS_AT_HAND], *cells = at_hand;

	while (head < have_end && head < want_end &&
	       rule_same(&have->rules[head], &want->rules[head])) {
		kept[head] = (long)head;
		head++;
	}
	while (have_end > head && want_end > head &&
	       rule_same(&have->rules[have_end - 1], &want->rules[want_end - 1]))
		kept[--have_end] = (long)--want_end;
	rows = have_end - head;
	columns = want_end - head;
	for (size_t i = 0; i < rows; i++)
		kept[head + i] = -1;
	count = (rows + 1) * (columns + 1);
	if (!rows || !columns || rows >= UINT16_MAX || columns >= UINT16_MAX ||
	    count > ALIGN_CELLS_MOST)
		return 0;
	if (count <= CELLS_AT_HAND)
		memset(at_hand, 0, count * sizeof(*cells));
	else
		cells = calloc(count, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	align_middle(have->rules + head, rows, want->rules + head, columns, head, cells,
		     kept + head);
	if (cells != at_hand)
		free(cells);
	return 0;
}

static bool same_chain(const struct chain *have, const struct chain *want)
{
	if (have->count != want->count)
		return false;
	for (size_t i = 0; i < have->count; i++)
		if (!rule_same(&have->rules[i], &want->rules[i]))
			return false;
	return true;
}

static bool keeps_any(const long *kept, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (kept[i] >= 0)
			return true;
	return false;
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
			err = ops->add_rule(data, have, &want->rules[j++], position++,
					    i == have->count);
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
		kept = calloc(have->count, sizeof(*kept));
	err = kept ? align(have, want, kept) : -ENOMEM;
	if (!err && keeps_any(kept, have->count))
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
		err = ops->add_rule(data, want, &want->rules[i], (unsigned int)i, true);
	return err;
}

/* Both sets are in order of name: walks them side by side. */
static int each_pair(const struct ruleset *have, const struct ruleset *want,
		     int (*visit)(const struct chain *, const struct chain *,
				  const struct edit_ops *, void *),
		     const struct edit_ops *ops, void *data)
{
	size_t i = 0, j = 0;
	int err = 0;

	while (!err && (i < have->count || j < want->count)) {
		int order = i == have->count ? 1 : j == want->count ? -1 :
			    strcmp(have->chains[i]->name, want->chains[j]->name);

		err = visit(order <= 0 ? have->chains[i] : NULL,
			    order >= 0 ? want->chains[j] : NULL, ops, data);
		i += order <= 0;
		j += order >= 0;
	}
	return err;
}

static int add_chain(const struct chain *have, const struct chain *want,
		     const struct edit_ops *ops, void *data)
{
	return have ? 0 : ops->add_chain(data, want);
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
static bool has_hook(const struct ruleset *rules, const struct hook *hook)
{
	for (size_t i = 0; i < rules->hook_count; i++)
		if (!strcmp(rules->hooks[i].target, hook->target) &&
		    (!hook->entry || !strcmp(rules->hooks[i].chain, hook->chain)))
			return true;
	return false;
}

static bool is_entered(const struct ruleset *rules, const char *chain)
{
	for (size_t i = 0; i < rules->hook_count; i++)
		if (!strcmp(rules->hooks[i].target, chain))
			return true;
	return false;
}

static int edit_hooks(const struct ruleset *have, const struct ruleset *want,
		      const struct edit_ops *ops, void *data)
{
	int err = 0;

	/* from the end, so that positions hold; to other chains: not our rule */
	for (size_t i = have->hook_count; i-- > 0 && !err;)
		if (chain_is_top(have->hooks[i].target) &&
		    !ruleset_find(want, have->hooks[i].target))
			err = ops->remove_hook(data, &have->hooks[i]);
	for (size_t i = 0; i < want->hook_count && !err; i++)
		if (!has_hook(have, &want->hooks[i]))
			err = ops->add_hook(data, &want->hooks[i]);
	return err;
}

struct removal {
	const struct ruleset *have;
	void *data;
};

/* A chain that a rule of others leads to stays, empty. */
static int remove_chain(const struct chain *have, const struct chain *want,
			const struct edit_ops *ops, void *data)
{
	const struct removal *removal = data;

	if (want || (!chain_is_top(have->name) && is_entered(removal->have, have->name)))
		return 0;
	return ops->remove_chain(removal->data, have);
}

int ruleset_edit(const struct ruleset *have, const struct ruleset *want,
		 const struct edit_ops *ops, void *data)
{
	struct removal removal = { have, data };
	int err = each_pair(have, want, add_chain, ops, data);

	if (!err)
		err = each_pair(have, want, edit_rules, ops, data);
	if (!err)
		err = edit_hooks(have, want, ops, data);
	return err ? err : each_pair(have, want, remove_chain, ops, &removal);
}

/* --- make before break ------------------------------------------------ */

/* What lets a packet through, or leads to what does. */
static bool lets_through(const struct rule *rule, const struct chain *chain)
{
	return rule->target == TARGET_ACCEPT ||
	       (rule->target == TARGET_JUMP && chain_is_top(chain->name));
}

static int merge_chain(struct chain *both, const struct chain *have, const struct chain *want,
		       bool *more)
{
	long *kept = calloc(have->count + 1, sizeof(*kept));
	size_t i = 0;
	int err = kept ? align(have, want, kept) : -ENOMEM;

	for (size_t j = 0; !err && j <= want->count;) {
		const struct rule *rule;

		if (i < have->count && kept[i] < 0) {
			rule = &have->rules[i++];
			if (!lets_through(rule, have))
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
	bool more;
};

static void keep_reached(struct merger *merger, size_t index)
{
	const struct chain *chain = merger->have->chains[index];
	size_t next;

	if (merger->keep[index])
		return;
	merger->keep[index] = true;
	for (size_t i = 0; i < chain->count; i++)
		if (chain->rules[i].chain &&
		    ruleset_index(merger->have, chain->rules[i].chain, &next))
			keep_reached(merger, next);
}

static bool accepts(const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->rules[i].target == TARGET_ACCEPT)
			return true;
	return chain_is_top(chain->name);
}

/* A chain that goes is kept halfway, with all it leads to. */
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
			if (chain->rules[j].chain && !ruleset_find(want, chain->rules[j].chain) &&
			    ruleset_index(have, chain->rules[j].chain, &next))
				keep_reached(merger, next);
	}
}

static int merge(const struct chain *have, const struct chain *want,
		 const struct edit_ops *ops, void *data)
{
	struct merger *merger = data;
	struct chain *both;
	size_t index;

	(void)ops;
	if (!want && (!ruleset_index(merger->have, have->name, &index) || !merger->keep[index]))
		return 0;
	merger->more |= !want;
	/* other chains let nothing through: they change at once */
	if (!have || !want || !accepts(have))
		return ruleset_share_chain(merger->both, (struct chain *)(want ? want : have));
	both = ruleset_add_chain(merger->both, have->name);
	return both ? merge_chain(both, have, want, &merger->more) : -ENOMEM;
}

int ruleset_union(struct ruleset *both, const struct ruleset *have,
		  const struct ruleset *want)
{
	struct merger merger = { have, both, calloc(have->count + 1, sizeof(bool)), false };
	int err = 0;

	if (!merger.keep)
		return -ENOMEM;
	keep_going(&merger, want);
	err = each_pair(have, want, merge, NULL, &merger);
	for (size_t i = 0; i < want->hook_count && !err; i++)
		err = ruleset_add_hook(both, &want->hooks[i]);
	free(merger.keep);
	return err ? err : merger.more;
}
