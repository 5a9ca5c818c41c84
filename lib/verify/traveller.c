/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/traveller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the same, or more ------------------------------------------------ */

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && !memcmp(a->address, b->address, sizeof(a->address));
}

static bool same_ports(const struct port_range *a, const struct port_range *b)
{
	return a->first == b->first && a->last == b->last;
}

/* What rules may have narrowed; all else is the same on a walk. */
static bool same_packets(const struct probe *a, const struct probe *b)
{
	return same_prefix(&a->source, &b->source) &&
	       same_prefix(&a->destination, &b->destination) &&
	       same_ports(&a->source_port, &b->source_port) &&
	       same_ports(&a->destination_port, &b->destination_port) &&
	       !strcmp(a->in, b->in) && !strcmp(a->out, b->out) &&
	       !strcmp(a->usual_interface, b->usual_interface) &&
	       a->usual_source.length == b->usual_source.length &&
	       a->usual_destination.length == b->usual_destination.length;
}

static bool same_mark(const struct mark *a, const struct mark *b)
{
	return a->value == b->value && a->unknown == b->unknown && a->as_it_came == b->as_it_came;
}

static bool same_course(const struct traveller *a, const struct traveller *b)
{
	if (a->sides != b->sides || a->split != b->split || a->dropped.chain != b->dropped.chain ||
	    a->dropped.rule != b->dropped.rule)
		return false;
	for (enum side side = TODAY; side < SIDES; side++)
		if (a->sides & 1u << side &&
		    (a->course[side].tracking != b->course[side].tracking ||
		     a->course[side].seen != b->course[side].seen ||
		     a->course[side].confirmed != b->course[side].confirmed ||
		     !same_mark(&a->course[side].mark, &b->course[side].mark) ||
		     !same_mark(&a->course[side].connection_mark,
				&b->course[side].connection_mark)))
			return false;
	return true;
}

static bool has_decisions_of(const struct traveller *traveller, const struct traveller *other)
{
	const struct decisions *a = &traveller->decisions, *b = &other->decisions;

	for (size_t i = 0; i < DECISION_WORDS && other->decision_count; i++)
		if (b->known[i] & (~a->known[i] | (a->met[i] ^ b->met[i])))
			return false;
	return true;
}

bool traveller_same(const struct traveller *a, const struct traveller *b)
{
	return a->usual == b->usual && a->forgot == b->forgot &&
	       a->decision_count == b->decision_count && same_course(a, b) &&
	       same_packets(&a->probe, &b->probe) && has_decisions_of(a, b);
}

static uint32_t mix(uint32_t hash, uint32_t value)
{
	return (hash ^ value) * 0x9e3779b1u ^ hash >> 15;
}

static uint32_t mix_prefix(uint32_t hash, const struct prefix *prefix)
{
	uint32_t words[4];

	memcpy(words, prefix->address, sizeof(words));
	for (size_t i = 0; i < 4; i++)
		hash = mix(hash, words[i]);
	return mix(hash, prefix->length);
}

static uint32_t fold(uint64_t word)
{
	return (uint32_t)(word ^ word >> 32);
}

uint32_t traveller_hash(const struct traveller *traveller)
{
	const struct probe *probe = &traveller->probe;
	uint32_t hash = mix(traveller->sides * 4u + traveller->usual, traveller->split);

	hash = mix_prefix(hash, &probe->source);
	hash = mix_prefix(hash, &probe->destination);
	hash = mix(hash, (uint32_t)probe->source_port.first << 16 | probe->destination_port.first);
	for (enum side side = TODAY; side < SIDES; side++)
		hash = mix(hash, traveller->course[side].tracking ^
			   traveller->course[side].mark.value << 4);
	for (size_t i = 0; i < DECISION_WORDS && traveller->decision_count; i++)
		hash = mix(mix(hash, fold(traveller->decisions.known[i])),
			   fold(traveller->decisions.met[i]));
	return hash;
}

/* "eth+" covers "eth0" and "eth1+". */
static bool covers_name(const char *wide, const char *narrow)
{
	size_t size = strlen(wide);

	if (size && wide[size - 1] == '+')
		return !strncmp(wide, narrow, size - 1);
	return !strcmp(wide, narrow);
}

static bool covers_ports(const struct port_range *wide, const struct port_range *narrow)
{
	return wide->first <= narrow->first && wide->last >= narrow->last;
}

static bool covers_packets(const struct probe *wide, const struct probe *narrow)
{
	return prefix_covers(&wide->source, &narrow->source) &&
	       prefix_covers(&wide->destination, &narrow->destination) &&
	       covers_ports(&wide->source_port, &narrow->source_port) &&
	       covers_ports(&wide->destination_port, &narrow->destination_port) &&
	       covers_name(wide->in, narrow->in) && covers_name(wide->out, narrow->out);
}

/* Whatever becomes of @narrow becomes of some of @wide, and is told as that. */
static bool covers(const struct traveller *wide, const struct traveller *narrow)
{
	return (wide->usual || !narrow->usual) && same_course(wide, narrow) &&
	       has_decisions_of(narrow, wide) && covers_packets(&wide->probe, &narrow->probe);
}

/* --- decisions -------------------------------------------------------- */

int traveller_decided(const struct traveller *traveller, uint32_t number)
{
	const uint64_t bit = 1ull << number % 64;

	if (number >= DECISIONS_MAX || !(traveller->decisions.known[number / 64] & bit))
		return -1;
	return (traveller->decisions.met[number / 64] & bit) != 0;
}

void traveller_decide(struct traveller *traveller, uint32_t number, bool met)
{
	const uint64_t bit = 1ull << number % 64;
	struct decisions *decisions = &traveller->decisions;

	if (number >= DECISIONS_MAX) {
		traveller->forgot = true;
		return;
	}
	traveller->decision_count += !(decisions->known[number / 64] & bit);
	decisions->known[number / 64] |= bit;
	if (met)
		decisions->met[number / 64] |= bit;
	else
		decisions->met[number / 64] &= ~bit;
}

void traveller_know(struct traveller *traveller, const struct decisions *decisions)
{
	traveller->decisions = *decisions;
	traveller->decision_count = 0;
	for (size_t i = 0; i < DECISION_WORDS; i++)
		traveller->decision_count += (uint16_t)__builtin_popcountll(decisions->known[i]);
}

static void undecide(struct traveller *traveller, uint32_t number)
{
	const uint64_t bit = 1ull << number % 64;

	traveller->decisions.known[number / 64] &= ~bit;
	traveller->decisions.met[number / 64] &= ~bit;
	traveller->decision_count--;
}

/* The one decision by which two differ that are the same otherwise; -1: there is no such. */
static int differing_decision(const struct traveller *a, const struct traveller *b)
{
	int differing = -1;

	if (a->usual != b->usual || a->decision_count != b->decision_count || !same_course(a, b) ||
	    !same_packets(&a->probe, &b->probe))
		return -1;
	for (size_t i = 0; i < DECISION_WORDS; i++) {
		const uint64_t bits = a->decisions.met[i] ^ b->decisions.met[i];

		if (a->decisions.known[i] != b->decisions.known[i] ||
		    (bits && (differing >= 0 || bits & (bits - 1))))
			return -1;
		if (bits)
			differing = (int)(64 * i) + __builtin_ctzll(bits);
	}
	return differing;
}

/* --- lists ------------------------------------------------------------ */

int company_add(struct company *company, const struct traveller *traveller)
{
	if (company->count == company->room) {
		size_t room = company->room ? 2 * company->room : 4;
		struct traveller *list = realloc(company->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		company->list = list;
		company->room = room;
	}
	company->list[company->count] = *traveller;
	company->list[company->count++].tidied = false;
	return 0;
}

void company_keep_tidied(struct company *company, size_t index, const struct traveller *before)
{
	if (company->count == index + 1 && before->tidied)
		company->list[index].tidied = traveller_same(&company->list[index], before);
}

void company_free(struct company *company)
{
	free(company->list);
	*company = (struct company){ 0 };
}

static void take_out(struct company *company, size_t index)
{
	company->list[index] = company->list[--company->count];
}

/* Two sides that parted, and are at the same place again with the same packets. */
static bool is_other_side(const struct traveller *one, const struct traveller *other)
{
	return one->split && one->split == other->split && !(one->sides & other->sides) &&
	       one->usual == other->usual && one->dropped.chain == other->dropped.chain &&
	       one->dropped.rule == other->dropped.rule &&
	       one->decision_count == other->decision_count &&
	       same_packets(&one->probe, &other->probe) && has_decisions_of(one, other);
}

static void reunite(struct traveller *one, const struct traveller *other)
{
	for (enum side side = TODAY; side < SIDES; side++)
		if (other->sides & 1u << side)
			one->course[side] = other->course[side];
	one->sides |= other->sides;
	one->split = 0;
}

static bool touches(const struct port_range *a, const struct port_range *b)
{
	return a->first <= b->last + 1u && b->first <= a->last + 1u;
}

static struct port_range both_ranges(const struct port_range *a, const struct port_range *b)
{
	return (struct port_range){ a->first < b->first ? a->first : b->first,
				    a->last > b->last ? a->last : b->last };
}

static struct port_range *ports_of(struct probe *probe, bool source)
{
	return source ? &probe->source_port : &probe->destination_port;
}

/* But for their ports. */
static bool same_ends(const struct probe *a, const struct probe *b)
{
	return same_prefix(&a->source, &b->source) && same_prefix(&a->destination, &b->destination) &&
	       !strcmp(a->in, b->in) && !strcmp(a->out, b->out);
}

/* Two that differ by the ports of one end alone, which are one range together. */
static bool join_ports(struct traveller *one, const struct traveller *other)
{
	bool sources = same_ports(&one->probe.destination_port, &other->probe.destination_port);
	struct probe probe = other->probe;
	struct port_range ports;

	if (!sources && !same_ports(&one->probe.source_port, &other->probe.source_port))
		return false;
	if (!touches(ports_of(&one->probe, sources), ports_of(&probe, sources)) ||
	    !same_ends(&one->probe, &other->probe) || !same_course(one, other) ||
	    one->decision_count != other->decision_count || !has_decisions_of(one, other))
		return false;
	ports = both_ranges(ports_of(&one->probe, sources), ports_of(&probe, sources));
	if (!one->usual)
		*one = *other;
	*ports_of(&one->probe, sources) = ports;
	return true;
}

/* Two become one, which is the second of them, or another than either was. */
static bool change(struct traveller *one, const struct traveller *other)
{
	int differing;

	if (is_other_side(one, other)) {
		reunite(one, other);
		return true;
	}
	if (covers(other, one)) {
		*one = *other;
		return true;
	}
	if (join_ports(one, other))
		return true;
	differing = differing_decision(one, other);
	if (differing < 0)
		return false;
	undecide(one, (uint32_t)differing);
	return true;
}

/* Whether the one at @second is no more than the one at @first, and does not make it whole. */
static bool is_within(const struct company *company, size_t first, size_t second)
{
	const struct traveller *one = &company->list[first], *other = &company->list[second];

	return !is_other_side(one, other) && covers(one, other);
}

/*
 * Compares one with all others, and what it becomes with all of them again.  Where it has become
 * a part of another that stays as it was, no more need be compared.
 */
static void settle(struct company *company, size_t index)
{
	for (size_t i = 0; i < company->count; i++) {
		const size_t first = i < index ? i : index, second = i < index ? index : i;

		if (i == index)
			continue;
		if (is_within(company, first, second)) {
			take_out(company, second);
			if (second == index)
				return;
			i--;
		} else if (change(&company->list[first], &company->list[second])) {
			take_out(company, second);
			index = first;
			i = SIZE_MAX;		/* from the beginning */
		}
	}
	company->list[index].tidied = true;
}

void company_tidy(struct company *company)
{
	for (size_t i = 0; i < company->count; i++) {
		const size_t count = company->count;

		if (company->list[i].tidied)
			continue;
		settle(company, i);
		if (company->count < count)
			i = SIZE_MAX;		/* another may have come to any place */
	}
}

/* Most often, one with the usual packet covers all others: it was added ahead of them. */
static bool is_covered(const struct company *company, const struct traveller *traveller)
{
	for (size_t i = 0; i < company->count && company->list[i].usual; i++)
		if (covers(&company->list[i], traveller))
			return true;
	return false;
}

static void put_usual_first(struct company *company)
{
	size_t usual = 0;

	for (size_t i = 0; i < company->count; i++)
		if (company->list[i].usual) {
			struct traveller traveller = company->list[i];

			company->list[i] = company->list[usual];
			company->list[usual++] = traveller;
		}
}

/* Tidying compares each with each, so that it waits until there are as many new ones as old. */
int company_add_kind(struct company *company, const struct traveller *traveller, bool *all)
{
	int err;

	if (is_covered(company, traveller))
		return 0;
	if (!*all && !traveller->usual)
		return 0;
	err = company_add(company, traveller);
	if (err || company->count < 2 * COMPANY_MAX)
		return err;
	company_tidy(company);
	put_usual_first(company);
	if (company->count > COMPANY_MAX) {
		company->count = COMPANY_MAX;
		*all = false;
	}
	return 0;
}

/* --- what two have in common ------------------------------------------ */

static bool meet_prefix(struct prefix *both, const struct prefix *a, const struct prefix *b)
{
	if (!prefix_covers(a, b) && !prefix_covers(b, a))
		return false;
	*both = a->length > b->length ? *a : *b;
	return true;
}

static bool meet_ports(struct port_range *both, const struct port_range *a,
		       const struct port_range *b)
{
	both->first = a->first > b->first ? a->first : b->first;
	both->last = a->last < b->last ? a->last : b->last;
	return both->first <= both->last;
}

static bool meet_name(char both[IFNAMSIZ], const char *a, const char *b)
{
	if (!covers_name(a, b) && !covers_name(b, a))
		return false;
	strcpy(both, covers_name(a, b) ? b : a);
	return true;
}

/* Whether both have been decided alike wherever both have been. */
static bool agree(const struct decisions *a, const struct decisions *b)
{
	for (size_t i = 0; i < DECISION_WORDS; i++)
		if (a->known[i] & b->known[i] & (a->met[i] ^ b->met[i]))
			return false;
	return true;
}

bool traveller_meet(struct traveller *both, const struct traveller *a, const struct traveller *b)
{
	if (!agree(&a->decisions, &b->decisions))
		return false;
	*both = *a;
	both->decision_count = 0;
	for (size_t i = 0; i < DECISION_WORDS; i++) {
		both->decisions.known[i] |= b->decisions.known[i];
		both->decisions.met[i] |= b->decisions.met[i];
		both->decision_count += (uint16_t)__builtin_popcountll(both->decisions.known[i]);
	}
	both->forgot |= b->forgot;
	both->usual = a->usual && b->usual;
	return meet_prefix(&both->probe.source, &a->probe.source, &b->probe.source) &&
	       meet_prefix(&both->probe.destination, &a->probe.destination, &b->probe.destination) &&
	       meet_ports(&both->probe.source_port, &a->probe.source_port, &b->probe.source_port) &&
	       meet_ports(&both->probe.destination_port, &a->probe.destination_port,
			  &b->probe.destination_port) &&
	       meet_name(both->probe.in, a->probe.in, b->probe.in) &&
	       meet_name(both->probe.out, a->probe.out, b->probe.out);
}
