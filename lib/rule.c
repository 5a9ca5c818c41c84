/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule.h"

const char *table_name(enum table_id table)
{
	static const char *const names[TABLES] = { [RAW] = "raw", [FILTER] = "filter" };

	return names[table];
}

/* Room for the next of @count elements: doubled at each power of two. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return realloc(array, (count ? 2 * count : 1) * size);
}

struct chain *ruleset_add_chain(struct ruleset *rules, const char *name)
{
	struct chain *chain = arena_alloc(&rules->arena, sizeof(*chain));
	struct chain **grown;

	if (!chain || strlen(name) > CHAIN_NAME_MOST)
		return NULL;
	grown = grow(rules->chains, rules->count, sizeof(*grown));
	if (!grown)
		return NULL;
	rules->chains = grown;
	strcpy(chain->name, name);
	rules->chains[rules->count++] = chain;
	return chain;
}

int chain_reserve(struct ruleset *rules, struct chain *chain, size_t count)
{
	chain->rules = arena_alloc(&rules->arena, count * sizeof(*chain->rules));
	chain->in_arena = true;
	return chain->rules ? 0 : -ENOMEM;
}

struct rule *chain_add_rule(struct chain *chain, const struct rule *rule)
{
	struct rule *grown = grow(chain->rules, chain->count, sizeof(*grown));

	if (!grown)
		return NULL;
	chain->rules = grown;
	grown[chain->count] = *rule;
	return &grown[chain->count++];
}

int ruleset_add_hook(struct ruleset *rules, const struct hook *hook)
{
	struct hook *grown = grow(rules->hooks, rules->hook_count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	rules->hooks = grown;
	grown[rules->hook_count] = *hook;
	grown[rules->hook_count++].jump = (struct rule){ .target = TARGET_JUMP,
							 .chain = hook->target };
	return 0;
}

static int compare_chains(const void *a, const void *b)
{
	return strcmp((*(struct chain *const *)a)->name, (*(struct chain *const *)b)->name);
}

int ruleset_sort(struct ruleset *rules)
{
	if (rules->count)
		qsort(rules->chains, rules->count, sizeof(*rules->chains), compare_chains);
	for (size_t i = 1; i < rules->count; i++)
		if (!strcmp(rules->chains[i - 1]->name, rules->chains[i]->name))
			return -EEXIST;
	return 0;
}

bool ruleset_index(const struct ruleset *rules, const char *name, size_t *index)
{
	size_t low = 0, high = rules->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, rules->chains[middle]->name);

		*index = middle;
		if (!order)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

struct chain *ruleset_find(const struct ruleset *rules, const char *name)
{
	size_t index;

	return ruleset_index(rules, name, &index) ? rules->chains[index] : NULL;
}

void ruleset_free(struct ruleset *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (!rules->chains[i]->in_arena)
			free(rules->chains[i]->rules);
	free(rules->chains);
	free(rules->hooks);
	arena_free(&rules->arena);
	*rules = (struct ruleset){ 0 };
}

bool chain_is_top(const char *name)
{
	return !strcmp(name, CHAIN_PREFIX "PREROUTING") || !strcmp(name, CHAIN_PREFIX "INPUT") ||
	       !strcmp(name, CHAIN_PREFIX "OUTPUT");
}

bool ports_need_multiport(uint8_t protocol, const struct ports *ports)
{
	return ports->count > 1 ||
	       (ports->count && protocol != IPPROTO_TCP && protocol != IPPROTO_UDP);
}

/* --- comparing -------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_ports(const struct ports *a, const struct ports *b)
{
	return a->count == b->count &&
	       !memcmp(a->range, b->range, a->count * sizeof(a->range[0]));
}

static bool same_match(const struct match *a, const struct match *b)
{
	static const struct match nothing;

	if (a == b)
		return true;
	a = a ? a : &nothing;
	b = b ? b : &nothing;
	return a->protocol == b->protocol && a->syn == b->syn &&
	       a->sctp_init == b->sctp_init && a->icmp == b->icmp &&
	       a->icmp_type == b->icmp_type && !strcmp(a->in, b->in) &&
	       !strcmp(a->out, b->out) && same_ports(&a->source, &b->source) &&
	       same_ports(&a->destination, &b->destination) &&
	       same_text(a->table_name, b->table_name) &&
	       same_text(a->comment, b->comment) && !a->above == !b->above &&
	       (!a->above || limit_rate_same(a->above, b->above));
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length &&
	       !memcmp(a->address, b->address, sizeof(a->address));
}

bool rule_same(const struct rule *a, const struct rule *b)
{
	if (a->target == TARGET_FOREIGN || b->target == TARGET_FOREIGN)
		return a->target == b->target && a->foreign_size == b->foreign_size &&
		       !memcmp(a->foreign, b->foreign, a->foreign_size);
	return a->target == b->target && same_prefix(&a->source, &b->source) &&
	       same_prefix(&a->destination, &b->destination) &&
	       same_text(a->chain, b->chain) && same_match(a->match, b->match);
}
