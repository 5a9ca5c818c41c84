/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "model/prefix.h"
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "unit.h"

enum { ROUNDS = 20000 };

static struct prefix parsed(const char *word)
{
	struct prefix prefix;
	struct error error;

	expect(!prefix_parse(&prefix, word, &error), "%s: %s", word, error.text);
	return prefix;
}

/* --- words in and out ------------------------------------------------- */

static const struct {
	const char *word, *brief, *full;
	enum family family;
	uint8_t length;
} good[] = {
	{ "192.0.2.7", "192.0.2.7", "192.0.2.7/32", IPV4, 32 },
	{ "192.0.2.7/32", "192.0.2.7", "192.0.2.7/32", IPV4, 32 },
	{ "198.51.100.0/24", "198.51.100.0/24", "198.51.100.0/24", IPV4, 24 },
	{ "198.51.100.254/31", "198.51.100.254/31", "198.51.100.254/31", IPV4, 31 },
	{ "128.0.0.0/1", "128.0.0.0/1", "128.0.0.0/1", IPV4, 1 },
	{ "0.0.0.0", "0.0.0.0", "0.0.0.0/32", IPV4, 32 },
	{ "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0", IPV4, 0 },
	{ "255.255.255.255", "255.255.255.255", "255.255.255.255/32", IPV4, 32 },
	{ "2001:db8::/32", "2001:db8::/32", "2001:db8::/32", IPV6, 32 },
	{ "2001:DB8:0:0::1", "2001:db8::1", "2001:db8::1/128", IPV6, 128 },
	{ "::", "::", "::/128", IPV6, 128 },
	{ "::/0", "::/0", "::/0", IPV6, 0 },
	{ "8000::/1", "8000::/1", "8000::/1", IPV6, 1 },
	{ "2001:db8::8000:0:0:0/65", "2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::/65", IPV6, 65 },
	{ "::ffff:192.0.2.7", "::ffff:192.0.2.7", "::ffff:192.0.2.7/128", IPV6, 128 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", IPV6, 128 },
};

START_TEST(a_prefix_is_read_and_printed_in_one_way)
{
	char text[PREFIX_TEXT];
	struct prefix prefix = parsed(good[_i].word);

	ck_assert_uint_eq(prefix.family, good[_i].family);
	ck_assert_uint_eq(prefix.length, good[_i].length);
	ck_assert_str_eq(prefix_format(&prefix, true, text), good[_i].brief);
	ck_assert_str_eq(prefix_format(&prefix, false, text), good[_i].full);
}
END_TEST

static const char *const bad[] = {
	"", "/", "/8", "x", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "01.2.3.4",
	"0x1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/+8",
	"1.2.3.4/ 8", "1.2.3.4/8 ", "1.2.3.4/8x", "1.2.3.4/0x20", "1.2.3.4/32/32",
	"1.2.3.4/255.255.255.255", "1.2.3.4/99999999999999999999", "1.2.3.4/4294967328",
	"::/129", "::/-1", "1::2::3", ":", ":::", "fe80::1%lo", "[::1]", "::1.2.3", "12345::",
	"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::g", "any", "1,2",
};

START_TEST(junk_is_no_prefix_and_the_sentence_names_it)
{
	struct error error = { "" };
	struct prefix prefix;

	ck_assert_msg(prefix_parse(&prefix, bad[_i], &error) == -EINVAL, "\"%s\" was taken", bad[_i]);
	ck_assert_msg(strstr(error.text, bad[_i]), "\"%s\" is not in: %s", bad[_i], error.text);
}
END_TEST

START_TEST(a_word_of_any_length_is_refused_and_not_overrun)
{
	struct error error;
	struct prefix prefix;

	for (size_t size = 1; size < 5000; size += size < 80 ? 1 : 997) {
		char *word = malloc(size + 1);

		memset(word, '1', size);
		word[size] = '\0';
		expect(prefix_parse(&prefix, word, &error) == -EINVAL, "%zu digits", size);
		memset(word, ':', size);
		expect(prefix_parse(&prefix, word, &error) == (size == 2 ? 0 : -EINVAL),
		       "%zu colons", size);
		free(word);
	}
}
END_TEST

static const struct {
	const char *word, *network;
} host_bits[] = {
	{ "192.0.2.1/24", "192.0.2.0/24" },
	{ "192.0.2.1/31", "192.0.2.0/31" },
	{ "0.0.0.1/0", "0.0.0.0/0" },
	{ "255.255.255.255/1", "128.0.0.0/1" },
	{ "192.0.3.0/23", "192.0.2.0/23" },
	{ "2001:db8::1/64", "2001:db8::/64" },
	{ "2001:db8::1/127", "2001:db8::/127" },
	{ "::1/0", "::/0" },
	{ "2001:db8:0:0:8000::/64", "2001:db8::/64" },
};

START_TEST(host_bits_are_refused_with_the_network_that_was_meant)
{
	struct error error;
	struct prefix prefix;

	ck_assert_int_eq(prefix_parse(&prefix, host_bits[_i].word, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, host_bits[_i].word));
	ck_assert_ptr_nonnull(strstr(error.text, host_bits[_i].network));
}
END_TEST

START_TEST(what_is_printed_is_read_as_the_same_prefix)
{
	char word[RANDOM_PREFIX], text[PREFIX_TEXT];

	for (int i = 0; i < ROUNDS; i++) {
		struct prefix prefix, again;

		random_client(word, random_chance(50) ? NOTRACK_IPV4 : NOTRACK_IPV6);
		prefix = parsed(word);
		again = parsed(prefix_format(&prefix, random_chance(50), text));
		expect(!memcmp(&prefix, &again, sizeof(prefix)), "%s became %s", word, text);
	}
}
END_TEST

/* --- order and containment, against one bit at a time ----------------- */

static int bit_at(const struct prefix *prefix, unsigned int bit)
{
	return prefix->address[bit / 8] >> (7 - bit % 8) & 1;
}

static unsigned int naive_common(const struct prefix *a, const struct prefix *b)
{
	unsigned int bit = 0;

	while (bit < a->length && bit < b->length && bit_at(a, bit) == bit_at(b, bit))
		bit++;
	return bit;
}

static bool naive_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->family == inner->family && naive_common(outer, inner) == outer->length;
}

static struct prefix random_prefix(unsigned int family)
{
	char word[RANDOM_PREFIX];

	random_client(word, family);
	return parsed(word);
}

/* What covers it, now and then. */
static struct prefix random_relative(const struct prefix *prefix)
{
	struct prefix relative = *prefix;

	if (random_chance(50))
		return random_prefix(random_from(NOTRACK_IPV4, NOTRACK_IPV6));
	relative.length = (uint8_t)random_below(prefix->length + 1u);
	for (unsigned int bit = relative.length; bit < 128; bit++)
		relative.address[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	return relative;
}

START_TEST(a_prefix_covers_what_begins_with_its_bits)
{
	unsigned int covered = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct prefix a = random_prefix(random_from(NOTRACK_IPV4, NOTRACK_IPV6));
		struct prefix b = random_relative(&a);

		expect(prefix_covers(&b, &a) == naive_covers(&b, &a), "round %d", i);
		expect(prefix_covers(&a, &b) == naive_covers(&a, &b), "round %d", i);
		expect(prefix_covers(&a, &a), "round %d", i);
		covered += prefix_covers(&b, &a);
	}
	ck_assert_uint_gt(covered, ROUNDS / 4);
	ck_assert_uint_lt(covered, ROUNDS * 3 / 4);
}
END_TEST

START_TEST(the_common_prefix_is_the_longest_that_covers_both)
{
	for (int i = 0; i < ROUNDS; i++) {
		unsigned int family = random_from(NOTRACK_IPV4, NOTRACK_IPV6);
		struct prefix a = random_prefix(family), b = random_prefix(family);
		struct prefix common = prefix_common(&a, &b);

		expect(common.family == a.family, "round %d", i);
		expect(common.length == naive_common(&a, &b), "round %d: %u", i, common.length);
		expect(naive_covers(&common, &a) && naive_covers(&common, &b), "round %d", i);
		for (unsigned int bit = common.length; bit < 128; bit++)
			expect(!bit_at(&common, bit), "round %d: host bit %u", i, bit);
	}
}
END_TEST

START_TEST(bits_are_the_address_as_a_number)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct prefix prefix = random_prefix(NOTRACK_IPV6);
		unsigned int count = random_from(1, 8), first = random_below(129 - count), value = 0;

		for (unsigned int bit = first; bit < first + count; bit++)
			value = 2 * value + (unsigned int)bit_at(&prefix, bit);
		expect(prefix_bits(&prefix, first, count) == value, "%u bits from %u", count, first);
	}
}
END_TEST

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

START_TEST(order_is_total_and_puts_a_prefix_ahead_of_those_it_covers)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct prefix a = random_prefix(random_from(NOTRACK_IPV4, NOTRACK_IPV6));
		struct prefix b = random_relative(&a), c = random_relative(&b);

		expect(sign(prefix_compare(&a, &b)) == -sign(prefix_compare(&b, &a)), "round %d", i);
		expect(!prefix_compare(&a, &b) == !memcmp(&a, &b, sizeof(a)), "round %d", i);
		if (prefix_compare(&a, &b) <= 0 && prefix_compare(&b, &c) <= 0)
			expect(prefix_compare(&a, &c) <= 0, "round %d", i);
		if (prefix_covers(&a, &b))
			expect(prefix_compare(&a, &b) <= 0, "round %d", i);
	}
}
END_TEST

START_TEST(ipv4_comes_before_ipv6)
{
	struct prefix last4 = parsed("255.255.255.255"), first6 = parsed("::/0");

	ck_assert_int_lt(prefix_compare(&last4, &first6), 0);
	ck_assert(!prefix_covers(&first6, &last4));
	ck_assert_uint_eq(family_bits(IPV4), 32);
	ck_assert_uint_eq(family_bits(IPV6), 128);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_prefix_is_read_and_printed_in_one_way, 0,
			    sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(tcase, junk_is_no_prefix_and_the_sentence_names_it, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tcase, a_word_of_any_length_is_refused_and_not_overrun);
	tcase_add_loop_test(tcase, host_bits_are_refused_with_the_network_that_was_meant, 0,
			    sizeof(host_bits) / sizeof(host_bits[0]));
	tcase_add_test(tcase, what_is_printed_is_read_as_the_same_prefix);
	tcase_add_test(tcase, a_prefix_covers_what_begins_with_its_bits);
	tcase_add_test(tcase, the_common_prefix_is_the_longest_that_covers_both);
	tcase_add_test(tcase, bits_are_the_address_as_a_number);
	tcase_add_test(tcase, order_is_total_and_puts_a_prefix_ahead_of_those_it_covers);
	tcase_add_test(tcase, ipv4_comes_before_ipv6);
}

int main(void)
{
	return unit_main("prefix", tests);
}
