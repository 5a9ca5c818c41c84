/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include "model/limit.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "random.h"
#include "unit.h"

enum { ROUNDS = 50000 };

#define DAY_US UINT64_C(86400000000)

static struct limit_rate parsed(const struct hashlimit *words, enum family family)
{
	struct limit_rate rate;
	struct error error;

	expect(!limit_parse(&rate, words, family, &error), "%s: %s", words->above, error.text);
	return rate;
}

static uint64_t period_of(const char *above)
{
	return parsed(&(struct hashlimit){ .above = above }, IPV4).period;
}

/* --- rates ------------------------------------------------------------ */

static const struct {
	const char *above;
	uint64_t period;
	const char *printed;
} rates[] = {
	{ "1/sec", 1000000, "1/sec" },
	{ "10/sec", 100000, "10/sec" },
	{ "3/sec", 333333, "3/sec" },
	{ "10/s", 100000, "10/sec" },
	{ "10/second", 100000, "10/sec" },
	{ "10/Sec", 100000, "10/sec" },
	{ "60/min", 1000000, "1/sec" },
	{ "61/min", 983606, "61/min" },
	{ "90/m", 666666, "90/min" },
	{ "1/minute", 60000000, "1/min" },
	{ "1/hour", 3600000000, "1/hour" },
	{ "7/hour", 514285714, "7/hour" },
	{ "1/day", 86400000000, "1/day" },
	{ "24/d", 3600000000, "1/hour" },
	{ "86399/day", 1000011, "86399/day" },
	{ "10000/sec", 100, "10000/sec" },
	{ "1000000/sec", 1, "1000000/sec" },
	{ "86400000000/day", 1, "1000000/sec" },
	/* the kernel keeps whole microseconds: these are one rate */
	{ "300000/sec", 3, "300000/sec" },
	{ "333333/sec", 3, "300000/sec" },
	{ "250001/sec", 3, "300000/sec" },
	{ "500000/sec", 2, "500000/sec" },
	{ "500001/sec", 1, "1000000/sec" },
	{ "700000/sec", 1, "1000000/sec" },
};

START_TEST(a_rate_is_a_period_and_prints_as_its_roundest_number)
{
	char text[LIMIT_ABOVE_TEXT];

	ck_assert_uint_eq(period_of(rates[_i].above), rates[_i].period);
	limit_format_above(rates[_i].period, text);
	ck_assert_str_eq(text, rates[_i].printed);
}
END_TEST

static const char *const bad_rates[] = {
	"", "/", "10", "10/", "/sec", "0/sec", "-1/sec", "+1/sec", "1.5/sec", "1e3/sec", " 1/sec",
	"1 /sec", "1/ sec", "1/sec ", "1/week", "1/secs", "1/seconds", "1/x", "x/sec", "1/sec/sec",
	"1000001/sec", "60000001/min", "3600000001/hour", "86400000001/day", "0x10/sec",
	"99999999999999999999/sec", "999999999999999999999999999999999/sec",
	"18446744073709551617/sec",
};

START_TEST(what_is_no_rate_is_refused_and_named)
{
	const struct hashlimit words = { .above = bad_rates[_i] };
	struct error error = { "" };
	struct limit_rate rate;

	ck_assert_msg(limit_parse(&rate, &words, IPV4, &error) == -EINVAL, "\"%s\" was taken",
		      bad_rates[_i]);
	ck_assert_msg(strstr(error.text, bad_rates[_i]), "\"%s\" is not in: %s", bad_rates[_i],
		      error.text);
}
END_TEST

START_TEST(a_limit_needs_a_rate)
{
	const struct hashlimit words = { .burst = 5 };
	struct error error = { "" };
	struct limit_rate rate;

	ck_assert_int_eq(limit_parse(&rate, &words, IPV4, &error), -EINVAL);
	ck_assert_str_ne(error.text, "");
}
END_TEST

static uint64_t random_count(uint64_t most)
{
	uint64_t digits = 1;

	for (unsigned int i = random_below(12); i--;)
		digits *= 10;
	return random_number() % (digits < most ? digits : most) + 1;
}

START_TEST(a_rate_that_is_printed_is_the_same_rate)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = { { "sec", 1 }, { "min", 60 }, { "hour", 3600 }, { "day", 86400 } };

	for (int i = 0; i < ROUNDS; i++) {
		unsigned int unit = random_below(4);
		uint64_t count = random_count(1000000 * units[unit].seconds), period;
		char above[64], text[LIMIT_ABOVE_TEXT];

		snprintf(above, sizeof(above), "%" PRIu64 "/%s", count, units[unit].name);
		period = period_of(above);
		expect(period == 1000000 * units[unit].seconds / count, "%s: %" PRIu64, above, period);
		limit_format_above(period, text);
		expect(period_of(text) == period, "%s became %s", above, text);
		expect(strlen(text) <= strlen(above) || strcmp(units[unit].name, "day"),
		       "%s is longer than %s", text, above);
	}
}
END_TEST

/* --- the other words -------------------------------------------------- */

START_TEST(defaults_are_those_of_the_manual)
{
	const struct hashlimit words = { .above = "10/sec" };
	struct limit_rate four = parsed(&words, IPV4), six = parsed(&words, IPV6);

	ck_assert_uint_eq(four.burst, 5);
	ck_assert_uint_eq(four.srcmask, 32);
	ck_assert_uint_eq(six.srcmask, 64);
	ck_assert_uint_eq(four.htable_max, 0);
	ck_assert_uint_eq(four.htable_size, 0);
}
END_TEST

/* Else the rate would be out of reach where the kernel ticks 100 times a second. */
START_TEST(the_default_burst_lets_a_rate_be_reached)
{
	static const struct {
		const char *above;
		uint32_t burst;
	} rows[] = { { "500/sec", 5 }, { "600/sec", 6 }, { "10000/sec", 100 },
		     { "1000000/sec", 10000 }, { "60000/min", 10 }, { "1/hour", 5 }, { "3/day", 3 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct hashlimit words = { .above = rows[i].above };

		expect(parsed(&words, IPV4).burst == rows[i].burst, "%s: %u", rows[i].above,
		       parsed(&words, IPV4).burst);
	}
}
END_TEST

static const struct {
	struct hashlimit words;
	enum family family;
	const char *named;		/* NULL: taken */
} bounds[] = {
	{ { .above = "10/sec", .burst = 864000 }, IPV4, NULL },
	{ { .above = "10/sec", .burst = 864001 }, IPV4, "864000" },
	{ { .above = "1000/sec", .burst = 1000000 }, IPV4, NULL },
	{ { .above = "1000/sec", .burst = 1000001 }, IPV4, "1000000" },
	{ { .above = "1000/sec", .burst = UINT32_MAX }, IPV4, "4294967295" },
	{ { .above = "1/day", .burst = 1 }, IPV4, NULL },
	{ { .above = "1/day", .burst = 2 }, IPV4, "burst 2" },
	{ { .above = "1/hour", .burst = 24 }, IPV4, NULL },
	{ { .above = "1/hour", .burst = 25 }, IPV4, "burst 25" },
	{ { .above = "1/sec", .srcmask = 32 }, IPV4, NULL },
	{ { .above = "1/sec", .srcmask = 33 }, IPV4, "srcmask 33" },
	{ { .above = "1/sec", .srcmask = 33 }, IPV6, NULL },
	{ { .above = "1/sec", .srcmask = 128 }, IPV6, NULL },
	{ { .above = "1/sec", .srcmask = 129 }, IPV6, "srcmask 129" },
	{ { .above = "1/sec", .srcmask = 288 }, IPV6, "srcmask 288" },
	{ { .above = "1/sec", .htable_max = 1048576 }, IPV4, NULL },
	{ { .above = "1/sec", .htable_max = 1048577 }, IPV4, "htable-max 1048577" },
	{ { .above = "1/sec", .htable_size = 1048576 }, IPV4, NULL },
	{ { .above = "1/sec", .htable_size = 1048577 }, IPV4, "htable-size 1048577" },
};

START_TEST(a_number_past_its_bound_is_refused_and_named)
{
	struct error error = { "" };
	struct limit_rate rate;
	int err = limit_parse(&rate, &bounds[_i].words, bounds[_i].family, &error);

	ck_assert_int_eq(err, bounds[_i].named ? -EINVAL : 0);
	if (err)
		ck_assert_msg(strstr(error.text, bounds[_i].named), "\"%s\" is not in: %s",
			      bounds[_i].named, error.text);
}
END_TEST

/* A day of microseconds is what user2credits() in xt_hashlimit.c takes. */
START_TEST(no_burst_that_is_taken_is_past_the_kernels_arithmetic)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct random_limit limit;
		struct error error;
		struct limit_rate rate;

		random_limit(&limit);
		limit.words.burst = random_chance(20) ? 0 : (uint32_t)random_count(UINT32_MAX);
		if (limit_parse(&rate, &limit.words, IPV4, &error))
			continue;
		expect(rate.burst >= 1 && rate.burst <= 1000000, "burst %u", rate.burst);
		expect(rate.period * rate.burst <= DAY_US, "%s, burst %u", limit.above, rate.burst);
	}
}
END_TEST

START_TEST(no_bucket_is_forgotten_before_it_is_full_again)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct random_limit limit;
		struct limit_rate rate;

		random_limit(&limit);
		limit.words.htable_expire_ms = 0;
		rate = parsed(&limit.words, IPV4);
		expect(rate.htable_expire_ms * UINT64_C(1000) >= rate.period * rate.burst,
		       "%s, burst %u: %u ms", limit.above, rate.burst, rate.htable_expire_ms);
		expect(rate.htable_expire_ms >= 1000, "%s: %u ms", limit.above, rate.htable_expire_ms);
	}
}
END_TEST

START_TEST(the_words_of_a_limit_make_the_same_limit)
{
	for (int i = 0; i < ROUNDS; i++) {
		enum family family = random_chance(50) ? IPV4 : IPV6;
		struct random_limit limit;
		struct limit_rate rate, again;
		char above[LIMIT_ABOVE_TEXT];
		struct hashlimit words;

		random_limit(&limit);
		rate = parsed(&limit.words, family);
		limit_format(&rate, family, &words, above);
		again = parsed(&words, family);
		expect(limit_rate_same(&rate, &again), "%s, burst %u became %s, burst %u",
		       limit.above, rate.burst, above, again.burst);
	}
}
END_TEST

START_TEST(limits_that_differ_in_one_number_are_not_the_same)
{
	static const size_t numbers[] = {
		offsetof(struct limit_rate, burst), offsetof(struct limit_rate, srcmask),
		offsetof(struct limit_rate, htable_max), offsetof(struct limit_rate, htable_size),
		offsetof(struct limit_rate, htable_expire_ms),
	};
	struct limit_rate rate = parsed(&(struct hashlimit){ .above = "10/sec" }, IPV4), other = rate;

	ck_assert(limit_rate_same(&rate, &other));
	other.period++;
	ck_assert(!limit_rate_same(&rate, &other));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		other = rate;
		++*(uint32_t *)((char *)&other + numbers[i]);
		ck_assert(!limit_rate_same(&rate, &other));
	}
}
END_TEST

static const struct {
	uint32_t max, size, sources;
} sources[] = {
	{ 0, 0, 65536 }, { 0, 1, 8 }, { 0, 1024, 8192 }, { 0, 1048576, 8388608 }, { 1, 0, 8192 },
	{ 500, 0, 8192 }, { 8193, 0, 8193 }, { 1, 16, 16 }, { 16, 16, 16 }, { 17, 16, 17 },
};

START_TEST(as_many_sources_are_remembered_as_the_manual_says)
{
	const struct hashlimit words = { .size = sizeof(words), .above = "1/sec",
					 .htable_max = sources[_i].max, .htable_size = sources[_i].size };
	struct limit_rate rate = parsed(&words, IPV4);

	ck_assert_uint_eq(limit_sources_max(&rate), sources[_i].sources);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, as_many_sources_are_remembered_as_the_manual_says, 0,
			    sizeof(sources) / sizeof(sources[0]));
	tcase_add_loop_test(tcase, a_rate_is_a_period_and_prints_as_its_roundest_number, 0,
			    sizeof(rates) / sizeof(rates[0]));
	tcase_add_loop_test(tcase, what_is_no_rate_is_refused_and_named, 0,
			    sizeof(bad_rates) / sizeof(bad_rates[0]));
	tcase_add_test(tcase, a_limit_needs_a_rate);
	tcase_add_test(tcase, a_rate_that_is_printed_is_the_same_rate);
	tcase_add_test(tcase, defaults_are_those_of_the_manual);
	tcase_add_test(tcase, the_default_burst_lets_a_rate_be_reached);
	tcase_add_loop_test(tcase, a_number_past_its_bound_is_refused_and_named, 0,
			    sizeof(bounds) / sizeof(bounds[0]));
	tcase_add_test(tcase, no_burst_that_is_taken_is_past_the_kernels_arithmetic);
	tcase_add_test(tcase, no_bucket_is_forgotten_before_it_is_full_again);
	tcase_add_test(tcase, the_words_of_a_limit_make_the_same_limit);
	tcase_add_test(tcase, limits_that_differ_in_one_number_are_not_the_same);
}

int main(void)
{
	return unit_main("limit", tests);
}
