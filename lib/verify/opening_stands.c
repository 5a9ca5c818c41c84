/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands already: a service that is open stays so, and one that stands is opened only where
 * it was open.
 */
#include "verify/opening_work.h"

#include <errno.h>

#include "verify/opening_chain.h"

bool opening_is_of_first_edition(const struct work *work, enum family family)
{
	return work->base->table->world == WORLD_LEGACY && work->view->first_edition & 1u << family;
}

/* Whether an opening, unless it is NULL, accepts @all of a flow, or some of it. */
static int ask_opening(const struct work *work, const struct view_chain *opening, enum family family,
		       const struct flow_key *flow, bool all, bool *is)
{
	struct picks picks = { 0 };
	int err = opening ? opening_pick_flow(work, family, flow, &picks) : 0;

	*is = all && picks.count;
	for (size_t i = 0; i < picks.count; i++)
		for (size_t j = 0; j < picks.list[i].count; j++)
			if (opening_accepts(opening, &picks.list[i].probes[j]) != all)
				*is = !all;
	picks_free(&picks);
	return err;
}

int opening_ask_opened(const struct work *work, enum family family, const struct flow_key *flow,
		       bool *is)
{
	return ask_opening(work, work->base->opened_by, family, flow, true, is);
}

/* What is left of an opening: somebody took its jump away, or rules of its chains. */
static int ask_remains(const struct work *work, enum family family, struct flow_key flow, bool *are)
{
	const struct view_chain *base = work->base;
	int err = 0;

	*are = base->opened_by && opening_is_empty(base->opened_by);
	for (flow.protocol = UDP; flow.protocol < PROTOCOLS && !err && !*are; flow.protocol++)
		if (flow.service->protocols & 1u << flow.protocol)
			err = ask_opening(work, base->opened_by ? base->opened_by : base->lost_opening,
					  family, &flow, false, are);
	return err;
}

bool opening_was_opened(const struct work *work, enum family family, const struct flow_key *flow)
{
	return opening_memory_find(work->options->memory, work->base, family,
				   flow->service->name)->opened & bit_of(flow);
}

/*
 * A service that has just come is opened.  One that stands is opened again, after somebody loaded
 * the rules of the host anew; but if it was the host that let some in, nobody has asked us to let
 * in everybody because that has gone.  Where none of that is known, there has to be nothing of
 * ours, as behind rules that were loaded anew, and the host's rules have to be at rest.
 */
int opening_may_open(const struct work *work, enum family family, size_t index,
		     const struct flow_key *flow, bool *may)
{
	const struct opening_memory *before = work->options->memory;
	const struct served *served = &work->options->model->families[family].served[index];
	const struct opening_note *note = opening_memory_find(before, work->base, family,
							      served->service->name);
	bool remains = false;
	int err = before->used ? 0 : ask_remains(work, family, *flow, &remains);
	const bool decided = before->used ? note->decided & bit_of(flow) :
					    work->base->was_ours && !remains;

	*may = served->came || note->opened & bit_of(flow) || (!decided && work->options->at_rest);
	work->openings->deferred |= !*may && !decided;
	return err;
}

/* What we open is not what the host has decided. */
int opening_remember(const struct work *work)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct family_model *model = &work->options->model->families[family];

		for (size_t i = 0; i < model->count; i++) {
			const flow_set opened = work->flows[family][i];
			const flow_set decided = work->decided[family][i] & ~opened;
			struct opening_note *note;

			if (!opened && !decided)
				continue;
			note = opening_memory_note(work->options->memory, work->base, family,
						   model->served[i].service->name);
			if (!note)
				return -ENOMEM;
			note->opened = (note->opened | opened) & ~decided;
			note->decided = (note->decided | decided) & ~opened;
		}
	}
	return 0;
}
