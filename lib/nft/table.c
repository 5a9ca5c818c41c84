/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/table.h"
#include "support/hash.h"
#include "support/memory.h"

#define INDEX_MIN 64

static struct nft_chain **slot_of(const struct nft_table *table, const char *name)
{
	return &table->index[hash_text(HASH_BEGIN, name) & (table->index_size - 1)];
}

static void put_in_index(struct nft_table *table, struct nft_chain *chain)
{
	struct nft_chain **slot = slot_of(table, chain->name);

	while (*slot)				/* the first of a name is the one that is found */
		slot = &(*slot)->next;
	chain->next = NULL;
	*slot = chain;
}

/* Room for one more: it doubles when it has as many chains as slots. */
static int grow_index(struct nft_table *table)
{
	size_t size = table->index_size ? 2 * table->index_size : INDEX_MIN;
	struct nft_chain **index;

	if (table->chain_count < table->index_size)
		return 0;
	index = calloc(size, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(table->index);
	table->index = index;
	table->index_size = size;
	for (size_t i = 0; i < table->chain_count; i++)
		put_in_index(table, table->chains[i]);
	return 0;
}

struct nft_chain *nft_table_add_chain(struct nft_table *table, const char *name)
{
	struct nft_chain *chain = arena_alloc(&table->arena, sizeof(*chain));
	struct nft_chain **grown = memory_grow(table->chains, table->chain_count, sizeof(*grown));

	if (grown)
		table->chains = grown;
	if (!chain || !grown || grow_index(table))
		return NULL;
	chain->name = arena_strdup(&table->arena, name);
	if (!chain->name)
		return NULL;
	table->chains[table->chain_count++] = chain;
	put_in_index(table, chain);
	return chain;
}

struct nft_set *nft_table_add_set(struct nft_table *table, const char *name)
{
	struct nft_set *set = arena_alloc(&table->arena, sizeof(*set));
	struct nft_set **grown = memory_grow(table->sets, table->set_count, sizeof(*grown));

	if (grown)
		table->sets = grown;
	if (!set || !grown)
		return NULL;
	set->name = arena_strdup(&table->arena, name);
	if (!set->name)
		return NULL;
	table->sets[table->set_count++] = set;
	return set;
}

struct nft_unnamed *nft_table_add_unnamed(struct nft_table *table, const char *name)
{
	struct nft_unnamed *grown = memory_grow(table->unnamed, table->unnamed_count,
						sizeof(*grown));

	if (!grown)
		return NULL;
	table->unnamed = grown;
	grown[table->unnamed_count] = (struct nft_unnamed){
		.name = arena_strdup(&table->arena, name),
	};
	if (!grown[table->unnamed_count].name)
		return NULL;
	return &grown[table->unnamed_count++];
}

struct nft_chain *nft_table_chain(const struct nft_table *table, const char *name)
{
	struct nft_chain *chain = table->index_size ? *slot_of(table, name) : NULL;

	while (chain && strcmp(chain->name, name))
		chain = chain->next;
	return chain;
}

struct nft_set *nft_table_set(const struct nft_table *table, const char *name)
{
	for (size_t i = 0; i < table->set_count; i++)
		if (!strcmp(table->sets[i]->name, name))
			return table->sets[i];
	return NULL;
}

const struct nft_unnamed *nft_table_unnamed(const struct nft_table *table, const char *name)
{
	for (size_t i = 0; i < table->unnamed_count; i++)
		if (!strcmp(table->unnamed[i].name, name))
			return &table->unnamed[i];
	return NULL;
}

int nft_chain_reserve(struct nft_table *table, struct nft_chain *chain, size_t room)
{
	struct nft_rule *rules;

	if (room < chain->count)
		room = chain->count;
	if (room <= chain->room)
		return 0;
	rules = arena_alloc(&table->arena, room * sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	if (chain->count)
		memcpy(rules, chain->rules, chain->count * sizeof(*rules));
	chain->rules = rules;
	chain->room = room;
	return 0;
}

struct nft_rule *nft_chain_add_room(struct nft_table *table, struct nft_chain *chain)
{
	/* one that has the rules of another chain has no room of its own */
	if (chain->count >= chain->room &&
	    nft_chain_reserve(table, chain, chain->count ? 2 * chain->count : 1))
		return NULL;
	return &chain->rules[chain->count++];
}

int nft_chain_add(struct nft_table *table, struct nft_chain *chain, const struct nft_draft *draft)
{
	struct nft_rule *rule = nft_chain_add_room(table, chain);
	int err = rule ? nft_rule_copy(rule, draft, &table->arena) : -ENOMEM;

	if (err && rule)
		chain->count--;
	return err;
}

void nft_table_free(struct nft_table *table)
{
	free(table->chains);
	free(table->index);
	free(table->sets);
	free(table->unnamed);
	arena_free(&table->arena);
	*table = (struct nft_table){ 0 };
}

bool nft_chain_same_hook(const struct nft_chain *a, const struct nft_chain *b)
{
	if (a->is_base != b->is_base)
		return false;
	return !a->is_base ||
	       (a->hook.number == b->hook.number && a->hook.priority == b->hook.priority &&
		a->hook.policy == b->hook.policy && a->hook.is_filter == b->hook.is_filter);
}

/* The kernel keeps times in ticks, of which there are at least 100 a second. */
#define TICK_MS 10

static bool same_time(uint64_t a, uint64_t b)
{
	return !a == !b && (a > b ? a - b : b - a) < TICK_MS;
}

bool nft_set_same(const struct nft_set *a, const struct nft_set *b)
{
	return !a->is_foreign && !b->is_foreign && a->key_type == b->key_type && a->key_size == b->key_size &&
	       a->counts == b->counts && a->is_dynamic == b->is_dynamic && a->size == b->size &&
	       same_time(a->timeout_ms, b->timeout_ms);
}
