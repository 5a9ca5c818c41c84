/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As the kernel takes a packet through the chains of a hook, but with sets of
 * packets instead of one: where a rule takes some of a set, these are followed on
 * their own, and where nobody knows, both those that it takes and those that it
 * does not.  What becomes of a traveller that enters a chain does not depend on
 * how it got there, so that each chain is walked once by the same one, however
 * many rules lead to it.  Most chains of a large host have one rule that leads to
 * them: nobody comes there again, and nothing is kept of the visit.
 */
#include "verify/walk_way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rule.h"
#include "rules/rule_index.h"
#include "support/memory.h"

/*
 * Deeper than any table one meets; what lies below, nobody knows.  Each chain within a chain takes
 * about 1 KiB of a stack that may be no larger than 512 KiB.
 */
#define DEPTH_MAX 256

/* Of the hash table of visits, which doubles when there are as many. */
#define SLOTS_MIN 1024

/* --- results ---------------------------------------------------------- */

static int add_result(struct way *way, const struct traveller *traveller, struct place place,
		      bool dropped)
{
	struct result *results = memory_grow(way->results, way->result_count, sizeof(*results));

	if (!results)
		return -ENOMEM;
	way->results = results;
	results[way->result_count++] = (struct result){ *traveller, place, dropped };
	return 0;
}

int way_tell(const struct way *way, const struct traveller *traveller, const struct place *place,
	     int kind)
{
	const struct walk *walk = way->walk;

	return !walk->meet || !traveller->usual ? 0 :
	       walk->meet(walk->data, way->hook, place, kind, traveller->decision_count);
}

static void tell(struct way *way, enum fate fate, const struct traveller *traveller,
		 struct place place)
{
	for (enum side side = TODAY; side < SIDES; side++)
		if (traveller->sides & 1u << side && way->walk->journeys[side])
			journey_end(way->walk->journeys[side], fate,
				    journey_state(traveller, side), way->base, way->ahead, place);
}

int way_accept(struct way *way, const struct traveller *traveller, struct place place)
{
	tell(way, ACCEPTED, traveller, place);
	return add_result(way, traveller, place, false);
}

/* Of sides that are together, or of one that is alone for good, no more need be known. */
int way_drop(struct way *way, const struct traveller *traveller, struct place place)
{
	tell(way, DROPPED, traveller, place);
	return traveller->split ? add_result(way, traveller, place, true) : 0;
}

/* --- chains ----------------------------------------------------------- */

static struct visit **slot_of(const struct way *way, const struct view_chain *chain,
			      const struct traveller *traveller)
{
	uint32_t hash = traveller_hash(traveller) ^ (uint32_t)chain->number * 0x9e3779b1u;

	return &way->visits[(hash ^ hash >> 16) & (way->slot_count - 1)];
}

static struct visit *find_visit(const struct way *way, const struct view_chain *chain,
				const struct traveller *traveller)
{
	struct visit *visit = *slot_of(way, chain, traveller);

	while (visit && (visit->chain != chain || !traveller_same(&visit->traveller, traveller)))
		visit = visit->next;
	return visit;
}

static int make_slots(struct way *way)
{
	size_t old_count = way->slot_count;
	struct visit **old = way->visits, *next;
	struct visit **visits;

	if (way->visit_count < old_count)
		return 0;
	way->slot_count = old_count ? 2 * old_count : SLOTS_MIN;
	visits = calloc(way->slot_count, sizeof(*visits));
	if (!visits) {
		way->slot_count = old_count;
		return -ENOMEM;
	}
	way->visits = visits;
	for (size_t i = 0; i < old_count; i++)
		for (struct visit *visit = old[i]; visit; visit = next) {
			struct visit **slot = slot_of(way, visit->chain, &visit->traveller);

			next = visit->next;
			visit->next = *slot;
			*slot = visit;
		}
	free(old);
	return 0;
}

static struct visit *add_visit(struct way *way, const struct view_chain *chain,
			       const struct traveller *traveller)
{
	struct visit *visit = arena_alloc(&way->arena, sizeof(*visit));
	struct visit **slot = slot_of(way, chain, traveller);

	if (!visit)
		return NULL;
	visit->chain = chain;
	visit->traveller = *traveller;
	visit->next = *slot;
	*slot = visit;
	way->visit_count++;
	return visit;
}

/* What came back of a visit, in no more memory than it takes. */
static int keep_back(struct way *way, struct visit *visit, const struct company *back)
{
	struct traveller *kept;

	if (!back->count)
		return 0;
	kept = arena_alloc(&way->arena, back->count * sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	memcpy(kept, back->list, back->count * sizeof(*kept));
	visit->back = kept;
	visit->back_count = back->count;
	return 0;
}

static struct company take_spare(struct way *way)
{
	return way->spare_count ? way->spares[--way->spare_count] : (struct company){ 0 };
}

static void give_back(struct way *way, struct company *company)
{
	company->count = 0;
	if (way->spare_count < SPARES_MAX)
		way->spares[way->spare_count++] = *company;
	else
		company_free(company);
}

/* Where a rule leads that every packet takes; NULL: it is another rule. */
static const struct view_chain *plain_jump(const struct view_rule *rule)
{
	uint32_t last = 0;

	while (last < rule->count && rule->steps[last].kind == STEP_COUNT)
		last++;
	return last < rule->count && rule->steps[last].kind == STEP_JUMP &&
	       !(rule->flags & (RULE_ADDED | RULE_REMOVED)) ? rule->steps[last].chain : NULL;
}

/* One of those who come to a rule; @to: where it leads, if every packet takes it. */
static int take_on(struct way *way, const struct place *place, const struct view_chain *to,
		   const struct traveller *traveller, struct company *next, struct company *back)
{
	const size_t index = next->count;
	int err;

	if (way_passes(way, place->rule, traveller))
		err = company_add(next, traveller);
	else
		err = to ? way_enter(way, to, traveller, *place, next) :
			   way_take_rule(way, place, traveller, next, back);
	company_keep_tidied(next, index, traveller);
	return err;
}

/* Who comes in is not looked at where the rule is passed by all: most are. */
static int take_rule(struct way *way, const struct place *place, struct company *company,
		     struct company *back)
{
	const struct view_chain *to = way->walk->meet ? NULL : plain_jump(place->rule);
	struct company next;
	size_t passed = 0;
	int err = 0;

	while (passed < company->count && way_passes(way, place->rule, &company->list[passed]))
		passed++;
	if (passed == company->count)
		return 0;
	next = take_spare(way);
	for (size_t i = 0; i < company->count && !err; i++)
		err = take_on(way, place, to, &company->list[i], &next, back);
	give_back(way, company);
	*company = next;
	company_tidy(company);
	if (company->count > COMPANY_MAX) {
		way->walk->incomplete = true;
		company->count = COMPANY_MAX;
	}
	return err;
}

/* The rule, or the next one behind it that one of them alone could meet. */
static const struct view_rule *next_met(const struct view_chain *chain, const struct view_rule *rule,
					const struct probe *probe)
{
	const struct known_fields packets = {
		.source = &probe->source, .destination = &probe->destination,
		.source_port = &probe->source_port, .destination_port = &probe->destination_port,
		.in = probe->in,
	};

	return chain->index ? rule_index_next(chain, rule, &packets) : rule;
}

/* Who goes on behind the last rule is added to @back, as is who leaves ahead of it. */
static int walk_rules(struct way *way, const struct view_chain *chain,
		      const struct traveller *traveller, struct company *back)
{
	struct place place = { .chain = chain, .rule = chain->rules };
	struct company company;
	int err;

	while (place.rule) {
		if (way_skip_run(way, &place, traveller, 1))
			continue;
		place.rule = next_met(chain, place.rule, &traveller->probe);
		if (!place.rule || !way_passes(way, place.rule, traveller))
			break;
		place.rule = place.rule->next;
	}
	if (!place.rule)
		return company_add(back, traveller);
	company = take_spare(way);
	err = company_add(&company, traveller);
	while (place.rule && company.count && !err) {
		if (way_skip_run(way, &place, company.list, company.count))
			continue;
		if (company.count == 1)
			place.rule = next_met(chain, place.rule, &company.list[0].probe);
		if (!place.rule)
			break;
		err = take_rule(way, &place, &company, back);
		place.rule = place.rule->next;
	}
	for (size_t i = 0; i < company.count && !err; i++)
		err = company_add(back, &company.list[i]);
	give_back(way, &company);
	company_tidy(back);
	return err;
}

static int walk_deeper(struct way *way, const struct view_chain *chain,
		       const struct traveller *traveller, struct company *back)
{
	int err;

	way->depth++;
	err = walk_rules(way, chain, traveller, back);
	way->depth--;
	return err;
}

static int add_all(struct company *back, const struct traveller *list, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = company_add(back, &list[i]);
	return err;
}

/* The first time that such a traveller enters a chain that others may come to as well. */
static struct visit *pay_visit(struct way *way, const struct view_chain *chain,
			       const struct traveller *traveller)
{
	struct visit *visit = add_visit(way, chain, traveller);
	struct company back = take_spare(way);
	int err = visit ? walk_deeper(way, chain, traveller, &back) : -ENOMEM;

	if (!err)
		err = keep_back(way, visit, &back);
	give_back(way, &back);
	return err ? NULL : visit;
}

static int visit_again(struct way *way, const struct view_chain *chain,
		       const struct traveller *traveller, struct company *back)
{
	struct visit *visit;
	int err = make_slots(way);

	if (err)
		return err;
	visit = find_visit(way, chain, traveller);
	if (!visit)
		visit = pay_visit(way, chain, traveller);
	return visit ? add_all(back, visit->back, visit->back_count) : -ENOMEM;
}

static int visit_once(struct way *way, const struct view_chain *chain,
		      const struct traveller *traveller, struct company *back)
{
	struct company own = take_spare(way);
	int err = walk_deeper(way, chain, traveller, &own);

	if (!err)
		err = add_all(back, own.list, own.count);
	give_back(way, &own);
	return err;
}

/* Elements of maps may lead to any chain, and are not counted among its referrers. */
static bool is_only_way(const struct view_rule *rule, const struct view_chain *chain)
{
	const struct step *verdict = rule ? rule_verdict(rule) : NULL;

	return chain->referrers == 1 && verdict && verdict->kind != STEP_MAP;
}

int way_enter(struct way *way, const struct view_chain *chain, const struct traveller *traveller,
	      struct place place, struct company *back)
{
	int err;

	if (way->depth < DEPTH_MAX)
		return is_only_way(place.rule, chain) ? visit_once(way, chain, traveller, back) :
							visit_again(way, chain, traveller, back);
	err = way_drop(way, traveller, place);
	if (!err)
		err = way_accept(way, traveller, place);
	return err ? err : company_add(back, traveller);
}

static void free_way(struct way *way)
{
	while (way->spare_count)
		company_free(&way->spares[--way->spare_count]);
	free(way->pending);
	free(way->visits);
	free(way->results);
	arena_free(&way->arena);
}

/* --- base chains ------------------------------------------------------ */

/* Only the first packet of a tracked connection meets NAT, and over lo once. */
static uint8_t sides_in_nat(const struct traveller *traveller)
{
	uint8_t sides = 0;

	for (enum side side = TODAY; side < SIDES; side++)
		if (traveller->sides & 1u << side && traveller->probe.tracked_states & CT_NEW &&
		    traveller->course[side].tracking != UNTRACKED &&
		    !traveller->course[side].confirmed)
			sides |= (uint8_t)(1u << side);
	return sides;
}

/* Sides that a base chain is not for go on past it. */
static int go_past(struct way *way, struct traveller *traveller, uint8_t sides)
{
	struct traveller past = *traveller;

	if (sides == traveller->sides) {
		traveller->sides = 0;
		return add_result(way, &past, (struct place){ .chain = way->base }, false);
	}
	if (!traveller->split)
		traveller->split = ++way->splits;
	past.split = traveller->split;
	past.sides = sides;
	traveller->sides &= (uint8_t)~sides;
	return add_result(way, &past, (struct place){ .chain = way->base }, false);
}

static int walk_policy(struct way *way, struct company *back)
{
	const struct place policy = { .chain = way->base };
	int err = 0;

	for (size_t i = 0; i < back->count && !err; i++) {
		err = way_tell(way, &back->list[i], &policy, way->base->drops ? STEP_DROP : STEP_ACCEPT);
		if (!err)
			err = way->base->drops ? way_drop(way, &back->list[i], policy) :
			      way_accept(way, &back->list[i], policy);
	}
	return err;
}

static int walk_through(struct way *way, struct traveller *traveller)
{
	struct company back = { 0 };
	uint8_t past = 0;
	int err = 0;

	if (way->base->type == CHAIN_NAT)
		past = traveller->sides & (uint8_t)~sides_in_nat(traveller);
	/* what conntrack knows already does not meet NAT, and may be what comes */
	if (way->base->type == CHAIN_NAT && traveller->probe.tracked_states & ~CT_NEW && !past)
		err = add_result(way, traveller, (struct place){ .chain = way->base }, false);
	if (past)
		err = go_past(way, traveller, past);
	if (!err && traveller->sides)
		err = walk_rules(way, way->base, traveller, &back);
	if (!err)
		err = walk_policy(way, &back);
	company_free(&back);
	return err;
}

int way_go(struct walk *walk, const struct view_chain *base, enum hook hook, bool ahead,
	   struct company *company)
{
	struct way way = { .walk = walk, .base = base, .hook = hook, .ahead = ahead };
	struct company next = { 0 };
	int err = 0;

	for (size_t i = 0; i < company->count && !err; i++)
		err = walk_through(&way, &company->list[i]);
	if (!err)
		err = way_join(&way, &next);
	company_free(company);
	*company = next;
	free_way(&way);
	return err;
}
