/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rate limits: whom they hold back, by how much, and what their counters say. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"
#include "tables.h"

enum { BURST = 200, SEGMENTS = 300, MAX_TABLES = 64 };

struct client_stats {
	json_int_t seen;
	json_int_t passed;
	json_int_t dropped;
};

static json_int_t packets_of(json_t *client, const char *key)
{
	json_t *packets = json_object_get(json_object_get(client, key), "packets");

	ck_assert_msg(json_is_integer(packets), "no %s.packets", key);
	ck_assert(json_is_integer(json_object_get(json_object_get(client, key), "bytes")));
	return json_integer_value(packets);
}

/* One address may be written with its length, or without. */
static bool is_prefix(json_t *found, const char *prefix)
{
	size_t length = strlen(json_string_value(found));

	return !strncmp(json_string_value(found), prefix, length) &&
	       (!prefix[length] || !strcmp(prefix + length, "/32") || !strcmp(prefix + length, "/128"));
}

static struct client_stats stats_of(const char *prefix)
{
	json_t *clients = json_object_get(must_json("notrackctl stats --json"), "clients"), *client;
	size_t i;

	json_array_foreach(clients, i, client) {
		ck_assert_str_eq(json_string_value(json_object_get(client, "service")), "dns");
		if (is_prefix(json_object_get(client, "prefix"), prefix))
			return (struct client_stats){
				.seen = packets_of(client, "seen"),
				.passed = packets_of(client, "passed"),
				.dropped = packets_of(client, "dropped"),
			};
	}
	ck_abort_msg("no stats of %s", prefix);
}

static struct client_stats stats_when_seen(const char *prefix, json_int_t packets)
{
	struct client_stats stats;
	unsigned int waits = 0;

	while ((stats = stats_of(prefix)).seen < packets && wait_a_little(&waits))
		;
	return stats;
}

/* A DNS server that reads no queries: what reached it waits in its socket. */
static int serve(const struct family *family)
{
	return udp_open(family, (struct end){ HOST, family->host, 53 });
}

/* From a socket that had never sent, so that nothing of an earlier one is in its way. */
static void burst_from(const struct family *family, const char *client, unsigned int count)
{
	int fd = udp_open(family, (struct end){ PEER, client, 0 });

	udp_send(family, fd, (struct end){ HOST, family->host, 53 }, count);
	close(fd);
}

static void limit(const struct family *family, const char *prefix, const char *rate)
{
	must("notrackctl %s limit dns %s %s", family->option, prefix, rate);
}

START_TEST(a_client_over_its_rate_gets_its_burst_and_no_more)
{
	const struct family *family = &families[_i];
	struct client_stats stats;
	unsigned int passed;
	int server;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 10/sec --burst 20");
	server = serve(family);

	burst_from(family, family->limited, BURST);

	stats = stats_when_seen(family->limited_prefix, BURST);
	passed = udp_pending(server);
	ck_assert_uint_ge(passed, 20);
	ck_assert_uint_le(passed, 22);
	ck_assert_int_eq(stats.seen, BURST);
	ck_assert_int_eq(stats.passed, passed);
	ck_assert_int_eq(stats.dropped, BURST - passed);
}
END_TEST

START_TEST(other_clients_are_not_limited)
{
	const struct family *family = &families[_i];
	int server;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 10/sec --burst 20");
	server = serve(family);

	burst_from(family, family->other, BURST);

	ck_assert(udp_arrive(server, BURST));
	ck_assert_int_eq(stats_of(family->limited_prefix).seen, 0);
}
END_TEST

START_TEST(other_ports_of_a_limited_client_are_not_limited)
{
	const struct family *family = &families[_i];
	struct end echo = { HOST, family->host, 7 };
	int fd, server;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 10/sec --burst 20");
	server = udp_open(family, echo);
	fd = udp_open(family, (struct end){ PEER, family->limited, 0 });

	udp_send(family, fd, echo, BURST);

	ck_assert(udp_arrive(server, BURST));
	ck_assert_int_eq(stats_of(family->limited_prefix).seen, 0);
}
END_TEST

START_TEST(segments_of_an_open_connection_are_not_limited)
{
	const struct family *family = &families[_i];
	struct end client = { PEER, family->limited, 0 }, server = { HOST, family->host, 53 };
	struct client_stats stats;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 1/hour --burst 2");

	ck_assert(tcp_exchange(family, client, server, SEGMENTS));

	stats = stats_of(family->limited_prefix);
	ck_assert_int_eq(stats.seen, 1);
	ck_assert_int_eq(stats.passed, 1);
	ck_assert_int_eq(stats.dropped, 0);
}
END_TEST

START_TEST(new_connections_are_limited)
{
	const struct family *family = &families[_i];
	struct end client = { PEER, family->limited, 0 }, server = { HOST, family->host, 53 };
	struct client_stats stats;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 1/hour --burst 2");
	ck_assert(tcp_exchange(family, client, server, 1));
	ck_assert(tcp_exchange(family, client, server, 1));
	tcp_listen(family, server);

	tcp_begin(family, client, server);

	stats = stats_when_seen(family->limited_prefix, 3);
	ck_assert_int_eq(stats.passed, 2);
	ck_assert_int_eq(stats.dropped, stats.seen - 2);
	ck_assert_int_ge(stats.dropped, 1);
}
END_TEST

/* The names of the kernel's rate tables, in this namespace, each with a space. */
static char *rate_tables(const struct family *family)
{
	DIR *folder = opendir(format_text("/proc/thread-self/net/%s", family->hashlimit));
	char *names = format_text("%s", "");
	struct dirent *entry;

	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			names = format_text("%s%s ", names, entry->d_name);
	closedir(folder);
	return names;
}

/* Only one name, and not that one. */
static bool is_replaced(const struct family *family, const char *first)
{
	const char *now = rate_tables(family), *space = strchr(now, ' ');

	return space && !space[1] && strcmp(now, first);
}

START_TEST(rate_change_takes_effect_at_once)
{
	const struct family *family = &families[_i];
	unsigned int waits = 0;
	char *first;
	int server;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 10/sec --burst 20");
	server = serve(family);
	burst_from(family, family->limited, BURST);
	stats_when_seen(family->limited_prefix, BURST);
	ck_assert_uint_lt(udp_pending(server), BURST);
	first = rate_tables(family);

	limit(family, family->limited_prefix, "--above 1000/sec --burst 500");
	burst_from(family, family->limited, BURST);

	ck_assert(udp_arrive(server, BURST));
	ck_assert_str_ne(first, "");
	while (!is_replaced(family, first) && wait_a_little(&waits))
		;
	ck_assert_msg(is_replaced(family, first), "was %s, is %s", first, rate_tables(family));
}
END_TEST

/* What was counted under the old rate stays, for this client and for those beside it. */
START_TEST(counters_go_on_when_the_rate_changes)
{
	const struct family *family = &families[_i];
	struct client_stats stats;
	int server;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 1/hour --burst 20");
	limit(family, family->other_prefix, "--above 1/hour --burst 20");
	server = serve(family);
	burst_from(family, family->limited, BURST);
	burst_from(family, family->other, BURST);
	stats_when_seen(family->limited_prefix, BURST);
	stats_when_seen(family->other_prefix, BURST);
	ck_assert_uint_eq(udp_pending(server), 40);

	limit(family, family->limited_prefix, "--above 2/hour --burst 30");
	stats = stats_of(family->limited_prefix);
	ck_assert_int_eq(stats.seen, BURST);
	ck_assert_int_eq(stats.passed, 20);

	burst_from(family, family->limited, BURST);
	stats = stats_when_seen(family->limited_prefix, 2 * BURST);
	ck_assert_int_eq(stats.seen, 2 * BURST);
	ck_assert_int_eq(stats.passed, 20 + 30);
	ck_assert_int_eq(stats.dropped, 2 * BURST - 50);
	ck_assert_int_eq(stats_of(family->other_prefix).seen, BURST);
}
END_TEST

/* Counted by a rule of another's. */
START_TEST(a_lowered_rate_takes_effect_at_once)
{
	const struct family *family = &families[_i];
	int server;

	netns_add_peer();
	counter_append(family, "came", "mangle", "INPUT", "-p udp --dport 53");
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 1000/sec --burst 500");
	server = serve(family);
	burst_from(family, family->limited, BURST);
	ck_assert(udp_arrive(server, BURST));

	limit(family, family->limited_prefix, "--above 1/hour --burst 20");
	burst_from(family, family->limited, BURST);

	ck_assert(counter_reaches(family, "came", 2 * BURST));
	ck_assert_uint_eq(udp_pending(server), 20);
}
END_TEST

START_TEST(clear_leaves_no_rate_table)
{
	const struct family *family = &families[_i];
	unsigned int waits = 0;

	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 10/sec");
	limit(family, family->other_prefix, "--above 20/sec");
	ck_assert_str_ne(rate_tables(family), "");

	must("notrackctl clear");

	while (*rate_tables(family) && wait_a_little(&waits))
		;
	ck_assert_str_eq(rate_tables(family), "");
}
END_TEST

START_TEST(most_specific_prefix_wins)
{
	const struct family *family = &families[_i];
	struct client_stats narrow;
	int server;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->wide_prefix, "--above 1/hour --burst 5");
	limit(family, family->narrow_prefix, "--above 10/hour --burst 50");
	server = serve(family);

	burst_from(family, family->limited, BURST);

	narrow = stats_when_seen(family->narrow_prefix, BURST);
	ck_assert_int_eq(narrow.seen, BURST);
	ck_assert_int_eq(narrow.passed, 50);
	ck_assert_int_eq(narrow.dropped, BURST - 50);
	ck_assert_int_eq(stats_of(family->wide_prefix).seen, 0);
	ck_assert_uint_eq(udp_pending(server), 50);
}
END_TEST

/* The order in which they were named is none in which they are matched. */
START_TEST(most_specific_prefix_wins_when_named_first)
{
	const struct family *family = &families[_i];
	const char *wide_client = family->wide_client;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->narrow_prefix, "--above 10/hour --burst 50");
	limit(family, family->wide_prefix, "--above 1/hour --burst 5");

	burst_from(family, family->limited, BURST);
	burst_from(family, wide_client, BURST);

	ck_assert_int_eq(stats_when_seen(family->narrow_prefix, BURST).passed, 50);
	ck_assert_int_eq(stats_when_seen(family->wide_prefix, BURST).passed, 5);
	ck_assert_int_eq(stats_of(family->wide_prefix).seen, BURST);
}
END_TEST

/* Who unbans somebody need not know what a service has become since. */
START_TEST(whom_a_service_could_not_limit_is_free_already)
{
	const struct family *family = &families[_i];

	must("notrackctl %s add dns", families[!_i].option);
	must("notrackctl add out --ports 99 --role outbound");
	must("notrackctl unlimit dns %s", family->limited_prefix);
	must("notrackctl unlimit out %s", family->limited_prefix);
	must("notrackctl unlimit nosuch %s", family->limited_prefix);
	ck_assert_int_eq(run("notrackctl limit dns %s --above 5/sec", family->limited_prefix).code, 2);
	ck_assert_int_eq(run("notrackctl limit out %s --above 5/sec", family->limited_prefix).code, 2);
}
END_TEST

START_TEST(an_unlimited_client_is_free_again)
{
	const struct family *family = &families[_i];
	int server;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->limited_prefix, "--above 1/hour --burst 2");
	limit(family, family->other_prefix, "--above 1/hour --burst 2");
	server = serve(family);

	must("notrackctl unlimit dns %s", family->limited_prefix);
	burst_from(family, family->limited, BURST);
	ck_assert(udp_arrive(server, BURST));
	burst_from(family, family->other, BURST);

	ck_assert_int_eq(stats_when_seen(family->other_prefix, BURST).passed, 2);
}
END_TEST

/* By their names, they come first; the second takes a query for an answer, by its source. */
static const char *const accepting[] = {
	"notrackctl add a --ports 53 --role inbound",
	"notrackctl add a --ports 99 --role outbound --reply-ports 1:65535",
};

START_TEST(a_limit_holds_whatever_another_service_accepts)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	struct client_stats stats;
	int fd;

	netns_add_peer();
	must("notrackctl add dns");
	must("%s", accepting[_i / FAMILY_COUNT]);
	limit(family, family->limited_prefix, "--above 1/hour --burst 3");
	fd = udp_open(family, (struct end){ PEER, family->limited, 99 });
	udp_send(family, fd, (struct end){ HOST, family->host, 53 }, BURST);

	stats = stats_when_seen(family->limited_prefix, BURST);
	ck_assert_int_eq(stats.seen, BURST);
	ck_assert_int_eq(stats.passed, 3);
}
END_TEST

/* More of them than one chain tells apart, so that a tree is made of what was a list. */
static const char *const crowds[FAMILY_COUNT] = {
	"203.0.113.0,203.0.113.4/30,203.0.113.8/29,203.0.113.16,203.0.113.18,203.0.113.20,"
	"203.0.113.22,203.0.113.24,203.0.113.26,203.0.113.28,203.0.113.30,203.0.113.32,"
	"203.0.113.34,203.0.113.36,203.0.113.38,203.0.113.40,203.0.113.42,203.0.113.44",
	"2001:db8:f::,2001:db8:f::2,2001:db8:f::4,2001:db8:f::6,2001:db8:f::8,2001:db8:f::a,"
	"2001:db8:f::c,2001:db8:f::e,2001:db8:f::10,2001:db8:f::12,2001:db8:f::14,2001:db8:f::16,"
	"2001:db8:f::18,2001:db8:f::1a,2001:db8:f::1c,2001:db8:f::1e,2001:db8:f::20,2001:db8:f::22",
};

/* Who comes and goes beside a client, above and around it. */
static void come_and_go(const struct family *family, size_t step)
{
	const char *who = step % 2 ? crowds[family - families] : family->wide_prefix;

	if (step % 4 < 2)
		limit(family, who, "--above 1/min");
	else
		must("notrackctl unlimit dns %s", who);
}

START_TEST(counters_go_on_when_others_come_and_go)
{
	const struct family *family = &families[_i];
	struct client_stats stats;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->narrow_prefix, "--above 10/hour --burst 50");
	burst_from(family, family->limited, BURST);
	ck_assert_int_eq(stats_when_seen(family->narrow_prefix, BURST).seen, BURST);

	for (size_t step = 0; step < 8; step++) {
		come_and_go(family, step);
		stats = stats_of(family->narrow_prefix);
		ck_assert_int_eq(stats.seen, BURST);
		ck_assert_int_eq(stats.passed, 50);
		ck_assert_int_eq(stats.dropped, BURST - 50);
	}
}
END_TEST

enum { ROUNDS = 500, ROUND = 20 };

static pid_t send_all_the_while(const struct family *family)
{
	pid_t sender = fork_child();

	if (sender)
		return sender;
	for (int i = 0; i < ROUNDS; i++)
		burst_from(family, family->limited, ROUND);
	_exit(0);
}

/* Rules that stay are exact, whatever is counted while the table is replaced. */
START_TEST(each_packet_counts_while_others_come_and_go)
{
	const struct family *family = &families[_i];
	pid_t sender;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->narrow_prefix, "--above 10/hour --burst 50");
	sender = send_all_the_while(family);

	for (size_t step = 0; step < 100; step++) {
		limit(family, family->other_prefix, "--above 1/min");
		must("notrackctl unlimit dns %s", family->other_prefix);
	}
	ck_assert_int_eq(wait_for(sender), 0);

	ck_assert_int_eq(stats_when_seen(family->narrow_prefix, ROUNDS * ROUND).seen,
			 ROUNDS * ROUND);
	ck_assert_int_eq(stats_of(family->narrow_prefix).passed, 50);
}
END_TEST

/* nftables keeps two sets, and is read one after the other: what passed is the difference. */
static bool reads_at_once(void)
{
	return !suite_is_nft();
}

/*
 * Those that move to another chain go on from the counters as they were read: what
 * comes between that and the new table is not counted, and nothing counts twice.
 */
START_TEST(a_client_that_moves_counts_on_from_what_was_read)
{
	const struct family *family = &families[_i];
	struct client_stats stats;
	pid_t sender;

	netns_add_peer();
	must("notrackctl add dns");
	limit(family, family->narrow_prefix, "--above 10/hour --burst 50");
	burst_from(family, family->limited, BURST);
	ck_assert_int_eq(stats_when_seen(family->narrow_prefix, BURST).seen, BURST);
	sender = send_all_the_while(family);

	for (size_t step = 0; step < 16; step++) {
		come_and_go(family, step);
		stats = stats_of(family->narrow_prefix);
		ck_assert_int_ge(stats.seen, BURST);
		ck_assert_int_le(stats.seen, BURST + ROUNDS * ROUND);
		if (reads_at_once())
			ck_assert_int_eq(stats.passed, 50);
	}
	ck_assert_int_eq(wait_for(sender), 0);
	burst_from(family, family->limited, BURST);
	stats_when_seen(family->narrow_prefix, stats.seen + BURST);
	ck_assert_int_eq(stats_of(family->narrow_prefix).passed, 50);
}
END_TEST

/* --- large tables ----------------------------------------------------- */

/* A heap of 32 MiB and more; the library asks for some lists of its own. */
static bool prepares_a_heap(const char *command)
{
	unsigned long size;

	must("strace -f -qq -e trace=madvise -o /run/trace %s", command);
	for (const char *at = read_file("/run/trace"); (at = strstr(at, "madvise(")); at++)
		if (sscanf(at, "madvise(%*[^,], %lu, MADV_HUGEPAGE)", &size) == 1 && size >= 32u << 20)
			return true;
	return false;
}

/* See tools/heap.c. */
START_TEST(a_heap_is_prepared_where_a_table_is_large)
{
	static const char one[] = "notrackctl limit dns 192.0.2.1 --above 1/sec";
	char *list = keep(calloc(20000, 16)), *end = list;

	ck_assert(!prepares_a_heap("notrackctl --backend legacy show"));
	ck_assert_str_eq(read_file("/proc/thread-self/net/ip_tables_names"), "");
	must("notrackctl --backend legacy add dns");
	ck_assert(!prepares_a_heap(one));
	for (unsigned int i = 0; i < 20000; i++)
		end += sprintf(end, "198.18.%u.%u\n", i / 256, i % 256);
	must_as(&(struct how){ .input = list }, "notrackctl limit dns - --above 1/sec");
	ck_assert(prepares_a_heap(one));
	ck_assert(prepares_a_heap("notrackctl show"));
}
END_TEST

/* What stands in chains of the other world, for nftables' sake, is no matter of one client more. */
START_TEST(clients_come_and_go_beside_an_opening_in_the_other_world)
{
	static const char *const work[] = {
		"limit dns 192.0.2.0/24 --above 10/sec", "limit dns 198.51.100.7 --above 10/sec",
		"unlimit dns 192.0.2.0/24", "limit dns 198.51.100.7 --above 20/sec",
	};
	char *before;

	must("iptables-legacy -P INPUT DROP");
	must("nft add table inet filter");
	must("nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'");
	must("notrackctl -4 add dns");
	before = must("iptables-legacy -S INPUT").out;
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		must("notrackctl -4 %s", work[i]);
	assert_same_text(must("iptables-legacy -S INPUT").out, before);
	ck_assert_ptr_null(strstr(must("notrackctl -4 --json verify").out, "drift"));
}
END_TEST

static const char *const names_like_chains[] = {
	"INPUT", "OUTPUT", "INPUT-x", "OUTPUT-any", "LIMITS", "new-accept", "est-accept", "rel-accept",
	"est-rel-accept", "all-accept", "rest", "do",
};

static const char *const rules_by_state[] = {
	"-P INPUT DROP", "-P OUTPUT DROP",
	"-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
	"-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
	"-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT",
};

/* By names alone, twins, openings and services could be taken for one another. */
START_TEST(limits_of_a_service_that_is_named_as_a_chain_come_and_go)
{
	const char *name = names_like_chains[_i];
	char *before;

	for (size_t i = 0; i < sizeof(rules_by_state) / sizeof(rules_by_state[0]); i++)
		must("iptables-legacy %s", rules_by_state[i]);
	before = must("iptables-legacy -S").out;
	must("notrackctl -4 add %s --ports 5300 --proto udp,tcp --role both", name);
	must("notrackctl -4 limit %s 10.0.0.0/8 --above 10/hour", name);
	ck_assert_ptr_nonnull(strstr(must("notrackctl -4 --json limit %s 10.0.0.1 --above 1/hour",
					  name).out, "\"changed\": true"));
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "clients = 10.0.0.0/8\nabove = 10/hour"));
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "clients = 10.0.0.1\nabove = 1/hour"));
	ck_assert_ptr_null(strstr(must("notrackctl --json verify").out, "drift"));
	ck_assert_ptr_nonnull(strstr(must_as(&(struct how){ .input = must("notrackctl show").out },
					     "notrackctl --json apply -").out, "\"changed\": false"));
	must("notrackctl -4 unlimit %s 10.0.0.0/8", name);
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "10.0.0.0/8"));
	must("notrackctl clear");
	assert_same_text(must("iptables-legacy -S").out, before);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, limits_of_a_service_that_is_named_as_a_chain_come_and_go, 0,
			    sizeof(names_like_chains) / sizeof(names_like_chains[0]));
	tcase_add_test(tcase, clients_come_and_go_beside_an_opening_in_the_other_world);
	tcase_add_loop_test(tcase, a_limit_holds_whatever_another_service_accepts, 0,
			    2 * FAMILY_COUNT);
	tcase_add_loop_test(tcase, counters_go_on_when_others_come_and_go, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, each_packet_counts_while_others_come_and_go, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_client_that_moves_counts_on_from_what_was_read, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_client_over_its_rate_gets_its_burst_and_no_more, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, other_clients_are_not_limited, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, other_ports_of_a_limited_client_are_not_limited, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, segments_of_an_open_connection_are_not_limited, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, new_connections_are_limited, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_lowered_rate_takes_effect_at_once, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, most_specific_prefix_wins, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, most_specific_prefix_wins_when_named_first, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, whom_a_service_could_not_limit_is_free_already, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, an_unlimited_client_is_free_again, 0, FAMILY_COUNT);
	if (suite_is_nft())
		return;
	/* of the legacy tables: the tables of hashlimit, and memory that a commit takes */
	tcase_add_test(tcase, a_heap_is_prepared_where_a_table_is_large);
	tcase_add_loop_test(tcase, counters_go_on_when_the_rate_changes, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, rate_change_takes_effect_at_once, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, clear_leaves_no_rate_table, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("limits", tests);
}
