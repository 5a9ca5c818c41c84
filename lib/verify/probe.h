/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packets of a flow, and what a condition, whoever wrote it, asks of them. */
#ifndef LIB_PROBE_H
#define LIB_PROBE_H

#include "model/service.h"
#include "rules/view.h"

/* RFC 9293, section 3.1 */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80
/* RFC 9260, section 3.2; INIT stands alone */
#define SCTP_DATA 0
#define SCTP_INIT 1
#define SCTP_INIT_ACK 2

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
	uint8_t chunk;				/* SCTP_* */
	uint8_t tracked_states;			/* enum ct_state that it may be in */
	bool own_source, own_destination;	/* an address of this host */
	bool local_destination;			/* ... and of no other: its type is LOCAL */
	bool reply;				/* the answer to what began the connection */
	uint8_t icmp_type;			/* of IPPROTO_ICMP and IPPROTO_ICMPV6 */
	bool plain;				/* none has anything unusual but what is said here */
};

/*
 * A mark, of which some bits may be anything.  Others are as packets came, or as a socket sent
 * them: 0, unless somebody beside the rules has marked a few.
 */
struct mark {
	uint32_t value, unknown, as_it_came;
};

/* What is known of the packets where a rule meets them. */
struct situation {
	const struct view *view;		/* which has the sets with a name */
	uint32_t states;			/* enum ct_state: what conntrack may say */
	bool confirmed;				/* conntrack's entry is, though it is new */
	struct mark mark, connection_mark;
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

/* Which packets of the probe meet a condition: bits as above. */
unsigned int probe_meets(const struct probe *probe, const struct step *condition,
			 const struct situation *situation);

/* Whether packets of the probe could meet a rule, whatever conntrack says of them. */
unsigned int probe_could_meet(const struct probe *probe, const struct view_rule *rule);

/* Which packets meet a map's element. */
unsigned int probe_meets_element(const struct probe *probe, const struct view_lookup *map,
				 size_t element, const struct situation *situation);
/* What a map with a name says of packets whose key is known: see struct view; -EAGAIN: it is not. */
int probe_ask(const struct probe *probe, const struct view_lookup *lookup,
	      const struct situation *situation, struct set_element *found);

/*
 * Narrows packets to some of those that a condition is about, inverted or not:
 * to the range of that index; false: it has no more of them, or is about
 * something that a probe does not say.
 */
bool probe_narrow(struct probe *probe, const struct step *condition, size_t index);

/* To those that a condition is not about, where the ports that are left are one range. */
void probe_narrow_away(struct probe *probe, const struct step *condition);

/* To those that meet an element of a set or map; false: it is about what a probe does not say. */
bool probe_narrow_to_element(struct probe *probe, const struct view_lookup *lookup, size_t element);

/* Tells conditions apart that we do not know: alike where they ask for the same. */
uint32_t condition_identity(const struct step *condition);
/* Whether the answer depends on what conntrack or rules did to a packet. */
bool condition_depends(const struct step *condition);

/* Whether a rule, if there is one, asks for ports; for those that packets come from, or go to. */
bool rule_names_ports(const struct view_rule *rule);
bool rule_names_sources(const struct view_rule *rule);
bool rule_names_destinations(const struct view_rule *rule);

/* Two conditions at once. */
static inline unsigned int meets_both(unsigned int a, unsigned int b)
{
	return (a & b & ALL_DO) | ((a | b) & NONE_DOES);
}

#endif
