/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "model/service.h"
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "unit.h"

enum { ROUNDS = 5000 };

static struct service *parsed(const struct notrack_service *words)
{
	unsigned int families = NOTRACK_ANY;
	struct service *service = NULL;
	struct error error;

	expect(!service_parse(&service, words, &families, &error), "%s: %s", words->name, error.text);
	return service;
}

static void describes_as(const struct notrack_service *words, const char *expected)
{
	struct service *service = parsed(words);
	struct arena arena = { 0 };
	char *line;

	ck_assert_int_eq(service_describe(service, &line, &arena), 0);
	ck_assert_str_eq(line, expected);
	arena_free(&arena);
	service_unref(service);
}

/* --- the built-in ones ------------------------------------------------ */

static const struct {
	const char *name, *line;
} builtin[] = {
	{ "dns", "ports = 53; protocols = udp, tcp; roles = inbound, outbound" },
	{ "dns-auth", "ports = 53; protocols = udp, tcp; roles = inbound" },
	{ "dot", "ports = 853; protocols = tcp; roles = inbound" },
	{ "doq", "ports = 853; protocols = udp; roles = inbound" },
	{ "syslog", "ports = 514; protocols = udp; roles = inbound" },
	{ "syslog-tls", "ports = 6514; protocols = tcp; roles = inbound" },
	{ "ntp", "ports = 123; protocols = udp; roles = inbound, outbound" },
	{ "http", "ports = 80; protocols = tcp; roles = inbound" },
	{ "https", "ports = 443; protocols = tcp; roles = inbound" },
	{ "quic", "ports = 443; protocols = udp; roles = inbound" },
	{ "radius", "ports = 1812, 1813; protocols = udp; roles = inbound" },
	{ "snmp-trap", "ports = 162; protocols = udp; roles = inbound" },
};

START_TEST(a_builtin_service_needs_its_name_only)
{
	char expected[160];

	snprintf(expected, sizeof(expected), "service %s: %s", builtin[_i].name, builtin[_i].line);
	describes_as(&(struct notrack_service){ .name = builtin[_i].name }, expected);
}
END_TEST

START_TEST(empty_words_are_the_default_as_well)
{
	describes_as(&(struct notrack_service){ .name = "dns", .ports = "", .protocols = "",
			.roles = "", .local = "", .remote = "", .interfaces = "", .reply_ports = "",
			.mode = "", .icmp_errors = "", .families = "" },
		     "service dns: ports = 53; protocols = udp, tcp; roles = inbound, outbound");
}
END_TEST

/* --- one way to say it ------------------------------------------------ */

static const struct {
	struct notrack_service words;
	const char *line;
} canonical[] = {
	{ { .name = "x", .ports = "7" }, "service x: ports = 7; protocols = udp; roles = inbound" },
	{ { .name = "x", .ports = "9,7 ,  8" }, "service x: ports = 7, 8, 9; protocols = udp; roles = inbound" },
	{ { .name = "x", .ports = "7,7,7:7" }, "service x: ports = 7; protocols = udp; roles = inbound" },
	{ { .name = "x", .ports = "20:30,25:40,10:20" },
	  "service x: ports = 10:40; protocols = udp; roles = inbound" },
	{ { .name = "x", .ports = "1:65535,53" }, "service x: ports = 1:65535; protocols = udp; roles = inbound" },
	{ { .name = "x", .ports = "007" }, "service x: ports = 7; protocols = udp; roles = inbound" },
	{ { .name = "x", .ports = "7", .protocols = "udplite,tcp,sctp,udp,tcp" },
	  "service x: ports = 7; protocols = udp, tcp, sctp, udplite; roles = inbound" },
	{ { .name = "x", .ports = "7", .roles = "both" },
	  "service x: ports = 7; protocols = udp; roles = inbound, outbound" },
	{ { .name = "x", .ports = "7", .roles = "outbound,inbound" },
	  "service x: ports = 7; protocols = udp; roles = inbound, outbound" },
	{ { .name = "dns", .roles = "outbound" },
	  "service dns: ports = 53; protocols = udp, tcp; roles = outbound" },
	{ { .name = "x", .ports = "7", .local = "2001:DB8::1/128, 192.0.2.0/24,192.0.1.1" },
	  "service x: ports = 7; protocols = udp; roles = inbound; "
	  "local = 192.0.1.1, 192.0.2.0/24, 2001:db8::1" },
	{ { .name = "dns", .remote = "192.0.2.2,192.0.2.1/32" },
	  "service dns: ports = 53; protocols = udp, tcp; roles = inbound, outbound; "
	  "remote = 192.0.2.1, 192.0.2.2" },
	{ { .name = "x", .ports = "7", .interfaces = "eth1 , lo,eth+" },
	  "service x: ports = 7; protocols = udp; roles = inbound; interfaces = eth1, lo, eth+" },
	{ { .name = "x", .ports = "7", .reply_ports = "1024:65535" },
	  "service x: ports = 7; protocols = udp; roles = inbound" },
	{ { .name = "x", .ports = "7", .reply_ports = "5:5" },
	  "service x: ports = 7; protocols = udp; roles = inbound; reply-ports = 5" },
	{ { .name = "ntp", .reply_ports = "1024:65535" },
	  "service ntp: ports = 123; protocols = udp; roles = inbound, outbound" },
	{ { .name = "ntp", .roles = "outbound", .reply_ports = "1024:65535" },
	  "service ntp: ports = 123; protocols = udp; roles = outbound; reply-ports = 1024:65535" },
	{ { .name = "ntp", .roles = "outbound" },
	  "service ntp: ports = 123; protocols = udp; roles = outbound; reply-ports = 123" },
	{ { .name = "x", .ports = "7", .mode = "strict", .icmp_errors = "yes" },
	  "service x: ports = 7; protocols = udp; roles = inbound" },
	{ { .name = "x", .ports = "7", .mode = "classic", .icmp_errors = "no" },
	  "service x: ports = 7; protocols = udp; roles = inbound; mode = classic; icmp-errors = no" },
	{ { .name = "_A.b-9", .ports = "7" }, "service _A.b-9: ports = 7; protocols = udp; roles = inbound" },
};

START_TEST(there_is_one_way_to_describe_a_service)
{
	describes_as(&canonical[_i].words, canonical[_i].line);
}
END_TEST

/* --- there and back --------------------------------------------------- */

START_TEST(a_description_reads_back_as_the_same_service)
{
	for (int i = 0; i < ROUNDS; i++) {
		unsigned int families = random_from(NOTRACK_IPV4, NOTRACK_ANY), both = NOTRACK_ANY;
		struct service *service, *again = NULL;
		struct random_service words;
		struct arena arena = { 0 };
		struct error error = { "" };
		char *line, *copy;

		random_service(&words, families);
		service = parsed(&words.words);
		expect(!service_describe(service, &line, &arena), "out of memory");
		memset(arena_alloc(&arena, 64), 'x', 64);	/* has room of its own */
		copy = strdup(line);
		expect(!service_read(&again, copy, &both, &error), "%s: %s", line, error.text);
		expect(service_same(service, again), "%s", line);
		expect(both == service_families(service), "%s: families %u", line, both);
		free(copy);
		arena_free(&arena);
		service_unref(service);
		service_unref(again);
	}
}
END_TEST

START_TEST(the_words_given_out_make_the_same_service)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct service *service, *again;
		struct random_service words;
		struct notrack_service given;
		struct arena arena = { 0 };

		random_service(&words, NOTRACK_ANY);
		service = parsed(&words.words);
		expect(!service_format(service, &given, &arena), "out of memory");
		again = parsed(&given);
		expect(service_same(service, again), "round %d: %s", i, words.name);
		arena_free(&arena);
		service_unref(service);
		service_unref(again);
	}
}
END_TEST

/* Each differs from the first in one thing. */
static const struct notrack_service variants[] = {
	{ .name = "a", .ports = "7", .roles = "both" },
	{ .name = "b", .ports = "7", .roles = "both" },
	{ .name = "a", .ports = "8", .roles = "both" },
	{ .name = "a", .ports = "7,8", .roles = "both" },
	{ .name = "a", .ports = "7", .roles = "both", .protocols = "tcp" },
	{ .name = "a", .ports = "7", .roles = "inbound" },
	{ .name = "a", .ports = "7", .roles = "both", .local = "192.0.2.1" },
	{ .name = "a", .ports = "7", .roles = "both", .local = "192.0.2.2" },
	{ .name = "a", .ports = "7", .roles = "both", .remote = "192.0.2.1" },
	{ .name = "a", .ports = "7", .roles = "both", .interfaces = "lo" },
	{ .name = "a", .ports = "7", .roles = "both", .interfaces = "lo,eth0" },
	{ .name = "a", .ports = "7", .roles = "both", .reply_ports = "1" },
	{ .name = "a", .ports = "7", .roles = "both", .mode = "classic" },
	{ .name = "a", .ports = "7", .roles = "both", .icmp_errors = "no" },
};
#define VARIANTS ((int)(sizeof(variants) / sizeof(variants[0])))

START_TEST(services_that_differ_in_one_word_are_not_the_same)
{
	struct service *one = parsed(&variants[_i]);

	for (int i = 0; i < VARIANTS; i++) {
		struct service *other = parsed(&variants[i]);

		ck_assert_int_eq(service_same(one, other), i == _i);
		service_unref(other);
	}
	service_unref(one);
}
END_TEST

/* --- families --------------------------------------------------------- */

static const struct {
	struct notrack_service words;
	unsigned int families;		/* 0: refused */
} families[] = {
	{ { .name = "dns" }, NOTRACK_ANY },
	{ { .name = "dns", .families = "ipv4" }, NOTRACK_IPV4 },
	{ { .name = "dns", .families = "ipv6" }, NOTRACK_IPV6 },
	{ { .name = "dns", .families = "ipv6, ipv4" }, NOTRACK_ANY },
	{ { .name = "dns", .local = "192.0.2.1" }, NOTRACK_IPV4 },
	{ { .name = "dns", .local = "2001:db8::1" }, NOTRACK_IPV6 },
	{ { .name = "dns", .local = "192.0.2.1,2001:db8::1" }, NOTRACK_ANY },
	/* inbound flows remain in IPv4 */
	{ { .name = "dns", .remote = "2001:db8::1" }, NOTRACK_ANY },
	{ { .name = "dns", .remote = "2001:db8::1", .roles = "outbound" }, NOTRACK_IPV6 },
	{ { .name = "dns", .remote = "2001:db8::1", .local = "192.0.2.1" }, NOTRACK_IPV4 },
	{ { .name = "dns", .remote = "2001:db8::1", .local = "192.0.2.1", .roles = "outbound" }, 0 },
	{ { .name = "dns", .local = "192.0.2.1", .families = "ipv6" }, 0 },
};

START_TEST(a_service_is_in_the_families_that_its_addresses_leave)
{
	unsigned int left = NOTRACK_ANY;
	struct error error = { "" };
	struct service *service;
	int err = service_parse(&service, &families[_i].words, &left, &error);

	ck_assert_int_eq(err, families[_i].families ? 0 : -EINVAL);
	if (err) {
		ck_assert_ptr_nonnull(strstr(error.text, families[_i].words.name));
		return;
	}
	ck_assert_uint_eq(left, families[_i].families);
	service_unref(service);
}
END_TEST

/* --- bad words -------------------------------------------------------- */

#define NAME17 "abcdefghijklmnopq"
#define FIFTEEN "exactly15bytes0"

static const struct {
	struct notrack_service words;
	const char *offending;
} bad[] = {
	{ { .name = NULL }, "name" },
	{ { .name = "" }, "name" },
	{ { .name = "-dns" }, "-dns" },
	{ { .name = "d ns", .ports = "7" }, "d ns" },
	{ { .name = "d/ns", .ports = "7" }, "d/ns" },
	{ { .name = "d:ns", .ports = "7" }, "d:ns" },
	{ { .name = "d\"ns", .ports = "7" }, "d\"ns" },
	{ { .name = "d\nns", .ports = "7" }, "d?ns" },
	{ { .name = "d\303\251ns", .ports = "7" }, "d\303\251ns" },
	{ { .name = NAME17, .ports = "7" }, NAME17 },
	{ { .name = "unheard-of" }, "unheard-of" },
	{ { .name = "DNS" }, "DNS" },

	{ { .name = "x", .ports = "0" }, "port 0" },
	{ { .name = "x", .ports = "65536" }, "65536" },
	{ { .name = "x", .ports = "99999999999999999999" }, "9999999" },
	{ { .name = "x", .ports = "-1" }, "-1" },
	{ { .name = "x", .ports = "+1" }, "+1" },
	{ { .name = "x", .ports = "domain" }, "domain" },
	{ { .name = "x", .ports = "53x" }, "53x" },
	{ { .name = "x", .ports = "0x35" }, "0x35" },
	{ { .name = "x", .ports = "5 3" }, "5 3" },
	{ { .name = "x", .ports = "53/udp" }, "53/udp" },
	{ { .name = "x", .ports = "7,9:8" }, "9:8" },
	{ { .name = "x", .ports = "7,8:" }, "8:" },
	{ { .name = "x", .ports = "7,:8" }, ":8" },
	{ { .name = "x", .ports = "7:8:9" }, "7:8:9" },
	{ { .name = "x", .ports = "7-9" }, "7-9" },
	{ { .name = "x", .ports = "0:9" }, "0:9" },
	{ { .name = "x", .ports = "1:65536" }, "1:65536" },
	{ { .name = "x", .ports = "7,,8" }, "empty" },
	{ { .name = "x", .ports = "7," }, "empty" },
	{ { .name = "x", .ports = " " }, "empty" },
	{ { .name = "x", .ports = "," }, "empty" },

	{ { .name = "dns", .protocols = "icmp" }, "icmp" },
	{ { .name = "dns", .protocols = "UDP" }, "UDP" },
	{ { .name = "dns", .protocols = "udp tcp" }, "udp tcp" },
	{ { .name = "dns", .protocols = "17" }, "17" },
	{ { .name = "dns", .protocols = "udp,all" }, "all" },
	{ { .name = "dns", .roles = "server" }, "server" },
	{ { .name = "dns", .roles = "in" }, "role in" },
	{ { .name = "dns", .mode = "strictly" }, "strictly" },
	{ { .name = "dns", .mode = "strict,classic" }, "strict,classic" },
	{ { .name = "dns", .icmp_errors = "true" }, "true" },
	{ { .name = "dns", .families = "ipv5" }, "ipv5" },
	{ { .name = "dns", .families = "inet" }, "inet" },

	{ { .name = "dns", .local = "192.0.2.1/24" }, "192.0.2.1/24" },
	{ { .name = "dns", .local = "192.0.2.1,nonsense" }, "nonsense" },
	{ { .name = "dns", .local = "192.0.2.1,192.0.2.1" }, "192.0.2.1: named twice" },
	{ { .name = "dns", .local = "192.0.2.0/24,192.0.2.1" }, "192.0.2.1" },
	{ { .name = "dns", .local = "2001:db8::1,0.0.0.0/0,2001:db8::/32" }, "2001:db8::1" },
	{ { .name = "dns", .remote = "192.0.2.999" }, "192.0.2.999" },
	{ { .name = "dns", .remote = "example.org" }, "example.org" },
	{ { .name = "dns-auth", .remote = "192.0.2.1" }, "192.0.2.1" },

	{ { .name = "dns", .interfaces = "+" }, "+" },
	{ { .name = "dns", .interfaces = FIFTEEN "1" }, FIFTEEN "1" },
	{ { .name = "dns", .interfaces = "eth 0" }, "eth 0" },
	{ { .name = "dns", .interfaces = "eth/0" }, "eth/0" },
	{ { .name = "dns", .interfaces = "!eth0" }, "!eth0" },
	{ { .name = "dns", .interfaces = "eth;0" }, "eth;0" },
	{ { .name = "dns", .interfaces = "eth\"0" }, "eth\"0" },
	{ { .name = "dns", .interfaces = "eth:0" }, "eth:0" },
	{ { .name = "dns", .interfaces = "eth\n0" }, "eth?0" },
	{ { .name = "dns", .interfaces = "." }, "interface ." },
	{ { .name = "dns", .interfaces = ".." }, ".." },
	{ { .name = "dns", .interfaces = "lo,lo" }, "lo: named twice" },

	{ { .name = "dns", .reply_ports = "0:65535" }, "0:65535" },
	{ { .name = "dns", .reply_ports = "2000:1000" }, "2000:1000" },
	{ { .name = "dns", .reply_ports = "1000,2000" }, "1000,2000" },
	{ { .name = "dns", .reply_ports = "1000-2000" }, "1000-2000" },
	{ { .name = "dns", .reply_ports = "high" }, "high" },
};

START_TEST(a_bad_word_is_refused_and_named)
{
	unsigned int both = NOTRACK_ANY;
	struct error error = { "" };
	struct service *service;

	ck_assert_msg(service_parse(&service, &bad[_i].words, &both, &error) == -EINVAL,
		      "\"%s\" was taken", bad[_i].offending);
	ck_assert_msg(strstr(error.text, bad[_i].offending), "\"%s\" is not in: %s",
		      bad[_i].offending, error.text);
}
END_TEST

/* What somebody wrote into a comment of ours. */
static const char *const no_description[] = {
	"", "service", "service ", "service dns", "service : ports = 53", "service dns: ",
	"service dns: ports", "service dns: ports =", "service dns: ports=53",
	"service dns: ports = 53;", "service dns: ports = 53; ", "service dns: = 53",
	"service dns: port = 53", "service dns: ports = 53; mode", "Service dns: ports = 53",
	" service dns: ports = 53", "service dns: ports = 53; ports = x", "service -x: ports = 53",
	"service dns: name = ntp", "service dns: size = 8", "service x: protocols = udp",
	"service abcdefghijklmnopq: ports = 53", "drop_overly_frequent_dns",
};

START_TEST(what_does_not_describe_a_service_is_refused)
{
	char *line = strdup(no_description[_i]);
	unsigned int both = NOTRACK_ANY;
	struct error error = { "" };
	struct service *service;

	ck_assert_msg(service_read(&service, line, &both, &error) == -EINVAL, "\"%s\" was taken",
		      no_description[_i]);
	ck_assert_str_ne(error.text, "");
	free(line);
}
END_TEST

START_TEST(a_mangled_description_is_refused_or_makes_a_valid_service)
{
	unsigned int refused = 0;

	for (int i = 0; i < ROUNDS; i++) {
		char line[] = "service dns: ports = 53, 80:90; protocols = udp, tcp; roles = inbound; "
			      "local = 192.0.2.1, 2001:db8::/32; interfaces = eth0; mode = classic";
		unsigned int both = NOTRACK_ANY, changes = random_from(1, 4);
		struct service *service;
		struct error error = { "" };

		while (changes--)
			line[random_below(sizeof(line) - 1)] = (char)random_from(1, 255);
		if (service_read(&service, line, &both, &error)) {
			expect(*error.text, "refused without a word");
			refused++;
			continue;
		}
		expect(service->port_count && service->protocols && service->roles && both,
		       "nothing to do");
		service_unref(service);
	}
	ck_assert_uint_gt(refused, ROUNDS / 2);
	ck_assert_uint_lt(refused, ROUNDS);
}
END_TEST

/* --- keys ------------------------------------------------------------- */

START_TEST(every_key_that_can_be_read_can_be_set)
{
	struct notrack_service words = { .size = sizeof(words) };
	const char *key, *value;
	unsigned int count = 0;

	for (; notrack_service_get(&words, count, &key, &value); count++) {
		ck_assert_ptr_null(value);
		ck_assert_int_eq(notrack_service_set(&words, key, key), 0);
		ck_assert_int_eq(notrack_service_get(&words, count, &key, &value), 1);
		ck_assert_str_eq(value, key);
	}
	ck_assert_uint_eq(count, 12);
	ck_assert_int_eq(notrack_service_set(&words, "size", "8"), -EINVAL);
	ck_assert_int_eq(notrack_service_set(&words, "Ports", "8"), -EINVAL);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_builtin_service_needs_its_name_only, 0,
			    sizeof(builtin) / sizeof(builtin[0]));
	tcase_add_test(tcase, empty_words_are_the_default_as_well);
	tcase_add_loop_test(tcase, there_is_one_way_to_describe_a_service, 0,
			    sizeof(canonical) / sizeof(canonical[0]));
	tcase_add_test(tcase, a_description_reads_back_as_the_same_service);
	tcase_add_test(tcase, the_words_given_out_make_the_same_service);
	tcase_add_loop_test(tcase, services_that_differ_in_one_word_are_not_the_same, 0, VARIANTS);
	tcase_add_loop_test(tcase, a_service_is_in_the_families_that_its_addresses_leave, 0,
			    sizeof(families) / sizeof(families[0]));
	tcase_add_loop_test(tcase, a_bad_word_is_refused_and_named, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(tcase, what_does_not_describe_a_service_is_refused, 0,
			    sizeof(no_description) / sizeof(no_description[0]));
	tcase_add_test(tcase, a_mangled_description_is_refused_or_makes_a_valid_service);
	tcase_add_test(tcase, every_key_that_can_be_read_can_be_set);
}

int main(void)
{
	return unit_main("service", tests);
}
