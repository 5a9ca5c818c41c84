/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/graft_lower.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/entry.h"
#include "legacy/graft_write.h"
#include "legacy/grafted.h"
#include "support/memory.h"
#include "support/search.h"

struct lowering {
	const struct grafts *grafts;
	const struct table *table;
	const struct grafted *found;
	const struct features *features;
	struct ruleset *want;
	struct graft_original *originals;	/* by address of the view's rule */
	size_t original_count;
	char *scratch;				/* for one entry */
	struct error *error;
};

static bool is_in(const struct view_table *table, enum family family, const char *name)
{
	return table->world == WORLD_LEGACY && table->families == 1u << family &&
	       !strcmp(table->name, name);
}

static bool concerns(const struct lowering *lowering, const struct view_table *table)
{
	return is_in(table, lowering->table->family->family, lowering->table->name);
}

bool grafts_touch(const struct grafts *grafts, enum family family, const char *table)
{
	const struct graft_chain *chain = grafts->chains;

	for (size_t i = 0; i < grafts->count; i++)
		if (is_in(grafts->list[i].chain->table, family, table))
			return true;
	while (chain && !is_in(chain->table, family, table))
		chain = chain->next;
	return chain;
}

static bool is_for(const struct lowering *lowering, const struct graft_rule *rule)
{
	return rule->families & 1u << lowering->table->family->family;
}

/* --- rules of the host that ours have parts of ------------------------- */

static int add_original(struct lowering *lowering, const struct graft_rule *rule)
{
	struct graft_original *grown;

	if (!rule->original.row || !rule->copies || !is_for(lowering, rule))
		return 0;
	grown = memory_grow(lowering->originals, lowering->original_count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lowering->originals = grown;
	grown[lowering->original_count++] = (struct graft_original){ .rule = rule->original.row };
	return 0;
}

static int compare_originals(const void *a, const void *b)
{
	const struct graft_original *one = a, *other = b;

	return one->rule < other->rule ? -1 : one->rule > other->rule;
}

static struct graft_original *find_original(const struct lowering *lowering,
					    const struct view_rule *rule)
{
	const struct graft_original key = { .rule = rule };

	return search(&key, lowering->originals, lowering->original_count, sizeof(key),
		      compare_originals);
}

static int collect_originals(struct lowering *lowering)
{
	const struct grafts *grafts = lowering->grafts;
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < grafts->count && !err; i++)
		if (concerns(lowering, grafts->list[i].chain->table))
			err = add_original(lowering, &grafts->list[i].rule);
	for (const struct graft_chain *chain = grafts->chains; chain && !err; chain = chain->next)
		for (size_t i = 0; concerns(lowering, chain->table) && i < chain->count && !err; i++)
			err = add_original(lowering, &chain->rules[i]);
	if (err || !lowering->original_count)
		return err;
	qsort(lowering->originals, lowering->original_count, sizeof(*lowering->originals),
	      compare_originals);
	for (size_t i = 0; i < lowering->original_count; i++)
		if (!kept || lowering->originals[kept - 1].rule != lowering->originals[i].rule)
			lowering->originals[kept++] = lowering->originals[i];
	lowering->original_count = kept;
	return 0;
}

static int is_out_of_date(const struct lowering *lowering, const char *chain)
{
	return error_set(lowering->error, GRAFT_OUTDATED, "table %s (%s): another program changed chain "
			 "%s while it was looked at; try again", lowering->table->name,
			 lowering->table->family->name, chain);
}

/* The view's rules are in the order of the table's, and may be without those of ours. */
static int locate_in_chain(struct lowering *lowering, const struct view_chain *chain)
{
	const struct table *table = lowering->table;
	const struct xtc *calls = &xtc[table->family->family];
	const void *entry = calls->first_rule(chain->name, table->handle);
	const struct view_rule *rule = chain->rules;
	unsigned int number = 0;

	for (; entry; entry = calls->next_rule(entry, table->handle), number++) {
		const char *label = calls->target(entry, table->handle);
		struct graft_original *original;

		while (rule && rule->flags & RULE_ADDED)
			rule = rule->next;
		if (!rule || rule->handle != number) {
			if (graft_is(table->family, entry, label))
				continue;
			return is_out_of_date(lowering, chain->name);
		}
		original = find_original(lowering, rule);
		rule = rule->next;
		if (!original)
			continue;
		original->entry = entry;
		original->label = label;
		original->table = table->name;
		original->chain = chain->name;
		original->number = number + 1;
	}
	while (rule && rule->flags & RULE_ADDED)
		rule = rule->next;
	return rule ? is_out_of_date(lowering, chain->name) : 0;
}

static bool has_original(const struct lowering *lowering, const struct view_chain *chain)
{
	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
		if (find_original(lowering, rule))
			return true;
	return false;
}

/* All chains of the view's table. */
static int locate_originals(struct lowering *lowering, const struct view_table *table)
{
	int err = 0;

	if (!table || !lowering->original_count)
		return 0;
	for (const struct view_chain *chain = table->chains; chain && !err; chain = chain->next)
		if (has_original(lowering, chain))
			err = locate_in_chain(lowering, chain);
	return err;
}

/* --- entries ---------------------------------------------------------- */

/* Targets ask for more than matches do, and the kernel says only that it does not take one of them. */
static int note_repeated(struct lowering *lowering, const struct graft_rule *rule,
			 const struct graft_original *original)
{
	struct grafted *grafted = lowering->want->grafted;
	const char *target = entry_target(lowering->table->family, original->entry)->u.user.name;
	char text[256];

	if (!(rule->copies & COPY_VERDICT) || !*target)
		return 0;
	if (!grafted->repeated_count++) {
		snprintf(text, sizeof(text), "rule %u of chain %s (-j %s)", original->number,
			 original->chain, target);
		grafted->repeated = arena_strdup(grafted->arena, text);
	}
	return grafted->repeated ? 0 : -ENOMEM;
}

static int encode(struct lowering *lowering, const struct graft_rule *rule, const char *to,
		  const struct graft_original **original)
{
	const bool copies = rule->copies && rule->original.row;
	int err;

	*original = copies ? find_original(lowering, rule->original.row) : NULL;
	if (copies && (!*original || !(*original)->entry))
		return is_out_of_date(lowering, "of the rule");
	err = *original ? note_repeated(lowering, rule, *original) : 0;
	return err ? err : graft_write(lowering->scratch, rule, to, *original, lowering->table->family,
				       lowering->features, lowering->error);
}

static const char *led_to(const struct graft_rule *rule)
{
	return rule->to ? rule->to->name : rule->rule.to ? rule->rule.to->name : NULL;
}

/* --- chains of ours --------------------------------------------------- */

static int add_chains(struct lowering *lowering)
{
	const struct graft_chain *chain = lowering->grafts->chains;
	int err = 0;

	for (; chain && !err; chain = chain->next)
		if (concerns(lowering, chain->table) &&
		    !(chain->is_compiled && ruleset_find(lowering->want, chain->name)))
			err = ruleset_add_chain(lowering->want, chain->name) ? 0 : -ENOMEM;
	return err ? err : ruleset_sort(lowering->want);
}

/* As it is read back, so that both can be compared. */
static int add_rule(struct lowering *lowering, struct chain *chain, const struct graft_rule *from)
{
	const struct xt_family *family = lowering->table->family;
	const char *to = led_to(from), *label;
	const struct graft_original *original;
	struct chain *next = NULL;
	struct rule rule;
	int err;

	if (!is_for(lowering, from))
		return 0;
	err = encode(lowering, from, to, &original);
	if (err)
		return err;
	label = entry_target(family, lowering->scratch)->u.user.name;
	if (to)
		next = ruleset_find(lowering->want, to);
	err = entry_decode(&rule, lowering->scratch, label, next, family, &lowering->want->arena);
	return err || !chain_add_rule(chain, &rule) ? -ENOMEM : 0;
}

static int fill_chains(struct lowering *lowering)
{
	const struct graft_chain *from = lowering->grafts->chains;
	int err = 0;

	for (; from && !err; from = from->next) {
		struct chain *chain = concerns(lowering, from->table) ?
				      ruleset_find(lowering->want, from->name) : NULL;

		for (size_t i = 0; chain && !from->is_compiled && i < from->count && !err; i++)
			err = add_rule(lowering, chain, &from->rules[i]);
	}
	return err;
}

/* --- in chains of the host -------------------------------------------- */

static struct grafted_chain *wanted_chain(struct lowering *lowering, const struct view_chain *of)
{
	struct grafted *grafted = lowering->want->grafted;
	struct grafted_chain *chain = grafted_find(grafted, of->name);
	const struct grafted_chain *found = grafted_find(lowering->found, of->name);

	if (chain)
		return chain;
	if (!lowering->table->handle)	/* it will be made by being opened, without rules */
		return grafted_add_chain(grafted, of->name);
	chain = found ? grafted_add_chain(grafted, of->name) :
			grafted_list(grafted, lowering->table, of->name);
	if (!chain)
		return NULL;
	if (found) {
		chain->host_count = found->host_count;
		chain->host_at = found->host_at;
		chain->fingerprint = found->fingerprint;
	}
	chain->checked = true;
	chain->rules = NULL;		/* those that are there: not what is wanted */
	chain->count = 0;
	return chain;
}

/* How many of the host's rules stand ahead of a position. */
static unsigned int host_rules_ahead(const struct grafted_chain *chain, uint64_t position)
{
	unsigned int low = 0, high = chain->host_count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (chain->host_at[middle] < position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add_graft(struct lowering *lowering, const struct graft *graft)
{
	const struct xt_family *family = lowering->table->family;
	struct grafted_chain *chain = wanted_chain(lowering, graft->chain);
	const char *to = led_to(&graft->rule);
	const struct graft_original *original;
	struct grafted_rule rule = { 0 };
	void *copy;
	int err;

	if (!chain)
		return -ENOMEM;
	err = encode(lowering, &graft->rule, to, &original);
	if (err)
		return err;
	copy = entry_copy(lowering->scratch, "", family, lowering->want->grafted->arena);
	if (!copy)
		return -ENOMEM;
	entry_normalise(copy, family);
	rule.entry = copy;
	rule.before = graft->before ? host_rules_ahead(chain, graft->before->handle) :
				      GRAFT_AT_END;
	rule.to = to ? arena_strdup(lowering->want->grafted->arena, to) : NULL;
	rule.twin = graft->rule.rule.match && graft->rule.rule.match->states;
	rule.number = original ? original->number : 0;
	return (to && !rule.to) || !grafted_add_rule(lowering->want->grafted, chain, &rule) ?
	       -ENOMEM : 0;
}

static int add_grafts(struct lowering *lowering)
{
	const struct grafts *grafts = lowering->grafts;
	int err = 0;

	for (size_t i = 0; i < grafts->count && !err; i++)
		if (concerns(lowering, grafts->list[i].chain->table) &&
		    is_for(lowering, &grafts->list[i].rule))
			err = add_graft(lowering, &grafts->list[i]);
	return err;
}

/* --- all -------------------------------------------------------------- */

static const struct view_table *find_table(const struct lowering *lowering)
{
	const struct grafts *grafts = lowering->grafts;

	for (size_t i = 0; i < grafts->count; i++)
		if (concerns(lowering, grafts->list[i].chain->table))
			return grafts->list[i].chain->table;
	for (const struct graft_chain *chain = grafts->chains; chain; chain = chain->next)
		if (concerns(lowering, chain->table))
			return chain->table;
	return NULL;
}

static int lower(struct lowering *lowering)
{
	int err = collect_originals(lowering);

	if (!err)
		err = locate_originals(lowering, find_table(lowering));
	if (!err)
		err = add_chains(lowering);
	if (!err)
		err = fill_chains(lowering);
	return err ? err : add_grafts(lowering);
}

int graft_lower(const struct grafts *grafts, const struct table *table,
		const struct grafted *found, const struct features *features, struct ruleset *want, struct error *error)
{
	struct lowering lowering = {
		.grafts = grafts, .table = table, .found = found, .features = features,
		.want = want, .scratch = malloc(ENTRY_MAX), .error = error,
	};
	int err = -ENOMEM;

	*error = (struct error){ 0 };
	want->grafted = grafted_new(want, table->family);
	xtc_lock();
	if (lowering.scratch && want->grafted)
		err = lower(&lowering);
	xtc_unlock();
	free(lowering.originals);
	free(lowering.scratch);
	if (!err || *error->text)
		return err;
	if (err == -EEXIST)
		return error_set(error, -EINVAL, "table %s (%s): two chains would have the same name",
				 table->name, table->family->name);
	return error_set(error, -ENOMEM, "out of memory");
}
