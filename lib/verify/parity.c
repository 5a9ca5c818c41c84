/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/parity.h"

#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>

#include "rules/name.h"
#include "rules/overlay.h"
#include "verify/both_ends.h"
#include "verify/guard.h"
#include "verify/opening.h"
#include "verify/our_raw.h"
#include "verify/twins.h"

/* A plan under way. */
struct planning {
	struct view *view;
	const struct parity_options *options;
	struct parity *parity;
	struct pick_options picks;
	struct entrances entrances;
	struct grafts openings;			/* in no order yet */
	struct openings opened;
};

/* --- all grafts, in the order of the view ------------------------------ */

static bool has_limits(const struct planning *planning, const struct view_table *table)
{
	const struct family_model *model;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		model = &planning->options->model->families[family];
		for (size_t i = 0; i < model->count; i++)
			if (table->families & 1u << family && clients_any(&model->served[i].clients))
				return true;
	}
	return false;
}

/* The legacy tables have the limits' chain in filter; nftables has it in our table. */
static bool gets_limits(const struct planning *planning, const struct view_chain *chain)
{
	return planning->options->world == WORLD_LEGACY && chain->table->world == WORLD_LEGACY &&
	       chain->hook == HOOK_INPUT && !strcmp(chain->table->name, "filter") &&
	       has_limits(planning, chain->table);
}

static int add_limits(struct planning *planning, struct view_chain *chain)
{
	struct grafts *grafts = &planning->parity->grafts;
	struct graft_chain *to = grafts_add_chain(grafts, chain->table, CHAIN_LIMITS);
	struct graft graft = {
		.kind = GRAFT_LIMITS, .chain = chain, .before = chain->rules,
		.rule = { .rule = { .target = TARGET_JUMP }, .to = to,
			  .families = chain->table->families },
	};

	if (!to)
		return -ENOMEM;
	to->is_compiled = true;
	return grafts_add(grafts, &graft) ? 0 : -ENOMEM;
}

static int add_openings(struct planning *planning, const struct view_chain *chain,
			const struct view_rule *before)
{
	const struct grafts *openings = &planning->openings;

	for (size_t i = 0; i < openings->count; i++)
		if (openings->list[i].chain == chain && openings->list[i].before == before &&
		    !grafts_add(&planning->parity->grafts, &openings->list[i]))
			return -ENOMEM;
	return 0;
}

static bool has_opening(const struct planning *planning, const struct view_chain *chain)
{
	for (size_t i = 0; i < planning->openings.count; i++)
		if (planning->openings.list[i].chain == chain)
			return true;
	return false;
}

/* Ahead of a rule, the opening comes first: its twin may drop. */
static int merge_chain(struct planning *planning, struct view_chain *chain,
		       const struct grafts *twins, size_t *next)
{
	struct grafts *grafts = &planning->parity->grafts;
	bool opened = has_opening(planning, chain);
	int err = gets_limits(planning, chain) ? add_limits(planning, chain) : 0;

	if (!opened && (*next == twins->count || twins->list[*next].chain != chain))
		return err;
	for (const struct view_rule *rule = chain->rules; rule && !err; rule = rule->next) {
		err = add_openings(planning, chain, rule);
		for (; !err && *next < twins->count && twins->list[*next].chain == chain &&
		     twins->list[*next].before == rule; ++*next)
			err = grafts_add(grafts, &twins->list[*next]) ? 0 : -ENOMEM;
	}
	return err ? err : add_openings(planning, chain, NULL);
}

/* The list of twins is in the order of the view already. */
static int merge(struct planning *planning)
{
	struct grafts *grafts = &planning->parity->grafts;
	struct grafts twins = *grafts;
	size_t next = 0;
	int err = 0;

	grafts->list = NULL;
	grafts->count = 0;
	for (struct view_table *table = planning->view->tables; table && !err; table = table->next)
		for (struct view_chain *chain = table->chains; chain && !err; chain = chain->next)
			err = merge_chain(planning, chain, &twins, &next);
	free(twins.list);
	return err;
}

/* A table of the legacy world that is not there yet is made when it is opened. */
static int add_filter(struct view *view, enum family family)
{
	static const struct { const char *name; enum hook hook; } chains[] = {
		{ "INPUT", HOOK_INPUT }, { "OUTPUT", HOOK_OUTPUT },
	};
	struct view_table *table = view_add_table(view, WORLD_LEGACY, 1u << family,
						  family == IPV6 ? "ip6" : "ip", "filter");

	for (size_t i = 0; table && i < sizeof(chains) / sizeof(chains[0]); i++) {
		struct view_chain *chain = view_add_chain(view, table, chains[i].name);

		if (!chain)
			return -ENOMEM;
		view_set_hook(view, chain, chains[i].hook, NF_IP_PRI_FILTER);
	}
	return table ? 0 : -ENOMEM;
}

static bool has_filter(const struct view *view, enum family family)
{
	for (const struct view_table *table = view->tables; table; table = table->next)
		if (table->world == WORLD_LEGACY && table->families & 1u << family &&
		    !strcmp(table->name, "filter"))
			return true;
	return false;
}

static int complete_view(struct planning *planning)
{
	const struct parity_options *options = planning->options;
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (options->world == WORLD_LEGACY && options->model->families[family].count &&
		    !has_filter(planning->view, family))
			err = add_filter(planning->view, family);
	return err;
}

/* --- the two parts ---------------------------------------------------- */

static struct twins_options twins_options(const struct planning *planning)
{
	return (struct twins_options){ .model = planning->options->model,
				       .families = planning->options->families,
				       .host = planning->picks,
				       .openings = &planning->openings };
}

/*
 * What twins do not take has to stay tracked.  On a host that forwards, all that is not for one
 * of its own addresses does in any case.
 */
static int find_local(struct planning *planning)
{
	const struct twins_options twins = twins_options(planning);
	struct pick_options *picks = &planning->picks;
	int err = 0;

	if (planning->options->edits && !picks->local_only)
		err = twins_ask_local(planning->view, &twins, &picks->local_only);
	planning->parity->local_only = picks->local_only;
	return err;
}

static int plan_grafts(struct planning *planning)
{
	const struct parity_options *options = planning->options;
	const struct twins_options twins = twins_options(planning);
	const struct opening_options opening = {
		.model = options->model, .entrances = &planning->entrances,
		.picks = planning->picks,
		.compiled = options->world == WORLD_LEGACY, .force = options->force,
		.adds = options->adds, .edits = options->edits,
		.at_rest = options->at_rest, .memory = options->memory,
	};
	struct parity *parity = planning->parity;
	int err;

	planning->opened.findings = &parity->findings;
	planning->opened.grafts = &planning->openings;
	err = openings_make(planning->view, &opening, &planning->opened);
	/* chains are of the plan, the list of jumps is merged into it */
	parity->grafts.arena = planning->openings.arena;
	parity->grafts.chains = planning->openings.chains;
	parity->grafts.last = planning->openings.last;
	if (!err && options->edits)
		err = twins_make(planning->view, &twins, &parity->grafts, &parity->findings);
	return err ? err : merge(planning);
}

static int lay_over(struct planning *planning)
{
	const struct parity_options *options = planning->options;
	const struct our_raw raw = { .model = options->model, .families = options->families,
				     .local_only = planning->picks.local_only, .world = options->world };
	int err = overlay_grafts(planning->view, &planning->parity->grafts);

	return err ? err : our_raw_lay(planning->view, &raw);
}

static int ask_both_ends(const struct guard *guard, struct findings *findings)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct family_model *model = &guard->model->families[family];

		for (size_t i = 0; i < model->count && guard->families & 1u << family && !err; i++)
			err = both_ends_walk(guard, family, model->served[i].service, findings);
	}
	return err;
}

static int watch(struct planning *planning)
{
	const struct parity_options *options = planning->options;
	const struct guard guard = {
		.view = planning->view, .model = options->model, .families = options->families,
		.host = options->host, .entrances = &planning->entrances,
		.picks = &planning->picks,
	};
	int err = lay_over(planning);

	if (!err)
		err = view_find_runs(planning->view);
	if (!err)
		err = guard_walk(&guard, &planning->parity->findings);
	return err ? err : ask_both_ends(&guard, &planning->parity->findings);
}

static void keep_opened(struct planning *planning)
{
	planning->parity->deferred = planning->opened.deferred;
	for (enum family family = IPV4; family < FAMILIES; family++) {
		struct parity *parity = planning->parity;

		parity->flows[family] = planning->opened.compiled[family];
		planning->opened.compiled[family] = NULL;
		parity->opened[family] = (struct opened){ parity->flows[family],
							  planning->opened.errors[family] };
	}
}

int parity_plan(struct view *view, const struct parity_options *options, struct parity *parity)
{
	struct planning planning = {
		.view = view, .options = options, .parity = parity,
		.picks = { .forwards = options->host->forwards,
			   .local_only = options->host->forwards,
			   .errors_untracked = options->world == WORLD_NFT },
	};
	int err;

	*parity = (struct parity){ 0 };
	view_forget_ours(view);
	err = complete_view(&planning);
	if (!err)
		err = view_reach(view);
	entrances_find(&planning.entrances, view, options->host);
	if (!err)
		err = find_local(&planning);
	if (!err)
		err = plan_grafts(&planning);
	if (!err)
		err = watch(&planning);
	keep_opened(&planning);
	openings_free(&planning.opened);
	free(planning.openings.list);
	return err;
}

void parity_free(struct parity *parity)
{
	grafts_free(&parity->grafts);
	findings_free(&parity->findings);
	for (enum family family = IPV4; family < FAMILIES; family++)
		free(parity->flows[family]);
	*parity = (struct parity){ 0 };
}
