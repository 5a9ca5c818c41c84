/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection tracking table, counted; or the sources that limits count. */
#ifndef TOP_H
#define TOP_H

#include <stddef.h>

#include "notrack.h"
#include "report.h"

enum top_by {
	TOP_BY_PORT,
	TOP_BY_SOURCE,
	TOP_BY_SERVICE,
	TOP_BY_CLIENT,
};

/* What does not apply is "" or 0. */
struct top_row {
	char protocol[16];
	unsigned int port;
	char source[64];
	char service[40];
	uint64_t count;
	double share;
	/* by client */
	char above[32];
	uint32_t burst, available, expires_ms;
};

struct top {
	enum top_by by;
	size_t most;
	struct top_row *rows;
	size_t count;
	struct notrack_conntrack totals;
};

/* An exit code. */
int top_print_table(const struct top *top, const struct report_options *options);

#endif
