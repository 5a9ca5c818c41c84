/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a rule stands to packets that we take away from conntrack: whether it would take
 * them if they were tracked, and whether it takes them now.
 */
#ifndef LIB_STANCE_H
#define LIB_STANCE_H

#include "rules/graft.h"
#include "verify/picks.h"

struct stance {
	bool meets;		/* packets of the pick may be what it asks for, but for conntrack */
	bool takes;		/* ... and it may take them, were they tracked */
	bool misses;		/* ... and not as they are: it wants a twin */
	bool catches;		/* it takes some that it would not have taken: to be led past it */
	bool sees;		/* it may take some as they are, if only to count them */
	bool unsure;		/* it asks conntrack for what nobody can know without it */
	bool takes_all;		/* it surely takes all packets, were they tracked */
	bool ends;		/* none of them goes on to the next rule, but for one that is led
				   past this one and the rest of the chain */
};

/* Where rules and packets are. */
struct setting {
	const struct view *view;
	const struct pick_options *options;
};

/* How a rule stands to the packets of a pick. */
struct stance stance_of(const struct view_rule *rule, const struct pick *pick,
			const struct setting *setting);

/* Whether no packet that a rule takes goes on to the next one. */
bool rule_ends_chain(const struct view_rule *rule);

/* Whether the classes ask for what a rule asks of conntrack: bits, 1 << enum packet_class. */
unsigned int rule_asks_for(const struct view_rule *rule);

#endif
