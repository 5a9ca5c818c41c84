/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "model/limit.h"
#include "support/words.h"

#define BURST_DEFAULT 5u		/* XT_HASHLIMIT_BURST */
/* The kernel gives credit by ticks, of which there are at least so many a second: a rate of
 * more than a burst each tick is never reached. */
#define TICKS 100u
#define HTABLE_MAX 1048576u		/* HASHLIMIT_MAX_SIZE in net/netfilter/xt_hashlimit.c */
#define HTABLE_SIZE_DEFAULT 8192u	/* of xt_hashlimit, where there is more than 1 GiB of memory */
#define SECONDS_A_DAY 86400u

static const struct {
	const char *name, *full;
	uint64_t seconds;
} units[] = {
	{ "sec", "second", 1 },
	{ "min", "minute", 60 },
	{ "hour", "hour", 3600 },
	{ "day", "day", SECONDS_A_DAY },
};
#define UNITS (sizeof(units) / sizeof(units[0]))

const uint8_t limit_usual_srcmask[FAMILIES] = { [IPV4] = 32, [IPV6] = 64 };

bool limit_rate_same(const struct limit_rate *a, const struct limit_rate *b)
{
	uint64_t step = a->coarse > b->coarse ? a->coarse : b->coarse;

	step = step ? step : 1;
	return a->period / step == b->period / step && a->burst == b->burst && a->srcmask == b->srcmask &&
	       a->htable_max == b->htable_max && a->htable_size == b->htable_size &&
	       a->htable_expire_ms == b->htable_expire_ms;
}

/* As libxt_hashlimit.c does: a unit may be cut short. */
static int parse_above(uint64_t *period, const char *above, struct error *error)
{
	const char *slash = above ? strchr(above, '/') : NULL;
	char digits[24];
	uint64_t count;

	if (!slash || !slash[1] || (size_t)(slash - above) >= sizeof(digits))
		goto bad;
	memcpy(digits, above, (size_t)(slash - above));
	digits[slash - above] = '\0';
	for (size_t i = 0; i < UNITS; i++) {
		if (strncasecmp(units[i].full, slash + 1, strlen(slash + 1)))
			continue;
		if (!words_number(digits, LIMIT_SCALE * units[i].seconds, &count))
			return error_set(error, -EINVAL, "rate %.60s: must be 1/%s to %" PRIu64 "/%s",
				    above, units[i].name, LIMIT_SCALE * units[i].seconds,
				    units[i].name);
		*period = LIMIT_SCALE * units[i].seconds / count;
		return 0;
	}
bad:
	return error_set(error, -EINVAL, "rate %.60s: must be N/sec, N/min, N/hour or N/day",
		    above ? above : "(none)");
}

/* The most requests a second, minute... that the kernel keeps as @period. */
static uint64_t most_in(uint64_t seconds, uint64_t period)
{
	uint64_t count = LIMIT_SCALE * seconds / period;

	return count && LIMIT_SCALE * seconds / count == period ? count : 0;
}

static size_t find_unit(uint64_t period)
{
	size_t unit = 0;

	while (unit < UNITS - 1 && !most_in(units[unit].seconds, period))
		unit++;
	return unit;
}

static uint64_t roundest(uint64_t min, uint64_t max)
{
	uint64_t power = 1;

	while (max / (power * 10) * (power * 10) >= min && max / (power * 10))
		power *= 10;
	return max / power * power;
}

void limit_format_above(uint64_t period, char text[LIMIT_ABOVE_TEXT])
{
	size_t unit = find_unit(period);
	uint64_t whole = LIMIT_SCALE * units[unit].seconds;
	uint64_t max = whole / period, min = whole / (period + 1) + 1;

	snprintf(text, LIMIT_ABOVE_TEXT, "%" PRIu64 "/%s",
		 min <= max ? roundest(min, max) : max, units[unit].name);
}

uint32_t limit_default_expire_ms(uint64_t period, uint32_t burst)
{
	uint64_t unit_ms = units[find_unit(period)].seconds * 1000;
	uint64_t refill_ms = (period * burst + 999) / 1000;

	return (uint32_t)(refill_ms > unit_ms ? refill_ms : unit_ms);
}

/*
 * The kernel multiplies period by burst by the credits of a microsecond, which
 * user2credits() in xt_hashlimit.c chooses so that a day just fits in 64 bits;
 * past that it wraps around, mostly unnoticed.
 */
static uint64_t most_burst(uint64_t period)
{
	uint64_t day = (uint64_t)LIMIT_SCALE * SECONDS_A_DAY / period;

	return day < LIMIT_BURST_MAX ? day : LIMIT_BURST_MAX;
}

static uint32_t default_burst(uint64_t period, uint64_t max)
{
	uint64_t burst = LIMIT_SCALE / period / TICKS;

	if (burst < BURST_DEFAULT)
		burst = BURST_DEFAULT;
	return (uint32_t)(burst < max ? burst : max);
}

static int check_range(const char *key, uint64_t value, uint64_t max, struct error *error)
{
	if (value <= max)
		return 0;
	return error_set(error, -EINVAL, "%s %" PRIu64 ": must be at most %" PRIu64, key, value, max);
}

int limit_parse(struct limit_rate *rate, const struct hashlimit *words, enum family family,
		struct error *error)
{
	uint64_t max;
	int err;

	*rate = (struct limit_rate){ .coarse = 0 };
	err = parse_above(&rate->period, words->above, error);
	if (err)
		return err;
	max = most_burst(rate->period);
	if (words->burst > max)
		return error_set(error, -EINVAL, "burst %u: must be 1 to %" PRIu64 " at a rate of %s",
			    words->burst, max, words->above);
	rate->burst = words->burst;
	if (!rate->burst)
		rate->burst = default_burst(rate->period, max);
	err = check_range("srcmask", words->srcmask, family_bits(family), error);
	if (!err)
		err = check_range("htable-max", words->htable_max, HTABLE_MAX, error);
	if (!err)
		err = check_range("htable-size", words->htable_size, HTABLE_MAX, error);
	rate->srcmask = words->srcmask ? words->srcmask : limit_usual_srcmask[family];
	rate->htable_max = words->htable_max;
	rate->htable_size = words->htable_size;
	rate->htable_expire_ms = words->htable_expire_ms;
	if (!rate->htable_expire_ms)
		rate->htable_expire_ms = limit_default_expire_ms(rate->period, rate->burst);
	return err;
}

/* htable_create() in xt_hashlimit.c */
uint32_t limit_sources_max(const struct limit_rate *rate)
{
	const uint32_t slots = rate->htable_size ? rate->htable_size : HTABLE_SIZE_DEFAULT;

	if (!rate->htable_max)
		return 8 * slots;
	return rate->htable_max > slots ? rate->htable_max : slots;
}

void limit_format(const struct limit_rate *rate, enum family family, struct hashlimit *words,
		  char above[LIMIT_ABOVE_TEXT])
{
	limit_format_above(rate->period, above);
	*words = (struct hashlimit){
		.size = sizeof(*words),
		.above = above,
		.burst = rate->burst,
		.srcmask = rate->srcmask == limit_usual_srcmask[family] ? 0 : rate->srcmask,
		.htable_max = rate->htable_max,
		.htable_size = rate->htable_size,
	};
	if (rate->htable_expire_ms != limit_default_expire_ms(rate->period, rate->burst))
		words->htable_expire_ms = rate->htable_expire_ms;
}
