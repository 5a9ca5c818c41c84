/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/our_raw.h"

#include <netinet/in.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "rules/compile.h"
#include "rules/name.h"
#include "rules/overlay.h"

typedef bool is_place(const struct view_chain *chain, const struct overlay_top *top);

static bool is_in_raw(const struct view_chain *chain)
{
	return chain->table->world == WORLD_LEGACY && !strcmp(chain->table->name, table_name(RAW));
}

/* Rules of ours that untrack, and that packets of the hook come to. */
static bool is_standing(const struct view_chain *chain, const struct overlay_top *top)
{
	if (!chain_is_ours(chain) || !(chain->hooks & 1u << top->hook))
		return false;
	if (chain->table->world == WORLD_LEGACY)
		return is_in_raw(chain) && !strcmp(chain->name, top->chain);
	return chain->is_base && chain->hook == top->hook && chain->priority == NF_IP_PRI_RAW;
}

static bool is_builtin(const struct view_chain *chain, const struct overlay_top *top)
{
	return is_in_raw(chain) && chain->is_base && chain->hook == top->hook;
}

static struct view_chain *find_place(const struct view *view, enum world world, enum family family,
				     const struct overlay_top *top, is_place *is)
{
	for (const struct view_table *table = view->tables; table; table = table->next) {
		if (table->world != world || !(table->families & 1u << family))
			continue;
		for (struct view_chain *chain = table->chains; chain; chain = chain->next)
			if (is(chain, top))
				return chain;
	}
	return NULL;
}

/* A table of the legacy world that is there keeps its place among others of the same priority. */
static int lay_family(struct view *view, const struct our_raw *raw, enum family family,
		      const struct ruleset *rules)
{
	struct overlay_top tops[] = {
		{ .chain = CHAIN_PREFIX "PREROUTING", .hook = HOOK_PREROUTING },
		{ .chain = CHAIN_PREFIX "OUTPUT", .hook = HOOK_OUTPUT },
		{ .chain = NULL },
	};

	for (struct overlay_top *top = tops; top->chain; top++) {
		top->within = find_place(view, raw->world, family, top, is_standing);
		top->ahead = find_place(view, raw->world, family, top, is_builtin);
	}
	return overlay_ruleset(view, rules, family, tops, NF_IP_PRI_RAW);
}

int our_raw_lay(struct view *view, const struct our_raw *raw)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		struct ruleset rules[TABLES] = { 0 };
		struct error error;

		if (!(raw->families & 1u << family))
			continue;
		err = compile(&raw->model->families[family], family, NULL, raw->local_only, rules,
			      &error);
		if (!err)
			err = lay_family(view, raw, family, &rules[RAW]);
		for (enum table_id id = RAW; id < TABLES; id++)
			ruleset_free(&rules[id]);
	}
	return err;
}
