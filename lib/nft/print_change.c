/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes as lines, and what is wanted as text for "nft -f". */
#include "nft/change.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "nft/print.h"

/* --- changes ------------------------------------------------------------ */

/* A table, a set, or a chain without rules. */
static void report_name(char sign, const char *kind, const char *name, FILE *out)
{
	if (out)
		fprintf(out, "%cinet " NFT_TABLE "%s%s\n", sign, kind, name);
}

static void report_rule(char sign, const struct nft_chain *chain, const struct nft_rule *rule,
			FILE *out)
{
	struct nft_rule plain = *rule;

	if (!out)
		return;
	plain.count = (struct notrack_count){ 0 };
	fprintf(out, "%cinet " NFT_TABLE " %s ", sign, chain->name);
	nft_rule_print(&plain, out);
	putc('\n', out);
}

static void print_key(const struct nft_set *set, const struct nft_element *element, FILE *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(set->key_size == 16 ? AF_INET6 : AF_INET, element->key, text, sizeof(text));
	fputs(text, out);
}

static void report_elements(char sign, const struct nft_set *set,
			    const struct nft_elements *elements, FILE *out)
{
	for (size_t i = 0; out && i < elements->count; i++) {
		fprintf(out, "%cinet " NFT_TABLE " %s { ", sign, set->name);
		print_key(set, &elements->list[i], out);
		fputs(" }\n", out);
	}
}

/* What was dropped goes with the client. */
static void report_edits(const struct nft_plan *plan, FILE *out, struct notrack_changes *changes)
{
	for (size_t i = 0; i < plan->edit_count; i++) {
		const struct nft_set_edit *edit = &plan->edits[i];

		if (nft_service_of(edit->name, NFT_DROPPED))
			continue;
		report_elements('-', &edit->set, &edit->remove, out);
		report_elements('+', &edit->set, &edit->add, out);
		changes->added += (unsigned int)edit->add.count;
		changes->removed += (unsigned int)edit->remove.count;
	}
}

/* Clients that go with the table. */
static void report_part(const struct nft_pool *pool, const struct nft_part *part, FILE *out,
			struct notrack_changes *changes)
{
	struct nft_set set = nft_clients_set(&pool->id, part->size);
	char name[NFT_NAME_ROOM];

	set.name = nft_pool_name(name, NFT_CLIENTS, &pool->id, part->index);
	report_elements('-', &set, &part->elements, out);
	changes->removed += (unsigned int)part->elements.count;
}

static void report_table(const struct nft_state *have, FILE *out, struct notrack_changes *changes)
{
	const struct nft_table *table = &have->table;

	for (size_t i = 0; i < table->chain_count; i++)
		for (size_t j = 0; j < table->chains[i]->count; j++) {
			report_rule('-', table->chains[i], &table->chains[i]->rules[j], out);
			changes->removed++;
		}
	for (size_t i = 0; i < have->pools.count; i++) {
		const struct nft_pool *pool = &have->pools.list[i];

		for (size_t j = 0; j < pool->clients.count; j++)
			report_part(pool, &pool->clients.list[j], out, changes);
	}
}

static void report_addition(const struct nft_step *step, FILE *out,
			    struct notrack_changes *changes)
{
	if (step->kind == NFT_ADD_CHAIN && step->chain->count)
		return;		/* its rules tell */
	changes->added++;
	if (step->kind == NFT_ADD_RULE)
		report_rule('+', step->chain, step->rule, out);
	else if (step->kind == NFT_ADD_SET)
		report_name('+', " set ", step->set->name, out);
	else if (step->kind == NFT_ADD_CHAIN)
		report_name('+', " chain ", step->chain->name, out);
	else
		report_name('+', "", "", out);
}

static void report_removal(const struct nft_step *step, FILE *out,
			   struct notrack_changes *changes)
{
	if (step->kind == NFT_REMOVE_CHAIN && step->chain->count)
		return;
	changes->removed++;
	if (step->kind == NFT_REMOVE_RULE)
		report_rule('-', step->chain, step->rule, out);
	else if (step->kind == NFT_REMOVE_SET)
		report_name('-', " set ", step->set->name, out);
	else
		report_name('-', " chain ", step->chain->name, out);
}

void nft_steps_report(const struct nft_steps *steps, const struct nft_state *have,
		      const struct nft_plan *plan, FILE *out, struct notrack_changes *changes)
{
	for (size_t i = 0; i < steps->count; i++) {
		const struct nft_step *step = &steps->list[i];

		switch (step->kind) {
		case NFT_ADD_TABLE:
		case NFT_ADD_SET:
		case NFT_ADD_CHAIN:
		case NFT_ADD_RULE:
			report_addition(step, out, changes);
			break;
		case NFT_REMOVE_RULE:
		case NFT_REMOVE_SET:
		case NFT_REMOVE_CHAIN:
			report_removal(step, out, changes);
			break;
		case NFT_EDIT_ELEMENTS:
			report_edits(plan, out, changes);
			break;
		case NFT_REMOVE_TABLE:
			report_table(have, out, changes);
			break;
		case NFT_PREPARED:
			break;
		}
	}
}

/* --- what is wanted ----------------------------------------------------- */

static void print_elements(const struct nft_plan *plan, const struct nft_set *set, FILE *out)
{
	for (size_t i = 0; i < plan->edit_count; i++) {
		const struct nft_elements *elements = &plan->edits[i].add;

		if (strcmp(plan->edits[i].name, set->name) || !elements->count)
			continue;
		fputs("\t\telements = { ", out);
		for (size_t j = 0; j < elements->count; j++) {
			fputs(j ? ",\n\t\t\t     " : "", out);
			print_key(set, &elements->list[j], out);
		}
		fputs(" }\n", out);
	}
}

static void print_set(const struct nft_plan *plan, const struct nft_set *set, FILE *out)
{
	nft_set_print(set, out);
	print_elements(plan, set, out);
	fputs("\t}\n\n", out);
}

static void print_plan(const struct nft_plan *plan, FILE *out)
{
	const struct nft_table *table = &plan->table;

	fputs("table inet " NFT_TABLE " {\n", out);
	for (size_t i = 0; i < table->set_count; i++)
		print_set(plan, table->sets[i], out);
	for (size_t i = 0; i < table->chain_count; i++) {
		nft_chain_print(table->chains[i], out);
		fputs(i + 1 < table->chain_count ? "\n" : "", out);
	}
	fputs("}\n", out);
}

int nft_print_wanted(const struct session *session, const struct wanted *wanted, FILE *out)
{
	const struct nft_pools none = { .count = 0 };
	struct nft_plan plan = { .edit_count = 0 };
	struct model model = { .families = { { .count = 0 } } };
	int err;

	for (enum family family = IPV4; family < FAMILIES; family++)
		if (session->families & 1u << family)
			model.families[family] = wanted->model->families[family];
	err = nft_plan_clients(&plan, &none, &model, session->families);
	if (err)
		error_set(session->error, err, "out of memory");
	else
		err = nft_lower(&plan.table, &model, &plan.pools, session->error);
	if (!err && plan.table.exists)
		print_plan(&plan, out);
	nft_plan_free(&plan);
	return err;
}
