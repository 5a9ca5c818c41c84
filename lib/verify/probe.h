/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packets of a flow, and what a condition, whoever wrote it, asks of them. */
#ifndef LIB_PROBE_H
#define LIB_PROBE_H

#include "model/service.h"
#include "rules/view.h"

/* RFC 9293, section 3.1 */
#define TCP_SYN 0x02
#define TCP_ACK 0x10

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
	uint8_t family;				/* enum family */
	uint8_t protocol;			/* IPPROTO_* */
	uint8_t tcp_flags;			/* TCP_* */
	uint8_t tracked_states;			/* enum ct_state that it may be in */
	bool own_source, own_destination;	/* an address of this host */
	bool reply;				/* the answer to what began the connection */
};

/* What is known of the packets where a rule meets them. */
struct situation {
	uint32_t states;			/* enum ct_state: what conntrack may say */
	bool marked;				/* a rule has set a mark, so that it may be any */
	bool connection_marked;			/* likewise that of the connection */
};

/* Which of them meet a condition.  Both or neither of a pair: nobody knows. */
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

unsigned int probe_meets(const struct probe *probe, const struct step *condition,
			 const struct situation *situation);

/* Two conditions at once. */
static inline unsigned int meets_both(unsigned int a, unsigned int b)
{
	return (a & b & ALL_DO) | ((a | b) & NONE_DOES);
}

#endif
