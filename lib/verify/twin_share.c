/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Twins in chains that see packets of several kinds: what comes in, what leaves, what passes through. */
#include "verify/grafting.h"
#include "verify/twins.h"

bool twins_share(const struct view_chain *chain, bool forwards)
{
	return chain->hooks & BIT(HOOK_FORWARD) ||
	       (forwards && chain->hooks & (BIT(HOOK_PREROUTING) | BIT(HOOK_POSTROUTING))) ||
	       (chain->hooks & HOOKS_IN && chain->hooks & HOOKS_OUT);
}

static bool asks_conntrack(const struct view_chain *chain)
{
	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
		if (rule_asks_conntrack(rule))
			return true;
	return false;
}

/* Most hosts share no chain that asks for a state: then there is no need to make twins. */
static bool may_share(const struct view *view, bool forwards)
{
	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			if (chain->hooks & HOOKS_IN && twins_share(chain, forwards) &&
			    asks_conntrack(chain))
				return true;
	return false;
}

static bool asks_local(const struct rule *rule)
{
	return rule->match && rule->match->to_local;
}

static bool chain_asks_local(const struct graft_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (asks_local(&chain->rules[i].rule))
			return true;
	return false;
}

static bool any_asks_local(const struct grafts *grafts)
{
	for (size_t i = 0; i < grafts->count; i++)
		if (asks_local(&grafts->list[i].rule.rule))
			return true;
	for (const struct graft_chain *chain = grafts->chains; chain; chain = chain->next)
		if (chain_asks_local(chain))
			return true;
	return false;
}

int twins_ask_local(const struct view *view, const struct twins_options *options, bool *ask)
{
	struct grafts grafts = { 0 };
	struct findings findings = { 0 };
	int err = 0;

	*ask = false;
	if (!may_share(view, options->host.forwards))
		return 0;
	err = twins_make(view, options, &grafts, &findings);
	*ask = any_asks_local(&grafts);
	grafts_free(&grafts);
	findings_free(&findings);
	return err;
}
