/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rules/compile.h"
#include "legacy/tree_read.h"

/* Deeper than any tree of prefixes: somebody's loop, which is not for us. */
#define DEPTH_MAX 140

struct walk {
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

	client.rate = rate_of(rule_chain(rule));
	if (!client.rate)
		return 0;
	if (next && same_source(rule, next) &&
	    (next->target == TARGET_NONE || next->target == TARGET_RETURN))
		client.passed = next->count;
	return walk->visit(&client, walk->data);
}

/* Each chain once: many lead to that of a general client. */
static int walk_chain(const struct walk *walk, struct chain *chain, unsigned int depth)
{
	int result = 0;

	if (depth > DEPTH_MAX || chain->walked)
		return 0;
	chain->walked = true;
	for (size_t i = 0; i < chain->count && !result; i++) {
		const struct rule *rule = &chain->rules[i];

		if (rule->target == TARGET_JUMP)
			result = visit_client(walk, chain, i);
		else if (rule->target == TARGET_GOTO)
			result = walk_chain(walk, rule_chain(rule), depth + 1);
	}
	return result;
}

int tree_read_clients(const struct ruleset *rules, const char *service,
		 int (*visit)(const struct tree_client *client, void *data), void *data)
{
	const struct walk walk = { visit, data };
	char name[CHAIN_NAME_MAX + 1];
	struct chain *root;

	service_chain_name(name, service, CHAIN_LIMIT);
	root = ruleset_find(rules, name);
	if (!root)
		return 0;
	for (size_t i = 0; i < rules->count; i++)
		rules->chains[i]->walked = false;
	return walk_chain(&walk, root, 0);
}
