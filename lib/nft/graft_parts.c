/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/graft_lower.h"

static const struct view_rule *row_of(const struct nft_original *original)
{
	return original->rule->original.row;
}

bool nft_graft_is_extra(const struct nft_original *original, size_t step)
{
	const struct meaning *meaning = &original->rule->original;

	return step >= meaning->extra_first && step < meaning->extra_first + meaning->extra_count;
}

/* What other conditions and verdicts are understood by: a family, and a protocol. */
static bool gives_context(const struct step *step)
{
	return step->kind == STEP_NUMBER && !(step->flags & STEP_INVERTED) &&
	       (step->field == FIELD_FAMILY || step->field == FIELD_ETHER_TYPE ||
		step_names_protocol(step));
}

/* A tail that does more than to decide: nft(8) and iptables-nft read it with its context. */
static bool needs_context(const struct nft_original *original)
{
	const struct view_rule *row = row_of(original);
	const struct step *verdict = rule_verdict(row);

	if (!(original->rule->copies & COPY_TAIL))
		return false;
	return rule_tail(row) + !!verdict < row->count ||
	       (verdict && verdict->kind != STEP_ACCEPT && verdict->kind != STEP_DROP &&
		verdict->kind != STEP_RETURN && verdict->kind != STEP_JUMP &&
		verdict->kind != STEP_GOTO);
}

enum nft_graft_part nft_graft_part_of(const struct nft_original *original, size_t index)
{
	const struct view_rule *row = row_of(original);
	const uint8_t copies = original->rule->copies;
	const struct step *step = &row->steps[index];

	if (step_is_verdict(step))
		return copies & COPY_VERDICT ? PART_VERDICT : PART_NONE;
	/* a rule of ours has a counter of its own */
	if (step_asks_conntrack(step) || original->replaced[index] || step->flags & STEP_COUNTER)
		return PART_NONE;
	/* one map is looked up once: what is looked up is for the tail, if that is there */
	if (step->flags & STEP_GIVES_DATA && copies & COPY_TAIL)
		return PART_TAIL;
	if (index < rule_tail(row))
		return copies & COPY_HEAD || (gives_context(step) && needs_context(original)) ?
		       PART_HEAD : PART_NONE;
	if (!(copies & COPY_TAIL) || (copies & COPY_FORGETFUL && step_records(step)))
		return PART_NONE;
	return PART_TAIL;
}

/* The rule has one step, a lookup, in place of those that are there for an element. */
static size_t step_of_rule(const struct nft_original *original, size_t index)
{
	const struct meaning *meaning = &original->rule->original;

	return meaning->extra_count && index >= meaning->extra_first ?
	       index - meaning->extra_count + 1 : index;
}

/* "meta l4proto", which ours is, and not a field of a header. */
static bool is_meta(const struct nft_original *original, size_t index)
{
	const size_t expression = original->from[step_of_rule(original, index)];

	return expression && !strcmp(expression_parts(original->all.list[expression - 1]).name, "meta");
}

bool nft_graft_may_replace(const struct nft_original *original, size_t index, bool is_iptables)
{
	const struct step *step = &row_of(original)->steps[index];

	return is_iptables || (step->field == FIELD_PROTOCOL && !nft_graft_is_extra(original, index) &&
			       is_meta(original, index));
}

bool nft_graft_is_mixed(const struct nft_original *original)
{
	const struct view_rule *row = row_of(original);
	int last = -1;
	bool kept = false;

	for (size_t i = 0; i < row->count; i++) {
		bool keeps = nft_graft_part_of(original, i) != PART_NONE;
		int from;

		if (nft_graft_is_extra(original, i) || original->replaced[i])
			continue;
		from = original->from[step_of_rule(original, i)];
		if (from == last && keeps != kept && step_asks_conntrack(&row->steps[i]) != keeps)
			return true;
		last = from;
		kept = keeps;
	}
	return false;
}

void nft_graft_mark(const struct nft_original *original, enum nft_graft_part part, bool *needed)
{
	const struct view_rule *row = row_of(original);

	for (size_t i = 0; i < row->count; i++)
		if (!nft_graft_is_extra(original, i) && nft_graft_part_of(original, i) == part)
			needed[original->from[step_of_rule(original, i)]] = true;
}

/* --- conditions on the same ------------------------------------------------- */

static bool includes_range(const struct step *outer, const struct step *inner)
{
	const struct range *ranges = outer->kind == STEP_NUMBER ? &outer->range : outer->ranges;
	const size_t count = outer->kind == STEP_NUMBER ? 1 : outer->count;

	for (size_t i = 0; i < count; i++)
		if (ranges[i].first <= inner->range.first && ranges[i].last >= inner->range.last)
			return inner->kind == STEP_NUMBER;
	return false;
}

static bool includes_prefix(const struct step *outer, const struct step *inner)
{
	if (outer->length > inner->length)
		return false;
	for (size_t bit = 0; bit < outer->length; bit++)
		if ((outer->address[bit / 8] ^ inner->address[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool includes_name(const struct step *outer, const struct step *inner)
{
	return outer->length <= inner->length && !memcmp(outer->name, inner->name, outer->length);
}

static bool is_flags(const struct step *step)
{
	return step->kind == STEP_NUMBER && step->field == FIELD_TCP_FLAGS && step->mask &&
	       step->range.first == step->range.last;
}

/*
 * A segment that has the flags which @inner asks for has those of @outer if @outer looks at no
 * others, and asks the same of them.  Where @outer refuses some flags ("! --syn"), it has others
 * if one that both look at is to be otherwise.
 */
static bool includes_flags(const struct step *outer, const struct step *inner)
{
	const uint64_t differ = outer->range.first ^ inner->range.first;

	if (inner->flags & STEP_INVERTED)
		return false;
	if (outer->flags & STEP_INVERTED)
		return differ & outer->mask & inner->mask;
	return !(outer->mask & ~inner->mask) && !(differ & outer->mask);
}

static bool is_range_apart(const struct step *some, const struct range *range)
{
	const struct range *ranges = some->kind == STEP_NUMBER ? &some->range : some->ranges;
	const size_t count = some->kind == STEP_NUMBER ? 1 : some->count;

	for (size_t i = 0; i < count; i++)
		if (ranges[i].first <= range->last && range->first <= ranges[i].last)
			return false;
	return true;
}

/* Whether nothing is among what both name. */
static bool is_apart(const struct step *a, const struct step *b)
{
	if ((a->kind == STEP_NUMBER || a->kind == STEP_NUMBERS) && b->kind == STEP_NUMBER)
		return a->mask == b->mask && is_range_apart(a, &b->range);
	if (a->kind != b->kind)
		return false;
	if (a->kind == STEP_PREFIX)
		return !includes_prefix(a, b) && !includes_prefix(b, a);
	return a->kind == STEP_INTERFACE && !includes_name(a, b) && !includes_name(b, a);
}

/* Whether all that meets @inner meets @outer, as far as that is plain. */
static bool includes(const struct step *outer, const struct step *inner)
{
	if (is_flags(outer) && is_flags(inner))
		return includes_flags(outer, inner);
	if (inner->flags & STEP_INVERTED)
		return false;
	if (outer->flags & STEP_INVERTED)
		return is_apart(outer, inner);
	if (outer->kind == STEP_NUMBER || outer->kind == STEP_NUMBERS)
		return outer->mask == inner->mask && includes_range(outer, inner);
	if (outer->kind != inner->kind)
		return false;
	switch (outer->kind) {
	case STEP_PREFIX:
		return includes_prefix(outer, inner);
	case STEP_INTERFACE:
		return includes_name(outer, inner);
	default:
		return false;
	}
}

static bool is_same(const struct step *a, const struct step *b)
{
	const size_t at = offsetof(struct step, range);		/* from there on, one union */

	return a->kind == b->kind && a->flags == b->flags && a->length == b->length &&
	       a->mask == b->mask && a->kind != STEP_NUMBERS && a->kind != STEP_ADDRESSES &&
	       !memcmp((const char *)a + at, (const char *)b + at, sizeof(*a) - at);
}

enum nft_graft_overlap nft_graft_overlap_of(const struct step *ours, const struct step *theirs)
{
	if (theirs->field != ours->field || theirs->kind == STEP_UNKNOWN ||
	    theirs->kind == STEP_WITHIN_RATE || theirs->kind == STEP_REMEMBERED)
		return OVERLAP_NONE;
	if (is_same(ours, theirs) || includes(ours, theirs))
		return OVERLAP_COVERED;
	return includes(theirs, ours) ? OVERLAP_NARROWS : OVERLAP_BESIDE;
}
