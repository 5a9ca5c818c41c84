/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packets of a flow, and what a rule, whoever wrote it, asks of them. */
#ifndef LIB_PROBE_H
#define LIB_PROBE_H

#include "legacy/xt_family.h"
#include "model/service.h"

/*
 * A set of packets: addresses, interfaces and ports are all of a range.  One
 * of them is the usual packet, which has none that a rule names on its own, but
 * for what the usual one is said to have.
 */
struct probe {
	struct prefix source, destination;
	/* within the set, or of no use; length 0 and "": not said */
	struct prefix usual_source, usual_destination;
	char usual_interface[IFNAMSIZ];
	char in[IFNAMSIZ], out[IFNAMSIZ];	/* "" for none, a trailing '+' for any end */
	struct port_range source_port, destination_port;
	uint8_t protocol;			/* IPPROTO_* */
	uint8_t tcp_flags;			/* RFC 9293, section 3.1 */
	uint8_t tracked_states;			/* XT_CONNTRACK_STATE_* that it may be in */
};

/* Which of them a rule matches.  Both or neither of a pair: nobody knows. */
enum meets {
	USUAL_DOES = 1 << 0,
	USUAL_DOES_NOT = 1 << 1,
	SOME_DO = 1 << 2,
	SOME_DO_NOT = 1 << 3,

	ALL_DO = USUAL_DOES | SOME_DO,
	NONE_DOES = USUAL_DOES_NOT | SOME_DO_NOT,
	FEW_DO = USUAL_DOES_NOT | SOME_DO | SOME_DO_NOT,
	MOST_DO = USUAL_DOES | SOME_DO | SOME_DO_NOT,
	NOBODY_KNOWS = ALL_DO | NONE_DOES,
};

/*
 * Which packets an entry matches.  @states: what conntrack may say of them, as
 * XT_CONNTRACK_STATE_*.
 */
unsigned int probe_meets(const struct probe *probe, const struct xt_family *kernel,
			 const void *entry, unsigned int states);

#endif
