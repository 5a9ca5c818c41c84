/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where twins stand that accept.  If each stood directly ahead of its rule, a request would
 * be asked for its state by every rule and every twin ahead of the one that accepts it: with
 * the five rules of a textbook, that was 3 in a hundred of what a DNS question and its answer
 * cost.  So the twins of a row of rules stand together ahead of it.  Those that take requests
 * come first, since a server gets more of these than of anything else.
 */
#include <string.h>

#include "verify/weave.h"

static bool is_of_untracked(const struct graft *graft)
{
	return graft->rule.rule.match && graft->rule.rule.match->states == CT_UNTRACKED;
}

static bool all_accept(const struct grafts *grafts, size_t begin)
{
	for (size_t i = begin; i < grafts->count; i++)
		if (is_of_untracked(&grafts->list[i]) && !grafts->list[i].accepts)
			return false;
	return true;
}

static void move(struct grafts *grafts, size_t from, size_t to)
{
	const struct graft moved = grafts->list[from];

	memmove(&grafts->list[to + 1], &grafts->list[to], (from - to) * sizeof(moved));
	grafts->list[to] = moved;
}

static void join(struct row *row, struct grafts *grafts, size_t index)
{
	const bool first = grafts->list[index].takes_requests;

	grafts->list[index].before = row->first;
	move(grafts, index, row->begin + (first ? row->requests : row->count));
	row->requests += first;
	row->count++;
}

void twins_gather(struct grafts *grafts, struct row *row, const struct meetings *meetings,
		  size_t begin)
{
	if (!all_accept(grafts, begin)) {
		row->first = NULL;
		return;
	}
	if (!row->first)
		*row = (struct row){ .first = meetings->rule, .begin = begin };
	for (size_t i = begin; i < grafts->count; i++)
		if (is_of_untracked(&grafts->list[i]))
			join(row, grafts, i);
	if (meetings->sees_untracked)
		row->first = NULL;
}
