/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/apart.h"

#include <string.h>

/* --- sets of ports ---------------------------------------------------- */

/* In order, apart from each other. */
struct port_set {
	uint32_t first[2 * PORT_SLOTS + 2], last[2 * PORT_SLOTS + 2];
	size_t count;
};

static void add_range(struct port_set *set, uint32_t first, uint32_t last)
{
	set->first[set->count] = first;
	set->last[set->count++] = last;
}

static struct port_set set_of(const struct ports *ports)
{
	struct port_set set = { .count = 0 };
	uint32_t from = 0;

	if (!ports->count) {
		add_range(&set, 0, UINT16_MAX);
		return set;
	}
	for (size_t i = 0; i < ports->count; i++) {
		if (!ports->inverted)
			add_range(&set, ports->range[i].first, ports->range[i].last);
		else if (ports->range[i].first > from)
			add_range(&set, from, ports->range[i].first - 1u);
		from = ports->range[i].last + 1u;
	}
	if (ports->inverted && from <= UINT16_MAX)
		add_range(&set, from, UINT16_MAX);
	return set;
}

static struct port_set subtract(const struct port_set *set, const struct port_set *from)
{
	struct port_set left = { .count = 0 };

	for (size_t i = 0; i < set->count; i++) {
		uint32_t first = set->first[i];

		for (size_t j = 0; j < from->count && first <= set->last[i]; j++) {
			if (from->last[j] < first || from->first[j] > set->last[i])
				continue;
			if (from->first[j] > first)
				add_range(&left, first, from->first[j] - 1);
			first = from->last[j] + 1;
		}
		if (first <= set->last[i])
			add_range(&left, first, set->last[i]);
	}
	return left;
}

/* Returns false where one rule cannot ask for them. */
static bool put_set(const struct port_set *set, struct ports *ports)
{
	unsigned int slots = 0;

	for (size_t i = 0; i < set->count; i++)
		slots += set->first[i] == set->last[i] ? 1 : 2;
	if (slots > PORT_SLOTS)
		return false;
	memset(ports, 0, sizeof(*ports));
	for (size_t i = 0; i < set->count; i++) {
		ports->range[i].first = (uint16_t)set->first[i];
		ports->range[i].last = (uint16_t)set->last[i];
	}
	ports->count = (uint8_t)set->count;
	return true;
}

static bool ports_cover(const struct ports *outer, const struct ports *inner)
{
	struct port_set of_outer = set_of(outer), of_inner = set_of(inner);

	return !subtract(&of_inner, &of_outer).count;
}

/* --- selectors -------------------------------------------------------- */

static bool prefix_reaches(const struct prefix *outer, const struct prefix *inner)
{
	return !outer->length || prefix_covers(outer, inner);
}

static bool name_covers(const char *outer, const char *inner)
{
	size_t size = strlen(outer);

	return !size || !strcmp(outer, inner) ||
	       (outer[size - 1] == '+' && !strncmp(outer, inner, size - 1));
}

/* In all but the ports. */
static bool covers(const struct selector *outer, const struct selector *inner)
{
	const struct match *a = &outer->match, *b = &inner->match;

	return (outer->families & inner->families) == inner->families &&
	       prefix_reaches(&outer->source, &inner->source) && prefix_reaches(&a->to, &b->to) &&
	       name_covers(a->in, b->in) && name_covers(a->out, b->out) &&
	       a->protocol == b->protocol && a->syn == b->syn && a->sctp_init == b->sctp_init &&
	       a->sctp_not_init == b->sctp_not_init && a->tcp_mask == b->tcp_mask &&
	       a->tcp_flags == b->tcp_flags && a->icmp == b->icmp && a->icmp_type == b->icmp_type &&
	       a->to_local <= b->to_local && a->from_local <= b->from_local;
}

/* Leaves of @ports what @without does not have; it may stay as it was where that is hard. */
static void take_away(struct selector *selector, struct ports *ports, const struct ports *without)
{
	struct port_set left = set_of(ports), other = set_of(without);

	left = subtract(&left, &other);
	if (!left.count)
		selector->covered = true;
	else
		put_set(&left, ports);
}

static void part(const struct selector *earlier, struct selector *selector)
{
	if (earlier->covered || !covers(earlier, selector))
		return;
	if (ports_cover(&earlier->match.source, &selector->match.source))
		take_away(selector, &selector->match.destination, &earlier->match.destination);
	else if (ports_cover(&earlier->match.destination, &selector->match.destination))
		take_away(selector, &selector->match.source, &earlier->match.source);
}

static bool have_addresses(const struct selector *selector)
{
	return selector->source.length || selector->match.to.length;
}

static bool same_selector(const struct selector *a, const struct selector *b)
{
	return rule_same(&(struct rule){ .source = a->source, .match = &a->match },
			 &(struct rule){ .source = b->source, .match = &b->match });
}

size_t selectors_merge(struct selector *selectors, size_t count)
{
	size_t kept = 0, j;

	for (size_t i = 0; i < count; i++) {
		for (j = 0; j < kept; j++)
			if (same_selector(&selectors[j], &selectors[i]) &&
			    (selectors[j].families == selectors[i].families ||
			     !have_addresses(&selectors[i])))
				break;
		if (j < kept)
			selectors[j].families |= selectors[i].families;
		else
			selectors[kept++] = selectors[i];
	}
	return kept;
}

static bool covers_wholly(const struct selector *outer, const struct selector *inner)
{
	return !outer->covered && covers(outer, inner) &&
	       ports_cover(&outer->match.source, &inner->match.source) &&
	       ports_cover(&outer->match.destination, &inner->match.destination);
}

void selectors_part(struct selector *selectors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			if (covers_wholly(&selectors[j], &selectors[i])) {
				selectors[i].covered = true;
				break;
			}
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i && !selectors[i].covered; j++)
			part(&selectors[j], &selectors[i]);
}
