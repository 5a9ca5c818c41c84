/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What our selectors pick: the packets that we take away from conntrack, by what
 * conntrack would have said of them, with probes for the walk.
 */
#ifndef LIB_PICKS_H
#define LIB_PICKS_H

#include "rules/selector.h"
#include "verify/probe.h"

/* Packets of one selector. */
struct pick {
	const struct rule *rule;		/* what the selector asks; no verdict */
	const struct service *service;		/* NULL: ICMP errors */
	uint8_t family;				/* enum family */
	uint8_t direction;			/* enum direction */
	uint8_t class;				/* enum packet_class */
	struct probe *probes;			/* all of the packets, where they differ */
	size_t count;
};

struct picks {
	struct pick *list;
	size_t count;
	struct ruleset rules;			/* where the rules are */
};

/* What a host is like. */
struct pick_options {
	bool forwards;			/* packets of others */
	bool local_only;		/* what is not for this host is left alone */
	bool errors_untracked;		/* NOTRACK takes ICMP errors by their inner header */
};

/* Those of all services of a family in one direction. */
int picks_make(struct picks *picks, const struct family_model *model, enum family family,
	       enum direction direction, const struct pick_options *options);
/* What packets of one flow are. */
struct flow_key {
	const struct service *service;
	enum direction direction;
	enum role role;
	bool request;
	enum protocol protocol;
};

/* Adds those of one flow and one class. */
int picks_add_flow(struct picks *picks, const struct family_model *model, enum family family,
		   const struct flow_key *flow, enum packet_class class,
		   const struct pick_options *options);
/* ... those of ICMP errors. */
int picks_add_errors(struct picks *picks, enum family family, enum direction direction);
void picks_free(struct picks *picks);

/* What conntrack would say of packets of a class, and what it says without an entry. */
enum ct_state class_state(enum packet_class class);
enum ct_state class_state_now(enum packet_class class, const struct pick_options *options);

#endif
