/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A view without what is ours, or without one of the two worlds. */
#include <netinet/in.h>
#include <string.h>

#include "rules/name.h"
#include "rules/view.h"

typedef bool is_chain(const struct view_chain *chain);

static bool is_legacy(const struct view_chain *chain)
{
	return chain->table->world == WORLD_LEGACY;
}

static bool is_nft(const struct view_chain *chain)
{
	return chain->table->world == WORLD_NFT;
}

static void forget_at_hook(struct view_chain **list, is_chain *goes)
{
	while (*list) {
		if (goes(*list))
			*list = (*list)->next_at_hook;
		else
			list = &(*list)->next_at_hook;
	}
}

static void forget_names(struct view_chain **list, is_chain *goes)
{
	while (*list) {
		if (goes(*list))
			*list = (*list)->next_of_name;
		else
			list = &(*list)->next_of_name;
	}
}

static void forget_in_table(struct view_table *table, is_chain *goes)
{
	struct view_chain **at = &table->chains;

	table->last = NULL;
	while (*at) {
		if (goes(*at)) {
			view_drop_index(*at);
			*at = (*at)->next;
		} else {
			table->last = *at;
			at = &(*at)->next;
		}
	}
}

static void forget_chains(struct view *view, is_chain *goes)
{
	for (enum hook hook = HOOK_PREROUTING; hook < HOOKS; hook++)
		forget_at_hook(&view->hooks[hook], goes);
	for (size_t i = 0; i < view->name_room; i++)
		forget_names(&view->names[i], goes);
	for (struct view_table *table = view->tables; table; table = table->next)
		forget_in_table(table, goes);
}

/* The chain of ours that a rule leads to; NULL: none. */
static const struct view_chain *led_to(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	return verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO) &&
	       chain_is_ours(verdict->chain) ? verdict->chain : NULL;
}

static void forget_rules(struct view_chain *chain)
{
	struct view_rule **at = &chain->rules;
	const struct view_chain *opening = NULL;	/* directly ahead of the rule that comes next */

	view_drop_index(chain);		/* which may have some of those that go */
	chain->last = NULL;
	while (*at) {
		const struct view_chain *ours = led_to(*at);

		if ((*at)->flags & RULE_OURS || ours) {
			chain->was_ours = true;
			opening = ours && chain_is_opening(ours->name) ? ours : opening;
			*at = (*at)->next;
			continue;
		}
		if (opening) {
			chain->opened_by = opening;
			chain->opened_before = *at;
			opening = NULL;
		}
		chain->last = *at;
		at = &(*at)->next;
	}
	if (opening) {
		chain->opened_by = opening;
		chain->opened_before = NULL;
	}
}

/* --- signs of what is ours ---------------------------------------------- */

static bool is_for_tcp(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].kind == STEP_NUMBER && rule->steps[i].field == FIELD_PROTOCOL)
			return rule->steps[i].range.first == IPPROTO_TCP;
	return false;
}

/* It untracked all segments alike; later ones ask for flags. */
static bool is_of_first_edition(const struct view_chain *chain)
{
	if (chain->table->world != WORLD_LEGACY || !chain_is_ours(chain))
		return false;
	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
		const struct view_chain *to = led_to(rule);

		if (to && to->rules && to->rules->count && to->rules->steps[0].kind == STEP_NOTRACK &&
		    is_for_tcp(rule))
			return true;
	}
	return false;
}

/* At which hook a chain that opens is of use. */
static enum hook hook_of_opening(const char *name)
{
	return strncmp(name, CHAIN_PREFIX "OUTPUT", strlen(CHAIN_PREFIX "OUTPUT")) ? HOOK_INPUT : HOOK_OUTPUT;
}

static void note_signs(struct view *view, struct view_table *table)
{
	const struct view_chain *openings[HOOKS] = { NULL };

	for (const struct view_chain *chain = table->chains; chain; chain = chain->next) {
		if (is_of_first_edition(chain))
			view->first_edition |= table->families;
		if (chain_is_ours(chain) && chain_is_opening(chain->name))
			openings[hook_of_opening(chain->name)] = chain;
	}
	for (struct view_chain *chain = table->chains; chain; chain = chain->next)
		if (chain->is_base && openings[chain->hook])
			chain->lost_opening = openings[chain->hook];
}

void view_forget_ours(struct view *view)
{
	for (struct view_table *table = view->tables; table; table = table->next)
		note_signs(view, table);
	forget_chains(view, chain_is_ours);
	for (struct view_table *table = view->tables; table; table = table->next)
		for (struct view_chain *chain = table->chains; chain; chain = chain->next) {
			forget_rules(chain);
			if (chain->opened_by)
				chain->lost_opening = NULL;
		}
}

void view_forget_world(struct view *view, enum world world)
{
	struct view_table **at = &view->tables;

	forget_chains(view, world == WORLD_LEGACY ? is_legacy : is_nft);
	view->last = NULL;
	while (*at) {
		if ((*at)->world == world) {
			*at = (*at)->next;
		} else {
			view->last = *at;
			at = &(*at)->next;
		}
	}
}
