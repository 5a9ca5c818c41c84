/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errand.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "legacy/view.h"
#include "rules/view.h"

/* One errand of the backend: what is there, and what is planned for it. */
struct errand {
	struct error error;
	struct session session;
	struct view view;
	struct image *image;
	struct grafts grafts;
	struct model model;
	struct wanted wanted;
	struct change *change;
};

int must_work(const struct errand *errand, int result)
{
	ck_assert_msg(result >= 0, "%d: %s", result, errand->error.text);
	return result;
}

struct errand *errand_begin(void)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	ck_assert_ptr_nonnull(errand);
	errand->session = (struct session){ .families = 3, .error = &errand->error };
	errand->wanted = (struct wanted){ .families = 3, .model = &errand->model,
					  .grafts = &errand->grafts };
	must_work(errand, legacy_view(&errand->session, NULL, &errand->view));
	must_work(errand, legacy_backend.read(&errand->session, PART_RULES, &errand->image));
	return errand;
}

int errand_plan(struct errand *errand)
{
	return legacy_backend.begin(errand->image, &errand->wanted, &errand->change);
}

void errand_end(struct errand *errand)
{
	if (errand->change)
		legacy_backend.end(errand->change);
	legacy_backend.release(errand->image);
	grafts_free(&errand->grafts);
	view_free(&errand->view);
	free(errand);
}

/* --- planning by hand ------------------------------------------------- */

static struct view_table *table_of(const struct errand *errand, const char *name, int family)
{
	struct view_table *table = errand->view.tables;

	while (table && (strcmp(table->name, name) || table->families != 1u << family))
		table = table->next;
	ck_assert_msg(table != NULL, "no table %s", name);
	return table;
}

static struct view_chain *chain_of(const struct errand *errand, const char *table, int family,
				   const char *name)
{
	struct view_chain *chain = view_find_chain(&errand->view,
						   table_of(errand, table, family), name);

	ck_assert_msg(chain != NULL, "no chain %s", name);
	return chain;
}

/* The host's own rule of that number, without ours. */
static struct view_rule *rule_of(const struct view_chain *chain, unsigned int number)
{
	struct view_rule *rule = chain->rules;

	while (rule && (rule->flags & RULE_OURS || --number))
		rule = rule->next;
	ck_assert_msg(rule != NULL, "no such rule in %s", chain->name);
	return rule;
}

static const struct match udp_53 = {
	.protocol = IPPROTO_UDP,
	.destination = { .count = 1, .range = { { 53, 53 } } },
};
static const struct match untracked = { .states = CT_UNTRACKED };

static struct graft_chain *add_chain(struct errand *errand, const char *table, int family,
				     const char *name, const struct graft_rule *rule)
{
	struct graft_chain *chain = grafts_add_chain(&errand->grafts,
						     table_of(errand, table, family), name);

	ck_assert_ptr_nonnull(chain);
	if (rule)
		ck_assert_ptr_nonnull(graft_chain_add(&errand->grafts, chain, rule));
	return chain;
}

/* Asks for UNTRACKED and what rule @number asks, and leads to @to. */
static void add_twin(struct errand *errand, struct view_chain *chain, unsigned int number,
		     struct graft_chain *to)
{
	struct view_rule *original = rule_of(chain, number);
	const struct graft graft = {
		.kind = GRAFT_TWIN, .chain = chain, .before = original,
		.rule = {
			.rule = { .target = TARGET_JUMP, .match = &untracked },
			.to = to, .original = { original, 0, 0 }, .copies = COPY_HEAD,
			.families = 3,
		},
	};

	ck_assert_ptr_nonnull(grafts_add(&errand->grafts, &graft));
}

static const struct graft_rule accept_53 = {
	.rule = { .target = TARGET_ACCEPT, .match = &udp_53 }, .families = 3,
};

void plan_one_twin(struct errand *errand, int family)
{
	struct graft_chain *to = add_chain(errand, "filter", family, "NOTRACK-new-accept",
					   &accept_53);

	struct view_chain *input = chain_of(errand, "filter", family, "INPUT");
	unsigned int number = 1;

	while (!(rule_of(input, number)->flags & RULE_ASKS_STATE))
		number++;
	add_twin(errand, input, number, to);
}

void plan_other_twin(struct errand *errand, int family)
{
	static const struct match udp_5353 = {
		.protocol = IPPROTO_UDP,
		.destination = { .count = 1, .range = { { 5353, 5353 } } },
	};
	const struct graft_rule accept = {
		.rule = { .target = TARGET_ACCEPT, .match = &udp_5353 }, .families = 3,
	};
	struct graft_chain *to = add_chain(errand, "filter", family, "NOTRACK-new-accept",
					   &accept);

	add_twin(errand, chain_of(errand, "filter", family, "INPUT"), 3, to);
}

void plan_tails(struct errand *errand, int family)
{
	static const struct match picking = {
		.states = CT_UNTRACKED, .protocol = IPPROTO_TCP, .comment = GRAFT_COMMENT,
		.destination = { .count = 2, .inverted = true,
				 .range = { { 53, 53 }, { 80, 90 } } },
		.tcp_mask = 0x3f, .tcp_flags = 0x12, .to_local = true,
	};
	struct view_chain *input = chain_of(errand, "filter", family, "INPUT");
	const struct graft_rule tail = {
		.rule = { .match = NULL }, .original = { rule_of(input, 1), 0, 0 },
		.copies = COPY_TAIL | COPY_VERDICT,
		.families = 3,
	};
	const struct graft graft = {
		.kind = GRAFT_TWIN, .chain = input, .before = rule_of(input, 2),
		.rule = {
			.rule = { .match = &picking }, .original = { rule_of(input, 2), 0, 0 },
			.copies = COPY_HEAD | COPY_TAIL | COPY_VERDICT, .families = 3,
		},
	};

	add_twin(errand, input, 1, add_chain(errand, "filter", family, "NOTRACK-new-n4q1k2m7x0a", &tail));
	ck_assert_ptr_nonnull(grafts_add(&errand->grafts, &graft));
}

void plan_mangle(struct errand *errand, int family)
{
	struct graft_chain *to = add_chain(errand, "mangle", family, "NOTRACK-new-d4q1k2m7x0a",
		&(struct graft_rule){ .rule = { .target = TARGET_DROP, .match = &udp_53 },
				      .families = 3 });

	add_twin(errand, chain_of(errand, "mangle", family, "PREROUTING"), 1, to);
	to = add_chain(errand, "security", family, "NOTRACK-new-d4q1k2m7x0a",
		       &(struct graft_rule){ .rule = { .target = TARGET_DROP, .match = &udp_53 },
					     .families = 3 });
	add_twin(errand, chain_of(errand, "security", family, "INPUT"), 1, to);
}

void plan_twin_of_source(struct errand *errand, int family, const char *source)
{
	add_twin(errand, chain_of(errand, "filter", family, "INPUT"), 1,
		 add_chain(errand, "filter", family, "NOTRACK-new-d4q1k2m7x0a", NULL));
	must_work(errand, prefix_parse(&errand->grafts.list[0].rule.rule.source, source,
				       &errand->error));
}

unsigned int ours_in_input(const struct errand *errand, int family)
{
	const struct view_rule *rule = chain_of(errand, "filter", family, "INPUT")->rules;
	unsigned int ours = 0;

	for (unsigned int i = 0; rule; rule = rule->next, i++)
		if (rule->flags & RULE_OURS)
			ours |= 1u << i;
	return ours;
}

const char *errand_error(const struct errand *errand)
{
	return errand->error.text;
}

int errand_diff(struct errand *errand, FILE *out, struct notrack_changes *changes)
{
	return legacy_backend.diff(errand->change, out, changes);
}

int errand_commit(struct errand *errand, unsigned int phases, struct notrack_changes *changes)
{
	return legacy_backend.commit(errand->change, phases, changes);
}

int errand_rollback(struct errand *errand)
{
	return legacy_backend.rollback(errand->change);
}
