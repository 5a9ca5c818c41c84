/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters, as they were read at one moment. */
#ifndef STATS_H
#define STATS_H

#include "notrack.h"
#include "report.h"

/* Of a service in a family, or of a client. */
struct stats_row {
	const char *service;
	const char *who;		/* the family, or the client's prefix */
	/* untracked, accepted; or seen, passed, dropped */
	struct notrack_count counts[3];
	double rates[3];		/* packets a second; below 0 where it is not known */
};

struct stats {
	struct report services, clients;
	double seconds;			/* when they were read */
};

/* Of two readings, in the later one; an exit code. */
int stats_fill_rates(struct stats *stats, const struct stats *before);

void stats_print_prometheus(const struct stats *stats);

#endif
