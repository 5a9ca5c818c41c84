/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foreign.h"

#include <arpa/inet.h>
#include <linux/netfilter/xt_CT.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/view.h"
#include "unit.h"

enum { CHAINS_MAX = 4096, RULES_MAX = 8192, ENTRY_ROOM = 2048 };

static struct {
	struct ipt_entry *entry;
	size_t chain, leads_to;			/* leads_to: 0 is no chain, 1 the first */
} rules[RULES_MAX];
static size_t rule_count;
static struct {
	char name[32];
	bool built_in, drops;
} chains[CHAINS_MAX];
static size_t chain_count;
static enum table_id id;
static struct view view;

struct ipt_entry *last;
int went_on;

void table_begin(enum table_id table)
{
	id = table;
	rule_count = 0;
	chain_count = 0;
}

void table_end(void)
{
	for (size_t i = 0; i < rule_count; i++)
		free(rules[i].entry);
	view_free(&view);
}

static struct xt_entry_target *add_entry(const char *target, size_t size)
{
	struct xt_entry_target *at;

	expect(rule_count < RULES_MAX, "the table is too small");
	last = calloc(1, ENTRY_ROOM);
	rules[rule_count].entry = last;
	rules[rule_count].leads_to = 0;
	rules[rule_count++].chain = chain_count - 1;
	last->target_offset = (uint16_t)XT_ALIGN(sizeof(*last));
	last->next_offset = (uint16_t)(last->target_offset + size);
	at = (void *)((char *)last + last->target_offset);
	at->u.target_size = (uint16_t)size;
	strcpy(at->u.user.name, target);
	return at;
}

void add_verdict(int verdict)
{
	struct xt_standard_target *target =
		(void *)add_entry("", XT_ALIGN(sizeof(struct xt_standard_target)));

	target->verdict = verdict;
}

void add_target(const char *name)
{
	add_entry(name, XT_ALIGN(sizeof(struct xt_entry_target)) +
			XT_ALIGN(sizeof(struct xt_ct_target_info_v1)));
}

void accept_all(void)
{
	add_verdict(-NF_ACCEPT - 1);
}

void drop_all(void)
{
	add_verdict(-NF_DROP - 1);
}

void return_all(void)
{
	add_verdict(XT_RETURN);
}

static bool is_taken(const char *name)
{
	for (size_t i = 0; i < chain_count; i++)
		if (!strcmp(chains[i].name, name))
			return true;
	return false;
}

size_t add_chain(const char *name, int hook)
{
	expect(chain_count < CHAINS_MAX, "the table is too small");
	if (is_taken(name))
		snprintf(chains[chain_count].name, sizeof(chains[0].name), "%s%zu", name, chain_count);
	else
		strcpy(chains[chain_count].name, name);
	chains[chain_count].built_in = hook >= 0;
	return chain_count++;
}

void end_chain(int verdict)
{
	chains[chain_count - 1].drops = verdict != -NF_ACCEPT - 1;
}

struct patch jump(bool go)
{
	add_verdict(0);
	last->ip.flags = go ? IPT_F_GOTO : 0;
	return (struct patch){ rule_count - 1 };
}

void lead(struct patch patch, size_t chain)
{
	rules[patch.rule].leads_to = chain + 1;
}

void *add_match(const char *name, uint8_t revision, size_t size)
{
	size_t whole = XT_ALIGN(sizeof(struct xt_entry_match)) + XT_ALIGN(size);
	char *at = (char *)last + last->target_offset;
	struct xt_entry_match *match = (void *)at;

	memmove(at + whole, at, (size_t)(last->next_offset - last->target_offset));
	memset(at, 0, whole);
	match->u.match_size = (uint16_t)whole;
	match->u.user.revision = revision;
	strcpy(match->u.user.name, name);
	last->target_offset = (uint16_t)(last->target_offset + whole);
	last->next_offset = (uint16_t)(last->next_offset + whole);
	expect(last->next_offset <= ENTRY_ROOM, "the entry is too long");
	return match->data;
}

void unknown(void)
{
	add_match("length", 0, 8);
}

void from(const char *address, unsigned int bits, bool not)
{
	inet_pton(AF_INET, address, &last->ip.src);
	last->ip.smsk.s_addr = htonl(bits ? ~0u << (32 - bits) : 0);
	last->ip.invflags |= not ? IPT_INV_SRCIP : 0;
}

void by(const char *interface, size_t mask, bool not)
{
	strcpy(last->ip.iniface, interface);
	memset(last->ip.iniface_mask, 0xff, mask);
	last->ip.invflags |= not ? IPT_INV_VIA_IN : 0;
}

struct probe udp_to(uint16_t first, uint16_t last_port)
{
	return (struct probe){ .in = "+", .own_destination = true, .protocol = IPPROTO_UDP, .source_port = { 1024, 65535 },
			       .destination_port = { first, last_port },
			       .tracked_states = CT_NEW };
}

static void decode(struct view_table *table)
{
	static struct view_chain *decoded[CHAINS_MAX];

	for (size_t i = 0; i < chain_count; i++) {
		decoded[i] = view_add_chain(&view, table, chains[i].name);
		decoded[i]->drops = chains[i].drops;
		if (chains[i].built_in)
			view_set_hook(&view, decoded[i], id == RAW ? HOOK_PREROUTING : HOOK_INPUT,
				      id == RAW ? -300 : 0);
	}
	for (size_t i = 0; i < rule_count; i++)
		expect(!legacy_view_entry(&view, decoded[rules[i].chain], IPV4, rules[i].entry,
					  rules[i].leads_to ? chains[rules[i].leads_to - 1].name : "",
					  i), "out of memory");
}

/* A traveller for each of the states. */
static void set_out(const struct walk *way, const struct probe *probe, unsigned int states,
		    struct company *company)
{
	for (unsigned int state = 0; state < STATES; state++) {
		struct traveller traveller = walk_begin(way, probe, 1u << WOULD);

		if (!(states & 1u << state))
			continue;
		traveller.usual = state < TRACKINGS;
		traveller.course[WOULD].tracking = (uint8_t)(state % TRACKINGS);
		traveller.course[WOULD].seen = id != RAW;
		expect(!company_add(company, &traveller), "out of memory");
	}
}

struct journey walk(const struct probe *probe, unsigned int states)
{
	struct journey journey = { 0 };
	struct walk way = { .view = &view, .journeys[WOULD] = &journey };
	struct company company = { 0 };

	view_free(&view);
	decode(view_add_table(&view, WORLD_LEGACY, 1u << IPV4, "ip", table_name(id)));
	set_out(&way, probe, states, &company);
	expect(!walk_hook(&way, id == RAW ? HOOK_PREROUTING : HOOK_INPUT, &company),
	       "out of memory");
	went_on = 0;
	for (size_t i = 0; i < company.count; i++)
		went_on |= (int)journey_state(&company.list[i], WOULD);
	company_free(&company);
	walk_free(&way);
	return journey;
}

struct journey walk_udp(void)
{
	const struct probe probe = udp_to(53, 53);

	return walk(&probe, USUAL(TRACKED));
}

void expect_states(const struct journey *journey, unsigned int accepted, unsigned int dropped)
{
	ck_assert_uint_eq(journey_states(journey, ACCEPTED), accepted);
	ck_assert_uint_eq(journey_states(journey, DROPPED), dropped);
}

void expect_place(const struct ending *ending, const char *chain, unsigned int rule)
{
	ck_assert_ptr_nonnull(ending);
	ck_assert_str_eq(ending->first.chain->name, chain);
	ck_assert_uint_eq(ending->first.rule ? ending->first.rule->number : 0, rule);
}
