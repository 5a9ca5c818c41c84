/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet.h"

#include <string.h>

#include "unit.h"

enum { DEPTH = 256, LOOPING = 100000 };

static bool matches_address(const struct prefix *prefix, const struct prefix *address)
{
	return !prefix->length || prefix_covers(prefix, address);
}

static bool matches_interface(const char *pattern, const char *name)
{
	size_t size = strlen(pattern);

	if (!size)
		return true;
	if (!name)
		return false;
	if (pattern[size - 1] == '+')
		return !strncmp(pattern, name, size - 1);
	return !strcmp(pattern, name);
}

static bool matches_port(const struct ports *ports, uint16_t port)
{
	for (unsigned int i = 0; i < ports->count; i++)
		if (port >= ports->range[i].first && port <= ports->range[i].last)
			return !ports->inverted;
	return !ports->count || ports->inverted;
}

/* As iptables' --syn looks at them. */
static bool matches_syn(uint8_t syn, uint8_t flags)
{
	switch (syn) {
	case SYN_ONLY:
		return (flags & 0x17) == 0x02;
	case SYN_NOT:
		return (flags & 0x17) != 0x02;
	case SYN_ACK_NOT:
		return (flags & 0x17) != 0x12;
	}
	return true;
}

static bool matches(const struct match *match, const struct packet *packet)
{
	return matches_address(&match->to, &packet->destination) &&
	       matches_interface(match->in, packet->in) &&
	       matches_interface(match->out, packet->out) &&
	       (!match->protocol || match->protocol == packet->protocol) &&
	       matches_port(&match->source, packet->source_port) &&
	       matches_port(&match->destination, packet->destination_port) &&
	       matches_syn(match->syn, packet->tcp_flags) &&
	       (packet->tcp_flags & match->tcp_mask) == match->tcp_flags &&
	       (!match->sctp_init || packet->init) && (!match->sctp_not_init || !packet->init) &&
	       (!match->icmp || match->icmp_type == packet->icmp_type) &&
	       (!match->above || packet->above);
}

static bool rule_matches(const struct rule *rule, const struct packet *packet)
{
	return matches_address(&rule->source, &packet->source) &&
	       (!rule->match || matches(rule->match, packet));
}

/* Where a packet is: in that chain, ahead of that rule. */
struct place {
	const struct chain *chain;
	size_t next;
};

static struct place enter(const struct ruleset *rules, const char *name)
{
	struct place place = { .chain = ruleset_find(rules, name) };

	expect(place.chain, "there is no chain %s", name);
	return place;
}

/* What a rule that matched does to it; false: that was the end. */
static bool follow(const struct rule *rule, const struct ruleset *rules, struct place *at,
		   struct place *back, unsigned int *depth, struct journey *journey)
{
	switch (rule->target) {
	case TARGET_ACCEPT:
		journey->fate = ACCEPTED;
		return false;
	case TARGET_DROP:
		journey->fate = DROPPED;
		return false;
	case TARGET_RETURN:
		at->next = at->chain->count;
		break;
	case TARGET_NOTRACK:
		journey->untracked = true;
		break;
	case TARGET_JUMP:
		expect(*depth < DEPTH, "jumps too deep");
		back[(*depth)++] = *at;
		*at = enter(rules, rule->to->name);
		break;
	case TARGET_GOTO:
		*at = enter(rules, rule->to->name);
		break;
	}
	return true;
}

struct journey packet_walk(const struct packet *packet, const struct ruleset *rules,
			   const char *chain,
			   void (*met)(void *data, const struct chain *chain,
				       const struct rule *rule), void *data)
{
	struct journey journey = { .fate = RETURNED };
	struct place at = enter(rules, chain), back[DEPTH];
	unsigned int depth = 0;

	for (;;) {
		const struct rule *rule;

		if (at.next == at.chain->count) {
			if (!depth)
				return journey;
			at = back[--depth];
			continue;
		}
		rule = &at.chain->rules[at.next++];
		expect(++journey.looked_at < LOOPING, "the chains go in circles");
		if (!rule_matches(rule, packet))
			continue;
		if (met)
			met(data, at.chain, rule);
		if (!follow(rule, rules, &at, back, &depth, &journey))
			return journey;
	}
}
