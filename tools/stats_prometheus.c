/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters in the text exposition format, version 0.0.4. */
#include <inttypes.h>
#include <stdio.h>

#include "stats.h"

static const struct {
	const char *name, *help;
	bool client;
	unsigned int count;
} metrics[] = {
	{ "notrack_untracked", "matched by the rules that keep a service out of conntrack", false, 0 },
	{ "notrack_accepted", "accepted by the rules of a service", false, 1 },
	{ "notrack_client_seen", "asked of a service by a limited client", true, 0 },
	{ "notrack_client_passed", "of a limited client that the limit let through", true, 1 },
	{ "notrack_client_dropped", "of a limited client that the limit dropped", true, 2 },
};

static void print_metric(const struct stats *stats, size_t metric, const char *unit)
{
	bool client = metrics[metric].client, bytes = *unit == 'b';
	const struct report *report = client ? &stats->clients : &stats->services;

	printf("# HELP %s_%s_total %s %s.\n# TYPE %s_%s_total counter\n", metrics[metric].name, unit,
	       bytes ? "Bytes" : "Packets", metrics[metric].help, metrics[metric].name, unit);
	for (size_t i = 0; i < report->count; i++) {
		const struct stats_row *row = report_row(report, i);
		const struct notrack_count *value = &row->counts[metrics[metric].count];

		/* names and prefixes have nothing that would need a backslash */
		printf("%s_%s_total{service=\"%s\",%s=\"%s\"} %" PRIu64 "\n", metrics[metric].name, unit,
		       row->service, client ? "client" : "family", row->who,
		       bytes ? value->bytes : value->packets);
	}
}

void stats_print_prometheus(const struct stats *stats)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		print_metric(stats, i, "packets");
		print_metric(stats, i, "bytes");
	}
}
