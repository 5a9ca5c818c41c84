/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/admission.h"

#include <string.h>

#include "verify/other_servers.h"
#include "verify/regions.h"
#include "verify/walk.h"

/* --- whom a rule names -------------------------------------------------- */

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

bool rule_bans(const struct view_rule *rule, const struct probe *probe)
{
	for (size_t i = 0; rule && i < rule->count; i++)
		if (!(rule->steps[i].flags & STEP_INVERTED) &&
		    ((probe->source.length && asks_field(&rule->steps[i], FIELD_SOURCE)) ||
		     (probe->destination.length && asks_field(&rule->steps[i], FIELD_DESTINATION))))
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

/* --- how packets fare -------------------------------------------------- */

/* How the packets of a flow fared. */
struct tally {
	bool by_rule, at_end, dropped;	/* the usual packets */
	bool some;			/* others that a rule singles out were accepted */
	struct place place;		/* where the last one was, in the order of the rules */
	struct place end;		/* of all that were, the last one in the base chain */
	bool elsewhere;			/* in a chain that others lead to */
	bool unnamed;			/* by what names none of those whom the service names */
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
			const struct picks *picks, const struct journey *journey)
{
	const struct ending *picked = endings_last(journey->endings[DROPPED], ANY_PICKED);
	const struct ending *accepted = endings_last(journey->endings[ACCEPTED], ANY_USUAL);
	const struct ending *dropped = endings_last(journey->endings[DROPPED], ANY_USUAL);

	if (accepted && accepted->last.rule)
		tally->by_rule = true;
	else if (accepted)
		tally->at_end = true;
	if (picked)
		note_end(tally, base, &picked->last);
	if (!dropped)
		return;
	note_end(tally, base, &dropped->last);
	tally->elsewhere |= dropped->first.chain != base || dropped->last.chain != base;
	tally->dropped = true;
	tally->unnamed |= !names_them(dropped->last.rule, picks);
	tally->place = dropped->last;
}

/* Probes on their way through one base chain. */
struct asking {
	const struct view *view;
	const struct view_chain *base;
	const struct picks *picks;
	struct tally *tally;
	bool any_mark;
	bool unicast;			/* what is sent to this host is sent to it alone */
};

/*
 * What has the service's port at both ends stays tracked where this host asks as well, and is
 * none of these packets; but who is let in so, as peers of a time server are, has been named.
 */
static int ask_peers(const struct asking *asking, const struct probe *probe)
{
	struct probe peers = *probe;
	struct journey journey = { 0 };
	struct walk walk = { .view = asking->view, .journeys = { [TODAY] = &journey } };
	int err;

	if (asking->any_mark || asking->unicast || probe->reply || !probe->own_destination ||
	    probe->source_port.first != probe->destination_port.last + 1u)
		return 0;
	peers.source_port = probe->destination_port;
	err = walk_chain(&walk, asking->base, &peers);
	walk_free(&walk);
	for (unsigned int state = 0; state < STATES; state++) {
		const struct ending *ending = &journey.endings[ACCEPTED][state];

		asking->tally->some |= ending->first_time &&
				       rule_names_destinations(ending->first.rule);
	}
	return err;
}

static int walk_base(const struct asking *asking, const struct probe *probe,
		     struct journey *journey)
{
	struct walk walk = { .view = asking->view, .journeys = { [TODAY] = journey },
			     .any_mark = asking->any_mark };
	int err = walk_chain(&walk, asking->base, probe);

	walk_free(&walk);
	return err;
}

/* In some states, by a rule that says whom. */
static bool lets_in(const struct journey *journey, unsigned int states, const struct probe *probe)
{
	for (unsigned int state = 0; state < STATES; state++) {
		const struct ending *ending = &journey->endings[ACCEPTED][state];
		const struct view_rule *first = ending->first.rule, *last = ending->last.rule;

		if (1u << state & states && ending->first_time &&
		    (!probe || !first || !last || !rule_is_of_other_server(first, probe) ||
		     !rule_is_of_other_server(last, probe)))
			return true;
	}
	return false;
}

/*
 * Others than the usual packets are accepted.  Of those from, or to, ports that no client has, what
 * accepts them may be about other servers; the rules between the first and the last of these have
 * been asked about the other ports.
 */
static int ask_others(const struct asking *asking, const struct probe *probe)
{
	struct probe clients = *probe, servers = *probe;
	struct journey journey = { 0 };
	unsigned int states = ANY_PICKED;
	int err = 0;

	probe_client_ports(&clients)->first = CLIENT_PORT_MIN;
	if (probe_client_ports(&clients)->last >= CLIENT_PORT_MIN) {
		err = walk_base(asking, &clients, &journey);
		probe_client_ports(&servers)->last = CLIENT_PORT_MIN - 1;
		states |= ANY_USUAL;
	}
	asking->tally->some |= lets_in(&journey, ANY_PICKED, NULL);
	if (err || asking->tally->some)
		return err;
	journey = (struct journey){ 0 };
	err = walk_base(asking, &servers, &journey);
	asking->tally->some |= lets_in(&journey, states, &servers);
	return err;
}

static int ask(const struct probe *probe, void *data)
{
	const struct asking *asking = data;
	struct journey journey = { 0 };
	struct probe asked = *probe;
	int err;

	asked.local_destination |= asking->unicast && asked.own_destination;
	asked.plain |= asking->unicast;
	err = walk_base(asking, &asked, &journey);
	add_journey(asking->tally, asking->base, asking->picks, &journey);
	if (!err && lets_in(&journey, ANY_PICKED, NULL)) {
		if (probe_client_ports(&asked)->first >= CLIENT_PORT_MIN)
			asking->tally->some = true;
		else
			err = ask_others(asking, &asked);
	}
	return err ? err : ask_peers(asking, probe);
}

/* --- what drops ------------------------------------------------------- */

static enum admission judge(const struct tally *tally)
{
	if (!tally->dropped)
		return tally->by_rule ? ADMITS_BY_RULE : ADMITS_AT_END;
	if (tally->by_rule || tally->at_end || tally->some)
		return ADMITS_SOME;
	if (rule_names_ports(tally->place.rule) || !tally->unnamed)
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

/* A set that names interfaces may have one that lets them in, be it that it is not up. */
static int ask_other(const struct probe *probe, void *data)
{
	const struct asking *asking = data;
	struct journey journey = { 0 };
	struct walk walk = { .view = asking->view, .journeys = { [TODAY] = &journey } };
	const struct ending *accepted;
	int err = walk_chain(&walk, asking->base, probe);

	walk_free(&walk);
	accepted = endings_last(journey.endings[ACCEPTED], ANY_USUAL | ANY_PICKED);
	asking->tally->some |= accepted && accepted->last.rule;
	return err;
}

static int ask_anywhere(const struct asking *asking, const struct probe *probe,
			const struct entrances *entrances)
{
	int err = entrances_each(entrances, probe, ask, (void *)asking);

	return err ? err : entrances_other(entrances, probe, ask_other, (void *)asking);
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
				err = ask_anywhere(asking, &picks->list[i].probes[j], entrances);
	return err;
}

/* What packets are told apart by, of those that are sent to this host alone. */
static bool tells_apart(const struct step *step)
{
	if (!step_is_condition(step))
		return false;
	switch (step->field) {
	case FIELD_FAMILY:
	case FIELD_ETHER_TYPE:
	case FIELD_PROTOCOL:
	case FIELD_NEXT_HEADER:
	case FIELD_STATE:
	case FIELD_LINK_TYPE:
	case FIELD_DESTINATION_TYPE:
	case FIELD_DESTINATION_TYPE_HERE:
		return step->kind != STEP_NUMBER && step->kind != STEP_NUMBERS &&
		       step->kind != STEP_WITHIN_RATE;
	default:
		return step->kind != STEP_WITHIN_RATE;
	}
}

static bool has_rate(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].kind == STEP_WITHIN_RATE)
			return true;
	return false;
}

/* Some are dropped by it, or by where it leads. */
static bool may_ban(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);
	bool apart = false;

	for (size_t i = 0; i < rule->count; i++)
		apart |= tells_apart(&rule->steps[i]);
	return verdict && verdict->kind != STEP_ACCEPT && verdict->kind != STEP_RETURN &&
	       (apart || (verdict->kind != STEP_DROP && verdict->kind != STEP_REJECT));
}

static bool drops_all(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	for (size_t i = 0; i < rule->count; i++)
		if (step_is_condition(&rule->steps[i]))
			return false;
	return verdict && (verdict->kind == STEP_DROP || verdict->kind == STEP_REJECT);
}

/* The last ban behind a rule, as far as packets get; NULL: there is none. */
static const struct view_rule *last_ban_behind(const struct view_rule *rule)
{
	const struct view_rule *ban = NULL;

	for (rule = rule->next; rule && !drops_all(rule); rule = rule->next)
		if (may_ban(rule))
			ban = rule;
	return ban;
}

/*
 * What drops within a rate, or what is sent to this host alone, is where all there is ends, but
 * for bans behind it: no opening goes past those.
 */
static void go_past_bans(struct admitted *admitted, const struct place *unicast)
{
	const struct view_rule *rule = unicast->rule ? unicast->rule : admitted->end.rule;
	const struct view_rule *ban = rule ? last_ban_behind(rule) : NULL;

	if (!ban && unicast->chain)
		admitted->end = *unicast;
	else if (ban && has_rate(rule))
		admitted->end.rule = ban->next;
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
	go_past_bans(admitted, &tally.end);
	return err;
}

static bool may_let_in(const struct view_rule *rule, const struct picks *picks)
{
	const struct step *verdict = rule_verdict(rule);

	if (!verdict || verdict->kind == STEP_DROP || verdict->kind == STEP_REJECT ||
	    !entrances_are_named(rule))
		return false;
	for (size_t i = 0; i < picks->count; i++)
		for (size_t j = 0; j < picks->list[i].count; j++)
			if (probe_could_meet(&picks->list[i].probes[j], rule) & ALL_DO)
				return true;
	return false;
}

/*
 * More interfaces than are asked about one by one: a rule that could let packets in by any of them
 * has said whom, whatever stands ahead of it.
 */
static bool names_more(const struct asking *asking)
{
	for (const struct view_chain *chain = asking->base->table->chains; chain; chain = chain->next)
		for (const struct view_rule *rule = chain->rules;
		     rule && chain->hooks & 1u << asking->base->hook; rule = rule->next)
			if (may_let_in(rule, asking->picks))
				return true;
	return false;
}

int admission_of(const struct view *view, const struct view_chain *base, const struct picks *picks,
		 const struct entrances *entrances, struct admitted *admitted)
{
	struct tally tally = { 0 }, marked = { 0 };
	struct asking asking = { .view = view, .base = base, .picks = picks, .tally = &tally };
	int err = ask_all(&asking, picks, entrances);

	*admitted = (struct admitted){ .admission = judge(&tally),
				       .over_lo = all_over_lo(picks),
				       .place = tally.place, .end = tally.end };
	if (!err && admitted->admission == ADMITS_NOBODY)
		err = find_end(asking, picks, entrances, admitted);
	if (!err && tally.dropped && entrances->more && names_more(&asking))
		admitted->admission = ADMITS_SOME;
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
