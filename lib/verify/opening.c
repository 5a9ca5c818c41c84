/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/opening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/name.h"
#include "verify/admission.h"
#include "verify/opening_chain.h"
#include "verify/opening_told.h"
#include "verify/opening_work.h"
#include "verify/walk.h"

static const char *const builtin[DIRECTIONS] = { [IN] = "INPUT", [OUT] = "OUTPUT" };

/* --- where ------------------------------------------------------------ */

/* Counts, logs and records, whatever it asks. */
static bool only_notes(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (!step_is_condition(&rule->steps[i]) && rule->steps[i].kind != STEP_COUNT)
			return false;
	return true;
}

/* A rule of the chain, and those directly ahead of it that only take notes; NULL: the end. */
static struct view_rule *ahead_of(const struct view_chain *base, const struct view_rule *rule)
{
	struct view_rule *first = NULL;

	for (struct view_rule *at = base->rules; at && at != rule; at = at->next) {
		if (!only_notes(at))
			first = NULL;
		else if (!first)
			first = at;
	}
	return first ? first : (struct view_rule *)rule;
}

static bool is_ahead(const struct view_chain *base, const struct view_rule *one,
		     const struct view_rule *other)
{
	for (const struct view_rule *at = base->rules; at; at = at->next) {
		if (at == other)
			return false;
		if (at == one)
			return true;
	}
	return false;
}

/* Flows that end at several places are accepted ahead of the first. */
static void place_at(struct work *work, struct view_rule *before)
{
	if (!work->placed || is_ahead(work->base, before, work->before))
		work->before = before;
	work->placed = true;
}

/* --- one flow --------------------------------------------------------- */

int opening_pick_flow(const struct work *work, enum family family, const struct flow_key *flow,
		      struct picks *picks)
{
	const struct family_model *model = &work->options->model->families[family];
	enum packet_class class = flow->request ? CLASS_REQUEST : CLASS_ANSWER;
	int err = picks_add_flow(picks, model, family, flow, class, &work->options->picks);

	/* the classic rules do not care for states, nor does who asks for them */
	for (size_t i = 0; i < picks->count && flow->service->classic; i++)
		for (size_t j = 0; j < picks->list[i].count; j++)
			picks->list[i].probes[j].tracked_states = CT_UNTRACKED;
	return err;
}

static int ask_base(const struct work *work, enum family family, const struct flow_key *flow,
		    struct admitted *admitted)
{
	struct picks picks = { 0 };
	int err = opening_pick_flow(work, family, flow, &picks);

	*admitted = (struct admitted){ .admission = ADMITS_NOTHING_SENT };
	if (!err && picks.count)
		err = admission_of(work->view, work->base, &picks, work->options->entrances, admitted);
	picks_free(&picks);
	return err;
}

/* Where none of those whom a service names is let in, but others are, the host has said whom. */
static int admission_of_flow(const struct work *work, enum family family,
			     const struct flow_key *flow, struct admitted *admitted)
{
	const struct service everybody = admission_of_everybody(flow->service);
	struct flow_key of_everybody = *flow;
	struct admitted others;
	int err = ask_base(work, family, flow, admitted);

	if (err || admitted->over_lo || (admitted->admission != ADMITS_NOBODY &&
					 admitted->admission != FORBIDS_ELSEWHERE))
		return err;
	of_everybody.service = &everybody;
	err = ask_base(work, family, &of_everybody, &others);
	admitted->others = others.admission == ADMITS_SOME || others.admission == ADMITS_BY_RULE ||
			   others.admission == ADMITS_AT_END;
	if (admitted->others)
		admitted->admission = ADMITS_SOME;
	return err;
}

static bool is_filter_of_legacy(const struct view_chain *base)
{
	return base->table->world == WORLD_LEGACY && !strcmp(base->table->name, "filter");
}

/* Table filter, where it has the chains that compile() made. */
static bool is_compiled(const struct work *work)
{
	return work->options->compiled && is_filter_of_legacy(work->base);
}

static void open_flow(struct work *work, enum family family, size_t index,
		      const struct flow_key *flow, struct view_rule *before)
{
	work->flows[family][index] |= bit_of(flow);
	place_at(work, before);
}

/* What all flows of a service are to a base chain, over each protocol. */
struct answers {
	struct admitted list[PROTOCOLS];
	bool known[PROTOCOLS];
	bool others;	/* of IPv4, where these are of IPv6, or the other way round, are let in */
	bool all_others;	/* ... and so is everybody, by a rule */
};

static bool has_admission(const struct answers *answers, enum admission admission)
{
	for (enum protocol protocol = UDP; protocol < PROTOCOLS; protocol++)
		if (answers->known[protocol] && answers->list[protocol].admission == admission)
			return true;
	return false;
}

static bool is_shut(enum admission admission)
{
	return admission == ADMITS_NOBODY || admission == FORBIDS_BY_NAME ||
	       admission == FORBIDS_ELSEWHERE;
}

/* What somebody forced, or forbade later behind our jump, stays where it is. */
static int act_on_ban(struct work *work, enum family family, size_t index,
		      const struct flow_key *flow, const struct place *place, bool refuses)
{
	bool stays;
	int err;

	if (work->options->force) {
		open_flow(work, family, index, flow, place->chain == work->base ?
			  (struct view_rule *)place->rule : work->base->rules);
		return opening_tell_forced(work->openings->findings, family, flow, place);
	}
	err = opening_ask_opened(work, family, flow, &stays);
	if (!err && stays && opening_is_of_first_edition(work, family))
		err = opening_tell_closed(work->openings->findings, family, flow, place);
	else if (!err && stays) {
		open_flow(work, family, index, flow, work->base->opened_before);
		refuses = work->options->adds;
	}
	work->decided[family][index] |= bit_of(flow);
	return err || !refuses ? err : opening_refuse(work->openings->findings, family, flow, place);
}

static int open_for_nobody(struct work *work, enum family family, size_t index,
			   const struct flow_key *flow, const struct answers *answers)
{
	const struct place *end = &answers->list[flow->protocol].end;
	bool is_open, may = true;
	int err = opening_ask_opened(work, family, flow, &is_open);

	if (!err && !is_open)
		err = opening_may_open(work, family, index, flow, &may);
	if (err || !may)
		return err;
	open_flow(work, family, index, flow, ahead_of(work->base, end->rule));
	if (is_open || flow->role != INBOUND || !flow->request)
		return 0;
	if (has_admission(answers, ADMITS_BY_RULE))
		return opening_tell_opened(work->openings->findings, family, flow, end);
	return answers->all_others ?
	       opening_tell_opened_family(work->openings->findings, family, flow, end) : 0;
}

/*
 * The host lets some in, or everybody, by its rules.  Whom it let in when the service came, it has
 * said; but a rule that lets in one more takes nothing away from those who are answered since, nor
 * does one that lets in everybody and goes again.
 */
static int keep_open(struct work *work, enum family family, size_t index,
		     const struct flow_key *flow, const struct admitted *answer)
{
	const struct served *served = &work->options->model->families[family].served[index];
	const bool all = answer->admission == ADMITS_BY_RULE;
	struct findings *findings = work->openings->findings;
	bool is_open;
	int err = opening_ask_opened(work, family, flow, &is_open);

	if (answer->over_lo)	/* what is open to others may be to this host as well */
		return err;
	work->decided[family][index] |= bit_of(flow);
	if (!err && !is_open && served->came && answer->others && flow->request)
		return opening_tell_others(findings, family, flow, &answer->place);
	if (err || (!is_open && (served->came || !opening_was_opened(work, family, flow))))
		return err;
	if (opening_is_of_first_edition(work, family))
		return all ? 0 : opening_tell_closed(findings, family, flow, &answer->place);
	open_flow(work, family, index, flow, is_open ? work->base->opened_before :
						       ahead_of(work->base, answer->end.rule));
	return served->came && flow->request && !all ?
	       opening_tell_kept(findings, family, flow, &answer->place) : 0;
}

/* Of a table that nobody else may edit. */
static int act_on_locked(const struct work *work, enum family family, size_t index,
			 const struct flow_key *flow, const struct admitted *answer, bool useless)
{
	const struct served *served = &work->options->model->families[family].served[index];
	struct findings *findings = work->openings->findings;

	if (useless && is_shut(answer->admission) && !work->options->force)
		return opening_refuse(findings, family, flow, answer->admission == ADMITS_NOBODY ?
				      &answer->end : &answer->place);
	return answer->others && served->came && flow->request ?
	       opening_tell_others(findings, family, flow, &answer->place) : 0;
}

/*
 * One protocol of a flow.  A host that lets some ask over one protocol has not forgotten
 * the other one, nor the other family.  In chains that others lead to, we do not open; where the
 * service is of use without, be it to the other family alone, nobody misses it.
 */
static int act(struct work *work, enum family family, size_t index, const struct flow_key *flow,
	       const struct answers *answers)
{
	const struct admitted *answer = &answers->list[flow->protocol];
	/* over lo comes what the host sends itself, and it may forbid that */
	const bool matters = !answer->over_lo;
	const bool useless = !answers->others && !has_admission(answers, ADMITS_SOME) &&
			     !has_admission(answers, ADMITS_BY_RULE) &&
			     !has_admission(answers, ADMITS_AT_END);

	if (work->base->table->locked)
		return act_on_locked(work, family, index, flow, answer, useless);
	switch (answer->admission) {
	case ADMITS_AT_END:
		if (is_compiled(work) && !has_admission(answers, ADMITS_SOME))
			open_flow(work, family, index, flow, NULL);
		return 0;
	case ADMITS_NOBODY:
		if (has_admission(answers, ADMITS_SOME) || answers->others)
			return keep_open(work, family, index, flow, answer);
		return open_for_nobody(work, family, index, flow, answers);
	case FORBIDS_BY_NAME:
	case FORBIDS_ELSEWHERE:
		return act_on_ban(work, family, index, flow, &answer->place,
				  matters && (answer->admission == FORBIDS_BY_NAME || useless));
	case ADMITS_SOME:
	case ADMITS_BY_RULE:
		return keep_open(work, family, index, flow, answer);
	default:
		return 0;
	}
}

static int ask_protocols(const struct work *work, enum family family, struct flow_key flow,
			 struct answers *answers)
{
	int err = 0;

	for (flow.protocol = UDP; flow.protocol < PROTOCOLS && !err; flow.protocol++) {
		if (!(flow.service->protocols & 1u << flow.protocol))
			continue;
		err = admission_of_flow(work, family, &flow, &answers->list[flow.protocol]);
		answers->known[flow.protocol] = true;
	}
	return err;
}

/* What this host alone sends to itself says nothing of packets that come from others. */
static void forget_lo(struct answers *others, const struct answers *answers)
{
	for (enum protocol protocol = UDP; protocol < PROTOCOLS; protocol++)
		others->known[protocol] &= !others->list[protocol].over_lo ||
					   answers->list[protocol].over_lo;
}

/*
 * Ahead of conntrack, as in raw, no rule tells apart what is tracked.  A table that nobody else
 * may edit is looked at all the same: what it shuts out, its own program has to let in first.
 */
static bool may_be_opened(const struct view_chain *base)
{
	return base->priority > CONNTRACK_PRIORITY && base->type == CHAIN_FILTER &&
	       !base->table->dormant && !chain_is_ours(base);
}

/* @same: the chain is of both families, where who lets everybody of one in has said so. */
static int ask_base_of_other(const struct work *work, enum family other, struct flow_key flow,
			     bool same, struct answers *answers)
{
	struct answers others = { 0 };
	int err = ask_protocols(work, other, flow, &others);

	forget_lo(&others, answers);
	answers->all_others |= has_admission(&others, ADMITS_BY_RULE);
	answers->others |= has_admission(&others, ADMITS_SOME) ||
			   (same && has_admission(&others, ADMITS_BY_RULE) &&
			    !has_admission(answers, ADMITS_BY_RULE));
	return err;
}

/*
 * Whether rules for packets of the other family say whom they let in, be it in the same chain, or,
 * as iptables has it, in one of that family alone.
 */
static int ask_other_family(const struct work *work, enum family family, struct flow_key flow,
			    struct answers *answers)
{
	const enum family other = family == IPV4 ? IPV6 : IPV4;
	const struct served *served = model_find(&work->options->model->families[other],
						 flow.service->name);
	struct work at = *work;
	int err = 0;

	if (!served)
		return 0;
	flow.service = served->service;
	if (work->base->table->families & 1u << other)
		return ask_base_of_other(work, other, flow, true, answers);
	for (at.base = work->view->hooks[work->base->hook]; at.base && !err;
	     at.base = at.base->next_at_hook)
		if (may_be_opened(at.base) && at.base->table->families & 1u << other)
			err = ask_base_of_other(&at, other, flow, false, answers);
	return err;
}

static int open_role(struct work *work, enum family family, size_t index, enum role role,
		     bool request)
{
	const struct service *service = work->options->model->families[family].served[index].service;
	struct flow_key flow = { service, work->direction, role, request, UDP };
	struct answers answers = { 0 };
	int err = ask_protocols(work, family, flow, &answers);

	if (!err && (has_admission(&answers, ADMITS_NOBODY) ||
		     has_admission(&answers, FORBIDS_ELSEWHERE)))
		err = ask_other_family(work, family, flow, &answers);
	for (flow.protocol = UDP; flow.protocol < PROTOCOLS && !err; flow.protocol++)
		if (answers.known[flow.protocol])
			err = act(work, family, index, &flow, &answers);
	return err;
}

/* --- one base chain --------------------------------------------------- */

/* Of classic services there are no twins: errors are let in as they are now, by no state. */
static int pick_errors(const struct work *work, enum family family, bool classic,
		       struct picks *picks)
{
	int err = picks_add_errors(picks, family, work->direction);

	for (size_t i = 0; i < picks->count && classic; i++)
		for (size_t j = 0; j < picks->list[i].count; j++)
			picks->list[i].probes[j].tracked_states =
				class_state_now(CLASS_ERROR, &work->options->picks);
	return err;
}

static bool asks_state(const struct place *place)
{
	return place->rule && place->rule->flags & RULE_ASKS_STATE;
}

static int open_errors(struct work *work, enum family family, bool classic)
{
	struct admitted admitted;
	struct picks picks = { 0 };
	int err = pick_errors(work, family, classic, &picks);

	if (!err)
		err = admission_of(work->view, work->base, &picks, work->options->entrances,
				   &admitted);
	picks_free(&picks);
	if (err || work->direction != IN)
		return err;
	if (classic && admitted.admission == ADMITS_NOBODY && asks_state(&admitted.end))
		return opening_tell_errors(work->openings->findings, family, &admitted.end);
	if (classic && admitted.admission == ADMITS_NOBODY)
		place_at(work, ahead_of(work->base, admitted.end.rule));
	work->errors[family] = work->placed && (admitted.admission == ADMITS_NOBODY ||
						admitted.admission == ADMITS_AT_END);
	return 0;
}

static int open_family(struct work *work, enum family family)
{
	const struct family_model *model = &work->options->model->families[family];
	static const enum role roles[] = { INBOUND, OUTBOUND };
	bool errors = false, classic = false;
	int err = 0;

	for (size_t i = 0; i < model->count && !err; i++) {
		if (model->served[i].service->no_twins)
			continue;
		errors |= model->served[i].service->icmp_errors;
		classic |= model->served[i].service->icmp_errors && model->served[i].service->classic;
		for (size_t r = 0; r < 2 && !err; r++)
			if (model->served[i].service->roles & roles[r]) {
				err = open_role(work, family, i, roles[r], true);
				if (!err && !work->base->table->locked)
					err = open_role(work, family, i, roles[r], false);
			}
	}
	return err || !errors || work->base->table->locked ? err :
	       open_errors(work, family, classic);
}

static void keep_flows(const struct work *work)
{
	const bool compiled = is_compiled(work);

	for (enum family family = IPV4; family < FAMILIES && compiled; family++) {
		for (size_t i = 0; i < work->options->model->families[family].count; i++)
			work->openings->compiled[family][i] |= work->flows[family][i];
		work->openings->errors[family] |= work->errors[family];
	}
}

static int open_chain(struct work *work)
{
	struct graft graft = { .kind = GRAFT_OPENING, .chain = work->base };
	const struct opening_content content = {
		.model = work->options->model, .picks = &work->options->picks,
		.flows = { work->flows[IPV4], work->flows[IPV6] },
		.errors = { work->errors[IPV4], work->errors[IPV6] },
		.direction = work->direction, .builtin = builtin[work->direction],
	};
	struct graft_chain *to;
	int err;

	if (!work->placed)
		return 0;
	err = opening_add_chain(work->openings->grafts, work->base->table, &content, &to);
	if (err)
		return err;
	to->is_compiled = is_compiled(work);
	graft.before = work->before;
	graft.rule = (struct graft_rule){ .rule = { .target = TARGET_JUMP }, .to = to,
					  .families = work->base->table->families };
	if (!grafts_add(work->openings->grafts, &graft))
		return -ENOMEM;
	keep_flows(work);
	return 0;
}

static flow_set *new_flows(const struct opening_options *options, enum family family)
{
	return calloc(options->model->families[family].count + 1, sizeof(flow_set));
}

static int open_base(const struct view *view, const struct opening_options *options,
		     struct openings *openings, struct view_chain *base, enum direction direction)
{
	struct work work = { .view = view, .options = options, .openings = openings, .base = base,
			     .direction = direction };
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		work.flows[family] = new_flows(options, family);
		work.decided[family] = new_flows(options, family);
		err = work.flows[family] && work.decided[family] ? 0 : -ENOMEM;
	}
	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (base->table->families & 1u << family)
			err = open_family(&work, family);
	if (!err)
		err = open_chain(&work);
	if (!err)
		err = opening_remember(&work);
	for (enum family family = IPV4; family < FAMILIES; family++) {
		free(work.flows[family]);
		free(work.decided[family]);
	}
	return err;
}

/* --- all -------------------------------------------------------------- */

int openings_make(const struct view *view, const struct opening_options *options,
		  struct openings *openings)
{
	static const enum hook hooks[DIRECTIONS] = { [IN] = HOOK_INPUT, [OUT] = HOOK_OUTPUT };
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		openings->compiled[family] = new_flows(options, family);
		if (!openings->compiled[family])
			err = -ENOMEM;
	}
	for (enum direction direction = IN; direction < DIRECTIONS && options->edits && !err;
	     direction++)
		for (struct view_chain *base = view->hooks[hooks[direction]]; base && !err;
		     base = base->next_at_hook)
			if (may_be_opened(base))
				err = open_base(view, options, openings, base, direction);
	return err;
}

void openings_free(struct openings *openings)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		free(openings->compiled[family]);
	}
}
