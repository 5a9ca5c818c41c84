/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rule.h"
#include "support/memory.h"
#include "support/search.h"

const char *table_name(enum table_id table)
{
	static const char *const names[] = { [RAW] = "raw", [FILTER] = "filter" };

	return names[table];
}

const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_UDPLITE:
		return "udplite";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		return NULL;
	}
}

int ruleset_share_chain(struct ruleset *rules, struct chain *chain)
{
	struct chain **grown = memory_grow(rules->chains, rules->count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	rules->chains = grown;
	rules->chains[rules->count++] = chain;
	return 0;
}

struct chain *ruleset_add_chain(struct ruleset *rules, const char *name)
{
	struct chain *chain = arena_alloc(&rules->arena, sizeof(*chain));

	if (!chain || strlen(name) >= sizeof(chain->name) || ruleset_share_chain(rules, chain))
		return NULL;
	strcpy(chain->name, name);
	chain->arena = &rules->arena;
	return chain;
}

int chain_reserve(struct chain *chain, size_t count)
{
	struct rule *grown;

	if (count <= chain->room)
		return 0;
	grown = arena_alloc(chain->arena, count * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	if (chain->count)
		memcpy(grown, chain->rules, chain->count * sizeof(*grown));
	chain->rules = grown;
	chain->room = count;
	return 0;
}

struct rule *chain_add_rule(struct chain *chain, const struct rule *rule)
{
	if (chain->count == chain->room && chain_reserve(chain, chain->room ? 2 * chain->room : 2))
		return NULL;
	chain->rules[chain->count] = *rule;
	return &chain->rules[chain->count++];
}

int ruleset_add_jump(struct ruleset *rules, const struct jump *jump)
{
	struct jump *grown = memory_grow(rules->jumps, rules->jump_count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	rules->jumps = grown;
	rules->jumps[rules->jump_count++] = *jump;
	return 0;
}

/* What names differ in, as a number that compares as they do. */
struct key {
	uint64_t high, low;
	struct chain *chain;
};

static uint64_t big_endian(const char *text)
{
	uint64_t number;

	memcpy(&number, text, sizeof(number));
	return be64toh(number);
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *one = a, *other = b;

	if (one->high != other->high)
		return one->high < other->high ? -1 : 1;
	if (one->low != other->low)
		return one->low < other->low ? -1 : 1;
	return strcmp(one->chain->name, other->chain->name);
}

/* By keys, since a table of many clients has tens of thousands of chains. */
static int sort_chains(struct ruleset *rules)
{
	const size_t skip = strlen(CHAIN_PREFIX);	/* what all have in common */
	struct key *keys = memory_get(rules->count * sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < rules->count; i++) {
		const char *name = rules->chains[i]->name;
		bool ours = !strncmp(name, CHAIN_PREFIX, skip);

		keys[i].chain = rules->chains[i];
		keys[i].high = ours ? big_endian(name + skip) : 0;
		keys[i].low = ours ? big_endian(name + skip + sizeof(keys->high)) : 0;
	}
	qsort(keys, rules->count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < rules->count; i++)
		rules->chains[i] = keys[i].chain;
	memory_put(keys, rules->count * sizeof(*keys));
	return 0;
}

int ruleset_sort(struct ruleset *rules)
{
	bool sorted = true;

	for (size_t i = 1; i < rules->count && sorted; i++)
		sorted = strcmp(rules->chains[i - 1]->name, rules->chains[i]->name) < 0;
	if (sorted)
		return 0;
	if (sort_chains(rules))
		return -ENOMEM;
	for (size_t i = 1; i < rules->count; i++)
		if (!strcmp(rules->chains[i - 1]->name, rules->chains[i]->name))
			return -EEXIST;
	return 0;
}

static int compare_name(const void *name, const void *chain)
{
	return strcmp(name, (*(struct chain *const *)chain)->name);
}

bool ruleset_index(const struct ruleset *rules, const char *name, size_t *index)
{
	bool found;

	*index = search_place(name, rules->chains, rules->count, sizeof(*rules->chains),
			      compare_name, &found);
	return found;
}

struct chain *ruleset_find(const struct ruleset *rules, const char *name)
{
	size_t index;

	return ruleset_index(rules, name, &index) ? rules->chains[index] : NULL;
}

void ruleset_free(struct ruleset *rules)
{
	free(rules->chains);
	free(rules->jumps);
	arena_free(&rules->arena);
	*rules = (struct ruleset){ 0 };
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

static bool same_chain(const struct chain *a, const struct chain *b)
{
	return a == b || (a && b && !strcmp(a->name, b->name));
}

static bool same_ports(const struct ports *a, const struct ports *b)
{
	return a->count == b->count && a->inverted == b->inverted &&
	       !memcmp(a->range, b->range, a->count * sizeof(a->range[0]));
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length &&
	       !memcmp(a->address, b->address, sizeof(a->address));
}

static bool same_match(const struct match *a, const struct match *b)
{
	static const struct match nothing;

	if (a == b)
		return true;
	a = a ? a : &nothing;
	b = b ? b : &nothing;
	return same_prefix(&a->to, &b->to) && a->protocol == b->protocol && a->syn == b->syn &&
	       a->sctp_init == b->sctp_init && a->sctp_not_init == b->sctp_not_init &&
	       a->tcp_mask == b->tcp_mask && a->tcp_flags == b->tcp_flags &&
	       a->states == b->states && a->to_local == b->to_local &&
	       a->from_local == b->from_local && a->icmp == b->icmp &&
	       a->icmp_type == b->icmp_type && !strcmp(a->in, b->in) &&
	       !strcmp(a->out, b->out) && same_ports(&a->source, &b->source) &&
	       same_ports(&a->destination, &b->destination) &&
	       same_text(a->table_name, b->table_name) &&
	       same_text(a->comment, b->comment) && !a->above == !b->above &&
	       (!a->above || limit_rate_same(a->above, b->above));
}

bool rule_same(const struct rule *a, const struct rule *b)
{
	if (a->target == TARGET_FOREIGN || b->target == TARGET_FOREIGN)
		return a->target == b->target && a->match->foreign_size == b->match->foreign_size &&
		       !memcmp(a->match->foreign, b->match->foreign, a->match->foreign_size);
	return a->target == b->target && same_prefix(&a->source, &b->source) &&
	       same_chain(a->to, b->to) && same_match(a->match, b->match);
}

void count_add(struct notrack_count *sum, const struct notrack_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
}

static uint64_t less(uint64_t all, uint64_t some)
{
	return all > some ? all - some : 0;
}

struct notrack_count count_less(const struct notrack_count *all, const struct notrack_count *some)
{
	return (struct notrack_count){ less(all->packets, some->packets),
				       less(all->bytes, some->bytes) };
}
