/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of a plan, by phase:
 *
 *	ACCEPT	what comes in chains of others, and the chains that it leads to
 *	UNTRACK	our table, as it is wanted; where it is to go, nothing is untracked any more
 *	FINISH	what goes in chains of others; our table, where it is to go
 */
#include "nft/change.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "nft/print.h"
#include "support/text.h"

static bool is_removal(enum nft_step_kind kind)
{
	return kind == NFT_REMOVE_RULE || kind == NFT_REMOVE_SET || kind == NFT_REMOVE_CHAIN ||
	       kind == NFT_EMPTY_CHAIN || kind == NFT_REMOVE_TABLE;
}

static bool is_in(const struct nft_step *step, bool in_our_table, unsigned int phases)
{
	if (in_our_table)
		return phases & (step->kind == NFT_REMOVE_TABLE ? PHASE_FINISH : PHASE_UNTRACK);
	return phases & (is_removal(step->kind) ? PHASE_FINISH : PHASE_ACCEPT);
}

/* Calls @take for each step of the phases, with the table that it is about. */
typedef void take_step(const struct nft_step *step, const struct nft_place *place, void *data);

static void each_step(const struct nft_plan *plan, unsigned int phases, take_step *take, void *data)
{
	for (size_t i = 0; i < plan->host.count; i++) {
		const struct nft_table_plan *table = &plan->host.list[i];

		for (size_t j = 0; j < table->steps.count; j++)
			if (is_in(&table->steps.list[j], false, phases))
				take(&table->steps.list[j], &table->host->place, data);
	}
	for (size_t i = 0; i < plan->steps.count; i++)
		if (is_in(&plan->steps.list[i], true, phases))
			take(&plan->steps.list[i], &nft_own_place, data);
}

bool nft_plan_closes(const struct nft_plan *plan)
{
	for (size_t i = 0; i < plan->host.count; i++)
		for (size_t j = 0; j < plan->host.list[i].steps.count; j++)
			if (is_removal(plan->host.list[i].steps.list[j].kind))
				return true;
	return false;
}

/* --- as messages ---------------------------------------------------------- */

struct putting {
	const struct nft_plan *plan;
	struct batch *batch;
};

static void put_elements(struct batch *batch, const struct nft_place *place,
			 const struct nft_plan *plan)
{
	for (size_t i = 0; i < plan->edit_count; i++) {
		const struct nft_set_edit *edit = &plan->edits[i];

		/* in this order, as a set may have no room for both */
		elements_remove(batch, place, &edit->set, &edit->remove);
		elements_add(batch, place, &edit->set, &edit->add, edit->restores_counters);
	}
}

static void put_step(const struct nft_step *step, const struct nft_place *place, void *data)
{
	struct putting *putting = data;
	struct batch *batch = putting->batch;

	switch (step->kind) {
	case NFT_ADD_TABLE:
		message_add_table(batch, place);
		break;
	case NFT_ADD_SET:
		message_add_set(batch, place, step->set);
		break;
	case NFT_ADD_CHAIN:
		message_add_chain(batch, place, step->chain);
		break;
	case NFT_EDIT_ELEMENTS:
		put_elements(batch, place, putting->plan);
		break;
	case NFT_PREPARED:
		batch_prepared(batch);
		break;
	case NFT_REMOVE_RULE:
		message_delete_rule(batch, place, step->chain->name, step->rule);
		break;
	case NFT_REMOVE_SET:
		message_delete_set(batch, place, step->set->name);
		break;
	case NFT_REMOVE_CHAIN:
		message_delete_chain(batch, place, step->chain->name);
		break;
	case NFT_EMPTY_CHAIN:
		message_flush_chain(batch, place, step->chain->name);
		break;
	case NFT_ADD_RULE:
		message_add_rule(batch, place, step->chain->name, step->rule, step->before);
		break;
	case NFT_REMOVE_TABLE:
		message_delete_table(batch, place);
		break;
	}
}

void nft_plan_put(const struct nft_plan *plan, unsigned int phases, struct batch *batch)
{
	struct putting putting = { plan, batch };

	each_step(plan, phases, put_step, &putting);
}

void nft_plan_put_table(const struct nft_plan *plan, const struct nft_place *place,
			struct batch *batch)
{
	struct putting putting = { plan, batch };

	for (size_t i = 0; i < plan->steps.count; i++)
		put_step(&plan->steps.list[i], place, &putting);
}

/* --- as lines ------------------------------------------------------------- */

struct reporting {
	const struct nft_plan *plan;
	const struct nft_state *have;
	FILE *out;
	struct notrack_changes *changes;
};

/* What comes or goes, and is counted; @kind and @name: of a table, set or chain. */
static FILE *begin_line(struct reporting *reporting, char sign, const struct nft_place *place)
{
	if (sign == '+')
		reporting->changes->added++;
	else
		reporting->changes->removed++;
	if (reporting->out) {
		fprintf(reporting->out, "%c%s ", sign, nft_family_name(place->family));
		text_print_name(place->table, reporting->out);
	}
	return reporting->out;
}

static void report_name(struct reporting *reporting, char sign, const struct nft_place *place,
			const char *kind, const char *name)
{
	FILE *out = begin_line(reporting, sign, place);

	if (!out)
		return;
	fputs(kind, out);
	if (*name)
		text_print_name(name, out);
	putc('\n', out);
}

static void report_rule(struct reporting *reporting, char sign, const struct nft_place *place,
			const struct nft_chain *chain, const struct nft_rule *rule)
{
	FILE *out = begin_line(reporting, sign, place);

	if (!out)
		return;
	putc(' ', out);
	nft_line_print(chain, rule, out);
	putc('\n', out);
}

static void report_elements(struct reporting *reporting, char sign, const struct nft_set *set,
			    const struct nft_elements *elements)
{
	for (size_t i = 0; i < elements->count; i++) {
		FILE *out = begin_line(reporting, sign, &nft_own_place);

		if (!out)
			continue;
		putc(' ', out);
		text_print_name(set->name, out);
		fputs(" { ", out);
		nft_key_print(set, elements->list[i].key, out);
		fputs(" }\n", out);
	}
}

/* What was dropped goes with the client. */
static void report_edits(struct reporting *reporting)
{
	const struct nft_plan *plan = reporting->plan;

	for (size_t i = 0; i < plan->edit_count; i++) {
		const struct nft_set_edit *edit = &plan->edits[i];

		if (nft_service_of(edit->name, NFT_DROPPED))
			continue;
		report_elements(reporting, '-', &edit->set, &edit->remove);
		report_elements(reporting, '+', &edit->set, &edit->add);
	}
}

static void report_chain_gone(struct reporting *reporting, const struct nft_chain *chain)
{
	if (!chain->count)
		report_name(reporting, '-', &nft_own_place, " chain ", chain->name);
	for (size_t i = 0; i < chain->count; i++)
		report_rule(reporting, '-', &nft_own_place, chain, &chain->rules[i]);
}

/* It, and all that goes with it: what came with it, or into it, was told as well. */
static void report_table_gone(struct reporting *reporting)
{
	const struct nft_table *table = &reporting->have->table;
	const struct nft_pools *pools = &reporting->have->pools;

	report_name(reporting, '-', &nft_own_place, "", "");
	for (size_t i = 0; i < table->set_count; i++)
		report_name(reporting, '-', &nft_own_place, " set ", table->sets[i]->name);
	for (size_t i = 0; i < table->chain_count; i++)
		report_chain_gone(reporting, table->chains[i]);
	for (size_t i = 0; i < pools->count; i++)
		for (size_t j = 0; j < pools->list[i].clients.count; j++) {
			const struct nft_part *part = &pools->list[i].clients.list[j];
			struct nft_set set = nft_clients_set(&pools->list[i].id, part->size);
			char name[NFT_NAME_ROOM];

			set.name = nft_pool_name(name, NFT_CLIENTS, &pools->list[i].id, part->index);
			report_elements(reporting, '-', &set, &part->elements);
		}
}

static void report_step(const struct nft_step *step, const struct nft_place *place, void *data)
{
	struct reporting *reporting = data;

	switch (step->kind) {
	case NFT_ADD_TABLE:
		report_name(reporting, '+', place, "", "");
		break;
	case NFT_ADD_SET:
		report_name(reporting, '+', place, " set ", step->set->name);
		break;
	case NFT_REMOVE_SET:
		report_name(reporting, '-', place, " set ", step->set->name);
		break;
	case NFT_ADD_CHAIN:
		if (!step->chain->count)	/* else its rules tell */
			report_name(reporting, '+', place, " chain ", step->chain->name);
		break;
	case NFT_REMOVE_CHAIN:
		if (!step->chain->count)
			report_name(reporting, '-', place, " chain ", step->chain->name);
		break;
	case NFT_ADD_RULE:
		report_rule(reporting, '+', place, step->chain, step->rule);
		break;
	case NFT_REMOVE_RULE:
		report_rule(reporting, '-', place, step->chain, step->rule);
		break;
	case NFT_EDIT_ELEMENTS:
		report_edits(reporting);
		break;
	case NFT_REMOVE_TABLE:
		report_table_gone(reporting);
		break;
	case NFT_PREPARED:
	case NFT_EMPTY_CHAIN:
		break;
	}
}

void nft_plan_report(const struct nft_plan *plan, const struct nft_state *have,
		     unsigned int phases, FILE *out, struct notrack_changes *changes)
{
	struct reporting reporting = { plan, have, out, changes };

	each_step(plan, phases, report_step, &reporting);
}
