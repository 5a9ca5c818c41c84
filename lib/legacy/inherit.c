/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/inherit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory.h"

/* One counts what a client sent, the other what its limit let through. */
static bool is_of_client(const struct rule *rule)
{
	return rule->to && !rule->match &&
	       (rule->target == TARGET_JUMP || rule->target == TARGET_NONE ||
		rule->target == TARGET_RETURN);
}

/* The rule of a limit says of which service it is; other chains of ours have names for it. */
static const char *service_of(const struct rule *rule)
{
	const struct match *match = rule->to->count ? rule->to->rules[0].match : NULL;

	return match && match->above && match->comment ? match->comment : rule->to->name;
}

/* By client, then by which of the two rules it is, then by service, whatever the limit. */
static int compare(const void *a, const void *b)
{
	const struct rule *one = *(const struct rule *const *)a;
	const struct rule *other = *(const struct rule *const *)b;
	int order = prefix_compare(&one->source, &other->source);

	if (!order)
		order = (one->target == TARGET_JUMP) - (other->target == TARGET_JUMP);
	return order ? order : strcmp(service_of(one), service_of(other));
}

int inherit_note(struct inheritance *inheritance, const struct rule *rule)
{
	const struct rule **grown;

	/* one that has counted nothing leaves nothing */
	if (!is_of_client(rule) || !(rule->count.packets | rule->count.bytes))
		return 0;
	grown = memory_grow(inheritance->list, inheritance->count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	inheritance->list = grown;
	inheritance->list[inheritance->count++] = rule;
	inheritance->sorted = false;
	return 0;
}

struct notrack_count inherit_find(struct inheritance *inheritance, const struct rule *rule)
{
	const struct rule *const *found;

	if (!inheritance->count || !is_of_client(rule))
		return rule->count;
	if (!inheritance->sorted)
		qsort(inheritance->list, inheritance->count, sizeof(*inheritance->list), compare);
	inheritance->sorted = true;
	found = bsearch(&rule, inheritance->list, inheritance->count, sizeof(*inheritance->list),
			compare);
	return found ? (*found)->count : rule->count;
}

void inherit_free(struct inheritance *inheritance)
{
	free(inheritance->list);
	*inheritance = (struct inheritance){ 0 };
}
