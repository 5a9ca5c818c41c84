/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client is two rules: "-s PREFIX -j LIMIT" counts what it sent, "-s PREFIX"
 * what made it through.  A few clients stand in one chain, the specific ahead
 * of the general.  More of them become a tree with compressed paths: a chain
 * that tells packets apart by the next bits of their source and goes (-g, so
 * that the end of any of them leads back to the service's chain) to the chain
 * of the longest prefix that the clients there have in common.
 *
 * A client that covers others gets a chain of its own, to which every chain
 * below goes when no more specific client was met.
 *
 * Each chain is named after the prefix it is for, and built from the clients
 * below that prefix alone: a client that comes or goes changes the chains on
 * its path and no others, and the same clients make the same tree.
 */
/*
 * Measured with bench/packet.c on random /32 clients: packets of one of them, of
 * 20,000 in turn (which finds the caches cold), and of nobody known; each against
 * the line of 2 bits and 16 clients, 40 rounds in turn.
 *
 * bits a step,    100,000 clients                  40,000         10,000
 * clients a leaf  one  turn nobody rules   chains   turn   chains  turn   chains
 * 1, 24           1.02 1.09 1.00  212,000  12,200   1.09   4,600   1.06   1,200
 * 2, 16           1    1    1     215,000  14,600   1      8,700   1      2,200
 * 2, 24           1.00 0.99 1.00  211,000  10,800   1.01   3,900   1.04   1,000
 * 2, 32           1.01 1.00 1.00  211,000  10,700   1.05   2,700   1.02     700
 * 3, 16           0.99 0.96 1.00  218,000  18,200   1.00  11,700   1.00   2,200
 * 3, 32           0.99 0.97 1.00  218,000  18,200   1.05   2,400   1.00   2,000
 * 4, 8            0.99 0.96 1.00  229,000  28,700   1.00  13,500   0.99   2,400
 *
 * So the cost of a packet hardly depends on it.  That of a commit does: the
 * kernel checks and copies each rule, and two entries more for each chain.
 */
#include "legacy/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/name.h"

/* A chain of up to so many clients tells them apart one by one. */
#define LEAF_CLIENTS 16
/* Address bits that one chain tells apart. */
#define STEP_BITS 2
#define RULES_A_CLIENT 2

/* A limit, and the chain that it is. */
struct limit_chain {
	const struct limit *limit;
	struct chain *chain;
};

struct tree {
	struct ruleset *rules;
	const char *service;
	struct limit_chain *limits;	/* by address of the limit */
	size_t limit_count;
	const struct limit_chain *last;	/* that was looked up: most clients share a few */
};

/* --- limits ----------------------------------------------------------- */

static struct chain *add_limit(struct tree *tree, const struct limit *limit)
{
	struct arena *arena = &tree->rules->arena;
	struct match *match = arena_alloc(arena, sizeof(*match));
	char name[CHAIN_NAME_MAX + 1], table[HASHLIMIT_NAME_MAX + 1];
	char comment[sizeof(LIMIT_COMMENT) + SERVICE_NAME_MAX];
	struct chain *chain;

	name_hashlimit(table, tree->service, &limit->rate);
	name_chain(name, tree->service, 'l', table, strlen(table));
	snprintf(comment, sizeof(comment), LIMIT_COMMENT "%s", tree->service);
	chain = ruleset_add_chain(tree->rules, name);
	if (!match || !chain)
		return NULL;
	match->above = &limit->rate;
	match->table_name = arena_strdup(arena, table);
	match->comment = arena_strdup(arena, comment);
	return match->table_name && match->comment &&
	       chain_add_rule(chain, &(struct rule){ .target = TARGET_DROP, .match = match }) ?
	       chain : NULL;
}

static int compare_limits(const void *a, const void *b)
{
	const struct limit *one = ((const struct limit_chain *)a)->limit;
	const struct limit *other = ((const struct limit_chain *)b)->limit;

	return one < other ? -1 : one > other;
}

static int add_limits(struct tree *tree, const struct limit *first)
{
	size_t count = 0;

	for (const struct limit *limit = first; limit; limit = limit->next)
		count++;
	tree->limits = calloc(count + 1, sizeof(*tree->limits));
	if (!tree->limits)
		return -ENOMEM;
	for (const struct limit *limit = first; limit; limit = limit->next) {
		struct chain *chain = add_limit(tree, limit);

		if (!chain)
			return -ENOMEM;
		tree->limits[tree->limit_count++] = (struct limit_chain){ limit, chain };
	}
	qsort(tree->limits, count, sizeof(*tree->limits), compare_limits);
	tree->last = tree->limits;
	return 0;
}

static struct chain *chain_of(struct tree *tree, const struct limit *limit)
{
	const struct limit_chain wanted = { .limit = limit };

	if (tree->last->limit != limit)
		tree->last = bsearch(&wanted, tree->limits, tree->limit_count,
				     sizeof(wanted), compare_limits);
	return tree->last->chain;
}

/* --- clients ---------------------------------------------------------- */

static int add_rule(struct chain *chain, const struct prefix *source, enum target target,
		    struct chain *to)
{
	struct rule rule = { .target = target, .to = to };

	if (source)
		rule.source = *source;
	return chain_add_rule(chain, &rule) ? 0 : -ENOMEM;
}

/* @covered: a more general client comes after it, and must not see the packet. */
static int add_client(struct tree *tree, struct chain *chain, const struct client *client,
		      bool covered)
{
	struct chain *limit = chain_of(tree, client->limit);
	int err = add_rule(chain, &client->prefix, TARGET_JUMP, limit);

	if (err)
		return err;
	return add_rule(chain, &client->prefix, covered ? TARGET_RETURN : TARGET_NONE, limit);
}

/* One by one, each after those it covers. */
static int add_leaf(struct tree *tree, struct chain *chain, const struct client *const *clients,
		    size_t count, bool covered)
{
	size_t next;
	int err = 0;

	for (size_t i = 0; i < count && !err; i = next) {
		for (next = i + 1; next < count; next++)
			if (!prefix_covers(&clients[i]->prefix, &clients[next]->prefix))
				break;
		err = add_leaf(tree, chain, clients + i + 1, next - i - 1, true);
		if (!err)
			err = add_client(tree, chain, clients[i], covered);
	}
	return err;
}

static struct chain *add_chain(struct tree *tree, char kind, const struct prefix *prefix)
{
	char name[CHAIN_NAME_MAX + 1];

	name_chain(name, tree->service, kind, prefix, sizeof(*prefix));
	return ruleset_add_chain(tree->rules, name);
}

/* The chain for packets that meet @client and none more specific. */
static struct chain *add_general(struct tree *tree, const struct client *client)
{
	struct chain *chain = add_chain(tree, 'g', &client->prefix);

	return chain && !add_client(tree, chain, client, false) ? chain : NULL;
}

/*
 * How many bits past @first all of @clients have, to where a step ends at most:
 * that is the same bit wherever the step begins, so that clients in common with
 * one that comes or goes stay in the chains that they are in.
 */
static unsigned int step_bits(const struct client *const *clients, size_t count,
			      unsigned int first)
{
	unsigned int step = STEP_BITS - first % STEP_BITS;

	for (size_t i = 0; i < count; i++)
		if (clients[i]->prefix.length - first < step)
			step = clients[i]->prefix.length - first;
	return step;
}

static int add_branch(struct tree *tree, struct chain *chain,
		      const struct client *const *clients, size_t count, struct chain *general);

/* Where those end that have the bits of the first. */
static size_t group_end(const struct client *const *clients, size_t count, size_t begin,
			unsigned int first, unsigned int step)
{
	unsigned int bits = prefix_bits(&clients[begin]->prefix, first, step);
	size_t end = begin + 1;

	while (end < count && prefix_bits(&clients[end]->prefix, first, step) == bits)
		end++;
	return end;
}

/* The branches of one chain. */
static int add_branches(struct tree *tree, struct chain *chain,
			const struct client *const *clients, size_t count, unsigned int first,
			struct chain *general)
{
	unsigned int step = step_bits(clients, count, first);
	size_t rules = general != NULL, next;
	int err;

	for (size_t i = 0; i < count; i = next) {
		next = group_end(clients, count, i, first, step);
		rules += next - i == 1 ? RULES_A_CLIENT : 1;
	}
	err = chain_reserve(chain, rules);
	for (size_t i = 0; i < count && !err; i = next) {
		next = group_end(clients, count, i, first, step);
		err = add_branch(tree, chain, clients + i, next - i, general);
	}
	return err;
}

static int add_node(struct tree *tree, struct chain *chain,
		    const struct client *const *clients, size_t count, struct chain *general)
{
	struct prefix common = prefix_common(&clients[0]->prefix, &clients[count - 1]->prefix);
	int err;

	if (count > LEAF_CLIENTS && clients[0]->prefix.length == common.length) {
		general = add_general(tree, clients[0]);
		if (!general)
			return -ENOMEM;
		clients++;
		count--;
	}
	if (count > LEAF_CLIENTS) {
		err = add_branches(tree, chain, clients, count, common.length, general);
	} else {
		err = chain_reserve(chain, count * RULES_A_CLIENT + (general != NULL));
		if (!err)
			err = add_leaf(tree, chain, clients, count, general);
	}
	if (!err && general)
		err = add_rule(chain, NULL, TARGET_GOTO, general);
	return err;
}

static int add_branch(struct tree *tree, struct chain *chain,
		      const struct client *const *clients, size_t count, struct chain *general)
{
	struct prefix common;
	struct chain *child;
	int err;

	if (count == 1)
		return add_client(tree, chain, clients[0], general);
	common = prefix_common(&clients[0]->prefix, &clients[count - 1]->prefix);
	child = add_chain(tree, 'n', &common);
	if (!child)
		return -ENOMEM;
	err = add_rule(chain, &common, TARGET_GOTO, child);
	return err ? err : add_node(tree, child, clients, count, general);
}

int tree_build(struct ruleset *rules, struct chain *root, const char *service,
	       const struct clients *clients)
{
	struct tree tree = { .rules = rules, .service = service };
	const struct client **list;
	int err;

	if (!clients->count)
		return 0;
	list = clients_list(clients);
	err = list ? add_limits(&tree, clients->limits) : -ENOMEM;
	if (!err)
		err = add_node(&tree, root, list, clients->count, NULL);
	free(tree.limits);
	free(list);
	return err;
}
