/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "rules/name.h"
#include "support/hash.h"

/* --- whose a name is -------------------------------------------------- */

/* In hashes; the letters that look like a digit are left out. */
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* 55 bits: among 100,000 chains, two of the same name once in seven million. */
#define CHAIN_DIGITS 11

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name), length = strlen(end);

	return size > length && !strcmp(name + size - length, end);
}

static bool is_hash(const char *text)
{
	return strlen(text) == CHAIN_DIGITS && strspn(text, digits) == CHAIN_DIGITS;
}

/* As name_chain() and name_twin() make it: a letter for the kind is ahead of the hash, or none. */
static bool ends_with_hash(const char *name)
{
	const char *end = strrchr(name, '-');

	if (!end || end == name)
		return false;
	return is_hash(end + 1) || (islower((unsigned char)end[1]) && is_hash(end + 2));
}

/* By what name_accept() names chains: the states that packets there would have. */
static const char *const stems[] = { "new", "est", "rel", "new-est", "new-rel", "est-rel", "all" };

/* Whether twins have a chain of this name, but for where its rules stand. */
static bool is_named_as_twins(const char *service)
{
	for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
		size_t size = strlen(stems[i]);

		if (!strncmp(service, stems[i], size) && !strcmp(service + size, CHAIN_ACCEPT))
			return true;
	}
	return false;
}

/* Of a service so named: see service_chain_name(). */
static bool is_set_apart(const char *name)
{
	char service[SERVICE_NAME_MAX + 1];
	size_t size = strlen(name), tail = strlen(CHAIN_OUT_APART);

	if (!ends_with(name, CHAIN_OUT_APART) || size - tail > SERVICE_NAME_MAX)
		return false;
	memcpy(service, name, size - tail);
	service[size - tail] = '\0';
	return is_named_as_twins(service);
}

/* What follows the prefix. */
static bool is_form_of_ours(const char *name)
{
	static const char *const ends[] = { CHAIN_IN, CHAIN_OUT, CHAIN_LIMIT, CHAIN_ACCEPT,
					    CHAIN_ACCEPT CHAIN_ANY };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends_with(name, ends[i]))
			return true;
	return ends_with_hash(name) || is_set_apart(name);
}

bool name_is_ours(const char *name)
{
	if (strncmp(name, CHAIN_PREFIX, strlen(CHAIN_PREFIX)))
		return false;
	return chain_is_top(name) || is_form_of_ours(name + strlen(CHAIN_PREFIX));
}

void chain_top_name(char name[CHAIN_NAME_MAX + 1], const char *builtin)
{
	snprintf(name, CHAIN_NAME_MAX + 1, CHAIN_PREFIX "%s", builtin);
}

bool chain_is_top(const char *name)
{
	return !strcmp(name, CHAIN_PREFIX "PREROUTING") || !strcmp(name, CHAIN_PREFIX "INPUT") ||
	       !strcmp(name, CHAIN_PREFIX "OUTPUT") || !strcmp(name, CHAIN_LIMITS);
}

/* No chain of a service is meant, though its name may begin so: after a hash comes nothing. */
bool chain_is_opening(const char *name)
{
	static const char *const tops[] = { CHAIN_PREFIX "INPUT", CHAIN_PREFIX "OUTPUT" };

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		size_t size = strlen(tops[i]);

		if (!strncmp(name, tops[i], size) &&
		    (!name[size] || (name[size] == '-' && is_hash(name + size + 1))))
			return true;
	}
	return false;
}

const char *chain_builtin(const char *top)
{
	return strcmp(top, CHAIN_LIMITS) ? top + strlen(CHAIN_PREFIX) : "INPUT";
}

/* "NOTRACK-est-accept-out" is of twins, whatever services there are. */
void service_chain_name(char name[CHAIN_NAME_MAX + 1], const char *service, const char *suffix)
{
	if (!strcmp(suffix, CHAIN_OUT) && is_named_as_twins(service))
		suffix = CHAIN_OUT_APART;
	snprintf(name, CHAIN_NAME_MAX + 1, CHAIN_PREFIX "%s%s", service, suffix);
}

bool chain_service(const char *chain, const char *suffix, char service[SERVICE_NAME_MAX + 1])
{
	char again[CHAIN_NAME_MAX + 1];
	size_t head = strlen(CHAIN_PREFIX), tail = strlen(suffix), size = strlen(chain);

	/* suffixes of one kind have one length */
	if (!name_is_ours(chain) || size <= head + tail || size - head - tail > SERVICE_NAME_MAX)
		return false;
	memcpy(service, chain + head, size - head - tail);
	service[size - head - tail] = '\0';
	/* one way to write it */
	service_chain_name(again, service, suffix);
	return !strcmp(again, chain);
}

/* --- names with a hash ------------------------------------------------ */

/* With a finalizer, so that short inputs reach all bits. */
static uint64_t hash(const char *service, char kind, const void *essence, size_t size)
{
	uint64_t value = hash_text(HASH_BEGIN, service);

	value = hash_bytes(value, &kind, 1);
	value = hash_bytes(value, essence, size);
	value ^= value >> 33;
	value *= UINT64_C(0xff51afd7ed558ccd);
	value ^= value >> 33;
	return value;
}

static void put_digits(char *text, unsigned int count, uint64_t value)
{
	while (count--) {
		*text++ = digits[value & 31];
		value >>= 5;
	}
	*text = '\0';
}

void name_chain(char name[CHAIN_NAME_MAX + 1], const char *service, char kind,
		const void *essence, size_t size)
{
	int room = CHAIN_NAME_MAX - (int)strlen(CHAIN_PREFIX) - 2 - CHAIN_DIGITS;
	int used = sprintf(name, CHAIN_PREFIX "%.*s-%c", room, service, kind);

	put_digits(name + used, CHAIN_DIGITS, hash(service, kind, essence, size));
}

#define TABLE_DIGITS 8

void name_hashlimit(char name[HASHLIMIT_NAME_MAX + 1], const char *service,
		    const struct limit_rate *rate)
{
	int room = HASHLIMIT_NAME_MAX - 1 - TABLE_DIGITS;
	int used = sprintf(name, "%.*s-", room, service);
	const uint64_t essence[] = { rate->period, rate->burst, rate->srcmask, rate->htable_max,
				     rate->htable_size, rate->htable_expire_ms };

	put_digits(name + used, TABLE_DIGITS, hash(service, 't', essence, sizeof(essence)));
}

void name_twin(char name[CHAIN_NAME_MAX + 1], const char *stem, const void *essence, size_t size)
{
	int room = CHAIN_NAME_MAX - (int)strlen(CHAIN_PREFIX) - 1 - CHAIN_DIGITS;
	int used = sprintf(name, CHAIN_PREFIX "%.*s-", room, stem);

	put_digits(name + used, CHAIN_DIGITS, hash(stem, 'w', essence, size));
}

void name_accept(char name[CHAIN_NAME_MAX + 1], const char *stem, const char *suffix)
{
	snprintf(name, CHAIN_NAME_MAX + 1, CHAIN_PREFIX "%.7s" CHAIN_ACCEPT "%s", stem, suffix);
}
