/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "compile.h"
#include "walk.h"

/* Deeper than any tree of prefixes: somebody's loop, which is not for us. */
#define DEPTH_MOST 140

struct walk {
	const struct ruleset *rules;
	int (*visit)(const struct walked_client *client, void *data);
	void *data;
	bool *walked;			/* chains of @rules, by index */
};

static const struct limit_rate *find_rate(const struct walk *walk, const char *name)
{
	const struct chain *chain = ruleset_find(walk->rules, name);
	const struct match *match = chain && chain->count ? chain->rules[0].match : NULL;

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
	struct walked_client client = { .prefix = rule->source, .seen = rule->count };

	client.rate = find_rate(walk, rule->chain);
	if (!client.rate)
		return 0;
	if (next && same_source(rule, next) &&
	    (next->target == TARGET_NONE || next->target == TARGET_RETURN))
		client.passed = next->count;
	return walk->visit(&client, walk->data);
}

/* Each chain once: many lead to that of a general client. */
static int walk_chain(const struct walk *walk, const char *name, unsigned int depth)
{
	const struct chain *chain;
	size_t index;
	int result = 0;

	if (depth > DEPTH_MOST || !ruleset_index(walk->rules, name, &index) ||
	    walk->walked[index])
		return 0;
	walk->walked[index] = true;
	chain = walk->rules->chains[index];
	for (size_t i = 0; i < chain->count && !result; i++) {
		const struct rule *rule = &chain->rules[i];

		if (rule->target == TARGET_JUMP)
			result = visit_client(walk, chain, i);
		else if (rule->target == TARGET_GOTO)
			result = walk_chain(walk, rule->chain, depth + 1);
	}
	return result;
}

int walk_clients(const struct ruleset *rules, const char *service,
		 int (*visit)(const struct walked_client *client, void *data), void *data)
{
	const struct walk walk = { rules, visit, data, calloc(rules->count + 1, sizeof(bool)) };
	char name[CHAIN_NAME_MOST + 1];
	int result;

	if (!walk.walked)
		return -ENOMEM;
	service_chain_name(name, service, CHAIN_LIMIT);
	result = walk_chain(&walk, name, 0);
	free(walk.walked);
	return result;
}
