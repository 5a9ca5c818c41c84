/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/sight.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "nft/body_read.h"
#include "nft/expressions.h"
#include "nft/question.h"
#include "support/memory.h"
#include "support/search.h"

/* --- rules that ours repeat parts of -------------------------------------- */

static int compare_handles(const void *a, const void *b)
{
	const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

static int add_handle(struct nft_sight *sight, const struct graft_rule *rule)
{
	uint64_t *grown;

	if (!rule->original.row || !rule->copies)
		return 0;
	grown = memory_grow(sight->handles, sight->handle_count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sight->handles = grown;
	grown[sight->handle_count++] = rule->original.row->handle;
	return 0;
}

static int collect_handles(struct nft_sight *sight)
{
	const struct grafts *grafts = sight->grafts;
	int err = 0;

	for (size_t i = 0; grafts && i < grafts->count && !err; i++)
		if (grafts->list[i].chain->table->world == WORLD_NFT)
			err = add_handle(sight, &grafts->list[i].rule);
	for (const struct graft_chain *chain = grafts ? grafts->chains : NULL; chain && !err;
	     chain = chain->next)
		for (size_t i = 0; i < chain->count && !err; i++)
			if (chain->table->world == WORLD_NFT)
				err = add_handle(sight, &chain->rules[i]);
	if (sight->handle_count)
		qsort(sight->handles, sight->handle_count, sizeof(*sight->handles), compare_handles);
	return err;
}

static bool is_asked_for(const struct nft_sight *sight, uint64_t handle)
{
	return search(&handle, sight->handles, sight->handle_count, sizeof(handle), compare_handles);
}

/* --- reading --------------------------------------------------------------- */

static bool is_of_others(const struct view_table *table)
{
	return table->world == WORLD_NFT && table->families && !table->own;
}

static bool is_named_by_iptables(const struct view_table *table)
{
	static const char *const names[] = { "filter", "mangle", "raw", "security", "nat" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], table->name))
			return strcmp(table->family_name, "inet");
	return false;
}

static bool is_noted(const struct nft_sight *sight, const struct view_table *table)
{
	return sight->native_count && sight->native[sight->native_count - 1] == table;
}

/* Expressions that iptables-nft has none of. */
static bool has_native(const struct nlattr *list)
{
	static const char *const names[] = { "ct", "lookup", "fib", "objref", "dynset" };
	const struct nlattr *attr;

	each_attribute(attr, payload(list), end_of(list))
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(names[i], expression_name(attr)))
				return true;
	return false;
}

static int note_native(struct nft_sight *sight, const struct view_table *table)
{
	const struct view_table **grown = memory_grow(sight->native, sight->native_count,
						      sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	sight->native = grown;
	grown[sight->native_count++] = table;
	return 0;
}

static const void *copy(struct nft_sight *sight, const struct nlattr *attr, size_t *size)
{
	void *bytes;

	*size = attr ? mnl_attr_get_payload_len(attr) : 0;
	bytes = arena_alloc(&sight->arena, *size + 1);
	return bytes && *size ? memcpy(bytes, mnl_attr_get_payload(attr), *size) : bytes;
}

static int keep(struct nft_sight *sight, const struct view_chain *chain,
		const struct view_rule *rule, const struct attributes *from)
{
	struct nft_seen *grown = memory_grow(sight->list, sight->count, sizeof(*grown));
	struct nft_seen *seen;

	if (!grown)
		return -ENOMEM;
	sight->list = grown;
	seen = &grown[sight->count++];
	*seen = (struct nft_seen){ .chain = chain, .rule = rule };
	seen->expressions = copy(sight, from->of[NFTA_RULE_EXPRESSIONS], &seen->size);
	seen->userdata = copy(sight, from->of[NFTA_RULE_USERDATA], &seen->userdata_size);
	return seen->expressions && seen->userdata ? 0 : -ENOMEM;
}

static int take_rule(struct view_reader *reader, const struct view_chain *chain,
		     const struct view_rule *rule, const struct attributes *from)
{
	struct nft_sight *sight = reader->data;
	const struct nlattr *list = from->of[NFTA_RULE_EXPRESSIONS];
	int err = 0;

	if (!is_of_others(chain->table))
		return 0;
	if (!(rule->flags & RULE_OURS) && list && is_named_by_iptables(chain->table) &&
	    !is_noted(sight, chain->table) && has_native(list))
		err = note_native(sight, chain->table);
	if (!err && (rule->flags & RULE_OURS || is_asked_for(sight, rule->handle)))
		err = keep(sight, chain, rule, from);
	return err;
}

int nft_sight_open(struct nft_sight *sight, struct netlink *netlink, const struct grafts *grafts,
		   struct error *error)
{
	uint32_t generation = 0;
	int err;

	*sight = (struct nft_sight){ .grafts = grafts,
				     .reader = calloc(1, sizeof(*sight->reader)) };
	if (!sight->reader)
		return error_set(error, -ENOMEM, "out of memory");
	sight->reader->view = &sight->view;
	sight->reader->netlink = netlink;
	sight->reader->take = take_rule;
	sight->reader->data = sight;
	err = read_generation(netlink, &generation, error);
	if (err)
		return err;
	sight->is_as_planned = !grafts || (grafts->moment && grafts->moment == generation);
	sight->reader->skims = sight->is_as_planned;
	tape_begin(netlink->tape, generation);
	err = collect_handles(sight);
	if (!err)
		err = reader_read(sight->reader);
	sight->reader->take = NULL;
	return question_explain(err, "the tables of others", error);
}

void nft_sight_close(struct nft_sight *sight)
{
	free(sight->reader);
	free(sight->handles);
	free(sight->list);
	free(sight->native);
	view_free(&sight->view);
	arena_free(&sight->arena);
	*sight = (struct nft_sight){ 0 };
}

/* --- finding ---------------------------------------------------------------- */

struct view_table *nft_sight_table(const struct nft_sight *sight, const struct view_table *like)
{
	struct view_table *table = sight->view.tables;

	while (table && (strcmp(table->name, like->name) ||
			 strcmp(table->family_name, like->family_name)))
		table = table->next;
	return table;
}

struct view_table *nft_sight_place(const struct nft_sight *sight, const struct nft_place *place)
{
	struct view_table *table = sight->view.tables;

	while (table && (strcmp(table->name, place->table) ||
			 view_family_of(table) != place->family))
		table = table->next;
	return table;
}

const struct nft_seen *nft_sight_find(const struct nft_sight *sight,
				      const struct view_table *table, uint64_t handle)
{
	for (size_t i = 0; i < sight->count; i++)
		if (sight->list[i].rule->handle == handle && sight->list[i].chain->table == table)
			return &sight->list[i];
	return NULL;
}

/* --- the host ---------------------------------------------------------------- */

struct hosting {
	struct nft_sight *sight;
	struct nft_host *host;
	bool *concerned;		/* for each chain of the view */
	size_t next;			/* of the rules that were kept */
};

/* A table as iptables-nft makes it, with nothing in it that it cannot read. */
static bool is_of_iptables(const struct nft_sight *sight, const struct view_table *table)
{
	bool named = is_named_by_iptables(table);

	for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
		named &= chain->hook == HOOK_NONE || hook_of_builtin(chain->name) != HOOK_NONE;
	for (size_t i = 0; i < sight->native_count; i++)
		named &= sight->native[i] != table;
	return named;
}

static void mark_chains(struct hosting *hosting)
{
	const struct nft_sight *sight = hosting->sight;
	const struct grafts *grafts = sight->grafts;

	for (size_t i = 0; i < sight->count; i++)
		if (sight->list[i].rule->flags & RULE_OURS)
			hosting->concerned[sight->list[i].chain->number] = true;
	for (size_t i = 0; grafts && i < grafts->count; i++) {
		const struct view_chain *like = grafts->list[i].chain;
		const struct view_table *table = like->table->world == WORLD_NFT ?
						 nft_sight_table(sight, like->table) : NULL;
		const struct view_chain *chain = table ? view_find_chain(&sight->view, table,
									 like->name) : NULL;

		if (chain)
			hosting->concerned[chain->number] = true;
	}
}

static void mark_also(struct hosting *hosting, const struct nft_host *also)
{
	const struct view *view = &hosting->sight->view;

	for (size_t i = 0; also && i < also->count; i++) {
		const struct view_table *table = nft_sight_place(hosting->sight,
								 &also->list[i]->place);

		for (size_t j = 0; table && j < also->list[i]->table.chain_count; j++) {
			const struct view_chain *chain = view_find_chain(view, table,
						also->list[i]->table.chains[j]->name);

			if (chain)
				hosting->concerned[chain->number] = true;
		}
	}
}

static const struct nft_seen *seen_of(struct hosting *hosting, const struct view_rule *rule)
{
	const struct nft_sight *sight = hosting->sight;

	for (size_t i = 0; i < sight->count; i++) {
		const struct nft_seen *seen = &sight->list[(hosting->next + i) % sight->count];

		if (seen->rule != rule)
			continue;
		hosting->next = (hosting->next + i) % sight->count;
		return seen;
	}
	return NULL;
}

static int fill_rule(struct hosting *hosting, struct view_chain *chain,
		     const struct view_rule *from, struct nft_rule *rule)
{
	struct arena *arena = &hosting->host->arena;
	const struct nft_seen *seen;
	struct nft_body *body;

	*rule = (struct nft_rule){ .handle = from->handle, .target = TARGET_FOREIGN };
	if (!(from->flags & RULE_OURS)) {
		rule->is_theirs = true;
		return 0;
	}
	seen = seen_of(hosting, from);
	body = seen ? arena_alloc(arena, sizeof(*body)) : NULL;
	if (!body)
		return -ENOMEM;
	body->expressions = arena_copy(arena, seen->expressions, seen->size);
	body->size = seen->size;
	body->userdata = arena_copy(arena, seen->userdata, seen->userdata_size);
	body->userdata_size = seen->userdata_size;
	if (!body->expressions || !body->userdata)
		return -ENOMEM;
	rule->body = body;
	return nft_body_complete(body, hosting->sight->reader, chain, NULL, arena);
}

static int add_chain(struct hosting *hosting, struct nft_host_table *table,
		     struct view_chain *from)
{
	struct nft_chain *chain = nft_table_add_chain(&table->table, from->name);
	size_t count = 0;
	int err;

	if (chain)
		chain->is_base = from->is_base;
	for (const struct view_rule *rule = from->rules; rule; rule = rule->next)
		count++;
	err = chain ? nft_chain_reserve(&table->table, chain, count) : -ENOMEM;
	for (const struct view_rule *rule = from->rules; rule && !err; rule = rule->next) {
		struct nft_rule *added = nft_chain_add_room(&table->table, chain);

		err = added ? fill_rule(hosting, from, rule, added) : -ENOMEM;
	}
	return err;
}

static int add_table(struct hosting *hosting, const struct view_table *from)
{
	struct nft_host *host = hosting->host;
	struct nft_host_table **grown = memory_grow(host->list, host->count, sizeof(*grown));
	struct nft_host_table *table = arena_alloc(&host->arena, sizeof(*table));
	int err = 0;

	if (grown)
		host->list = grown;
	if (!grown || !table)
		return -ENOMEM;
	grown[host->count++] = table;
	table->place.family = view_family_of(from);
	table->place.table = arena_strdup(&host->arena, from->name);
	table->place.is_iptables = is_of_iptables(hosting->sight, from);
	table->is_locked = from->locked;
	table->table.exists = true;
	table->table.is_dormant = from->dormant;
	if (!table->place.table)
		return -ENOMEM;
	for (struct view_chain *chain = from->chains; chain && !err; chain = chain->next)
		if (hosting->concerned[chain->number] || chain_is_ours(chain))
			err = add_chain(hosting, table, chain);
	return err;
}

int nft_sight_host(struct nft_sight *sight, struct nft_host *host, const struct nft_host *also,
		   struct error *error)
{
	struct hosting hosting = { .sight = sight, .host = host,
				   .concerned = calloc(sight->view.chain_count + 1, 1) };
	int err = hosting.concerned ? 0 : -ENOMEM;

	*host = (struct nft_host){ .has_bodies = true };
	if (!err) {
		mark_chains(&hosting);
		mark_also(&hosting, also);
	}
	for (const struct view_table *table = sight->view.tables; table && !err; table = table->next)
		if (is_of_others(table))
			err = add_table(&hosting, table);
	free(hosting.concerned);
	return question_explain(err, "the tables of others", error);
}
