/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/steps.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory.h"

/* Parts of chains that differ in more rules than this are done anew. */
#define CELLS_MAX 4000000u

static void add_step(struct nft_steps *steps, const struct nft_step *step)
{
	struct nft_step *grown = memory_grow(steps->list, steps->count, sizeof(*grown));

	if (!grown) {
		steps->failed = true;
		return;
	}
	steps->list = grown;
	grown[steps->count++] = *step;
}

static void add_plain(struct nft_steps *steps, enum nft_step_kind kind)
{
	add_step(steps, &(struct nft_step){ .kind = kind });
}

static void add_set_step(struct nft_steps *steps, enum nft_step_kind kind,
			 const struct nft_set *set)
{
	add_step(steps, &(struct nft_step){ .kind = kind, .set = set });
}

static void add_chain_step(struct nft_steps *steps, enum nft_step_kind kind,
			   const struct nft_chain *chain)
{
	add_step(steps, &(struct nft_step){ .kind = kind, .chain = chain });
}

static void add_rule_step(struct nft_steps *steps, enum nft_step_kind kind,
			  const struct nft_chain *chain, const struct nft_rule *rule,
			  uint64_t before)
{
	add_step(steps, &(struct nft_step){ .kind = kind, .chain = chain, .rule = rule,
					    .before = before });
}

/* --- which rules stay --------------------------------------------------- */

/* Sets that must be made anew, by name; their rules, too, since they refer to the old ones. */
struct replaced {
	const struct nft_set **list;
	size_t count;
};

static bool is_replaced(const struct replaced *replaced, const char *set)
{
	for (size_t i = 0; set && i < replaced->count; i++)
		if (!strcmp(replaced->list[i]->name, set))
			return true;
	return false;
}

static bool refers_to(const struct nft_rule *rule, const struct replaced *replaced)
{
	for (size_t i = 0; i < rule->test_count && replaced->count; i++)
		if (is_replaced(replaced, rule->tests[i].set))
			return true;
	return rule->update && is_replaced(replaced, rule->update->set);
}

static bool stays_same(const struct nft_rule *have, const struct nft_rule *want,
		       const struct replaced *replaced)
{
	return nft_rule_same(have, want) && !refers_to(want, replaced);
}

/* Some rules of two chains. */
struct middle {
	const struct nft_rule *have, *want;
	size_t rows, columns;
	const struct replaced *replaced;
	bool *stays;			/* for each of @have; its fellow is the next of @want
					   that is marked */
	bool *is_there;			/* for each of @want */
};

static void mark_common(const struct middle *middle, const uint32_t *cells)
{
	size_t width = middle->columns + 1, i = 0, j = 0;

	while (i < middle->rows && j < middle->columns) {
		if (stays_same(&middle->have[i], &middle->want[j], middle->replaced))
			middle->stays[i++] = middle->is_there[j++] = true;
		else if (cells[(i + 1) * width + j] >= cells[i * width + j + 1])
			i++;
		else
			j++;
	}
}

/* The longest sequence of rules that both have. */
static int align(const struct middle *middle)
{
	size_t width = middle->columns + 1;
	uint32_t *cells = calloc((middle->rows + 1) * width, sizeof(*cells));

	if (!cells)
		return -ENOMEM;
	for (size_t i = middle->rows; i-- > 0;)
		for (size_t j = middle->columns; j-- > 0;) {
			uint32_t down = cells[(i + 1) * width + j], right = cells[i * width + j + 1];

			cells[i * width + j] = down > right ? down : right;
			if (stays_same(&middle->have[i], &middle->want[j], middle->replaced))
				cells[i * width + j] = cells[(i + 1) * width + j + 1] + 1;
		}
	mark_common(middle, cells);
	free(cells);
	return 0;
}

/* Rules of ours: where there are too many, they are made anew. */
static int mark_ours(struct middle middle)
{
	while (middle.rows && middle.columns &&
	       stays_same(middle.have, middle.want, middle.replaced)) {
		*middle.stays++ = *middle.is_there++ = true;
		middle.have++;
		middle.want++;
		middle.rows--;
		middle.columns--;
	}
	while (middle.rows && middle.columns &&
	       stays_same(&middle.have[middle.rows - 1], &middle.want[middle.columns - 1],
			  middle.replaced))
		middle.stays[--middle.rows] = middle.is_there[--middle.columns] = true;
	if (!middle.rows || !middle.columns || middle.rows >= CELLS_MAX / (middle.columns + 1))
		return 0;
	return align(&middle);
}

/* From @at on, the rule of others that @theirs is. */
static size_t find_theirs(const struct nft_chain *want, size_t at, const struct nft_rule *theirs)
{
	while (at < want->count && !(want->rules[at].is_theirs &&
				     want->rules[at].handle == theirs->handle))
		at++;
	return at;
}

/* A chain without rules has no array of them. */
static const struct nft_rule *rules_from(const struct nft_chain *chain, size_t at)
{
	return chain->count ? chain->rules + at : NULL;
}

/* Rules of others stay, all and in order, so that ours are compared between them. */
static int mark_all(const struct nft_chain *have, const struct nft_chain *want,
		    const struct replaced *replaced, bool *stays, bool *is_there)
{
	size_t i = 0, j = 0;
	int err = 0;

	for (size_t next = 0; next <= have->count && !err; next++) {
		bool is_end = next == have->count;
		size_t fellow;

		if (!is_end && !have->rules[next].is_theirs)
			continue;
		fellow = is_end ? want->count : find_theirs(want, j, &have->rules[next]);
		if (!is_end && fellow == want->count)
			continue;
		err = mark_ours((struct middle){
			.have = rules_from(have, i), .rows = next - i, .stays = stays + i,
			.want = rules_from(want, j), .columns = fellow - j, .is_there = is_there + j,
			.replaced = replaced,
		});
		if (!is_end)
			stays[next] = is_there[fellow] = true;
		i = next + 1;
		j = fellow + 1;
	}
	return err;
}

static void edit_marked(struct nft_steps *steps, const struct nft_chain *have,
			const struct nft_chain *want, const bool *stays, const bool *is_there)
{
	size_t next = 0;

	for (size_t i = 0; i < have->count; i++)
		if (!stays[i] && !have->rules[i].is_theirs)
			add_rule_step(steps, NFT_REMOVE_RULE, have, &have->rules[i], 0);
	for (size_t j = 0; j < want->count; j++) {
		while (next < have->count && !stays[next])
			next++;
		if (is_there[j])
			next++;
		else
			add_rule_step(steps, NFT_ADD_RULE, want, &want->rules[j],
				      next < have->count ? have->rules[next].handle : 0);
	}
}

static void edit_chain(struct nft_steps *steps, const struct nft_chain *have,
		       const struct nft_chain *want, const struct replaced *replaced)
{
	bool *stays = calloc(have->count + want->count + 1, sizeof(*stays));

	if (!stays || mark_all(have, want, replaced, stays, stays + have->count))
		steps->failed = true;
	else
		edit_marked(steps, have, want, stays, stays + have->count);
	free(stays);
}

void nft_steps_edit_chain(struct nft_steps *steps, const struct nft_chain *have,
			  const struct nft_chain *want)
{
	edit_chain(steps, have, want, &(struct replaced){ .count = 0 });
}

/* --- all of a table ----------------------------------------------------- */

void nft_steps_fill_chain(struct nft_steps *steps, const struct nft_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		add_rule_step(steps, NFT_ADD_RULE, chain, &chain->rules[i], 0);
}

void nft_steps_empty_chain(struct nft_steps *steps, const struct nft_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		add_rule_step(steps, NFT_REMOVE_RULE, chain, &chain->rules[i], 0);
}

void nft_steps_add_chain(struct nft_steps *steps, const struct nft_chain *chain)
{
	add_chain_step(steps, NFT_ADD_CHAIN, chain);
}

void nft_steps_remove_chain(struct nft_steps *steps, const struct nft_chain *chain)
{
	add_chain_step(steps, NFT_REMOVE_CHAIN, chain);
}

/* What both have by that name, and as it is wanted. */
static const struct nft_chain *fellow(const struct nft_table *table, const struct nft_chain *chain)
{
	const struct nft_chain *other = nft_table_chain(table, chain->name);

	return other && nft_chain_same_hook(other, chain) ? other : NULL;
}

static const struct nft_set *fellow_set(const struct nft_table *table, const struct nft_set *set)
{
	const struct nft_set *other = nft_table_set(table, set->name);

	return other && nft_set_same(other, set) ? other : NULL;
}

/* Sets and chains that nothing leads to yet. */
static void prepare(struct nft_steps *steps, const struct nft_table *have,
		    const struct nft_table *want)
{
	if (!have->exists)
		add_plain(steps, NFT_ADD_TABLE);
	for (size_t i = 0; i < want->set_count; i++)
		if (!nft_table_set(have, want->sets[i]->name))
			add_set_step(steps, NFT_ADD_SET, want->sets[i]);
	for (size_t i = 0; i < want->chain_count; i++)
		if (!want->chains[i]->is_base && !nft_table_chain(have, want->chains[i]->name))
			add_chain_step(steps, NFT_ADD_CHAIN, want->chains[i]);
}

/* Rules that go, those of chains that go or must be made anew among them. */
static void edit_rules(struct nft_steps *steps, const struct nft_table *have,
		       const struct nft_table *want, const struct replaced *replaced)
{
	for (size_t i = 0; i < have->chain_count; i++)
		if (!fellow(want, have->chains[i]))
			nft_steps_empty_chain(steps, have->chains[i]);
	for (size_t i = 0; i < want->chain_count; i++) {
		const struct nft_chain *other = fellow(have, want->chains[i]);

		if (other)
			edit_chain(steps, other, want->chains[i], replaced);
		else
			nft_steps_fill_chain(steps, want->chains[i]);
	}
}

/* Chains of the same name that are not as wanted, and those that packets come in by. */
static void replace_chains(struct nft_steps *steps, const struct nft_table *have,
			   const struct nft_table *want)
{
	for (size_t i = 0; i < want->chain_count; i++) {
		const struct nft_chain *chain = want->chains[i];
		const struct nft_chain *other = nft_table_chain(have, chain->name);

		if (other && fellow(have, chain))
			continue;
		if (other)
			add_chain_step(steps, NFT_REMOVE_CHAIN, other);
		if (other || chain->is_base)
			add_chain_step(steps, NFT_ADD_CHAIN, chain);
	}
}

static void replace_sets(struct nft_steps *steps, const struct nft_table *have,
			 const struct replaced *replaced)
{
	for (size_t i = 0; i < replaced->count; i++) {
		add_set_step(steps, NFT_REMOVE_SET, nft_table_set(have, replaced->list[i]->name));
		add_set_step(steps, NFT_ADD_SET, replaced->list[i]);
	}
}

/* Sets of the same name that are not as wanted. */
static int find_replaced(struct replaced *replaced, const struct nft_table *have,
			 const struct nft_table *want)
{
	replaced->list = calloc(want->set_count + 1, sizeof(*replaced->list));
	if (!replaced->list)
		return -ENOMEM;
	for (size_t i = 0; i < want->set_count; i++)
		if (nft_table_set(have, want->sets[i]->name) && !fellow_set(have, want->sets[i]))
			replaced->list[replaced->count++] = want->sets[i];
	return 0;
}

static void clean_up(struct nft_steps *steps, const struct nft_table *have,
		     const struct nft_table *want)
{
	/* somebody's map may lead to somebody's chain */
	for (size_t i = 0; i < have->set_count; i++)
		if (!nft_table_set(want, have->sets[i]->name))
			add_set_step(steps, NFT_REMOVE_SET, have->sets[i]);
	for (size_t i = 0; i < have->chain_count; i++)
		if (!nft_table_chain(want, have->chains[i]->name))
			add_chain_step(steps, NFT_REMOVE_CHAIN, have->chains[i]);
}

static void move_steps(struct nft_steps *to, const struct nft_steps *from, bool removals)
{
	for (size_t i = 0; i < from->count; i++)
		if ((from->list[i].kind == NFT_REMOVE_RULE) == removals)
			add_step(to, &from->list[i]);
	to->failed |= from->failed;
}

static void edit_table(struct nft_steps *steps, const struct nft_table *have,
		       const struct nft_table *want, bool elements, const struct replaced *replaced)
{
	struct nft_steps rules = { .count = 0 };

	prepare(steps, have, want);
	if (elements && !replaced->count)
		add_plain(steps, NFT_EDIT_ELEMENTS);
	if (!replaced->count && steps->count)
		add_plain(steps, NFT_PREPARED);
	edit_rules(&rules, have, want, replaced);
	move_steps(steps, &rules, true);
	replace_chains(steps, have, want);
	replace_sets(steps, have, replaced);
	if (elements && replaced->count)
		add_plain(steps, NFT_EDIT_ELEMENTS);
	move_steps(steps, &rules, false);
	clean_up(steps, have, want);
	/* it wakes up last: the kernel takes no new base chain behind that */
	if (have->exists && have->is_dormant)
		add_plain(steps, NFT_ADD_TABLE);
	nft_steps_free(&rules);
}

/*
 * Nothing is untracked any more, and then all is gone.  A batch that changes nothing has no
 * generation of its own, so that it must not be sent: nobody could tell what came after it.
 */
static void remove_table(struct nft_steps *steps, const struct nft_table *have)
{
	for (size_t i = 0; i < have->chain_count; i++)
		if (have->chains[i]->is_base && have->chains[i]->count &&
		    have->chains[i]->hook.number != NF_INET_LOCAL_IN)
			add_chain_step(steps, NFT_EMPTY_CHAIN, have->chains[i]);
	add_plain(steps, NFT_REMOVE_TABLE);
}

int nft_steps_make(struct nft_steps *steps, const struct nft_table *have,
		   const struct nft_table *want, bool elements)
{
	struct replaced replaced = { .count = 0 };

	*steps = (struct nft_steps){ 0 };
	if (find_replaced(&replaced, have, want))
		steps->failed = true;
	else if (want->exists)
		edit_table(steps, have, want, elements, &replaced);
	else if (have->exists)
		remove_table(steps, have);
	free(replaced.list);
	return steps->failed ? -ENOMEM : 0;
}

void nft_steps_free(struct nft_steps *steps)
{
	free(steps->list);
	*steps = (struct nft_steps){ 0 };
}
