/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/admission.h"

#include <string.h>

#include "verify/regions.h"
#include "verify/walk.h"

/* How the packets of a flow fared. */
struct tally {
	bool by_rule, at_end, dropped;	/* the usual packets */
	bool some;			/* others that a rule singles out were accepted */
	struct place place;		/* where the last one was, in the order of the rules */
	struct place end;		/* of all that were, the last one in the base chain */
	bool elsewhere;			/* in a chain that others lead to */
};

/* A place in the base chain is the last one, unless there has been a later one. */
static void note_end(struct tally *tally, const struct view_chain *base, const struct place *place)
{
	if (place->chain == base &&
	    (!tally->end.chain || !place->rule ||
	     (tally->end.rule && place_is_ahead(&tally->end, place))))
		tally->end = *place;
}

static void add_journey(struct tally *tally, const struct view_chain *base,
			const struct journey *journey)
{
	const struct ending *picked = endings_last(journey->endings[DROPPED], ANY_PICKED);
	const struct ending *accepted = endings_last(journey->endings[ACCEPTED], ANY_USUAL);
	const struct ending *dropped = endings_last(journey->endings[DROPPED], ANY_USUAL);

	if (accepted && accepted->last.rule)
		tally->by_rule = true;
	else if (accepted)
		tally->at_end = true;
	tally->some |= (journey_states(journey, ACCEPTED) & ANY_PICKED) != 0;
	if (picked)
		note_end(tally, base, &picked->last);
	if (!dropped)
		return;
	note_end(tally, base, &dropped->last);
	tally->elsewhere |= dropped->first.chain != base || dropped->last.chain != base;
	tally->dropped = true;
	tally->place = dropped->last;
}

/* Probes on their way through one base chain. */
struct asking {
	const struct view *view;
	const struct view_chain *base;
	struct tally *tally;
	bool any_mark;
	bool unicast;			/* what is sent to this host is sent to it alone */
};

/*
 * Who asks does so from no port that programs of root alone may have, but for the service's
 * own; what lets in such ports, as of time servers' answers, lets nobody ask.
 */
static void leave_out_low_ports(struct probe *probe)
{
	if (!probe->reply && probe->source_port.last >= CLIENT_PORT_MIN &&
	    probe->source_port.first < CLIENT_PORT_MIN)
		probe->source_port.first = CLIENT_PORT_MIN;
}

static int ask(const struct probe *probe, void *data)
{
	const struct asking *asking = data;
	struct journey journey = { 0 };
	struct walk walk = { .view = asking->view, .journeys = { [TODAY] = &journey },
			     .any_mark = asking->any_mark };
	struct probe asked = *probe;
	int err;

	leave_out_low_ports(&asked);
	asked.local_destination |= asking->unicast && asked.own_destination;
	err = walk_chain(&walk, asking->base, &asked);

	walk_free(&walk);
	add_journey(asking->tally, asking->base, &journey);
	return err;
}

/* --- what drops ------------------------------------------------------- */

static bool is_port(uint8_t field)
{
	return field == FIELD_SOURCE_PORT || field == FIELD_DESTINATION_PORT ||
	       field == FIELD_EITHER_PORT;
}

static bool asks_ports(const struct step *step)
{
	if (step->kind != STEP_LOOKUP && step->kind != STEP_MAP)
		return step_is_condition(step) && is_port(step->field);
	for (size_t i = 0; i < step->lookup->field_count; i++)
		if (is_port(step->lookup->fields[i].field))
			return true;
	return false;
}

bool rule_names_ports(const struct view_rule *rule)
{
	for (size_t i = 0; rule && i < rule->count; i++)
		if (asks_ports(&rule->steps[i]))
			return true;
	return false;
}

static bool is_over_lo(const struct probe *probe)
{
	return !strcmp(probe->in, "lo") || !strcmp(probe->out, "lo");
}

static bool asks_field(const struct step *step, enum field field)
{
	if (step->kind != STEP_LOOKUP && step->kind != STEP_MAP)
		return step_is_condition(step) && step->field == field && step->kind != STEP_NUMBER;
	for (size_t i = 0; i < step->lookup->field_count; i++)
		if (step->lookup->fields[i].field == field)
			return true;
	return false;
}

/* Whether each of the packets has an address that was named; over lo, nobody is. */
static bool all_named(const struct picks *picks, enum field field)
{
	bool any = false;

	for (size_t i = 0; i < picks->count; i++)
		for (size_t j = 0; j < picks->list[i].count; j++) {
			const struct probe *probe = &picks->list[i].probes[j];

			if (is_over_lo(probe))
				continue;
			if (!(field == FIELD_SOURCE ? probe->source.length :
						      probe->destination.length))
				return false;
			any = true;
		}
	return any;
}

/* A ban of those whom the service names: it does not drop all there is. */
static bool names_them(const struct view_rule *rule, const struct picks *picks)
{
	for (size_t i = 0; rule && i < rule->count; i++)
		for (enum field field = FIELD_SOURCE; field <= FIELD_DESTINATION; field++)
			if (asks_field(&rule->steps[i], field) && all_named(picks, field))
				return true;
	return false;
}

static enum admission judge(const struct tally *tally, const struct picks *picks)
{
	if (!tally->dropped)
		return tally->by_rule ? ADMITS_BY_RULE : ADMITS_AT_END;
	if (tally->by_rule || tally->at_end || tally->some)
		return ADMITS_SOME;
	if (rule_names_ports(tally->place.rule) || names_them(tally->place.rule, picks))
		return FORBIDS_BY_NAME;
	return tally->elsewhere ? FORBIDS_ELSEWHERE : ADMITS_NOBODY;
}

static bool all_over_lo(const struct picks *picks)
{
	for (size_t i = 0; i < picks->count; i++)
		for (size_t j = 0; j < picks->list[i].count; j++)
			if (!is_over_lo(&picks->list[i].probes[j]))
				return false;
	return true;
}

/* Most hosts let all in that comes over lo, which says nothing of whom they let in. */
static int ask_all(const struct asking *asking, const struct picks *picks,
		   const struct entrances *entrances)
{
	const bool lo = all_over_lo(picks);
	int err = 0;

	for (size_t i = 0; i < picks->count && !err; i++)
		for (size_t j = 0; j < picks->list[i].count && !err; j++)
			if (is_over_lo(&picks->list[i].probes[j]) == lo)
				err = entrances_each(entrances, &picks->list[i].probes[j], ask,
						     (void *)asking);
	return err;
}

/* A rule that drops what is sent to this host alone ends all there is: the rest is no question. */
static int find_end(struct asking asking, const struct picks *picks,
		    const struct entrances *entrances, struct admitted *admitted)
{
	struct tally tally = { 0 };
	int err;

	asking.tally = &tally;
	asking.unicast = true;
	err = ask_all(&asking, picks, entrances);
	if (tally.end.chain)
		admitted->end = tally.end;
	return err;
}

int admission_of(const struct view *view, const struct view_chain *base, const struct picks *picks,
		 const struct entrances *entrances, struct admitted *admitted)
{
	struct tally tally = { 0 }, marked = { 0 };
	struct asking asking = { .view = view, .base = base, .tally = &tally };
	int err = ask_all(&asking, picks, entrances);

	*admitted = (struct admitted){ .admission = judge(&tally, picks),
				       .over_lo = all_over_lo(picks),
				       .place = tally.place, .end = tally.end };
	if (!err && admitted->admission == ADMITS_NOBODY)
		err = find_end(asking, picks, entrances, admitted);
	if (err || (admitted->admission != ADMITS_NOBODY && admitted->admission != FORBIDS_ELSEWHERE))
		return err;
	/* nobody, unless they come with a mark: then the host has said whom */
	asking.tally = &marked;
	asking.any_mark = true;
	err = ask_all(&asking, picks, entrances);
	if (marked.by_rule || marked.some)
		admitted->admission = ADMITS_SOME;
	return err;
}
