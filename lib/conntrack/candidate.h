/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service that may be worth untracking, and the judgement on it. */
#ifndef LIB_CANDIDATE_H
#define LIB_CANDIDATE_H

#include "conntrack/flow.h"

/* A forwarder asks so many servers at most; who asks more asks the world. */
#define REMOTES_MAX 3

/* Of the entries of one port, or of all ports of a service. */
struct flows {
	uint64_t count;
	uint64_t inbound, outbound, forwarded;
	uint64_t brief;			/* exchanges that are over, or hardly began */
	uint64_t translated, helped;
	uint64_t covered;		/* untracked by now: from before */
	uint64_t halves;		/* began with an answer, as the request was untracked */
	struct prefix remotes[REMOTES_MAX];	/* servers that this host asks */
	unsigned int remote_count;	/* REMOTES_MAX + 1: more than that */
	struct prefix translated_to;	/* one of them */
	char helper[32];
};

struct candidate {
	struct service *service;	/* NULL: a port that no service has */
	bool in_model;
	bool name_taken;		/* by another service of the model: of a port without one */
	int protocol;
	uint16_t port;
	struct flows flows;
	enum notrack_advice_kind kind;
	struct notrack_service words;
	char name[SERVICE_NAME_MAX + 1], ports[8];
	char remote[REMOTES_MAX * (PREFIX_TEXT + 2)];
	char text[1024];
};

/* @covered: the model's services untrack such flows. */
void flows_note(struct flows *flows, const struct tracked *entry, const struct flow *flow,
		bool covered);
/* Of another port, translated to this one: answers come from here. */
void flows_note_translated(struct flows *flows, const struct tracked *entry);
void flows_add(struct flows *sum, const struct flows *flows);

/* Words for notrack_add_service(). */
void candidate_name(struct candidate *candidate);
/* Of the table: what the model's services leave tracked, what is not forwarded for others. */
struct shares {
	double uncovered, own, threshold;
};

void candidate_judge(struct candidate *candidate, const struct shares *shares);

#endif
