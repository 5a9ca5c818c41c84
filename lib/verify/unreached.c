/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chains of ours in tables of nftables that no rule leads to any more: somebody deleted the
 * rule that did, and what they accept is left to the host.
 */
#include "verify/verify.h"

#include <string.h>

#include "rules/compile.h"
#include "rules/name.h"

static bool leads_to(const struct view_chain *from, const struct view_chain *to)
{
	for (const struct view_rule *rule = from->rules; rule; rule = rule->next) {
		const struct step *verdict = rule_verdict(rule);

		if (verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO) &&
		    verdict->chain == to)
			return true;
	}
	return false;
}

static bool is_reached(const struct view_chain *chain)
{
	for (const struct view_chain *from = chain->table->chains; from; from = from->next)
		if (leads_to(from, chain))
			return true;
	return false;
}

static bool is_at_input(const struct view_chain *chain)
{
	return strncmp(chain->name, CHAIN_PREFIX "OUTPUT", sizeof(CHAIN_PREFIX "OUTPUT") - 1) != 0;
}

static int find_unreached(struct verification *all, const struct view_chain *chain,
			  enum family family)
{
	const bool fails = verify_some_flow_fails(all, family, is_at_input(chain));

	return findings_add(&all->findings, "jump-missing", fails ? NOTRACK_FAILED : NOTRACK_WARNING,
			    "table %s %s (%s): no rule leads to %s any more; add or apply a service "
			    "again, and it comes back", chain->table->family_name, chain->table->name,
			    family_name(family), chain->name);
}

int verify_unreached(struct verification *all, enum family family)
{
	int err = 0;

	for (const struct view_table *table = all->view.tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain && !err;
		     chain = chain->next)
			if (table->world == WORLD_NFT && table->families & 1u << family &&
			    chain_is_opening(chain->name) && chain->rules && !is_reached(chain))
				err = find_unreached(all, chain, family);
	return err;
}
