/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Past a rule that takes packets because they are untracked. */
#include <errno.h>
#include <stdlib.h>

#include "verify/rest.h"

/* Why packets are led past a rule. */
enum reason {
	CAUGHT,			/* it would take them, as they are untracked, and did not */
	COUNTED,		/* it would not take them, and counts them before it asks for a state */
};

static const char *code_of(const struct step *verdict, enum reason reason)
{
	if (!verdict)
		return "unsure";
	if (verdict->kind == STEP_ACCEPT)
		return reason == CAUGHT ? "shadowed" : "dropped";
	if (reason == CAUGHT)
		return "dropped";
	return verdict->kind == STEP_DROP || verdict->kind == STEP_REJECT ? "widened" : "unsure";
}

/* Where the rest of the chain cannot be copied. */
static int refuse_rest(const struct grafting *grafting, enum reason reason, const struct rest *rest)
{
	static const char *const what[] = {
		[CAUGHT] = "takes packets because they are not tracked",
		[COUNTED] = "counts or remembers packets ahead of asking for their state, so that those "
			    "which are not tracked would be counted twice",
	}, *const remedies[] = {
		[CAUGHT] = "let it ask for the states that it means, without UNTRACKED",
		[COUNTED] = "let it ask for the state first",
	};
	const struct place place = { grafting->meetings->chain, grafting->meetings->rule };
	char text[PLACE_TEXT], obstacle[PLACE_TEXT];

	return findings_add(grafting->weave->findings,
			    code_of(rule_verdict(grafting_row(grafting)), reason), NOTRACK_FAILED,
			    "%s %s, and what they met behind it cannot be kept (see %s); %s",
			    view_format_place(&place, text), what[reason],
			    view_format_place(&rest->obstacle, obstacle), remedies[reason]);
}

/*
 * Nobody knows how an ICMP error would have fared while its flow was tracked, as that depends
 * on what the flow had seen.  No answer is lost by it, so that the change goes on.
 */
static int tell_errors(const struct grafting *grafting, const struct rest *rest)
{
	const struct place place = { grafting->meetings->chain, grafting->meetings->rule };
	char text[PLACE_TEXT], obstacle[PLACE_TEXT];

	return findings_add(grafting->weave->findings, "unsure", NOTRACK_WARNING, "%s takes ICMP errors "
			    "and resets about packets that are not tracked, and nobody knows whether %s would "
			    "have taken them when they were",
			    view_format_place(&place, text),
			    view_format_place(&rest->obstacle, obstacle));
}

/* Each selector leads out of the chain by itself. */
static int lead_each(const struct grafting *grafting, const struct pick_list *picks,
		     const struct rest *rest)
{
	const struct graft_rule rule = {
		.rule = { .target = rest->kind == REST_ACCEPT ? TARGET_ACCEPT :
				    rest->kind == REST_EMPTY ? TARGET_RETURN : TARGET_GOTO },
		.to = rest->chain, .copies = COPY_HEAD,
	};

	return grafting_pick(grafting, GRAFT_SKIP, picks, &rule);
}

static int lead_past(const struct grafting *grafting, enum reason reason,
		     const struct pick_list *picks, unsigned int classes);

/* A rule behind it tells the classes of the state apart: a copy for each. */
static int lead_past_each_class(const struct grafting *grafting, enum reason reason,
				const struct pick_list *picks)
{
	struct pick_list some = { .list = calloc(picks->count, sizeof(struct pick *)) };
	int err = some.list ? 0 : -ENOMEM;

	for (enum packet_class class = CLASS_REQUEST; class < CLASSES && !err; class++) {
		some.count = 0;
		for (size_t i = 0; i < picks->count; i++)
			if (picks->list[i]->class == class)
				some.list[some.count++] = picks->list[i];
		if (some.count)
			err = lead_past(grafting, reason, &some, BIT(class));
	}
	free(some.list);
	return err;
}

static int lead_past(const struct grafting *grafting, enum reason reason,
		     const struct pick_list *picks, unsigned int classes)
{
	const struct meetings *meetings = grafting->meetings;
	struct rest rest;
	int err;

	/* a rule that remembers packets ahead of asking for their state goes on doing that */
	err = rest_make(grafting->weave, meetings->chain,
			rule_remembers_first(grafting_row(grafting)) ? meetings->rule :
								       meetings->rule->next,
			picks, &rest);
	if (err)
		return err;
	if (rest.kind == REST_NONE && rest.disagree && classes & (classes - 1))
		return lead_past_each_class(grafting, reason, picks);
	if (rest.kind == REST_NONE && rest.unsure && !(classes & ~CLASSES_REL) && reason == CAUGHT)
		return tell_errors(grafting, &rest);
	if (rest.kind == REST_NONE)
		return refuse_rest(grafting, reason, &rest);
	if (rest.kind == REST_ACCEPT && grafting_whole_states(grafting, classes) &&
	    grafting_whole_states(grafting, rule_asks_for(grafting_row(grafting))))
		return grafting_accept(grafting, GRAFT_SKIP, grafting_classes(grafting, classes));
	return lead_each(grafting, picks, &rest);
}

static bool is_led(const struct stance *stance, enum reason reason)
{
	return reason == CAUGHT ? stance->catches : stance->misses;
}

/* State by state. */
static int lead_all(const struct grafting *grafting, enum reason reason)
{
	static const unsigned int groups[] = { BIT(CLASS_REQUEST), CLASSES_EST, CLASSES_REL };
	const struct meetings *meetings = grafting->meetings;
	struct pick_list picks = { .list = calloc(meetings->count, sizeof(struct pick *)) };
	int err = picks.list ? 0 : -ENOMEM;

	for (size_t group = 0; group < sizeof(groups) / sizeof(groups[0]) && !err; group++) {
		const unsigned int classes = grafting_classes(grafting, groups[group]);

		picks.count = 0;
		for (size_t i = 0; i < meetings->count; i++)
			if (is_led(&meetings->list[i].stance, reason) &&
			    classes & BIT(meetings->list[i].pick->class))
				picks.list[picks.count++] = meetings->list[i].pick;
		if (picks.count)
			err = lead_past(grafting, reason, &picks, classes);
	}
	free(picks.list);
	return err;
}

int grafting_add_skips(const struct grafting *grafting)
{
	return lead_all(grafting, CAUGHT);
}

int grafting_lead_around(const struct grafting *grafting)
{
	return lead_all(grafting, COUNTED);
}
