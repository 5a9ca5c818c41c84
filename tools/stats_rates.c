/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rates, from two readings of the same counters. */
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "stats.h"

static int compare_rows(const void *a, const void *b)
{
	const struct stats_row *one = *(const struct stats_row *const *)a;
	const struct stats_row *other = *(const struct stats_row *const *)b;
	int order = strcmp(one->service, other->service);

	return order ? order : strcmp(one->who, other->who);
}

/* The rows, to be found by bsearch(3); to be freed; NULL if out of memory. */
static const struct stats_row **sort_rows(const struct report *report)
{
	const struct stats_row **sorted = malloc((report->count + 1) * sizeof(*sorted));

	for (size_t i = 0; sorted && i < report->count; i++)
		sorted[i] = report_row(report, i);
	if (sorted)
		qsort(sorted, report->count, sizeof(*sorted), compare_rows);
	return sorted;
}

static void fill_row(struct stats_row *row, const struct stats_row *before, double seconds)
{
	for (size_t i = 0; i < sizeof(row->counts) / sizeof(row->counts[0]); i++) {
		uint64_t now = row->counts[i].packets, then = before->counts[i].packets;

		if (now >= then)	/* else it began anew in between */
			row->rates[i] = (double)(now - then) / seconds;
	}
}

static int fill_report(struct report *report, const struct report *before, double seconds)
{
	const struct stats_row **sorted = sort_rows(before);

	if (!sorted)
		return out_of_memory();
	for (size_t i = 0; i < report->count; i++) {
		struct stats_row *row = (struct stats_row *)report->rows + i;
		const struct stats_row *key = row, **found;

		found = bsearch(&key, sorted, before->count, sizeof(*sorted), compare_rows);
		if (found)
			fill_row(row, *found, seconds);
	}
	free(sorted);
	return 0;
}

int stats_fill_rates(struct stats *stats, const struct stats *before)
{
	double seconds = stats->seconds - before->seconds;
	int code;

	if (seconds <= 0)
		return 0;
	code = fill_report(&stats->services, &before->services, seconds);
	return code ? code : fill_report(&stats->clients, &before->clients, seconds);
}
