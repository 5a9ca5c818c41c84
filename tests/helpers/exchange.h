/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exchanges by chance on the wire of wire.h: a question, its answer, and of TCP one segment more. */
#ifndef NOTRACK_TESTS_EXCHANGE_H
#define NOTRACK_TESTS_EXCHANGE_H

#include <notrack.h>
#include <stdbool.h>

#include "wire.h"

enum when { BEFORE, AFTER, WHENS };
enum { EXCHANGE_PACKETS = 3 };

struct exchange {
	struct wire_packet packets[EXCHANGE_PACKETS];
	unsigned int count;
	bool asked;			/* else it is an answer, and nobody asked */
	bool is_unusual;		/* its packets have what few have, beside flags: see exchange.c */
	bool of_service;		/* its packets are those that the service untracks */
	bool is_exempt;			/* over lo, from whom the service is not for */
	bool arrived[WHENS][EXCHANGE_PACKETS];
	bool tried[EXCHANGE_PACKETS], went_on[EXCHANGE_PACKETS];	/* see exchanges_go_on() */
	bool tracked;			/* conntrack had an entry for it, after */
};

/* @number: each of a host's has a client port of its own. */
struct exchange exchange_by_chance(unsigned int number);

/* Finds those that a service is about. */
void exchanges_begin(const struct notrack_service *service, struct exchange *exchanges,
		     unsigned int count);

/*
 * Sends the packets of each, one after the other, as far as they get; and what is no
 * packet of the service's after what is, so that conntrack can be asked in between.
 */
void exchanges_run(struct exchange *exchanges, unsigned int count, enum when when);

/*
 * What was asked before the service was committed is answered after it, and so on: sends again
 * what arrived, but for the questions.
 */
void exchanges_go_on(struct exchange *exchanges, unsigned int count);

/* How many of the service's were tracked after it was committed. */
unsigned int exchange_tracked(const struct exchange *exchanges, unsigned int count);

#endif
