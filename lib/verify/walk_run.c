/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Past a run of rules in one step: of packets that may have any address, each of the rules
 * drops a few, which are followed no further, and the others go on.
 */
#include <string.h>

#include "verify/walk.h"
#include "verify/walk_way.h"

static const struct prefix *asked_of(const struct view_run *run, const struct probe *probe)
{
	return run->field == FIELD_SOURCE ? &probe->source : &probe->destination;
}

static const struct prefix *usual_of(const struct view_run *run, const struct probe *probe)
{
	return run->field == FIELD_SOURCE ? &probe->usual_source : &probe->usual_destination;
}

static struct prefix named_by(const struct view_run *run, const struct view_rule *rule,
			      const struct probe *probe)
{
	const struct step *step = &rule->steps[run->named];
	struct prefix named = { .length = step->length, .family = probe->family };

	memcpy(named.address, step->address, sizeof(named.address));
	return named;
}

/* Whether a rule of the run is about the usual packet, as far as its address is said. */
static bool names_usual(const struct view_run *run, const struct probe *probe)
{
	const struct prefix *usual = usual_of(run, probe);
	const struct view_rule *rule = run->first;

	if (!usual->length)
		return false;
	for (;; rule = rule->next) {
		const struct prefix named = named_by(run, rule, probe);

		if (prefix_covers(&named, usual))
			return true;
		if (rule == run->last)
			return false;
	}
}

bool run_spares(const struct view_run *run, const struct probe *probe)
{
	return asked_of(run, probe)->length < run->length && !names_usual(run, probe);
}

/* Of those beside the prefix: they are the same in each rule. */
static bool could_meet(const struct view_run *run, const struct probe *probe)
{
	const struct situation situation = { .states = CT_NEW };
	const struct view_rule *rule = run->first;

	for (size_t i = 0; i < rule->count; i++)
		if (i != run->named && step_is_condition(&rule->steps[i]) &&
		    !(probe_meets(probe, &rule->steps[i], &situation) & ALL_DO))
			return false;
	return true;
}

static bool leads_on(const struct view_rule *rule)
{
	return rule_verdict(rule)->kind == STEP_JUMP;
}

/* Where a rule of the run drops some of the packets: itself, or the chain that it leads to. */
static struct place place_of(const struct view_run *run, const struct place *place,
			     const struct view_rule *rule, const struct probe *probe)
{
	const struct prefix named = named_by(run, rule, probe);
	const struct view_chain *chain = place->chain;
	const struct step *verdict;

	if (!prefix_covers(asked_of(run, probe), &named))
		return (struct place){ .chain = NULL };
	if (!leads_on(rule))
		return (struct place){ .chain = chain, .rule = rule };
	chain = rule_verdict(rule)->chain;
	for (rule = chain->rules; rule; rule = rule->next) {
		verdict = rule_verdict(rule);
		if (verdict && verdict->kind != STEP_RETURN && probe_could_meet(probe, rule) & ALL_DO)
			return (struct place){ .chain = chain, .rule = rule };
	}
	return (struct place){ .chain = NULL };
}

static void tell_dropped(struct way *way, const struct traveller *traveller, struct place place)
{
	struct traveller some = *traveller;

	some.usual = false;
	if (place.chain)
		way_drop(way, &some, place);
}

/* Where the first of the packets is dropped, and where the last one. */
static void tell_run(struct way *way, const struct place *place, const struct traveller *traveller)
{
	const struct view_run *run = place->rule->run;
	const struct probe *probe = &traveller->probe;
	/* each rule drops some of those who may have any address */
	const bool all = !asked_of(run, probe)->length && !leads_on(run->first);
	struct place first = { .chain = NULL }, last = { .chain = NULL };

	if (!could_meet(run, probe))
		return;
	for (const struct view_rule *rule = run->first;; rule = all ? run->last : rule->next) {
		const struct place dropped = place_of(run, place, rule, probe);

		if (dropped.chain)
			last = dropped;
		if (!first.chain)
			first = dropped;
		if (rule == run->last)
			break;
	}
	tell_dropped(way, traveller, first);
	tell_dropped(way, traveller, last);
}

bool way_skip_run(struct way *way, struct place *place, const struct traveller *list, size_t count)
{
	const struct view_run *run = place->rule->run;

	if (!run || run->first != place->rule || run->first == run->last)
		return false;
	/* where the sides have parted, what is dropped is compared with the other side */
	for (size_t i = 0; i < count; i++)
		if (list[i].split || !run_spares(run, &list[i].probe))
			return false;
	for (size_t i = 0; i < count; i++)
		tell_run(way, place, &list[i]);
	place->rule = run->last->next;
	return true;
}
