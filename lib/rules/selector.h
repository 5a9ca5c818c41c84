/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_SELECTOR_H
#define LIB_SELECTOR_H

#include "model/model.h"
#include "rules/rule.h"
#include "support/error.h"

/* What conntrack would say of a packet, were it tracked. */
enum packet_class {
	CLASS_ANY,			/* all but errors, which are of no service */
	CLASS_REQUEST,			/* NEW; of TCP: its SYN */
	CLASS_ANSWER,			/* ESTABLISHED, in the direction of replies */
	CLASS_LATER,			/* ESTABLISHED: what else comes from whoever asked */
	CLASS_RESET,			/* RELATED: a RST that a REJECT of this host sends */
	CLASS_ERROR,			/* RELATED: an ICMP error */
	CLASSES
};

/* Flows of one service, as bits: those of a role over a protocol, at a hook. */
typedef uint32_t flow_set;

static inline flow_set flow_bit(enum direction direction, enum role role, bool request,
				enum protocol protocol)
{
	return 1u << (((direction * 2u + (role == OUTBOUND)) * 2u + request) * PROTOCOLS + protocol);
}

/* What is being compiled, and where its rules go. */
struct compiler {
	const struct service *service;
	/* all services of the family: answers are not looked for at ports that others ask */
	const struct family_model *model;
	enum family family;
	struct ruleset *rules;
	struct chain *chain;
	enum target target;
	struct chain *to;		/* TARGET_JUMP: the limits' chain; TARGET_GOTO: the
					   service's */
	enum packet_class class;
	bool local_only;		/* what is not for, or from, an address of this host is left
					   alone: it forwards, or answers in place of others */
	flow_set skipped;		/* flows that are left out */
	struct error *error;
};

/*
 * The ports of whoever is not the server, in a flow over a protocol: the widest range of
 * those that the selectors pick; 0, -ENOENT where they pick none, or -ENOMEM.  @local_only:
 * as in struct compiler.
 */
int select_client_ports(const struct family_model *model, const struct service *service,
			enum role role, enum protocol protocol, bool local_only,
			struct port_range *widest);

/*
 * All packets of the service, and of the class, that come in, or go out.  Accepted are, but
 * for classic mode, only segments of TCP whose flags are possible.
 */
int select_direction(struct compiler *compiler, enum direction direction);

/*
 * Packets of the protocols (1 << enum protocol), whatever their ports: of TCP the segments whose
 * flags are possible.
 */
int select_segments(struct compiler *compiler, unsigned int protocols);

/* Whether the flows of a role have rules of their own for lo, at the other hook. */
bool select_has_loopback(const struct service *service, enum role role);

/* ICMP errors of the family, whatever they are about. */
int select_errors(struct compiler *compiler);

/* Its inbound requests; with TARGET_JUMP those that begin an exchange. */
int select_requests(struct compiler *compiler);

#endif
