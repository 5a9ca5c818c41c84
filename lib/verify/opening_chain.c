/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/opening_chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules/name.h"
#include "verify/admission.h"
#include "verify/walk.h"

struct filling {
	struct grafts *grafts;
	struct graft_chain *chain;
	const struct opening_content *content;
	enum family family;
};

/* An accept for each selector; of services, their names say to whom its packets count. */
static int add_accepts(const struct filling *filling, const struct chain *selectors,
		       const char *comment)
{
	for (size_t i = 0; i < selectors->count; i++) {
		struct match *match = arena_alloc(&filling->grafts->arena, sizeof(*match));
		struct graft_rule rule = {
			.rule = selectors->rules[i], .families = (uint8_t)(1u << filling->family),
		};

		if (!match)
			return -ENOMEM;
		*match = *selectors->rules[i].match;
		if (comment) {
			match->comment = arena_strdup(&filling->grafts->arena, comment);
			if (!match->comment)
				return -ENOMEM;
		}
		rule.rule.match = match;
		if (graft_chain_merge(filling->chain, &rule))
			continue;
		if (!graft_chain_add(filling->grafts, filling->chain, &rule))
			return -ENOMEM;
	}
	return 0;
}

static int add_selected(const struct filling *filling, struct compiler *compiler, const char *comment)
{
	struct ruleset rules = { 0 };
	struct error error;
	int err;

	compiler->rules = &rules;
	compiler->error = &error;
	compiler->target = TARGET_ACCEPT;
	compiler->chain = ruleset_add_chain(&rules, "");
	err = !compiler->chain ? -ENOMEM : compiler->service ?
	      select_direction(compiler, filling->content->direction) : select_errors(compiler);
	if (!err)
		err = add_accepts(filling, compiler->chain, comment);
	ruleset_free(&rules);
	return err;
}

static int fill_family(const struct filling *filling)
{
	const struct opening_content *content = filling->content;
	const struct family_model *model = &content->model->families[filling->family];
	struct compiler compiler = { .model = model, .family = filling->family,
				     .local_only = content->picks->local_only };
	int err = 0;

	for (size_t i = 0; i < model->count && !err; i++) {
		compiler.service = model->served[i].service;
		compiler.skipped = ~content->flows[filling->family][i];
		if (content->flows[filling->family][i])
			err = add_selected(filling, &compiler, compiler.service->name);
	}
	compiler.service = NULL;
	return !err && content->errors[filling->family] ? add_selected(filling, &compiler, NULL) : err;
}

/* A base chain of somebody's may be called as ours are: packets come to it by no jump. */
static bool has_chain(const struct view_table *table, const char *name)
{
	for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
		if (!strcmp(chain->name, name))
			return true;
	return false;
}

/* Another base chain at the same hook may have been opened for other flows. */
static void name_chain_of(const struct grafts *grafts, const struct view_table *table,
			 const struct opening_content *content, char name[CHAIN_NAME_MAX + 1])
{
	char essence[32];
	unsigned int number = 0;

	chain_top_name(name, content->builtin);
	while (grafts_find_chain(grafts, table, name) || has_chain(table, name)) {
		int size = snprintf(essence, sizeof(essence), "%u", ++number);

		name_twin(name, content->builtin, essence, (size_t)size);
	}
}

int opening_add_chain(struct grafts *grafts, struct view_table *table,
		      const struct opening_content *content, struct graft_chain **to)
{
	struct filling filling = { .grafts = grafts, .content = content };
	char name[CHAIN_NAME_MAX + 1];
	int err = 0;

	name_chain_of(grafts, table, content, name);
	filling.chain = grafts_add_chain(grafts, table, name);
	if (!filling.chain)
		return -ENOMEM;
	for (; filling.family < FAMILIES && !err; filling.family++)
		if (table->families & 1u << filling.family)
			err = fill_family(&filling);
	*to = filling.chain;
	return err;
}

/* --- what it accepts ---------------------------------------------------- */

/* Deeper than chains of ours are. */
enum { DEPTH_MAX = 8 };

static bool accepts(const struct view_chain *chain, const struct probe *probe, unsigned int depth)
{
	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
		const struct step *verdict = rule_verdict(rule);
		bool leads = verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO);

		if (!verdict || !(probe_could_meet(probe, rule) & USUAL_DOES))
			continue;
		if (verdict->kind == STEP_ACCEPT ||
		    (leads && depth < DEPTH_MAX && accepts(verdict->chain, probe, depth + 1)))
			return true;
	}
	return false;
}

bool opening_accepts(const struct view_chain *opening, const struct probe *probe)
{
	return accepts(opening, probe, 0);
}

static bool is_empty(const struct view_chain *chain, unsigned int depth)
{
	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
		const struct step *verdict = rule_verdict(rule);
		bool leads = verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO);

		if (rule_names_ports(rule) ||
		    (leads && depth < DEPTH_MAX && !is_empty(verdict->chain, depth + 1)))
			return false;
	}
	return true;
}

bool opening_is_empty(const struct view_chain *opening)
{
	return is_empty(opening, 0);
}
