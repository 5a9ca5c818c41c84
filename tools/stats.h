/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters, read and kept. */
#ifndef STATS_H
#define STATS_H

#include <stddef.h>

#include "notrack.h"
#include "report.h"

struct stats_row {
	char *service;
	char *client;			/* NULL: of the service itself */
	const char *family;		/* of a service */
	/* untracked, accepted; or seen, passed, dropped */
	struct notrack_count counts[3];
};

struct stats {
	struct stats_row *services, *clients;
	size_t service_count, client_count;
	double seconds;			/* when they were read */
};

int stats_read(struct notrack *nt, struct stats *stats);
void stats_free(struct stats *stats);

int stats_print_json(const struct stats *stats);
void stats_print_prometheus(const struct stats *stats);
/* With rates since @before, where that is not NULL.  An exit code. */
int stats_print_tables(const struct stats *stats, const struct stats *before,
		       const struct report_options *options, bool rates);

#endif
