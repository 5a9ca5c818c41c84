/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The twins of one rule. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verify/grafting.h"

/* --- twins ------------------------------------------------------------ */

static unsigned int classes_missed(const struct grafting *grafting)
{
	unsigned int classes = 0;

	for (size_t i = 0; i < grafting->meetings->count; i++)
		if (grafting->meetings->list[i].stance.misses)
			classes |= BIT(grafting->meetings->list[i].pick->class);
	return grafting_classes(grafting, classes);
}

/* From a chain of ours, it would return there, and a chain of ours refers to none of the host. */
static bool has_to_do_it_itself(const struct step *verdict)
{
	return verdict && (verdict->kind == STEP_RETURN || verdict->kind == STEP_GOTO ||
			   verdict->kind == STEP_JUMP);
}

static int pick_missed(const struct grafting *grafting)
{
	const struct graft_rule rule = { .copies = COPY_HEAD | COPY_TAIL | COPY_VERDICT };
	const struct meetings *meetings = grafting->meetings;
	struct pick_list picks = { .list = calloc(meetings->count, sizeof(struct pick *)) };
	int err = picks.list ? 0 : -ENOMEM;

	for (size_t i = 0; i < meetings->count && !err; i++) {
		const struct pick *pick = meetings->list[i].pick;

		if (meetings->list[i].stance.misses &&
		    grafting_classes(grafting, BIT(pick->class)))
			picks.list[picks.count++] = pick;
	}
	if (!err)
		err = grafting_pick(grafting, GRAFT_TWIN, &picks, &rule);
	free(picks.list);
	return err;
}

static int refuse(const struct grafting *grafting, const char *code, const char *why)
{
	const struct place place = { grafting->meetings->chain, grafting->meetings->rule };
	char text[PLACE_TEXT];

	return findings_add(grafting->weave->findings, code, NOTRACK_FAILED, "%s: %s",
			    view_format_place(&place, text), why);
}

/* Whether a rule does nothing but count and log, and record sources. */
static bool only_counts(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (!step_is_condition(&rule->steps[i]) && rule->steps[i].kind != STEP_COUNT)
			return false;
	return true;
}

/* Whether anything but what remembers is left of a tail. */
static bool has_effect_without_memory(const struct view_rule *rule)
{
	for (size_t i = rule_tail(rule); i < rule->count; i++)
		if (!step_is_condition(&rule->steps[i]) && !(rule->steps[i].flags & STEP_REMEMBERS))
			return true;
	return false;
}

/*
 * What remembers ahead of the state has seen our packets before it comes to the state;
 * from a twin it would see them twice.
 */
static int twin_without_memory(const struct grafting *grafting, unsigned int classes)
{
	const struct view_rule *rule = grafting_row(grafting);

	if (!only_counts(rule))
		return grafting_lead_around(grafting);
	return has_effect_without_memory(rule) ?
	       grafting_act(grafting, classes, COPY_TAIL | COPY_VERDICT | COPY_FORGETFUL) : 0;
}

/* A mark of a connection is nothing that a packet without one could be given. */
static bool only_marks_connection(const struct view_rule *rule)
{
	bool marks = false;

	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (step->kind == STEP_CT_MARK || step->kind == STEP_RESTORE_MARK)
			marks = true;
		else if (!step_is_condition(step))
			return false;
	}
	return marks;
}

static int add_twins(const struct grafting *grafting)
{
	const struct view_rule *rule = grafting_row(grafting);
	const struct step *verdict = rule_verdict(rule);
	const unsigned int missed = classes_missed(grafting);
	const unsigned int asked = grafting_classes(grafting, rule_asks_for(rule)) | missed;

	if (!missed || only_marks_connection(rule))
		return 0;
	if (rule_remembers_first(rule))
		return twin_without_memory(grafting, asked);
	if (has_to_do_it_itself(verdict))
		return pick_missed(grafting);
	if (verdict && verdict->kind == STEP_ACCEPT && rule_tail(rule) + 1 == rule->count &&
	    grafting_whole_states(grafting, asked))
		return grafting_accept(grafting, GRAFT_TWIN, asked);
	return grafting_act(grafting, asked, COPY_TAIL | COPY_VERDICT);
}

/* --- one rule --------------------------------------------------------- */

/* Which packets come to a chain, ours or others'. */
static void look_around(struct grafting *grafting)
{
	const struct view_chain *chain = grafting->meetings->chain;

	grafting->narrow = twins_share(chain, grafting->weave->setting.options->forwards);
	if (grafting->narrow || chain->hooks & HOOKS_IN)
		grafting->directions |= BIT(IN);
	if (grafting->narrow || chain->hooks & HOOKS_OUT)
		grafting->directions |= BIT(OUT);
}

static int tell_unsure(const struct grafting *grafting)
{
	const struct place place = { grafting->meetings->chain, grafting->meetings->rule };
	char text[PLACE_TEXT];

	for (size_t i = 0; i < grafting->meetings->count; i++)
		if (grafting->meetings->list[i].stance.unsure)
			return findings_add(grafting->weave->findings, "unsure", NOTRACK_WARNING,
					    "%s asks conntrack for more than a state, which nobody "
					    "knows of packets that are not tracked; see whether "
					    "the service needs that rule",
					    view_format_place(&place, text));
	return 0;
}

/* Programs that write their tables anew whenever they like. */
static bool is_editable(const struct view_table *table)
{
	static const char *const names[] = { "firewalld", "kube-proxy" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (table->world == WORLD_NFT && !strcmp(table->name, names[i]))
			return false;
	return !table->locked;
}

/* For packets that are untracked now, and for those that conntrack finds nothing about. */
static int graft_each(struct weave *weave, const struct meetings *meetings,
		      int (*add)(const struct grafting *grafting))
{
	static const enum ct_state states[] = { CT_UNTRACKED, CT_INVALID };
	struct grafting grafting = { .weave = weave, .meetings = meetings };
	int err = 0;

	look_around(&grafting);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]) && !err; i++) {
		grafting.now = states[i];
		err = add(&grafting);
	}
	return err;
}

static bool gives_data_by_state(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].flags & STEP_GIVES_DATA && step_asks_conntrack(&rule->steps[i]))
			return true;
	return false;
}

int twins_graft(struct weave *weave, const struct meetings *meetings)
{
	const struct grafting grafting = { .weave = weave, .meetings = meetings };
	int err;

	if (!is_editable(meetings->chain->table))
		return 0;
	if (rule_asks_others(meetings->rule))
		return refuse(&grafting, "unsure", "looks up a state in a set that others fill at "
			      "any time, or together with what nobody can tell of a packet, which no rule "
			      "can do for packets without a state; let it ask for the state by itself");
	if (gives_data_by_state(meetings->rule))
		return refuse(&grafting, "unsure", "gives packets what a map has for their state, "
			      "which no rule can do for packets without one; let a rule for each state do it");
	err = tell_unsure(&grafting);
	return err ? err : graft_each(weave, meetings, add_twins);
}

int twins_skip(struct weave *weave, const struct meetings *meetings)
{
	if (!is_editable(meetings->chain->table) || rule_asks_others(meetings->rule))
		return 0;
	return graft_each(weave, meetings, grafting_add_skips);
}
