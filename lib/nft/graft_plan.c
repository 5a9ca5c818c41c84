/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/graft_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "nft/graft_lower.h"
#include "rules/essence.h"
#include "support/memory.h"
#include "support/stream.h"

/* One table under way. */
struct planning {
	struct nft_sight *sight;
	struct nft_table_plan *table;
	struct view_table *view_table;	/* of the sight's view */
	struct error *error;
};

static bool is_in(const struct planning *planning, const struct view_table *table)
{
	return table->world == WORLD_NFT && !strcmp(table->name, planning->view_table->name) &&
	       !strcmp(table->family_name, planning->view_table->family_name);
}

static struct nft_lowering lowering_of(const struct planning *planning, const char *chain)
{
	return (struct nft_lowering){
		.sight = planning->sight, .place = &planning->table->host->place,
		.chain = view_find_chain(&planning->sight->view, planning->view_table, chain),
		.arena = &planning->table->want.arena, .error = planning->error,
	};
}

/* --- chains of ours ----------------------------------------------------------- */

/* So that rules which lead there are understood, before it is there. */
static int announce_chains(const struct planning *planning)
{
	struct view *view = &planning->sight->view;
	const struct graft_chain *chain = planning->sight->grafts->chains;

	for (; chain; chain = chain->next)
		if (is_in(planning, chain->table) &&
		    !view_find_chain(view, planning->view_table, chain->name) &&
		    !view_add_chain(view, planning->view_table, chain->name))
			return -ENOMEM;
	return 0;
}

static int add_chain(const struct planning *planning, const struct graft_chain *from)
{
	struct nft_table *want = &planning->table->want;
	const struct nft_lowering lowering = lowering_of(planning, from->name);
	struct nft_chain *chain = nft_table_add_chain(want, from->name);
	struct lowered_rules rules = { .count = 0 };
	int err = chain ? 0 : -ENOMEM;

	for (size_t i = 0; i < from->count && !err; i++)
		err = nft_graft_lower(&lowering, &from->rules[i], &rules);
	for (size_t i = 0; i < rules.count && !err; i++) {
		struct nft_rule *added = nft_chain_add_room(want, chain);

		if (added)
			*added = rules.list[i];
		err = added ? 0 : -ENOMEM;
	}
	free(rules.list);
	return err;
}

/* A base chain of somebody's may be called as one of ours is to be. */
static int check_name(const struct planning *planning, const char *name)
{
	const struct view_table *table = planning->view_table;
	const struct view_chain *found = view_find_chain(&planning->sight->view, table, name);

	if (!found || !found->is_base)
		return 0;
	return error_set(planning->error, -ECANCELED, "table %s %s, chain %s: is a base chain of another "
			 "program, with a name that chains of ours have; give it another name",
			 table->family_name, table->name, name);
}

static int add_chains(const struct planning *planning)
{
	const struct graft_chain *chain = planning->sight->grafts->chains;
	int err = announce_chains(planning);

	for (; chain && !err; chain = chain->next) {
		if (!is_in(planning, chain->table))
			continue;
		err = check_name(planning, chain->name);
		if (!err)
			err = add_chain(planning, chain);
	}
	return err;
}

/* --- chains of theirs ---------------------------------------------------------- */

static int changed(const struct planning *planning, const char *chain)
{
	return error_set(planning->error, GRAFT_OUTDATED, "table %s %s: another program changed chain %s "
			 "since its rules were looked at; try again", planning->view_table->family_name,
			 planning->view_table->name, chain);
}

static struct view_rule *next_of_theirs(struct view_rule *rule)
{
	while (rule && (rule->flags & (RULE_OURS | RULE_ADDED) || !rule->handle))
		rule = rule->next;
	return rule;
}

static int read_lookups(struct view_reader *reader, struct view_rule *rule)
{
	int err = 0;

	for (size_t i = 0; i < rule->count && !err; i++)
		err = reader_read_step(reader, &rule->steps[i]);
	return err;
}

/* 1: both mean the same; 0: they do not; or -errno. */
static int compare_rules(const struct view_rule *a, const struct view_rule *b)
{
	struct stream essences[2] = { { .size = 0 } };
	int result = 0;

	for (int i = 0; i < 2 && !result; i++) {
		result = stream_open(&essences[i]);
		if (result)
			break;
		essence_of_view_rule(essences[i].out, i ? b : a);
		result = stream_close(&essences[i]);
	}
	if (!result)
		result = essences[0].size == essences[1].size &&
			 !memcmp(essences[0].text, essences[1].text, essences[0].size);
	free(essences[0].text);
	free(essences[1].text);
	return result;
}

/*
 * Whether they are the rules that the grafts were made for: 1, 0, or -errno.  One that is
 * replaced keeps its handle.
 */
static int is_as_planned(const struct planning *planning, const struct view_chain *planned)
{
	struct view_chain *have = view_find_chain(&planning->sight->view, planning->view_table,
						  planned->name);
	struct view_rule *rule = have ? next_of_theirs(have->rules) : NULL;
	struct view_rule *other = next_of_theirs(planned->rules);
	int result = 1;

	if (planning->sight->is_as_planned)
		return 1;
	for (; rule && other && result > 0; rule = next_of_theirs(rule->next)) {
		int err = read_lookups(planning->sight->reader, rule);

		result = err ? err : rule->handle == other->handle && compare_rules(rule, other);
		other = next_of_theirs(other->next);
	}
	return result > 0 ? !rule && !other : result;
}

static size_t place_of(const struct nft_chain *have, const struct view_rule *before)
{
	size_t i = 0;

	while (before && i < have->count && !(have->rules[i].is_theirs &&
					      have->rules[i].handle == before->handle))
		i++;
	return before ? i : have->count;
}

static int check_chain(const struct planning *planning, const struct view_chain *planned)
{
	int result = is_as_planned(planning, planned);

	return result > 0 ? 0 : result ? result : changed(planning, planned->name);
}

/* The grafts of one chain, in order. */
struct gathering {
	struct nft_graft *list;
	size_t count;
};

static int add_graft(const struct planning *planning, const struct nft_chain *have,
		     const struct graft *graft, struct gathering *gathering)
{
	const struct nft_lowering lowering = lowering_of(planning, have->name);
	struct lowered_rules rules = { .count = 0 };
	int err = nft_graft_lower(&lowering, &graft->rule, &rules);

	for (size_t i = 0; i < rules.count && !err; i++) {
		struct nft_graft *grown = memory_grow(gathering->list, gathering->count,
						      sizeof(*grown));

		if (grown) {
			gathering->list = grown;
			grown[gathering->count++] = (struct nft_graft){
				place_of(have, graft->before), rules.list[i] };
		}
		err = grown ? 0 : -ENOMEM;
	}
	free(rules.list);
	return err;
}

static int graft_chain(const struct planning *planning, const struct nft_chain *have)
{
	const struct grafts *grafts = planning->sight->grafts;
	const struct view_chain *checked = NULL;
	struct gathering gathering = { .count = 0 };
	int err = 0;

	for (size_t i = 0; i < grafts->count && !err; i++) {
		const struct view_chain *chain = grafts->list[i].chain;

		if (!is_in(planning, chain->table) || strcmp(chain->name, have->name))
			continue;
		if (checked != chain)
			err = check_chain(planning, chain);
		checked = chain;
		if (!err)
			err = add_graft(planning, have, &grafts->list[i], &gathering);
	}
	if (!err)
		err = nft_graft_chain(&planning->table->want, have, gathering.list,
				      gathering.count);
	free(gathering.list);
	return err;
}

/* --- tables ---------------------------------------------------------------------- */

/* Chains that grafts are meant for must be there. */
static int check_chains(const struct planning *planning)
{
	const struct grafts *grafts = planning->sight->grafts;

	for (size_t i = 0; i < grafts->count; i++) {
		const struct view_chain *chain = grafts->list[i].chain;

		if (is_in(planning, chain->table) &&
		    !nft_table_chain(&planning->table->host->table, chain->name))
			return changed(planning, chain->name);
	}
	return 0;
}

static int plan_table(const struct planning *planning)
{
	const struct nft_table *have = &planning->table->host->table;
	struct nft_table *want = &planning->table->want;
	int err = check_chains(planning);

	want->exists = true;
	if (!err)
		err = add_chains(planning);
	for (size_t i = 0; i < have->chain_count && !err; i++)
		if (!nft_chain_is_ours(have->chains[i]))
			err = graft_chain(planning, have->chains[i]);
	return err ? err : nft_graft_steps(&planning->table->steps, have, want);
}

/* A table that is gone takes its grafts with it. */
static int check_tables(const struct nft_sight *sight, struct error *error)
{
	const struct grafts *grafts = sight->grafts;

	for (size_t i = 0; i < grafts->count; i++) {
		const struct view_table *table = grafts->list[i].chain->table;

		if (table->world == WORLD_NFT && !nft_sight_table(sight, table))
			return error_set(error, GRAFT_OUTDATED, "table %s %s: another program removed "
					 "it since its rules were looked at; try again",
					 table->family_name, table->name);
	}
	return 0;
}

int nft_grafts_make(struct nft_host_plan *plan, const struct nft_host *host,
		    struct nft_sight *sight, struct error *error)
{
	struct planning planning = { .sight = sight, .error = error };
	int err = check_tables(sight, error);

	for (size_t i = 0; i < host->count && !err; i++) {
		if (host->list[i]->is_locked)
			continue;
		planning.view_table = nft_sight_place(sight, &host->list[i]->place);
		planning.table = nft_host_plan_add(plan, host->list[i]);
		err = planning.table ? plan_table(&planning) : -ENOMEM;
	}
	if (err == -ENOMEM)
		return error_set(error, err, "out of memory");
	return err == -ENOENT || err == -EINTR ? -EAGAIN : err;
}
