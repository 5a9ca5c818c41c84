/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests as they come in, whether they are tracked or not.  An entry of the connection
 * tracking table stands for all the requests that a client sends from one port, so that
 * entries say little about how often somebody asks.
 */
#ifndef LIB_REQUESTS_H
#define LIB_REQUESTS_H

#include <stdint.h>

#include "model/prefix.h"
#include "support/error.h"

/* A datagram, a SYN, or an INIT; addresses are 4 or 16 bytes, good until the next one. */
struct request {
	enum family family;
	uint8_t protocol;		/* IPPROTO_* */
	uint16_t port;			/* that it goes to */
	const uint8_t *source, *destination;
};

/*
 * Visits those that arrive at this host, in the network namespace of the calling thread,
 * within so many seconds; other than 0 from @visit ends it, and is returned.
 * @missed: for each one visited, so many arrived, as we were too slow for the rest.
 */
int requests_sample(unsigned int seconds, int (*visit)(const struct request *request, void *data),
		    void *data, double *missed, struct error *error);

#endif
