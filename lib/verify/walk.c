/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As ipt_do_table() goes, but with a set of states instead of one packet: where
 * nobody knows whether a rule matches, packets go both ways.  What becomes of a
 * state that enters a user's chain does not depend on how it got there, so that
 * each chain is walked once a state, however many rules lead to it.
 */
#include "verify/walk.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdlib.h>
#include <string.h>

/* Deeper than any table one meets; what lies below, nobody knows. */
#define DEPTH_MAX 1024

#define WALKED 0x80		/* beside the states in which packets come back */

struct walk {
	const struct blob *blob;
	const struct probe *probe;
	struct journey *journey;
	uint8_t *walked;		/* for each chain, and each state */
	unsigned int depth;
};

/* --- endings ---------------------------------------------------------- */

static void end(struct walk *walk, enum fate fate, unsigned int states, struct place place)
{
	struct journey *journey = walk->journey;

	if (states)
		journey->time++;
	for (unsigned int state = 0; state < STATES; state++) {
		struct ending *ending = &journey->endings[fate][state];

		if (!(states & 1u << state))
			continue;
		if (!ending->first_time) {
			ending->first = place;
			ending->first_time = journey->time;
		}
		ending->last = place;
		ending->last_time = journey->time;
	}
}

/* Up to somebody else, or beyond us. */
static void end_either_way(struct walk *walk, unsigned int states, struct place place)
{
	end(walk, DROPPED, states, place);
	end(walk, ACCEPTED, states, place);
}

unsigned int journey_states(const struct journey *journey, enum fate fate)
{
	unsigned int states = 0;

	for (unsigned int state = 0; state < STATES; state++)
		if (journey->endings[fate][state].first_time)
			states |= 1u << state;
	return states;
}

const struct ending *journey_first(const struct journey *journey, enum fate fate,
				   unsigned int states)
{
	const struct ending *first = NULL;

	for (unsigned int state = 0; state < STATES; state++) {
		const struct ending *ending = &journey->endings[fate][state];

		if (states & 1u << state && ending->first_time &&
		    (!first || ending->first_time < first->first_time))
			first = ending;
	}
	return first;
}

const struct ending *journey_last(const struct journey *journey, enum fate fate,
				  unsigned int states)
{
	const struct ending *last = NULL;

	for (unsigned int state = 0; state < STATES; state++) {
		const struct ending *ending = &journey->endings[fate][state];

		if (states & 1u << state && ending->last_time > (last ? last->last_time : 0))
			last = ending;
	}
	return last;
}

/* --- one rule --------------------------------------------------------- */

/* Which of the states a rule takes, and which go on to the next. */
struct split {
	unsigned int taken, passed;
};

/* What conntrack may say of a packet: in raw, it has not seen it yet. */
static unsigned int conntrack_says(const struct walk *walk, unsigned int state)
{
	switch (state % TRACKINGS) {
	case UNTRACKED:
		return XT_CONNTRACK_STATE_UNTRACKED;
	case TEMPLATE:
		if (walk->blob->id == RAW)
			return XT_CONNTRACK_STATE_BIT(IP_CT_NEW);
		return walk->probe->tracked_states;
	default:
		return walk->blob->id == RAW ? XT_CONNTRACK_STATE_INVALID :
					       walk->probe->tracked_states;
	}
}

static struct split split_states(const struct walk *walk, const void *entry, unsigned int states)
{
	struct split split = { 0 };

	for (unsigned int state = 0; state < STATES; state++) {
		unsigned int picked = 1u << (TRACKINGS + state % TRACKINGS), meets;

		if (!(states & 1u << state))
			continue;
		meets = probe_meets(walk->probe, walk->blob->kernel, entry,
				    conntrack_says(walk, state));
		if (1u << state & ANY_USUAL) {
			split.taken |= meets & USUAL_DOES ? 1u << state : 0;
			split.passed |= meets & USUAL_DOES_NOT ? 1u << state : 0;
			/* the others leave its company here */
			split.taken |= meets & SOME_DO && !(meets & USUAL_DOES) ? picked : 0;
			split.passed |= meets & SOME_DO_NOT && !(meets & USUAL_DOES_NOT) ? picked : 0;
		} else {
			split.taken |= meets & SOME_DO ? picked : 0;
			split.passed |= meets & SOME_DO_NOT ? picked : 0;
		}
	}
	return split;
}

/* Those that do their work and let the packet go on. */
static bool goes_on(const char *target)
{
	static const char *const names[] = {
		"AUDIT", "CLASSIFY", "CONNMARK", "CONNSECMARK", "DSCP", "HMARK", "IDLETIMER", "LED",
		"LOG", "MARK", "NFLOG", "RATEEST", "SECMARK", "SET", "TCPMSS", "TEE", "TRACE", "ULOG",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(target, names[i]))
			return true;
	return false;
}

static bool translates(const char *target)
{
	return !strcmp(target, "DNAT") || !strcmp(target, "SNAT") || !strcmp(target, "REDIRECT") ||
	       !strcmp(target, "MASQUERADE") || !strcmp(target, "NETMAP");
}

/* Whatever the revision, it begins with its flags. */
static bool is_notrack(const struct xt_entry_target *target)
{
	return !strcmp(target->u.user.name, "NOTRACK") ||
	       ((const struct xt_ct_target_info *)target->data)->flags & XT_CT_NOTRACK;
}

/* The first of NOTRACK and CT wins: xt_CT.c leaves alone what another has set. */
static unsigned int set_tracking(unsigned int states, enum tracking to)
{
	unsigned int kept = states & ~(USUAL(TRACKED) | PICKED(TRACKED));

	if (states & USUAL(TRACKED))
		kept |= USUAL(to);
	if (states & PICKED(TRACKED))
		kept |= PICKED(to);
	return kept;
}

static unsigned int extended_target(struct walk *walk, const struct xt_entry_target *target,
				    unsigned int states, struct place place)
{
	const char *name = target->u.user.name;

	if (!strcmp(name, "NOTRACK") || !strcmp(name, "CT"))
		return set_tracking(states, is_notrack(target) ? UNTRACKED : TEMPLATE);
	if (goes_on(name))
		return states;
	if (!strcmp(name, "REJECT")) {
		end(walk, DROPPED, states, place);
	} else if (translates(name)) {
		if (!walk->journey->translated)
			walk->journey->translation = place;
		walk->journey->translated = true;
		end(walk, ACCEPTED, states, place);
	} else {
		end_either_way(walk, states, place);
		return states;
	}
	return 0;
}

/* --- chains ----------------------------------------------------------- */

/* A rule on the way. */
struct step {
	uint32_t offset;
	struct place place;
};

static unsigned int walk_chain(struct walk *walk, size_t number, unsigned int states,
				struct place place);

static bool is_goto(const struct blob *blob, uint32_t offset)
{
	struct header header;

	blob->kernel->get_header(blob_entry(blob, offset), &header);
	return header.go;
}

/* Returns the states that go on to the next rule; @back: those that leave the chain. */
static unsigned int take_target(struct walk *walk, const struct step *step, unsigned int states,
				unsigned int *back)
{
	const struct blob *blob = walk->blob;
	const struct xt_entry_target *target =
		entry_target(blob->kernel, blob_entry(blob, step->offset));
	long jump = blob_jump(blob, step->offset);
	unsigned int returned;

	if (*target->u.user.name)
		return extended_target(walk, target, states, step->place);
	if (jump >= 0) {
		returned = walk_chain(walk, (size_t)jump, states, step->place);
		if (!is_goto(blob, step->offset))
			return returned;
		*back |= returned;
		return 0;
	}
	switch (((const struct xt_standard_target *)target)->verdict) {
	case -NF_ACCEPT - 1:
		end(walk, ACCEPTED, states, step->place);
		return 0;
	case -NF_DROP - 1:
		end(walk, DROPPED, states, step->place);
		return 0;
	case XT_RETURN:
		*back |= states;
		return 0;
	case -NF_QUEUE - 1:
		end_either_way(walk, states, step->place);
		return 0;
	default:	/* to the next rule */
		return states;
	}
}

static unsigned int walk_rules(struct walk *walk, const struct blob_chain *chain,
			       unsigned int states)
{
	struct step step = { .offset = chain->rules,
			     .place = { .table = walk->blob->id, .chain = chain->name } };
	unsigned int back = 0;

	while (states && step.offset != chain->foot) {
		struct split split = split_states(walk, blob_entry(walk->blob, step.offset), states);

		step.place.rule++;
		states = split.passed;
		if (split.taken)
			states |= take_target(walk, &step, split.taken, &back);
		step.offset = blob_next(walk->blob, step.offset);
	}
	return states | back;
}

/* Through a user's chain, each state once; returns those that come back from it. */
static unsigned int walk_chain(struct walk *walk, size_t number, unsigned int states,
				struct place place)
{
	uint8_t *walked = walk->walked + number * STATES;
	unsigned int back = 0;

	if (walk->depth == DEPTH_MAX) {
		end_either_way(walk, states, place);
		return states;
	}
	walk->depth++;
	for (unsigned int state = 0; state < STATES; state++) {
		if (!(states & 1u << state))
			continue;
		if (!walked[state]) {
			walked[state] = WALKED;
			walked[state] |= (uint8_t)walk_rules(walk, &walk->blob->chains[number],
							     1u << state);
		}
		back |= walked[state] & ~WALKED;
	}
	walk->depth--;
	return back;
}

static const struct blob_chain *find_hook(const struct blob *blob, const char *hook)
{
	for (size_t i = 0; i < blob->count; i++)
		if (blob->chains[i].hook >= 0 && !strcmp(blob->chains[i].name, hook))
			return &blob->chains[i];
	return NULL;
}

int walk_table(const struct blob *blob, const char *hook, const struct probe *probe,
	     unsigned int states, struct journey *journey)
{
	const struct place policy = { .table = blob->id, .chain = hook };
	const struct blob_chain *chain = find_hook(blob, hook);
	struct walk walk = { .blob = blob, .probe = probe, .journey = journey };
	const struct xt_standard_target *foot;

	if (!chain) {
		end(&walk, ACCEPTED, states, policy);
		return 0;
	}
	walk.walked = calloc(blob->count, STATES);
	if (!walk.walked)
		return -ENOMEM;
	states = walk_rules(&walk, chain, states);
	foot = (const void *)entry_target(blob->kernel, blob_entry(blob, chain->foot));
	end(&walk, foot->verdict == -NF_ACCEPT - 1 ? ACCEPTED : DROPPED, states, policy);
	free(walk.walked);
	return 0;
}
