/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clients of a service, found in the chains of a table: see tree.c. */
#include "legacy/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/name.h"

/* Deeper than any tree of prefixes: somebody's loop, which is not for us. */
#define DEPTH_MAX 140

struct walk {
	const struct ruleset *rules;
	bool *walked;			/* by number of the chain */
	int (*visit)(const struct tree_client *client, void *data);
	void *data;
};

/* The limit that a chain is, or NULL. */
static const struct limit_rate *rate_of(const struct chain *chain)
{
	const struct match *match = chain->count ? chain->rules[0].match : NULL;

	return match ? match->above : NULL;
}

static bool same_source(const struct rule *a, const struct rule *b)
{
	return !prefix_compare(&a->source, &b->source);
}

static int visit_client(const struct walk *walk, const struct chain *chain, size_t index)
{
	const struct rule *rule = &chain->rules[index];
	const struct rule *next = index + 1 < chain->count ? rule + 1 : NULL;
	struct tree_client client = { .prefix = rule->source, .seen = rule->count };

	client.rate = rate_of(rule->to);
	if (!client.rate)
		return 0;
	if (next && same_source(rule, next) &&
	    (next->target == TARGET_NONE || next->target == TARGET_RETURN))
		client.passed = next->count;
	return walk->visit(&client, walk->data);
}

/* Each chain once: many lead to that of a general client. */
static bool enter(const struct walk *walk, const struct chain *chain)
{
	size_t index;

	if (!ruleset_index(walk->rules, chain->name, &index) || walk->walked[index])
		return false;
	return walk->walked[index] = true;
}

static int walk_chain(const struct walk *walk, const struct chain *chain, unsigned int depth)
{
	int result = 0;

	if (depth > DEPTH_MAX || !enter(walk, chain))
		return 0;
	for (size_t i = 0; i < chain->count && !result; i++) {
		const struct rule *rule = &chain->rules[i];

		if (rule->target == TARGET_JUMP)
			result = visit_client(walk, chain, i);
		else if (rule->target == TARGET_GOTO)
			result = walk_chain(walk, rule->to, depth + 1);
	}
	return result;
}

int tree_read(const struct ruleset *rules, const char *service,
	      int (*visit)(const struct tree_client *client, void *data), void *data)
{
	struct walk walk = { .rules = rules, .visit = visit, .data = data };
	char name[CHAIN_NAME_MAX + 1];
	const struct chain *root;
	int result;

	service_chain_name(name, service, CHAIN_LIMIT);
	root = ruleset_find(rules, name);
	if (!root)
		return 0;
	walk.walked = calloc(rules->count, sizeof(*walk.walked));
	result = walk.walked ? walk_chain(&walk, root, 0) : -ENOMEM;
	free(walk.walked);
	return result;
}
