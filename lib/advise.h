/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of notrack_advise() share. */
#ifndef LIB_ADVISE_H
#define LIB_ADVISE_H

#include "conntrack/candidate.h"
#include "conntrack/catalogue.h"
#include "conntrack/tally.h"
#include "context.h"

struct advisor {
	struct notrack *nt;
	struct notrack_advise_request request;
	struct catalogue known;
	struct own_addresses local;
	uint64_t read;
	struct tally ports;
	struct flows *flows;		/* beside the rows of @ports */
	size_t room;
	struct candidate *candidates;
	size_t count;
	struct tally sources;		/* by address; the port is the candidate's number */
	double rate;			/* requests a second for each of them; 0: entries */
};

/* The port that makes an entry one of a service: where its requests go. */
uint16_t advise_server_port(const struct advisor *advisor, const struct tracked *entry);

/* Runs @count for each entry of the connection tracking table. */
int advise_look(struct advisor *advisor, int (*count)(const struct tracked *entry, void *data));

/* Who asks most of those that were judged, and how often; see notrack_advise(). */
int advise_sources(struct advisor *advisor,
		   int (*visit)(const struct hashlimit_advice *advice, void *data), void *data);

#endif
