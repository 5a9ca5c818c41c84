/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/view.h"
#include "nft/question.h"
#include "nft/view.h"
#include "support/netlink.h"
#include "unit.h"
#include "view_text.h"

struct view *view_of_namespace(void)
{
	struct view *view = calloc(1, sizeof(*view));
	struct error error = { "out of memory" };
	const struct session session = { .families = NOTRACK_ANY, .error = &error };

	expect(view && !legacy_view(&session, NULL, view) && !nft_view(&session, NULL, view) &&
	       !view_reach(view), "%s", error.text);
	return view;
}

void view_forget(struct view *view)
{
	view_free(view);
	free(view);
}

static const struct view_table *find_table(const struct view *view, const char *family,
					   const char *name)
{
	const struct view_table *table = view->tables;

	while (table && (strcmp(table->name, name) || strcmp(family, table->world == WORLD_LEGACY ?
							     "legacy" : table->family_name)))
		table = table->next;
	return table;
}

char *view_rule_text(const struct view *view, const char *family, const char *table_name,
		     const char *chain_name, unsigned int number)
{
	const struct view_table *table = find_table(view, family, table_name);
	const struct view_chain *chain = table ? view_find_chain(view, table, chain_name) : NULL;
	const struct view_rule *rule = chain ? chain->rules : NULL;

	while (rule && --number)
		rule = rule->next;
	return rule ? rule_text(rule) : NULL;
}

char *view_hook_text(const struct view *view, const char *hook)
{
	static const char *const names[HOOKS] = {
		"none", "prerouting", "input", "forward", "output", "postrouting",
	};
	size_t size, index = 0;
	char *text;
	FILE *out = open_memstream(&text, &size);

	while (strcmp(names[index], hook))
		index++;
	for (const struct view_chain *base = view->hooks[index]; base; base = base->next_at_hook)
		fprintf(out, "%s%s%s%s %s %d %s", base == view->hooks[index] ? "" : "; ",
			base->table->world == WORLD_LEGACY ? "" : base->table->family_name,
			base->table->world == WORLD_LEGACY ? "" : " ", base->table->name, base->name,
			base->priority, base->drops ? "drop" : "accept");
	fclose(out);
	return text;
}

const char *view_table_text(const struct view *view, const char *family, const char *name)
{
	const struct view_table *table = find_table(view, family, name);

	expect(table != NULL, "no table %s", name);
	return table->locked ? "locked" : table->dormant ? "dormant" : "";
}

static unsigned int count_rules(const struct view *view)
{
	unsigned int count = 0;

	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
				count++;
	return count;
}

unsigned int view_rules_recorded(size_t room, size_t *recorded)
{
	const size_t taken = TAPE_MAX - room;
	struct tape tape = { .size = taken, .runs = true };
	struct view view = { 0 };
	struct error error = { "out of memory" };
	const struct session session = { .tape = &tape, .error = &error };
	struct netlink netlink;
	unsigned int count;

	expect(!netlink_open(&netlink, NETLINK_NETFILTER) &&
	       !read_generation(&netlink, &tape.stamp, &error), "%s", error.text);
	netlink_close(&netlink);
	expect(!nft_view(&session, NULL, &view), "%s", error.text);
	count = count_rules(&view);
	*recorded = tape.size - taken;
	view_free(&view);
	tape_free(&tape);
	return count;
}
