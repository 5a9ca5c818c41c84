/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/steps.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "rules/align.h"
#include "support/memory.h"

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

/* A chain as it is, and as it is to be. */
struct comparison {
	const struct nft_chain *have, *want;
	const struct replaced *replaced;
};

static bool stays_same(const void *data, size_t have, size_t want)
{
	const struct comparison *chain = data;
	const struct nft_rule *wanted = &chain->want->rules[want];

	return nft_rule_same(&chain->have->rules[have], wanted) &&
	       !refers_to(wanted, chain->replaced);
}

/* From @at on, the rule of others that @theirs is. */
static size_t find_theirs(const struct nft_chain *want, size_t at, const struct nft_rule *theirs)
{
	while (at < want->count && !(want->rules[at].is_theirs &&
				     want->rules[at].handle == theirs->handle))
		at++;
	return at;
}

/* Rules of others stay, all and in order, so that ours are compared between them. */
static int align_chain(const struct comparison *chain, long *kept)
{
	const struct nft_chain *have = chain->have, *want = chain->want;
	struct alignment ours = { .same = stays_same, .data = chain };
	int err = 0;

	for (size_t next = 0; next <= have->count && err >= 0; next++) {
		bool is_end = next == have->count;

		if (!is_end && !have->rules[next].is_theirs)
			continue;
		ours.have_end = next;
		ours.want_end = is_end ? want->count :
				find_theirs(want, ours.want, &have->rules[next]);
		if (!is_end && ours.want_end == want->count)
			continue;
		err = align(ours, kept);
		if (!is_end)
			kept[next] = (long)ours.want_end;
		ours.have = next + 1;
		ours.want = ours.want_end + 1;
	}
	return err < 0 ? err : 0;
}

static void edit_aligned(struct nft_steps *steps, const struct nft_chain *have,
			 const struct nft_chain *want, const long *kept)
{
	size_t next = 0;

	for (size_t i = 0; i < have->count; i++)
		if (kept[i] < 0 && !have->rules[i].is_theirs)
			add_rule_step(steps, NFT_REMOVE_RULE, have, &have->rules[i], 0);
	for (size_t j = 0; j < want->count; j++) {
		while (next < have->count && kept[next] < 0)
			next++;
		if (next < have->count && kept[next] == (long)j)
			next++;
		else
			add_rule_step(steps, NFT_ADD_RULE, want, &want->rules[j],
				      next < have->count ? have->rules[next].handle : 0);
	}
}

static void edit_chain(struct nft_steps *steps, const struct nft_chain *have,
		       const struct nft_chain *want, const struct replaced *replaced)
{
	const struct comparison chain = { have, want, replaced };
	long *kept = malloc((have->count + 1) * sizeof(*kept));

	if (!kept || align_chain(&chain, kept))
		steps->failed = true;
	else
		edit_aligned(steps, have, want, kept);
	free(kept);
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
