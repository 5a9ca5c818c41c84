/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of travellers, of which those go that others cover. */
#include "random.h"
#include "unit.h"
#include "verify/traveller.h"

#include <netinet/in.h>
#include <string.h>

enum { MANY = 100000, OFTEN = 200000 };

/* From so much of 10.x.y.z. */
static struct traveller from(uint8_t length, unsigned int number)
{
	struct traveller traveller = {
		.probe = { .in = "+", .protocol = IPPROTO_UDP, .source = { .length = length },
			   .source_port = { 1024, 65535 }, .destination_port = { 53, 53 } },
		.sides = BOTH_SIDES,
	};
	uint8_t *address = traveller.probe.source.address;

	address[0] = length ? 10 : 0;
	address[1] = (uint8_t)(number >> 16);
	address[2] = (uint8_t)(number >> 8);
	address[3] = (uint8_t)number;
	return traveller;
}

static void add(struct company *company, struct traveller traveller)
{
	expect(!company_add(company, &traveller), "out of memory");
}

/* Each compared with each, so many would take minutes. */
START_TEST(who_covers_all_may_come_last)
{
	struct company company = { 0 };

	for (unsigned int i = 0; i < MANY; i++)
		add(&company, from(32, i));
	add(&company, from(0, 0));
	company_tidy(&company);

	ck_assert_uint_eq(company.count, 1);
	ck_assert_uint_eq(company.list[0].probe.source.length, 0);
	company_free(&company);
}
END_TEST

/* Likewise, at each of so many rules that all of them pass. */
START_TEST(those_that_were_compared_are_not_compared_again)
{
	struct company company = { 0 };

	for (unsigned int i = 0; i < COMPANY_MAX; i++)
		add(&company, from(32, i));
	for (unsigned int i = 0; i < OFTEN; i++)
		company_tidy(&company);

	ck_assert_uint_eq(company.count, COMPANY_MAX);
	company_free(&company);
}
END_TEST

START_TEST(one_that_a_rule_changed_is_compared_again)
{
	struct company company = { 0 }, next = { 0 };
	struct traveller changed;

	for (unsigned int i = 0; i < 8; i++)
		add(&company, from(32, i));
	company_tidy(&company);
	for (unsigned int i = 0; i < 8; i++) {
		const size_t index = next.count;

		changed = company.list[i];
		if (i == 7)
			changed.probe.source = company.list[2].probe.source;
		add(&next, changed);
		company_keep_tidied(&next, index, &company.list[i]);
	}
	company_tidy(&next);

	ck_assert_uint_eq(next.count, 7);
	company_free(&company);
	company_free(&next);
}
END_TEST

/* In a space so narrow that many cover each other, or differ by a decision, or by their ports. */
static struct traveller random_traveller(void)
{
	struct traveller traveller = from((uint8_t)random_from(28, 32), 0);

	traveller.probe.source.address[3] = (uint8_t)(random_below(16) & 0xffu
						      << (32 - traveller.probe.source.length));
	traveller.usual = random_chance(20);
	traveller.course[TODAY].tracking = traveller.course[WOULD].tracking =
		random_chance(10) ? UNTRACKED : TRACKED;
	traveller.probe.source_port.first = (uint16_t)(1000 + 10 * random_below(4));
	traveller.probe.source_port.last = (uint16_t)(traveller.probe.source_port.first + 9);
	for (uint32_t i = 0; i < 3; i++)
		if (random_chance(50))
			traveller_decide(&traveller, i, random_chance(50));
	return traveller;
}

static void forget_tidied(struct company *company)
{
	for (size_t i = 0; i < company->count; i++)
		company->list[i].tidied = false;
}

/* Little by little, and all at once: what is left has nobody whom another makes needless. */
START_TEST(nobody_is_left_who_could_be_joined)
{
	struct company company = { 0 };

	random_begin_at((uint64_t)_i);
	for (unsigned int round = 0; round < 40; round++) {
		size_t count;

		for (unsigned int i = random_below(8); i; i--)
			add(&company, random_traveller());
		company_tidy(&company);
		count = company.count;
		forget_tidied(&company);
		company_tidy(&company);
		expect(company.count == count, "%zu of %zu are left", company.count, count);
	}
	company_free(&company);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, who_covers_all_may_come_last);
	tcase_add_test(tcase, those_that_were_compared_are_not_compared_again);
	tcase_add_test(tcase, one_that_a_rule_changed_is_compared_again);
	tcase_add_loop_test(tcase, nobody_is_left_who_could_be_joined, 0, 50);
}

int main(void)
{
	return unit_main("company", tests);
}
