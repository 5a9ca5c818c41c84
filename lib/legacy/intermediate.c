/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/intermediate.h"

#include <errno.h>
#include <stdlib.h>

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
	return rule->target == TARGET_ACCEPT ||
	       (rule->target == TARGET_JUMP && chain_is_top(chain->name) &&
		!chain_is_top(rule->to->name) && has_accept(rule->to));
}

/* The rules of @want, and between them those of @have that let packets through. */
static int merge_chain(struct chain *both, const struct chain *have, const struct chain *want,
		       bool *more)
{
	long *kept = calloc(have->count + 1, sizeof(*kept));
	size_t i = 0;
	int err = kept ? chain_align(have, want, kept) : -ENOMEM;

	err = err < 0 ? err : 0;
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

/* Other chains let nothing through: they change, or go, at once. */
static int merge(struct ruleset *both, const struct pair *pair, bool *more)
{
	static const struct chain nothing;
	struct chain *merged;

	if (!pair->have || (!has_accept(pair->have) && !chain_is_top(pair->have->name)))
		return pair->want ? ruleset_share_chain(both, pair->want) : 0;
	*more |= !pair->want;
	merged = ruleset_add_chain(both, pair->have->name);
	return merged ? merge_chain(merged, pair->have, pair->want ? pair->want : &nothing, more) :
			-ENOMEM;
}

int intermediate_make(struct ruleset *both, const struct ruleset *have,
		      const struct ruleset *want)
{
	struct pairs pairs;
	bool more = false;
	int err = pairs_make(&pairs, have, want);

	for (size_t i = 0; i < pairs.count && !err; i++)
		err = merge(both, &pairs.list[i], &more);
	for (size_t i = 0; i < want->jump_count && !err; i++)
		err = ruleset_add_jump(both, &want->jumps[i]);
	/* no more than is there, except during a rollback */
	for (size_t i = 0; i < have->jump_count && !err; i++)
		if (chain_is_top(have->jumps[i].to->name) &&
		    !ruleset_find(want, have->jumps[i].to->name))
			err = ruleset_add_jump(both, &have->jumps[i]);
	pairs_free(&pairs);
	return err ? err : more;
}
