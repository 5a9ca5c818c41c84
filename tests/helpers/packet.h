/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A packet on its way through compiled chains, as ipt_do_table() takes it. */
#ifndef NOTRACK_TESTS_PACKET_H
#define NOTRACK_TESTS_PACKET_H

#include "rules/rule.h"

struct packet {
	struct prefix source, destination;	/* of full length */
	const char *in, *out;			/* NULL where there is none */
	uint8_t protocol;
	uint16_t source_port, destination_port;
	uint8_t tcp_flags;		/* as in the 14th byte of the header */
	bool init;			/* SCTP: an INIT chunk */
	uint8_t icmp_type;
	bool above;			/* what every hashlimit says of it */
};

enum fate {
	RETURNED,			/* to whoever entered the chain */
	ACCEPTED,
	DROPPED,
};

struct journey {
	enum fate fate;
	bool untracked;
	unsigned int looked_at;		/* rules, whether they matched or not */
};

/* @met: called for each rule that matches and counts; may be NULL */
struct journey packet_walk(const struct packet *packet, const struct ruleset *rules,
			   const char *chain,
			   void (*met)(void *data, const struct chain *chain,
				       const struct rule *rule), void *data);

#endif
