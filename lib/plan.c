/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "managers.h"
#include "verify/our_raw.h"
#include "verify/verify.h"

static int explain(struct notrack *nt, int err)
{
	return err == -ENOMEM && !*nt->error.text ? error_set(&nt->error, err, "out of memory") : err;
}

/* --- the whole model -------------------------------------------------- */

/*
 * A chain of the host may be for both families, so that what stands there is for the
 * services of both: those that the context is not about are as the kernel has them.
 */
static int raise_others(struct plan *plan, struct notrack *nt)
{
	struct session session = context_session(nt);
	size_t chosen = context_chosen(nt);
	int err = 0;

	session.families = NOTRACK_ANY & ~nt->families;
	for (size_t i = 1; i <= BACKENDS && session.families && !err; i++) {
		const struct backend *backend = backends[(chosen + i) % BACKENDS];
		struct image *image = NULL;

		err = backend->read(&session, PART_RULES, &image);
		if (!err)
			err = backend->raise(image, PART_RULES, &plan->others);
		if (image)
			backend->release(image);
	}
	return err;
}

static bool is_empty(const struct model *model)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (model->families[family].count)
			return false;
	return true;
}

/* --- refusals --------------------------------------------------------- */

static bool asks_others(const struct model *model)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < model->families[family].count; i++)
			if (model->families[family].served[i].service->roles & OUTBOUND)
				return true;
	return false;
}

/* firewalld's table is its own: only firewalld can let in what is not tracked. */
static int refuse(struct notrack *nt, const struct view *view, const struct finding *first,
		  size_t more)
{
	char others[60] = "", lines[MANAGER_LINES];

	if (more)
		snprintf(others, sizeof(others), "; and %zu more of that kind", more);
	if (!strstr(first->text, "inet firewalld ") || !view_has_table(view, "firewalld") ||
	    !managers_firewalld_lines(&nt->model, lines))
		return error_set(&nt->error, -ECANCELED, "%s%s", first->text, others);
	return error_set(&nt->error, -ECANCELED, "%.*s%s; %shave firewalld let them in: %s",
			 (int)strcspn(first->text, ":"), first->text, others, asks_others(&nt->model) ?
			 "leave this host's own questions tracked (role inbound), or " : "", lines);
}

/* Who takes services away, or limits clients, is not to blame for how others fare. */
static int judge(struct notrack *nt, const struct view *view)
{
	const struct finding *first = findings_failure(&nt->findings);

	if (!first || !context_is_judged(nt) || nt->force & NOTRACK_FORCE)
		return 0;
	return refuse(nt, view, first, findings_count_failures(&nt->findings) - 1);
}

/* --- the plan --------------------------------------------------------- */

static bool has_ours(const struct view_table *table)
{
	for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
		for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
			if (rule->flags & RULE_OURS)
				return true;
	return false;
}

/* What @verify finds in the view as it is now. */
static int find(struct plan *plan, struct model *model, int (*verify)(struct verification *all))
{
	struct verification all = { .model = model, .view = plan->view, .host = plan->host };
	int err;

	verify_find_jumps(&all);
	err = verify(&all);
	if (!err)
		err = findings_join(&plan->misses, &all.findings);
	free(all.rows);
	findings_free(&all.findings);
	return err;
}

/* The services of @model that came just now, or the others, on loan. */
static int take_part(const struct model *model, const struct notrack *nt, bool came, struct model *part)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct family_model *from = &model->families[family];
		struct family_model *to = &part->families[family];

		if (!from->count)
			continue;
		to->served = calloc(from->count, sizeof(*to->served));
		if (!to->served)
			return -ENOMEM;
		for (size_t i = 0; i < from->count; i++)
			if ((from->served[i].came && context_has(nt, family)) == came)
				to->served[to->count++] = from->served[i];
	}
	return 0;
}

/* The services that came, where those stand that came before them. */
static int lay_over_standing(struct plan *plan, const struct notrack *nt, const struct model *model)
{
	const struct our_raw raw = { .model = model, .families = NOTRACK_ANY,
				     .local_only = plan->host.forwards,
				     .world = backends[context_chosen(nt)]->world };
	int err = our_raw_lay(&plan->view, &raw);

	return err ? err : view_reach(&plan->view);
}

/*
 * Rules of ours that stand already are left where they stand, though a rule of the host may have
 * come ahead of them since.
 */
static int find_standing(struct plan *plan, struct notrack *nt, struct model *model)
{
	struct model part = { 0 };
	int err = 0;

	if (!plan->ours || !context_is_judged(nt))
		return 0;
	if (!nt->insists)
		err = take_part(model, nt, true, &part);
	if (!err)
		err = view_reach(&plan->view);
	if (!err && !nt->insists && !is_empty(&part))
		err = lay_over_standing(plan, nt, model);
	if (!err && (nt->insists || !is_empty(&part)))
		err = find(plan, nt->insists ? model : &part, verify_torn);
	for (enum family family = IPV4; family < FAMILIES; family++)
		free(part.families[family].served);
	return err;
}

/* @moment: of nftables' rules, by the kernel's count; 0: it has none. */
static int look(struct plan *plan, struct notrack *nt, struct model *model, uint32_t *moment)
{
	int err = context_view(nt, NOTRACK_ANY, nt->images[context_chosen(nt)], &plan->view);

	host_tell(&plan->host, &plan->view);
	*moment = nt->tape.runs ? nt->tape.stamp : 0;
	if (!err && nt->onlooker)
		err = view_reach(&plan->view);
	if (!err && nt->onlooker)
		err = nt->onlooker->look(nt, nt->onlooker->data, &plan->view, &plan->host);
	plan->ours = 0;
	for (const struct view_table *table = plan->view.tables; table && !err; table = table->next)
		plan->ours |= has_ours(table) ? 1u << table->world : 0;
	if (!err)
		err = find_standing(plan, nt, model);
	/* what is ours will be as planned; to walk packets through all clients takes long */
	if (!err)
		view_forget_ours(&plan->view);
	return err;
}

static struct model whole_model(const struct plan *plan, const struct notrack *nt)
{
	struct model whole;

	for (enum family family = IPV4; family < FAMILIES; family++)
		whole.families[family] = context_has(nt, family) ? nt->model.families[family] :
								  plan->others.families[family];
	return whole;
}

/* Whoever deletes rules by their numbers would delete others than before. */
static int tell_numbers(struct plan *plan)
{
	const struct grafts *grafts = &plan->parity.grafts;
	const struct graft *first = NULL;
	char place[PLACE_TEXT];
	size_t count = 0;

	for (size_t i = 0; i < grafts->count; i++)
		if (grafts->list[i].kind == GRAFT_TWIN || grafts->list[i].kind == GRAFT_SKIP) {
			if (!first)
				first = &grafts->list[i];
			count++;
		}
	if (!first)
		return 0;
	return findings_add(&plan->misses, "numbers", NOTRACK_WARNING, "%zu %s ahead of rules of the host, "
			    "the first of which is %s, so that the host's rules have other numbers: "
			    "delete or replace them by what they say", count,
			    count == 1 ? "rule of ours stands" : "rules of ours stand",
			    view_format_planned(&(struct place){ first->chain, first->before }, place));
}

/* --- who is to blame --------------------------------------------------- */

static bool is_refused(const struct plan *plan)
{
	return findings_failure(&plan->misses);
}

/* What would be found if the model had these services alone. */
static int find_alone(struct plan *plan, const struct parity_options *options, struct model *part,
		      struct findings *findings)
{
	struct parity_options alone = *options;
	struct plan other = { .view = plan->view, .host = plan->host };
	int err = is_empty(part) ? 0 : find(&other, part, verify_misses);

	if (!err)
		err = opening_memory_copy(&other.memory, &plan->memory);
	alone.model = part;
	alone.memory = &other.memory;
	if (!err && !is_empty(part))
		err = parity_plan(&other.view, &alone, &other.parity);
	if (!err && !is_empty(part))
		err = find(&other, part, verify_torn);
	if (!err)
		err = findings_join(&other.misses, &other.parity.findings);
	plan->view = other.view;
	parity_free(&other.parity);
	opening_memory_free(&other.memory);
	*findings = other.misses;
	return err;
}

/*
 * What was found about services that stand already, as somebody forced them or changed the
 * host's rules since, is no reason to refuse another one: it would be found without that, and
 * would not be found of that alone.
 */
static int excuse_standing(struct plan *plan, struct notrack *nt, const struct parity_options *options,
			   const struct model *model)
{
	struct findings found[2] = { { 0 } };
	int err = 0;

	for (int came = 0; came < 2 && !err; came++) {
		struct model part = { 0 };

		err = take_part(model, nt, came, &part);
		if (!err)
			err = find_alone(plan, options, &part, &found[came]);
		for (enum family family = IPV4; family < FAMILIES; family++)
			free(part.families[family].served);
	}
	if (!err)
		findings_excuse(&plan->misses, &found[0], &found[1]);
	findings_free(&found[0]);
	findings_free(&found[1]);
	return err;
}

int plan_make(struct plan *plan, struct notrack *nt, bool whole)
{
	struct parity_options options = { .families = NOTRACK_ANY, .host = &plan->host,
					  .edits = true, .force = nt->force & NOTRACK_FORCE,
					  .adds = context_is_judged(nt), .at_rest = !nt->loading,
					  .memory = &plan->memory };
	struct model model;
	uint32_t moment = 0;
	int err;

	*plan = (struct plan){ .made = whole || !nt->clients_only || !nt->clients_changed };
	if (plan->made)			/* as long as nobody has looked */
		plan->ours = 1u << WORLD_LEGACY | 1u << WORLD_NFT;
	findings_free(&nt->findings);
	err = host_look(&plan->host, &nt->error);
	if (err || !plan->made)
		return explain(nt, err);
	err = raise_others(plan, nt);
	model = whole_model(plan, nt);
	if (!err)
		err = opening_memory_copy(&plan->memory, &nt->memory);
	if (err || is_empty(&model))
		return explain(nt, err);
	err = look(plan, nt, &model, &moment);
	options.model = &model;
	options.world = backends[context_chosen(nt)]->world;
	if (!err)
		err = find(plan, &model, verify_misses);	/* first, as it says best why not */
	if (!err)
		err = parity_plan(&plan->view, &options, &plan->parity);
	if (!err)
		err = find(plan, &model, verify_torn);
	plan->parity.grafts.moment = moment;
	if (!err)
		err = findings_join(&plan->misses, &plan->parity.findings);
	if (!err && options.adds && !options.force && !nt->insists && is_refused(plan))
		err = excuse_standing(plan, nt, &options, &model);
	if (!err && options.adds)
		err = tell_numbers(plan);
	nt->findings = plan->misses;
	plan->misses = (struct findings){ 0 };
	return err ? explain(nt, err) : judge(nt, &plan->view);
}

/* --- what was found --------------------------------------------------- */

int notrack_each_finding(struct notrack *nt,
			 int (*visit)(const struct notrack_finding *finding, void *data),
			 void *data)
{
	UNCANCELLED;
	int result = context_begin(nt, ARGUMENT(visit));

	for (size_t i = 0; !result && i < nt->findings.count; i++)
		result = visit(&(struct notrack_finding){
				.size = sizeof(struct notrack_finding),
				.code = nt->findings.list[i].code,
				.severity = nt->findings.list[i].severity,
				.text = nt->findings.list[i].text }, data);
	return result;
}

void plan_free(struct plan *plan)
{
	parity_free(&plan->parity);
	findings_free(&plan->misses);
	view_free(&plan->view);
	host_release(&plan->host);
	model_clear(&plan->others, NOTRACK_ANY);
	opening_memory_free(&plan->memory);
}
