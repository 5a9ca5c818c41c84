/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes while packets flow: none is lost, none is lost count of. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"
#include "tables.h"

enum {
	COMMITS = 200,
	ROUNDS = 100,
	ROUNDS_MAX = 500,
	MAX_QUERIES = 5000000,	/* by which the traffic ends, come what may */
	MAX_SECONDS = 280,
	TIMEOUT_SECONDS = 40,	/* longer than we look for queries to flow */
};

/* A change of nftables is one batch, or two: a few of them meet traffic as well as many do. */
static unsigned int as_often(unsigned int times)
{
	return suite_is_nft() ? times / 5 : times;
}

/* Shared with the process that makes the traffic. */
struct traffic {
	atomic_uint queries;
	atomic_bool enough;
};

static struct traffic *share_traffic(void)
{
	struct traffic *traffic = mmap(NULL, sizeof(*traffic), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert(traffic != MAP_FAILED);
	return traffic;
}

/* One query after another, each answered: what no socket and no queue can lose. */
static pid_t ask_and_answer(const struct family *family, struct traffic *traffic)
{
	struct end server = { HOST, family->host, 53 }, client = { PEER, family->peer, 0 };
	int server_fd = udp_open(family, server), fd = udp_open(family, client);
	pid_t pid = fork_child();

	if (pid) {
		close(server_fd);
		close(fd);
		return pid;
	}
	while (!traffic->enough && traffic->queries < MAX_QUERIES) {
		if (!udp_exchange(family, fd, server_fd, server))
			_exit(EXIT_FAILURE);
		traffic->queries++;
	}
	_exit(EXIT_SUCCESS);
}

/* By turns, each undoing the last but one; dns itself stays as it is. */
static void commit_something(const struct family *family, unsigned int number)
{
	char *changes[] = {
		format_text("add ntp"),
		format_text("limit dns %s --above 10/sec", family->other_prefix),
		format_text("del ntp"),
		format_text("unlimit dns %s", family->other_prefix),
	};
	char *change = changes[number % 4];
	json_t *result = must_json("notrackctl --json -w 60 %s", change);

	ck_assert_msg(json_is_true(json_object_get(result, "changed")), "changed nothing: %s", change);
}

static json_int_t stats_packets(const struct family *family, const char *key)
{
	json_t *services = json_object_get(must_json("notrackctl stats --json"), "services"), *service;
	size_t i;

	json_array_foreach(services, i, service)
		if (!strcmp(json_string_value(json_object_get(service, "name")), "dns") &&
		    !strcmp(json_string_value(json_object_get(service, "family")), family->name))
			return json_integer_value(json_object_get(json_object_get(service, key), "packets"));
	ck_abort_msg("no stats of dns %s", family->name);
}

/* Over nftables, the selectors of a service lead to one rule, which counts both ways. */
static unsigned int untracked_at_a_hook(unsigned int queries)
{
	return suite_is_nft() ? 2 * queries : queries;
}

static void hook_counted(const struct family *family, const char *table, const char *chain,
			 const char *target, const char *selector, unsigned int packets)
{
	struct paths paths = table_walk(family, table, chain);

	ck_assert_uint_eq(paths_packets(paths, selector, target), packets);
}

START_TEST(unchanged_rules_count_every_packet)
{
	const struct family *family = suite_family(_i);
	struct traffic *traffic = share_traffic();
	unsigned int queries;
	pid_t asking;

	netns_add_peer();
	if (suite_is_nft())		/* there are accepts where the host denies */
		firewall_deny(family);
	must("notrackctl add dns");
	asking = ask_and_answer(family, traffic);

	for (unsigned int i = 0; i < as_often(COMMITS); i++)
		commit_something(family, i);

	ck_assert_int_eq(waitpid(asking, NULL, WNOHANG), 0);
	traffic->enough = true;
	ck_assert_int_eq(wait_for(asking), EXIT_SUCCESS);
	queries = traffic->queries;
	hook_counted(family, "raw", "PREROUTING", "NOTRACK", "! --sport 53 --dport 53 -p udp",
		     untracked_at_a_hook(queries));
	hook_counted(family, "raw", "OUTPUT", "NOTRACK", "! --dport 53 --sport 53 -p udp",
		     untracked_at_a_hook(queries));
	hook_counted(family, "filter", "INPUT", "ACCEPT", "! --sport 53 --dport 53 -p udp", queries);
	hook_counted(family, "filter", "OUTPUT", "ACCEPT", "! --dport 53 --sport 53 -p udp", queries);
	ck_assert_int_eq(stats_packets(family, "untracked"), 2 * (json_int_t)queries);
	ck_assert_int_eq(stats_packets(family, "accepted"), 2 * (json_int_t)queries);
}
END_TEST

/* Of a host that would accept DNS without us: tracked, and nothing that is not. */
static const char tracking_firewall[] =
	"*filter\n"
	":INPUT DROP [0:0]\n"
	":FORWARD DROP [0:0]\n"
	":OUTPUT DROP [0:0]\n"
	"-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
	"-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"
	"-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED,RELATED -j ACCEPT\n"
	"COMMIT\n";

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static const char zone[] =
	"$ORIGIN example.\n"
	"$TTL 3600\n"
	"@ SOA ns hostmaster 1 2 3 4 5\n"
	"@ NS ns\n"
	"ns A 192.0.2.1\n"
	"www A 192.0.2.80\n";

static const char nsd_config[] =
	"server:\n"
	" ip-address: %s\n"
	" server-count: 1\n"
	" rrl-ratelimit: 0\n"
	" username: \"\"\n"
	" database: \"\"\n"
	" pidfile: \"\"\n"
	" xfrdfile: \"\"\n"
	" xfrdir: /run\n"
	" zonesdir: /run\n"
	" zonelistfile: /run/zone.list\n"
	"remote-control:\n"
	" control-enable: no\n"
	"zone:\n"
	" name: example.\n"
	" zonefile: example.zone\n";

static pid_t start_nsd(const struct family *family)
{
	unsigned int waits = 0;
	pid_t pid;

	write_file("/run/example.zone", zone);
	write_file("/run/nsd.conf", format_text(nsd_config, family->host));
	pid = start(HOST, "/run/nsd.log", "nsd -d -c /run/nsd.conf");
	while (!strstr(read_file("/run/nsd.log"), "nsd started") && wait_a_little(&waits))
		;
	return pid;
}

/*
 * One query at a time: one that is lost holds up all others until its timeout,
 * so that it shows, as lost or as a standstill, whenever we look.
 */
static pid_t start_dnsperf(const struct family *family)
{
	write_file("/run/queries", "www.example A\nns.example A\nnone.example A\n");
	return start(PEER, "/run/dnsperf.log", "dnsperf -s %s -d /run/queries -l %d -c 1 -q 1 -t %d",
		     family->host, MAX_SECONDS, TIMEOUT_SECONDS);
}

static bool queries_flow(const struct family *family)
{
	return counter_reaches(family, "queries", counter_packets(family, "queries") + 10);
}

static unsigned int dnsperf_says(const char *log, const char *what)
{
	const char *found = strstr(log, what);
	unsigned int number;

	ck_assert_msg(found && sscanf(found + strlen(what), "%u", &number) == 1, "no '%s':\n%s",
		      what, log);
	return number;
}

START_TEST(no_query_is_lost_while_rules_come_and_go)
{
	const struct family *family = suite_family(_i);
	pid_t dnsperf, nsd;
	char *log;

	netns_add_peer();
	must_as(&(struct how){ .input = tracking_firewall }, "%s -w", family->restore);
	counter_append(family, "queries", "mangle", "PREROUTING", "-p udp --dport 53");
	nsd = start_nsd(family);
	dnsperf = start_dnsperf(family);
	ck_assert(queries_flow(family));

	/* more than ROUNDS queries, on a host that is slow at them as well */
	for (unsigned int i = 0; i < as_often(ROUNDS) || (i < ROUNDS_MAX &&
	     counter_packets(family, "queries") <= ROUNDS); i++) {
		must("notrackctl -w 60 add dns");
		must("notrackctl -w 60 del dns");
	}

	ck_assert_msg(queries_flow(family), "a query was lost: those behind it wait");
	ck_assert_int_eq(waitpid(dnsperf, NULL, WNOHANG), 0);
	stop(dnsperf, SIGINT);
	stop(nsd, SIGTERM);
	log = read_file("/run/dnsperf.log");
	ck_assert_msg(dnsperf_says(log, "Queries lost:") == 0, "%s", log);
	ck_assert_uint_gt(dnsperf_says(log, "Queries completed:"), ROUNDS);
}
END_TEST

/* --- what the load generator sent, and what was counted ---------------- */

struct load {
	unsigned int sent, answered;
};

/* dnsperf from an address, until it has sent all. */
static struct load run_dnsperf(const struct family *family, const char *from, unsigned int rounds)
{
	char *log;

	write_file("/run/queries", "www.example A\nns.example A\nnone.example A\n");
	log = must_as(&(struct how){ .where = PEER }, "dnsperf -s %s -a %s -d /run/queries -n %u "
		      "-c 4 -q 40 -t 2", family->host, from, rounds).out;
	return (struct load){ dnsperf_says(log, "Queries sent:"),
			      dnsperf_says(log, "Queries completed:") };
}

/* The value of a line such as name{labels} 42; all labels have to be there. */
static unsigned long long metric(const char *text, const char *name, const char *label,
				 const char *value)
{
	const char *wanted = format_text("%s=\"%s\"", label, value);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *end;

		line += *line == '\n';
		end = line + strcspn(line, "\n");
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == '{' &&
		    strstr(line, wanted) && strstr(line, wanted) < end)
			return strtoull(strstr(line, "} ") + 2, NULL, 10);
	}
	ck_abort_msg("no %s of %s:\n%s", name, value, text);
}

static json_int_t counted(json_t *report, const char *list, const char *key, const char *value,
			  const char *counter)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(report, list), i, row)
		if (!strcmp(json_string_value(json_object_get(row, key)), value))
			return json_integer_value(json_object_get(json_object_get(row, counter),
								  "packets"));
	ck_abort_msg("no %s %s", key, value);
}

START_TEST(counters_are_what_the_load_generator_sent)
{
	const struct family *family = suite_family(_i);
	struct load polite, eager;
	unsigned int sent, answered;
	char *metrics;
	json_t *stats;
	pid_t nsd;

	netns_add_peer();
	must_as(&(struct how){ .input = tracking_firewall }, "%s -w", family->restore);
	must("notrackctl add dns");
	must("notrackctl limit dns %s --above 1/min --burst 50", family->narrow_prefix);
	nsd = start_nsd(family);
	polite = run_dnsperf(family, family->peer, 500);
	eager = run_dnsperf(family, family->limited, 40);
	stop(nsd, SIGTERM);
	ck_assert_uint_eq(polite.answered, polite.sent);
	ck_assert_uint_eq(eager.sent, 120);
	sent = polite.sent + eager.sent;
	answered = polite.answered + eager.answered;

	stats = must_json("notrackctl stats --json");
	ck_assert_int_eq(counted(stats, "services", "family", family->name, "untracked"),
			 sent + answered);
	ck_assert_int_eq(counted(stats, "services", "family", family->name, "accepted"),
			 2 * answered);
	ck_assert_int_eq(counted(stats, "clients", "service", "dns", "seen"), eager.sent);
	ck_assert_int_eq(counted(stats, "clients", "service", "dns", "passed"), eager.answered);
	ck_assert_int_eq(counted(stats, "clients", "service", "dns", "dropped"),
			 eager.sent - eager.answered);

	metrics = must("notrackctl stats --prometheus").out;
	ck_assert_uint_eq(metric(metrics, "notrack_untracked_packets_total", "family", family->name),
			  sent + answered);
	ck_assert_uint_eq(metric(metrics, "notrack_accepted_packets_total", "family", family->name),
			  2 * answered);
	ck_assert_uint_eq(metric(metrics, "notrack_client_seen_packets_total", "service", "dns"),
			  eager.sent);
	ck_assert_uint_eq(metric(metrics, "notrack_client_passed_packets_total", "service", "dns"),
			  eager.answered);
	ck_assert_uint_eq(metric(metrics, "notrack_client_dropped_packets_total", "service", "dns"),
			  eager.sent - eager.answered);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, counters_are_what_the_load_generator_sent, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, unchanged_rules_count_every_packet, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, no_query_is_lost_while_rules_come_and_go, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("traffic", tests);
}
