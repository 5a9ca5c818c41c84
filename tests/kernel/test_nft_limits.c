/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits in nftables: whom they let through, what they count, and what survives a change. */
#include "backend_host.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"

enum {
	BURST = 20,
	BURST_MAX = 22,		/* a slow machine gives back a token or two meanwhile */
	RATE_CHANGES = 20,
	PACKETS = 200000,	/* NFT_LIMIT_PACKETS overrides it */
	ADDRESSES = 3,
};

static struct backend_host *given_dns(void)
{
	struct backend_host *host = host_new(NOTRACK_ANY);

	netns_add_peer();
	host_add(host, "dns");
	return host;
}

static void counted(struct backend_host *host, int family, const char *prefix,
		    unsigned int seen, unsigned int passed)
{
	struct host_counts counts = host_count(host, "dns", family, prefix);

	ck_assert_uint_eq(counts.seen.packets, seen);
	ck_assert_uint_eq(counts.passed.packets, passed);
	ck_assert_uint_eq(counts.dropped.packets, seen - passed);
	ck_assert_uint_eq(counts.seen.bytes, counts.passed.bytes + counts.dropped.bytes);
}

START_TEST(a_burst_passes_and_no_more)
{
	const struct family *family = &families[_i];
	struct backend_host *host = given_dns();
	unsigned int passed;

	host_limit(host, "dns", family->limited_prefix, "10/sec", BURST);
	host_commit(host);

	passed = udp_ask(family, family->limited, 200);

	ck_assert_uint_ge(passed, BURST);
	ck_assert_uint_le(passed, BURST_MAX);
	counted(host, _i, family->limited_prefix, 200, passed);
	ck_assert_uint_eq(udp_ask(family, family->other, 200), 200);
	ck_assert_uint_eq(host_count_buckets(host, "dns", _i), 1);
	host_free(host);
}
END_TEST

START_TEST(the_most_specific_client_is_charged)
{
	const struct family *family = &families[_i];
	const char *everybody = _i ? "::/0" : "0.0.0.0/0";
	struct backend_host *host = given_dns();

	host_limit(host, "dns", everybody, "1/hour", 3);
	host_limit(host, "dns", family->wide_prefix, "1/hour", 5);
	host_limit(host, "dns", family->narrow_prefix, "1/hour", 7);
	host_commit(host);

	ck_assert_uint_eq(udp_ask(family, family->limited, 10), 7);
	ck_assert_uint_eq(udp_ask(family, family->wide_client, 20), 5);
	ck_assert_uint_eq(udp_ask(family, family->other, 30), 3);

	counted(host, _i, family->narrow_prefix, 10, 7);
	counted(host, _i, family->wide_prefix, 20, 5);
	counted(host, _i, everybody, 30, 3);
	host_free(host);
}
END_TEST

START_TEST(a_changed_rate_holds_at_once_and_counters_stay)
{
	const struct family *family = &families[_i];
	struct backend_host *host = given_dns();

	host_limit(host, "dns", family->limited_prefix, "1/hour", 5);
	host_limit(host, "dns", family->other_prefix, "1/hour", 5);
	host_commit(host);
	ck_assert_uint_eq(udp_ask(family, family->limited, 10), 5);

	host_limit(host, "dns", family->limited_prefix, "2/hour", 48);
	host_commit(host);

	ck_assert_uint_eq(udp_ask(family, family->limited, 110), 48);
	counted(host, _i, family->limited_prefix, 120, 53);
	ck_assert_uint_eq(udp_ask(family, family->other, 10), 5);
	host_free(host);
}
END_TEST

/* Each client of its own, and back: whoever moves to another limit keeps what it counted. */
START_TEST(a_client_that_gets_a_limit_of_its_own_keeps_its_counter)
{
	const struct family *family = &families[0];
	struct backend_host *host = given_dns();

	host_limit(host, "dns", "192.0.2.10", "1/hour", 5);
	host_limit(host, "dns", "192.0.2.11", "1/hour", 5);
	host_limit(host, "dns", "192.0.2.12", "1/hour", 5);
	host_commit(host);
	ck_assert_uint_eq(udp_ask(family, "192.0.2.11", 10), 5);

	host_limit(host, "dns", "192.0.2.11", "1/hour", 7);
	host_commit(host);
	ck_assert_uint_eq(udp_ask(family, "192.0.2.11", 10), 7);
	host_limit(host, "dns", "192.0.2.12", "1/hour", 7);
	host_commit(host);
	host_limit(host, "dns", "192.0.2.10", "1/hour", 7);
	host_commit(host);
	ck_assert_uint_eq(udp_ask(family, "192.0.2.12", 10), 7);
	ck_assert_uint_eq(udp_ask(family, "192.0.2.10", 10), 7);

	counted(host, 0, "192.0.2.10", 10, 7);
	counted(host, 0, "192.0.2.11", 20, 12);
	counted(host, 0, "192.0.2.12", 10, 7);
	host_free(host);
}
END_TEST

START_TEST(who_is_limited_again_begins_anew)
{
	const struct family *family = &families[_i];
	struct backend_host *host = given_dns();

	host_limit(host, "dns", family->limited_prefix, "1/hour", 5);
	host_limit(host, "dns", family->other_prefix, "1/hour", 5);
	host_commit(host);
	udp_ask(family, family->limited, 10);
	host_unlimit(host, "dns", family->limited_prefix);
	host_commit(host);
	ck_assert_uint_eq(udp_ask(family, family->limited, 10), 10);

	host_limit(host, "dns", family->limited_prefix, "2/hour", 6);
	host_commit(host);

	counted(host, _i, family->limited_prefix, 0, 0);
	ck_assert_uint_eq(udp_ask(family, family->limited, 10), 6);
	counted(host, _i, family->limited_prefix, 10, 6);
	host_free(host);
}
END_TEST

START_TEST(sources_within_srcmask_share_a_bucket)
{
	const struct hashlimit limit = { .size = sizeof(limit), .above = "1/hour", .burst = 5,
					 .srcmask = 31 };
	const struct family *family = &families[0];
	struct backend_host *host = given_dns();

	host_limit_as(host, "dns", "192.0.2.0/24", &limit);
	host_commit(host);

	ck_assert_uint_eq(udp_ask(family, "192.0.2.10", 3) + udp_ask(family, "192.0.2.11", 3), 5);
	ck_assert_uint_eq(udp_ask(family, "192.0.2.12", 3), 3);
	host_free(host);
}
END_TEST

START_TEST(of_tcp_the_first_segment_counts)
{
	const struct family *family = &families[_i];
	struct backend_host *host = given_dns();
	struct end client = { PEER, family->limited, 0 }, server = { HOST, family->host, 53 };
	uint64_t seen;

	host_limit(host, "dns", family->limited_prefix, "1/hour", BURST);
	host_commit(host);

	ck_assert(tcp_exchange(family, client, server, 10));
	ck_assert(tcp_exchange(family, client, server, 10));

	/* a slow machine may send one of them again */
	seen = host_count(host, "dns", _i, family->limited_prefix).seen.packets;
	ck_assert_uint_ge(seen, 2);
	ck_assert_uint_lt(seen, 10);
	host_free(host);
}
END_TEST

/* No bucket, no passage: spoofed sources do not switch a limit off. */
START_TEST(a_full_set_of_buckets_lets_nobody_else_through)
{
	static const char *const sources[] = { "192.0.2.10", "192.0.2.11", "192.0.2.12" };
	const struct hashlimit limit = { .size = sizeof(limit), .above = "1/hour", .burst = 5,
					 .htable_max = ADDRESSES - 1, .htable_size = 1 };
	const struct family *family = &families[0];
	struct backend_host *host = given_dns();
	char *text;

	host_limit_as(host, "dns", "0.0.0.0/0", &limit);
	host_commit(host);

	for (int i = 0; i < ADDRESSES; i++)
		ck_assert_uint_eq(udp_ask(family, sources[i], 10), i < ADDRESSES - 1 ? 5 : 0);

	counted(host, 0, "0.0.0.0/0", 30, 10);
	ck_assert_int_eq(host_check(host, &text), NOTRACK_WARNING);
	ck_assert_msg(strstr(text, "has room for no more"), "%s", text);
	ck_assert_msg(strstr(text, "1 hash slots") && strstr(text, "remembers 2 sources"), "%s", text);
	free(text);
	host_free(host);
}
END_TEST

/* As earlier versions made it, of another size. */
START_TEST(the_size_of_a_set_of_buckets_is_put_right_and_counters_stay)
{
	const struct hashlimit limit = { .size = sizeof(limit), .above = "1/hour", .burst = 5,
					 .htable_max = 500 };
	struct backend_host *host = given_dns();
	char *table, *size;

	host_limit_as(host, "dns", "192.0.2.0/24", &limit);
	host_commit(host);
	udp_ask(&families[0], "192.0.2.10", 10);
	table = must("nft list table inet libnotrack").out;
	size = strstr(table, "size 8192");
	ck_assert_ptr_nonnull(size);
	memcpy(size, "size  500", 9);
	must("nft delete table inet libnotrack");
	must_as(&(struct how){ .input = table }, "nft -f -");
	ck_assert_str_ne(host_diff(host), "");

	host_commit(host);

	ck_assert_ptr_nonnull(strstr(must("nft list table inet libnotrack").out, "size 8192"));
	assert_same_text(host_diff(host), "");
	counted(host, 0, "192.0.2.0/24", 10, 5);
	host_free(host);
}
END_TEST

START_TEST(a_quiet_source_is_forgotten)
{
	const struct hashlimit limit = { .size = sizeof(limit), .above = "1/hour", .burst = 5,
					 .htable_expire_ms = 200 };
	const struct family *family = &families[0];
	struct backend_host *host = given_dns();
	unsigned int waits = 0;

	host_limit_as(host, "dns", "192.0.2.0/24", &limit);
	host_commit(host);
	udp_ask(family, "192.0.2.10", 10);

	while (host_count_buckets(host, "dns", 0) && wait_a_little(&waits))
		;

	ck_assert_uint_eq(host_count_buckets(host, "dns", 0), 0);
	ck_assert_uint_eq(udp_ask(family, "192.0.2.10", 10), 5);
	host_free(host);
}
END_TEST

/* Two services that have a port in common: a request meets the limits of both. */
START_TEST(limits_of_two_services_both_hold)
{
	const struct family *family = &families[0];
	struct backend_host *host = given_dns();

	host_add(host, "second: ports = 53; roles = inbound");
	host_limit(host, "dns", "192.0.2.10", "1/hour", 9);
	host_limit(host, "second", "192.0.2.0/24", "1/hour", 4);
	host_commit(host);

	ck_assert_uint_eq(udp_ask(family, "192.0.2.10", 20), 4);
	counted(host, 0, "192.0.2.10", 20, 9);
	host_free(host);
}
END_TEST

/* --- somebody edits them -------------------------------------------------- */

#define CHAIN "inet libnotrack limit4-32-dns"
#define DROPPED "inet libnotrack dropped4-32-dns"
#define GOES "flush chain " CHAIN "\ndelete set " DROPPED "\n"

/* The set of what was dropped is gone or another one, and with it the limit, or not. */
static const struct {
	const char *edit;
	bool is_limited;
} losses[] = {
	{ GOES, false },
	{ GOES "add set " DROPPED " { type ipv4_addr; }", false },
	{ "flush chain " CHAIN, false },
	{ GOES "add rule " CHAIN " update @buckets4-3600000000-5-32-0-0-18000000-dns "
	  "{ ip saddr limit rate 1/hour burst 5 packets } return", true },
};
enum { LOSSES = sizeof(losses) / sizeof(losses[0]) };

static struct backend_host *given_a_loss(int which)
{
	struct backend_host *host = given_dns();

	host_limit(host, "dns", "192.0.2.10", "1/hour", 5);
	host_commit(host);
	must_as(&(struct how){ .input = losses[which].edit }, "nft -f -");
	return host;
}

/* What nothing tells a limit of is not limited: above all, not all of it is dropped. */
static void is_limited_as_before(int which)
{
	ck_assert_uint_eq(udp_ask(&families[0], "192.0.2.10", 10), losses[which].is_limited ? 5 : 10);
}

START_TEST(a_change_of_another_length_goes_past_a_loss)
{
	struct backend_host *host = given_a_loss(_i), *change = host_new(NOTRACK_ANY);

	host_load_services(change);
	host_limit(change, "dns", "198.51.100.0/24", "1/hour", 5);
	host_commit(change);

	is_limited_as_before(_i);
	host_load(change);
	ck_assert_int_eq(strstr(host_words(change), "192.0.2.10") != NULL, losses[_i].is_limited);
	assert_same_text(host_diff(change), "");
	host_limit(host, "dns", "198.51.100.0/24", "1/hour", 5);
	host_commit(host);
	assert_same_text(host_diff(host), "");
	host_free(change);
	host_free(host);
}
END_TEST

START_TEST(a_change_of_the_other_family_goes_past_a_loss)
{
	struct backend_host *host = given_a_loss(_i), *change = host_new(NOTRACK_IPV6);

	host_load_services(change);
	host_limit(change, "dns", "2001:db8:1::10", "1/hour", 5);
	host_commit(change);

	is_limited_as_before(_i);
	assert_same_text(host_diff(change), "");
	host_limit(host, "dns", "2001:db8:1::10", "1/hour", 5);
	host_commit(host);
	assert_same_text(host_diff(host), "");
	ck_assert_uint_le(udp_ask(&families[0], "192.0.2.10", 10), 5);
	host_free(change);
	host_free(host);
}
END_TEST

/* --- under traffic -------------------------------------------------------- */

static unsigned int packets_to_send(void)
{
	const char *words = getenv("NFT_LIMIT_PACKETS");

	return words ? (unsigned int)strtoul(words, NULL, 10) : PACKETS;
}

static atomic_bool *share_flag(void)
{
	atomic_bool *flag = mmap(NULL, sizeof(*flag), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert(flag != MAP_FAILED);
	return flag;
}

static pid_t send_many(const struct family *family, unsigned int count, atomic_bool *done)
{
	struct end server = { HOST, family->host, 53 };
	int fd = udp_open(family, (struct end){ PEER, family->limited, 0 });
	pid_t pid = fork_child();

	if (pid) {
		close(fd);
		return pid;
	}
	for (unsigned int sent = 0; sent < count; sent += 100)
		udp_send(family, fd, server, 100);
	*done = true;
	_exit(EXIT_SUCCESS);
}

START_TEST(changes_of_the_rate_lose_no_count)
{
	const struct family *family = &families[_i];
	struct backend_host *host = given_dns();
	unsigned int packets = packets_to_send(), changes = 0;
	atomic_bool *done = share_flag();
	struct host_counts counts;
	pid_t sending;

	host_limit(host, "dns", family->limited_prefix, "10/sec", BURST);
	host_limit(host, "dns", family->other_prefix, "10/sec", BURST);
	host_commit(host);
	sending = send_many(family, packets, done);

	while (changes < RATE_CHANGES || !*done) {
		host_limit(host, "dns", family->limited_prefix,
			   format_text("%u/sec", 11 + changes++ % 7), BURST);
		host_commit(host);
		counts = host_count(host, "dns", _i, family->limited_prefix);
		ck_assert_uint_ge(counts.seen.packets, counts.dropped.packets);
	}

	ck_assert_int_eq(wait_for(sending), EXIT_SUCCESS);
	counts = host_count(host, "dns", _i, family->limited_prefix);
	ck_assert_uint_eq(counts.seen.packets, packets);
	ck_assert_uint_eq(counts.seen.packets, counts.passed.packets + counts.dropped.packets);
	ck_assert_uint_gt(counts.dropped.packets, 0);
	host_free(host);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_burst_passes_and_no_more, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, the_most_specific_client_is_charged, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_changed_rate_holds_at_once_and_counters_stay, 0,
			    FAMILY_COUNT);
	tcase_add_test(tcase, a_client_that_gets_a_limit_of_its_own_keeps_its_counter);
	tcase_add_loop_test(tcase, who_is_limited_again_begins_anew, 0, FAMILY_COUNT);
	tcase_add_test(tcase, sources_within_srcmask_share_a_bucket);
	tcase_add_loop_test(tcase, of_tcp_the_first_segment_counts, 0, FAMILY_COUNT);
	tcase_add_test(tcase, a_full_set_of_buckets_lets_nobody_else_through);
	tcase_add_test(tcase, the_size_of_a_set_of_buckets_is_put_right_and_counters_stay);
	tcase_add_test(tcase, a_quiet_source_is_forgotten);
	tcase_add_test(tcase, limits_of_two_services_both_hold);
	tcase_add_loop_test(tcase, a_change_of_another_length_goes_past_a_loss, 0, LOSSES);
	tcase_add_loop_test(tcase, a_change_of_the_other_family_goes_past_a_loss, 0, LOSSES);
	tcase_add_loop_test(tcase, changes_of_the_rate_lose_no_count, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("nft-limits", tests);
}
