/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foreign.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include "legacy/layout.h"
#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum { ROOM = 4 << 20, CHAINS_MAX = 4096 };

struct blob blob;
static uint32_t end_of_table;
struct ipt_entry *last;

void table_begin(enum table_id id)
{
	blob = (struct blob){ .kernel = &xt_families[IPV4], .id = id };
	blob.block = calloc(1, ROOM);
	blob.chains = calloc(CHAINS_MAX, sizeof(*blob.chains));
	end_of_table = 0;
}

void table_end(void)
{
	free(blob.block);
	free(blob.chains);
}

static struct xt_entry_target *add_entry(const char *target, size_t size)
{
	struct xt_entry_target *at;

	last = (void *)((char *)blob.block->entrytable + end_of_table);
	last->target_offset = (uint16_t)XT_ALIGN(sizeof(*last));
	last->next_offset = (uint16_t)(last->target_offset + size);
	at = (void *)((char *)last + last->target_offset);
	at->u.target_size = (uint16_t)size;
	strcpy(at->u.user.name, target);
	end_of_table += last->next_offset;
	expect(end_of_table < ROOM, "the table is too small");
	return at;
}

void add_verdict(int verdict)
{
	((struct xt_standard_target *)add_entry("", STANDARD_SIZE))->verdict = verdict;
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

size_t add_chain(const char *name, int hook)
{
	struct blob_chain *chain = &blob.chains[blob.count];

	if (hook < 0) {
		struct xt_error_target *head = (void *)add_entry(XT_ERROR_TARGET, ERROR_SIZE);

		strcpy(head->errorname, name);
		last->nfcache = (unsigned int)blob.count;
	}
	*chain = (struct blob_chain){ .name = name, .rules = end_of_table, .hook = hook };
	return blob.count++;
}

void end_chain(int verdict)
{
	struct blob_chain *chain = &blob.chains[blob.count - 1];

	chain->foot = end_of_table;
	add_verdict(verdict);
}

struct patch jump(bool go)
{
	struct patch patch;

	add_verdict(0);
	patch.target = (void *)((char *)last + last->target_offset);
	last->ip.flags = go ? IPT_F_GOTO : 0;
	return patch;
}

void lead(struct patch patch, size_t chain)
{
	patch.target->verdict = (int)blob.chains[chain].rules;
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
	end_of_table += (uint32_t)whole;
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
	return (struct probe){ .in = "+", .protocol = IPPROTO_UDP, .source_port = { 1024, 65535 },
			       .destination_port = { first, last_port },
			       .tracked_states = XT_CONNTRACK_STATE_BIT(IP_CT_NEW) };
}

struct journey walk(const struct probe *probe, unsigned int states)
{
	struct journey journey = { 0 };

	expect(!walk_table(&blob, "INPUT", probe, states, &journey), "out of memory");
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
	ck_assert_str_eq(ending->first.chain, chain);
	ck_assert_uint_eq(ending->first.rule, rule);
}
