/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who goes on behind a base chain.  Where the two sides of a traveller fared differently,
 * what both results have in common goes on as one again.
 */
#include "verify/walk_way.h"

#include <stdlib.h>

/* Of one side. */
enum { RESULTS_MAX = 4096 };

/* Two sides that parted, and what they have in common. */
static int join_results(const struct result *today, const struct result *would,
			struct company *company, bool *all)
{
	struct traveller both;

	if ((today->dropped && would->dropped) ||
	    !traveller_meet(&both, &today->traveller, &would->traveller))
		return 0;
	both.split = 0;
	both.course[WOULD] = would->traveller.course[WOULD];
	both.sides = 0;
	if (!today->dropped)
		both.sides |= 1u << TODAY;
	if (!would->dropped)
		both.sides |= 1u << WOULD;
	if (today->dropped) {
		both.dropped = today->place;
		both.passed = would->place;
	}
	if (would->dropped) {
		both.dropped = would->place;
		both.passed = today->place;
	}
	return company_add_kind(company, &both, all);
}

static int compare_results(const void *a, const void *b)
{
	const struct result *one = a, *other = b;

	if (one->traveller.split != other->traveller.split)
		return one->traveller.split < other->traveller.split ? -1 : 1;
	if (one->traveller.sides != other->traveller.sides)
		return (int)one->traveller.sides - other->traveller.sides;
	return other->traveller.usual - one->traveller.usual;
}

/* No more of one side than can be compared, each with each of the other side. */
static size_t some_of(struct way *way, size_t count)
{
	way->walk->incomplete |= count > RESULTS_MAX;
	return count > RESULTS_MAX ? RESULTS_MAX : count;
}

/* The results of one split: those of today come first. */
static int join_split(struct way *way, const struct result *results, size_t count,
		      struct company *company, bool *all)
{
	size_t today = 0, some, others;
	int err = 0;

	while (today < count && results[today].traveller.sides == 1u << TODAY)
		today++;
	some = some_of(way, today);
	others = some_of(way, count - today);
	for (size_t i = 0; i < some && !err; i++)
		for (size_t j = 0; j < others && !err; j++)
			err = join_results(&results[i], &results[today + j], company, all);
	return err;
}

int way_join(struct way *way, struct company *company)
{
	size_t count = 1;
	bool all = true;
	int err = 0;

	if (way->result_count)
		qsort(way->results, way->result_count, sizeof(*way->results), compare_results);
	for (size_t i = 0; i < way->result_count && !err; i += count) {
		const struct result *result = &way->results[i];

		count = 1;
		if (!result->traveller.split) {
			err = result->dropped ? 0 : company_add_kind(company, &result->traveller,
								     &all);
			continue;
		}
		while (i + count < way->result_count &&
		       way->results[i + count].traveller.split == result->traveller.split)
			count++;
		err = join_split(way, result, count, company, &all);
	}
	company_tidy(company);
	way->walk->incomplete |= !all;
	return err;
}
