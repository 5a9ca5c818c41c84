/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What packets become by rules that translate: how many outcomes are looked at. */
#include <errno.h>

#include "verify/outcome.h"

#include "unit.h"

enum { ELEMENTS = 5, PORT = 3 };

/* Elements without a key, whose data are an address and a port. */
static struct set_element elements[ELEMENTS];
static const uint8_t data[ELEMENTS][6] = {
	{ 192, 0, 2, 0, 0, 0 }, { 192, 0, 2, 1, 0, 1 }, { 192, 0, 2, 2, 0, 2 },
	{ 192, 0, 2, 3, 0, 3 }, { 192, 0, 2, 4, 0, 4 },
};

static struct view_lookup map_of_all(void)
{
	for (size_t i = 0; i < ELEMENTS; i++)
		elements[i].data = data[i];
	return (struct view_lookup){ .read = true, .count = ELEMENTS, .data_size = sizeof(data[0]),
				     .elements = elements };
}

static struct view_outcomes outcomes_of(const struct view_lookup *addresses,
					const struct view_lookup *ports)
{
	return (struct view_outcomes){
		.address = { .is_given = true, .is_known = true, .map = addresses },
		.port = { .is_given = true, .is_known = true, .map = ports, .first_at = 4, .last_at = 4 },
	};
}

struct visits {
	unsigned int all, of_port;
	bool passes_over, fails;
};

static int visit(void *to, const struct outcome *outcome)
{
	struct visits *visits = to;

	visits->all++;
	ck_assert_uint_eq(outcome->ports.first, outcome->of[1].element);
	ck_assert_uint_eq(outcome->addresses.first[3], outcome->of[0].element);
	if (outcome->of[0].map == outcome->of[1].map)
		ck_assert_uint_eq(outcome->of[0].element, outcome->of[1].element);
	if (visits->passes_over && outcome->ports.first != PORT)
		return OUTCOMES_NEXT_PORT;
	visits->of_port += outcome->ports.first == PORT;
	return visits->fails ? -ENOMEM : 0;
}

static int visit_all(const struct view_outcomes *outcomes, struct visits *visits)
{
	const struct step verdict = { .kind = STEP_TRANSLATE, .field = TRANSLATE_DESTINATION,
				      .flags = STEP_OUTCOMES, .outcomes = outcomes };

	return outcomes_each(&verdict, IPV4, visit, visits);
}

START_TEST(one_map_has_an_address_for_each_port)
{
	const struct view_lookup map = map_of_all();
	const struct view_outcomes outcomes = outcomes_of(&map, &map);
	struct visits visits = { 0 };

	ck_assert_int_eq(visit_all(&outcomes, &visits), 0);
	ck_assert_uint_eq(visits.all, ELEMENTS);
	ck_assert_uint_eq(visits.of_port, 1);
}
END_TEST

START_TEST(two_maps_have_each_address_for_each_port)
{
	const struct view_lookup addresses = map_of_all(), ports = addresses;
	const struct view_outcomes outcomes = outcomes_of(&addresses, &ports);
	struct visits visits = { 0 };

	ck_assert_int_eq(visit_all(&outcomes, &visits), 0);
	ck_assert_uint_eq(visits.all, ELEMENTS * ELEMENTS);
	ck_assert_uint_eq(visits.of_port, ELEMENTS);
}
END_TEST

/* Of two maps of thousands, nobody waits for each with each. */
START_TEST(ports_that_nobody_asks_about_are_passed_over)
{
	const struct view_lookup addresses = map_of_all(), ports = addresses;
	const struct view_outcomes outcomes = outcomes_of(&addresses, &ports);
	struct visits visits = { .passes_over = true };

	ck_assert_int_eq(visit_all(&outcomes, &visits), 0);
	ck_assert_uint_eq(visits.all, ELEMENTS - 1 + ELEMENTS);
	ck_assert_uint_eq(visits.of_port, ELEMENTS);
}
END_TEST

START_TEST(an_error_ends_it)
{
	const struct view_lookup addresses = map_of_all(), ports = addresses;
	const struct view_outcomes outcomes = outcomes_of(&addresses, &ports);
	struct visits visits = { .fails = true };

	ck_assert_int_eq(visit_all(&outcomes, &visits), -ENOMEM);
	ck_assert_uint_eq(visits.all, 1);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, one_map_has_an_address_for_each_port);
	tcase_add_test(tcase, two_maps_have_each_address_for_each_port);
	tcase_add_test(tcase, ports_that_nobody_asks_about_are_passed_over);
	tcase_add_test(tcase, an_error_ends_it);
}

int main(void)
{
	return unit_main("outcome", tests);
}
