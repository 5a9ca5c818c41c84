/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wanted, as text for "nft -f"; and what there is beside, in the tables of others. */
#include "nft/change.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "nft/print.h"
#include "nft/question.h"
#include "support/text.h"

static void print_elements(const struct nft_plan *plan, const struct nft_set *set, FILE *out)
{
	for (size_t i = 0; i < plan->edit_count; i++) {
		const struct nft_elements *elements = &plan->edits[i].add;

		if (strcmp(plan->edits[i].name, set->name) || !elements->count)
			continue;
		fputs("\t\telements = { ", out);
		for (size_t j = 0; j < elements->count; j++) {
			fputs(j ? ",\n\t\t\t     " : "", out);
			nft_key_print(set, elements->list[j].key, out);
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
		if (wanted->families & 1u << family)
			model.families[family] = wanted->model->families[family];
	err = nft_plan_clients(&plan, &none, &model, wanted->families);
	if (err)
		error_set(session->error, err, "out of memory");
	else
		err = nft_lower(&plan.table, &model, &plan.pools, wanted->local_only, NULL,
				session->error);
	if (!err && plan.table.exists)
		print_plan(&plan, out);
	nft_plan_free(&plan);
	return err;
}

static void print_chain_beside(const struct nft_place *place, const struct nft_chain *chain, FILE *out)
{
	for (size_t i = 0; i < chain->count; i++) {
		if (chain->rules[i].is_theirs)
			continue;
		fprintf(out, "%s ", nft_family_name(place->family));
		text_print_name(place->table, out);
		putc(' ', out);
		nft_line_print(chain, &chain->rules[i], out);
		putc('\n', out);
	}
}

static bool is_asked_for(const struct nft_place *place, unsigned int families)
{
	return place->family == NFPROTO_INET ||
	       families & 1u << (place->family == NFPROTO_IPV6 ? IPV6 : IPV4);
}

static int see_host(struct nft_image *image)
{
	struct error *error = image->image.session.error;
	struct nft_sight sight;
	int err = nft_sight_open(&sight, &image->netlink, NULL, error);

	if (!err)
		err = nft_state_see_host(&image->state, &sight, NULL, error);
	nft_sight_close(&sight);
	return err;
}

/* None of that is wanted by the model: it is there for the host's rules. */
int nft_print_beside(struct image *base, const struct wanted *wanted, FILE *out)
{
	struct nft_image *image = nft_image_of(base);
	const struct nft_host *host = &image->state.host;
	int err = -EAGAIN;

	(void)wanted;
	if (!image->is_supported)
		return 0;
	for (int i = 0; i < TRIES && err == -EAGAIN; i++)
		err = see_host(image);
	if (err)
		return question_give_up(err, base->session.error);
	for (size_t i = 0; i < host->count; i++)
		for (size_t j = 0; j < host->list[i]->table.chain_count &&
		     is_asked_for(&host->list[i]->place, base->session.families); j++)
			print_chain_beside(&host->list[i]->place, host->list[i]->table.chains[j], out);
	return 0;
}
