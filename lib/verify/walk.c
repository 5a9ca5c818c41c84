/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/walk.h"

#include <stdlib.h>
#include <string.h>

#include "verify/walk_way.h"

struct traveller walk_begin(const struct walk *walk, const struct probe *probe, unsigned int sides)
{
	struct traveller traveller = { .probe = *probe, .usual = true, .sides = (uint8_t)sides };

	for (enum side side = TODAY; side < SIDES; side++)
		traveller.course[side].mark.as_it_came = UINT32_MAX;
	/* of a connection that is not new, others may have set it */
	if (walk->view->marks_connections && probe->tracked_states != CT_NEW)
		for (enum side side = TODAY; side < SIDES; side++)
			traveller.course[side].connection_mark.unknown = UINT32_MAX;
	for (enum side side = TODAY; side < SIDES && walk->any_mark; side++)
		traveller.course[side].mark.unknown =
			traveller.course[side].connection_mark.unknown = UINT32_MAX;
	if (walk->begin)
		traveller_know(&traveller, walk->begin);
	return traveller;
}

int walk_chain(struct walk *walk, const struct view_chain *base, const struct probe *probe)
{
	unsigned int sides = (walk->journeys[TODAY] ? 1u << TODAY : 0) |
			     (walk->journeys[WOULD] ? 1u << WOULD : 0);
	struct traveller traveller = walk_begin(walk, probe, sides);
	struct company company = { 0 };
	int err;

	for (enum side side = TODAY; side < SIDES; side++)
		traveller.course[side].seen = true;
	err = company_add(&company, &traveller);
	if (!err)
		err = way_go(walk, base, (enum hook)base->hook, false, &company);
	company_free(&company);
	return err;
}

/* --- hooks ------------------------------------------------------------ */

static unsigned int states_of(const struct company *company, enum side side)
{
	unsigned int states = 0;

	for (size_t i = 0; i < company->count; i++)
		if (company->list[i].sides & 1u << side)
			states |= journey_state(&company->list[i], side);
	return states;
}

/* What has been seen before, as over lo, is left as it is. */
static int come_to_conntrack(struct walk *walk, struct company *company)
{
	int err = 0;

	for (size_t i = 0; i < company->count && !err; i++) {
		struct traveller *traveller = &company->list[i];

		if (walk->seen && !traveller->course[WOULD].seen)
			err = company_add(walk->seen, traveller);
		for (enum side side = TODAY; side < SIDES; side++) {
			struct course *course = &traveller->course[side];

			if (traveller->sides & 1u << side && !course->seen && walk->journeys[side])
				walk->journeys[side]->at_conntrack |= journey_state(traveller, side);
			course->seen = true;
		}
	}
	return err;
}

static bool has_seen(const struct company *company)
{
	return company->count && company->list[0].course[TODAY].seen && company->list[0].course[WOULD].seen;
}

int walk_hook(struct walk *walk, enum hook hook, struct company *company)
{
	bool comes = hook == HOOK_PREROUTING || hook == HOOK_OUTPUT;
	int err = 0;

	for (const struct view_chain *base = walk->view->hooks[hook]; base && company->count && !err;
	     base = base->next_at_hook) {
		if (!(base->table->families & 1u << company->list[0].probe.family))
			continue;
		if (comes && base->priority > CONNTRACK_PRIORITY)
			err = come_to_conntrack(walk, company);
		if (!err)
			err = way_go(walk, base, hook, comes && !has_seen(company), company);
	}
	if (comes && !err)
		err = come_to_conntrack(walk, company);
	return err;
}

static int end_way(struct walk *walk, const struct company *company)
{
	int err = 0;

	for (enum side side = TODAY; side < SIDES; side++)
		if (walk->journeys[side])
			walk->journeys[side]->through |= states_of(company, side);
	for (size_t i = 0; i < company->count && !err; i++)
		if (company->list[i].dropped.chain)
			err = company_add(&walk->parted, &company->list[i]);
	for (size_t i = 0; i < company->count && walk->passed && !err; i++)
		err = company_add(walk->passed, &company->list[i]);
	return err;
}

static void come_back_over_lo(struct company *company)
{
	for (size_t i = 0; i < company->count; i++) {
		struct probe *probe = &company->list[i].probe;

		strcpy(probe->in, probe->out);
		probe->out[0] = '\0';
		for (enum side side = TODAY; side < SIDES; side++)
			company->list[i].course[side].confirmed = true;
	}
}

int walk_all(struct walk *walk, const struct probe *probe, enum whole_way way)
{
	unsigned int sides = (walk->journeys[TODAY] ? 1u << TODAY : 0) |
			     (walk->journeys[WOULD] ? 1u << WOULD : 0);
	const struct traveller traveller = walk_begin(walk, probe, sides);
	struct company company = { 0 };
	int err = company_add(&company, &traveller);

	if (!err && way != WAY_IN)
		err = walk_hook(walk, HOOK_OUTPUT, &company);
	if (!err && way != WAY_IN)
		err = walk_hook(walk, HOOK_POSTROUTING, &company);
	if (way == WAY_LOOPBACK)
		come_back_over_lo(&company);
	if (!err && way != WAY_OUT)
		err = walk_hook(walk, HOOK_PREROUTING, &company);
	if (!err && way != WAY_OUT)
		err = walk_hook(walk, HOOK_INPUT, &company);
	if (!err)
		err = end_way(walk, &company);
	company_free(&company);
	return err;
}

void walk_free(struct walk *walk)
{
	free(walk->numbers);
	company_free(&walk->parted);
}
