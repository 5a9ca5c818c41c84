/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who fills the connection tracking table: top, advise and flush-tracked. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "forbid.h"
#include "packets.h"
#include "run.h"
#include "tables.h"

/* Without a rule that asks for states, the kernel tracks nothing. */
static void track(const struct family *family)
{
	netns_add_peer();
	must("%s -w -A INPUT -m conntrack --ctstate NEW,ESTABLISHED,INVALID -j ACCEPT",
	     family->tables);
}

/* So many flows, of one packet each, from as many ports. */
static void make_flows(const struct family *family, struct end from, struct end to,
		       unsigned int count)
{
	unsigned int before = conntrack_count(), waits = 0;

	for (unsigned int i = 0; i < count; i++) {
		int fd = udp_open(family, (struct end){ from.where, from.address,
							(uint16_t)(from.port + i) });

		udp_send(family, fd, to, 1);
		close(fd);
	}
	while (conntrack_count() < before + count && wait_a_little(&waits))
		;
	ck_assert_uint_eq(conntrack_count(), before + count);
}

static void ask_host(const struct family *family, const char *client, unsigned int port,
		     unsigned int count)
{
	make_flows(family, (struct end){ PEER, client, 2000 },
		   (struct end){ HOST, family->host, (uint16_t)port }, count);
}

/* The row in which @key is @value. */
static json_t *row_of(json_t *report, const char *list, const char *key, json_t *value)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(report, list), i, row)
		if (json_equal(json_object_get(row, key), value))
			return row;
	ck_abort_msg("no row with this %s: %s", key, json_dumps(report, 0));
}

static json_int_t count_of(json_t *row)
{
	ck_assert(json_is_integer(json_object_get(row, "count")));
	return json_integer_value(json_object_get(row, "count"));
}

static const char *word_of(json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

/* --- top -------------------------------------------------------------- */

START_TEST(top_counts_what_conntrack_counts)
{
	const struct family *family = &families[_i];
	json_t *report, *row;

	track(family);
	ask_host(family, family->peer, 53, 90);
	ask_host(family, family->limited, 123, 10);

	report = must_json("notrackctl top --json");
	ck_assert_int_eq(count_of(report), 100);
	ck_assert(json_is_integer(json_object_get(report, "max")));
	row = row_of(report, "entries", "port", json_integer(53));
	ck_assert(row == json_array_get(json_object_get(report, "entries"), 0));
	ck_assert_str_eq(word_of(row, "protocol"), "udp");
	ck_assert_str_eq(word_of(row, "service"), "dns");
	ck_assert_int_eq(count_of(row), 90);
	ck_assert_double_eq_tol(json_real_value(json_object_get(row, "share")), 0.9, 1e-6);

	report = must_json("notrackctl top --by source --json");
	row = json_array_get(json_object_get(report, "entries"), 0);
	ck_assert_int_eq(count_of(row), 90);
	ck_assert_int_eq(strncmp(word_of(row, "source"), family->peer, 8), 0);
	ck_assert(!json_object_get(row, "port"));

	report = must_json("notrackctl top --by service --json");
	ck_assert_int_eq(count_of(row_of(report, "entries", "service", json_string("ntp"))), 10);
}
END_TEST

/* -4 and -6 choose the rows; shares are of the whole table all the same. */
START_TEST(top_of_a_family_has_its_entries_only)
{
	json_t *report;

	track(&families[0]);
	must("%s -w -A INPUT -m conntrack --ctstate NEW -j ACCEPT", families[1].tables);
	ask_host(&families[0], families[0].peer, 53, 30);
	ask_host(&families[1], families[1].peer, 514, 10);

	report = must_json("notrackctl -4 top --json");
	ck_assert_uint_eq(json_array_size(json_object_get(report, "entries")), 1);
	ck_assert_double_eq_tol(json_real_value(json_object_get(row_of(report, "entries", "port",
		json_integer(53)), "share")), 0.75, 1e-6);
	report = must_json("notrackctl -6 top --json --by service");
	ck_assert_int_eq(count_of(row_of(report, "entries", "service", json_string("syslog"))), 10);
}
END_TEST

START_TEST(top_prints_so_many_rows_and_those_columns)
{
	const struct family *family = &families[0];

	track(family);
	ask_host(family, family->peer, 53, 3);
	ask_host(family, family->peer, 123, 2);
	ask_host(family, family->peer, 9999, 1);

	assert_same_text(must("notrackctl top -n 2 --raw --noheadings -o port,entries,service").out,
			 "53 3 dns\n123 2 ntp\n");
	assert_same_text(must("notrackctl -4 top --by source --srcmask 8 --raw --noheadings "
			      "-o source,entries").out, "192.0.0.0/8 6\n");
	ck_assert_ptr_nonnull(strstr(must("notrackctl top").out, "6 entries of at most "));
}
END_TEST

START_TEST(bad_words_are_named)
{
	static const struct {
		const char *words, *says;
	} bad[] = {
		{ "top --by colour", "--by colour" },
		{ "top --by client", "needs a service" },
		{ "top --by client none", "none" },
		{ "top dns", "dns" },
		{ "top -n 0", "--number 0" },
		{ "top --srcmask 24", "--srcmask" },
		{ "top --by source --srcmask 24", "--srcmask" },
		{ "-4 top --by source --srcmask 33", "srcmask 33" },
		{ "top -o WEIGHT", "WEIGHT" },
		{ "top --by source -o PORT", "PORT" },
		{ "advise --threshold 0", "--threshold 0" },
		{ "advise --threshold 101", "--threshold 101" },
		{ "advise --threshold x", "--threshold x" },
		{ "advise --times 0", "--times 0" },
		{ "advise --seconds 0", "--seconds 0" },
		{ "advise --seconds 3601", "--seconds 3601" },
		{ "flush-tracked dns", "dns" },
	};
	struct run done = run("notrackctl %s", bad[_i].words);

	ck_assert_msg(done.code == 2, "%s: exit %d, %s", bad[_i].words, done.code, done.err);
	ck_assert_msg(strstr(done.err, bad[_i].says) != NULL, "%s: %s", bad[_i].words, done.err);
	ck_assert_str_eq(done.out, "");
}
END_TEST

/* More than one reading of a buffer, while others come and go. */
START_TEST(entries_that_come_and_go_do_no_harm)
{
	const struct family *family = &families[0];
	pid_t busy;

	track(family);
	busy = fork_child();
	if (!busy) {
		for (unsigned int i = 0; i < 2000; i++) {
			int fd = udp_open(family, (struct end){ PEER, family->other, 0 });

			udp_send(family, fd, (struct end){ HOST, family->host, (uint16_t)(i + 1) }, 1);
			close(fd);
			if (i % 100 == 99)
				run("conntrack -F");
		}
		_exit(0);
	}
	for (int i = 0; i < 30; i++) {
		must_json("notrackctl top --by source --json");
		must_json("notrackctl advise --json");
		must("notrackctl flush-tracked");
	}
	stop(busy, SIGKILL);
}
END_TEST

/* As netlink says of a protocol that the kernel was built without. */
static void lose_netlink(void)
{
	forbid_sockets(AF_NETLINK, EPROTONOSUPPORT);
}

START_TEST(a_kernel_without_conntrack_is_named)
{
	struct run done = run_as(&(struct how){ .prepare = lose_netlink }, "notrackctl top");

	ck_assert_int_eq(done.code, 3);
	ck_assert_ptr_nonnull(strstr(done.err, "nf_conntrack_netlink"));
	ck_assert_str_eq(done.out, "");
}
END_TEST

/* --- advise ----------------------------------------------------------- */

START_TEST(dns_at_nine_tenths_is_advised_first_and_taken_out)
{
	const struct family *family = &families[_i];
	json_t *advice, *first;
	char *text;

	track(family);
	ask_host(family, family->peer, 9999, 4);
	ask_host(family, family->limited, 9998, 6);
	ask_host(family, family->peer, 53, 90);

	advice = must_json("notrackctl advise --json");
	first = json_array_get(json_object_get(advice, "services"), 0);
	ck_assert_str_eq(word_of(first, "service"), "dns");
	ck_assert_str_eq(word_of(first, "verdict"), "untrack");
	ck_assert_str_eq(word_of(first, "roles"), "inbound");
	ck_assert_double_eq_tol(json_real_value(json_object_get(first, "share")), 0.9, 1e-6);

	text = must("notrackctl advise --threshold 50%%").out;
	ck_assert_ptr_nonnull(strstr(text, "90 entries, 90.0% of the table"));
	must_as(&(struct how){ .input = text }, "notrackctl apply --dry-run -");
	ck_assert_uint_eq(conntrack_count(), 100);
	must_as(&(struct how){ .input = text }, "notrackctl apply -");
	ck_assert_uint_eq(conntrack_count(), 100);
	ck_assert_str_eq(must("notrackctl flush-tracked").out, "90 entries deleted\n");
	ck_assert_uint_eq(conntrack_count(), 10);
	ck_assert_str_eq(must("notrackctl flush-tracked").out, "0 entries deleted\n");
}
END_TEST

/* apply removes what its file does not name: so advice has to name it. */
START_TEST(advice_keeps_what_is_there)
{
	const struct family *family = &families[0];
	struct run applied;
	char *text;

	track(family);
	must("notrackctl add syslog --local %s", family->host);
	must("notrackctl limit syslog %s --above 10/sec", family->limited_prefix);
	ask_host(family, family->peer, 53, 20);

	text = must("notrackctl advise").out;
	applied = must_as(&(struct how){ .input = text }, "notrackctl apply --dry-run -");
	ck_assert_ptr_nonnull(strstr(applied.out, suite_is_nft() ?
					"+inet libnotrack service-dns " : "+-4 raw -A NOTRACK-dns-in"));
	ck_assert_ptr_null(strstr(applied.out, "\n-"));
	ck_assert_int_ne(applied.out[0], '-');
}
END_TEST

START_TEST(an_over_eager_source_is_advised_to_be_limited)
{
	const struct family *family = &families[_i];
	json_t *advice, *client;
	char *text;

	track(family);
	ask_host(family, family->peer, 53, 5);
	ask_host(family, family->other, 53, 5);
	ask_host(family, family->limited, 53, 80);

	advice = must_json("notrackctl advise --json");
	ck_assert_uint_eq(json_array_size(json_object_get(advice, "clients")), 1);
	client = json_array_get(json_object_get(advice, "clients"), 0);
	ck_assert_str_eq(word_of(client, "service"), "dns");
	ck_assert_int_eq(count_of(client), 80);
	ck_assert_int_eq(json_integer_value(json_object_get(client, "median")), 5);
	ck_assert_uint_eq(json_array_size(json_object_get(must_json("notrackctl advise --json "
		"--times 16"), "clients")), 0);

	/* how often it asks, entries do not tell: its limit is there to be completed, and not in force */
	ck_assert_ptr_null(json_object_get(client, "rate"));
	ck_assert_ptr_null(json_object_get(client, "above"));
	text = must("notrackctl advise").out;
	ck_assert_ptr_nonnull(strstr(text, format_text("\n# clients = %s\n", word_of(client, "prefix"))));
	must_as(&(struct how){ .input = text }, "notrackctl apply -");
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "[limit "));
	must("notrackctl limit dns %s --above 10/sec", word_of(client, "prefix"));
	ck_assert_uint_eq(json_array_size(json_object_get(must_json("notrackctl advise --json"),
							  "clients")), 0);
	text = must("notrackctl advise").out;
	must_as(&(struct how){ .input = text }, "notrackctl apply -");
}
END_TEST

/* Sends so many requests a second, from one port, until the test ends. */
static void keep_asking(const struct family *family, const char *from, unsigned int rate)
{
	struct end server = { HOST, family->host, 53 };
	int fd = udp_open(family, (struct end){ PEER, from, 4000 });

	if (fork_child()) {
		close(fd);
		return;
	}
	for (;;) {
		udp_send(family, fd, server, 1);
		nanosleep(&(struct timespec){ .tv_nsec = 999999999 / rate }, NULL);
	}
}

START_TEST(a_limit_is_advised_by_rates_that_were_counted)
{
	const struct family *family = &families[_i];
	json_t *advice, *client;
	char *text;

	track(family);
	udp_open(family, (struct end){ HOST, family->host, 53 });
	ask_host(family, family->peer, 53, 50);
	keep_asking(family, family->peer, 4);
	keep_asking(family, family->other, 4);
	keep_asking(family, family->limited, 100);

	advice = must_json("notrackctl advise --json --seconds 3");
	ck_assert_uint_eq(json_array_size(json_object_get(advice, "clients")), 1);
	client = json_array_get(json_object_get(advice, "clients"), 0);
	ck_assert_int_eq(strncmp(word_of(client, "prefix"), family->limited, 10), 0);
	ck_assert_double_ge(json_real_value(json_object_get(client, "rate")), 60);
	ck_assert_double_le(json_real_value(json_object_get(client, "rate")), 110);
	ck_assert_double_le(json_real_value(json_object_get(client, "median-rate")), 5);

	text = must("notrackctl advise --seconds 2").out;
	ck_assert_ptr_nonnull(strstr(text, "requests a second, the median source of dns has "));
	must_as(&(struct how){ .input = text }, "notrackctl apply -");
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[limit dns]"));
}
END_TEST

/* Few entries, and many requests: nobody is to be held below what he needs. */
START_TEST(steady_clients_get_no_limit)
{
	const struct family *family = &families[0];

	track(family);
	udp_open(family, (struct end){ HOST, family->host, 53 });
	ask_host(family, family->wide_client, 53, 30);
	keep_asking(family, family->peer, 20);
	keep_asking(family, family->other, 20);
	keep_asking(family, family->limited, 20);

	ck_assert_ptr_null(strstr(must("notrackctl advise").out, "\n[limit "));
	ck_assert_ptr_null(strstr(must("notrackctl advise --seconds 3").out, "[limit "));
}
END_TEST

/* Beside one that asks far more often: what the steady ones need is below its limit, too. */
START_TEST(no_limit_is_below_what_steady_clients_need)
{
	const struct family *family = &families[_i];
	json_t *clients;
	const char *above;

	track(family);
	udp_open(family, (struct end){ HOST, family->host, 53 });
	ask_host(family, family->wide_client, 53, 50);
	keep_asking(family, family->peer, 20);
	keep_asking(family, family->other, 20);
	keep_asking(family, family->limited, 600);

	/* by entries, nobody knows */
	ck_assert_ptr_nonnull(strstr(must("notrackctl advise").out, "\n# above = N/sec\n"));
	clients = json_object_get(must_json("notrackctl advise --json"), "clients");
	ck_assert_uint_eq(json_array_size(clients), 1);
	ck_assert_ptr_null(json_object_get(json_array_get(clients, 0), "above"));

	clients = json_object_get(must_json("notrackctl advise --json --seconds 3"), "clients");
	ck_assert_uint_eq(json_array_size(clients), 1);
	above = word_of(json_array_get(clients, 0), "above");
	ck_assert_ptr_nonnull(strstr(above, "/sec"));
	ck_assert_uint_ge(strtoul(above, NULL, 10), 10 * 15);
	ck_assert_uint_le(strtoul(above, NULL, 10), 10 * 22);
}
END_TEST

START_TEST(a_forwarder_names_its_server)
{
	const struct family *family = &families[_i];
	char *text;

	track(family);
	must("%s -w -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT", family->tables);
	make_flows(family, (struct end){ HOST, family->host, 3000 },
		   (struct end){ PEER, family->peer, 53 }, 30);
	text = must("notrackctl advise").out;
	ck_assert_ptr_nonnull(strstr(text, format_text("\nremote = %s\n", family->peer)));
	ck_assert_ptr_nonnull(strstr(text, "\nroles = outbound\n"));
	must_as(&(struct how){ .input = text }, "notrackctl apply -");
}
END_TEST

START_TEST(a_service_that_is_half_untracked_is_named)
{
	const struct family *family = &families[_i];
	json_t *advised;

	track(family);
	must("%s -w -t raw -A PREROUTING -p udp --dport 53 -j NOTRACK", family->tables);
	must("%s -w -A INPUT -p udp --dport 53 -j ACCEPT", family->tables);
	must("%s -w -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT", family->tables);
	for (uint16_t i = 0; i < 20; i++)
		make_flows(family, (struct end){ HOST, family->host, 53 },
			   (struct end){ PEER, family->peer, (uint16_t)(3000 + i) }, 1);

	advised = json_array_get(json_object_get(must_json("notrackctl top --by service --json"),
						 "entries"), 0);
	ck_assert_str_eq(word_of(advised, "service"), "dns");
	advised = row_of(must_json("notrackctl advise --json"), "services", "service",
			 json_string("dns"));
	ck_assert_str_eq(word_of(advised, "verdict"), "untrack");
	ck_assert_str_eq(word_of(advised, "roles"), "inbound");
	ck_assert_ptr_nonnull(strstr(word_of(advised, "text"), "20 begin with an answer"));
}
END_TEST

START_TEST(a_translated_service_is_left_alone)
{
	const struct family *family = &families[_i];
	json_t *advised;

	track(family);
	must("%s -w -t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5300",
	     family->tables);
	ask_host(family, family->peer, 53, 50);

	advised = row_of(must_json("notrackctl advise --json"), "services", "service",
			 json_string("dns"));
	ck_assert_str_eq(word_of(advised, "verdict"), "leave");
	ck_assert_ptr_nonnull(strstr(word_of(advised, "text"), "50 of its entries are translated"));
	ck_assert_ptr_nonnull(strstr(must("notrackctl advise").out, "# dns: 50 entries, 100.0% of "
		"the table: left alone: 50 of its entries are translated (NAT, as to "));
	ck_assert_ptr_null(strstr(must("notrackctl advise").out, "[service dns]"));
}
END_TEST

/* Answers of the service would go out from a port that nobody asked. */
START_TEST(where_another_port_is_translated_to_is_left_alone)
{
	const struct family *family = &families[_i];
	json_t *advised;

	track(family);
	must("%s -w -t nat -A PREROUTING -p udp --dport 8053 -j REDIRECT --to-ports 53",
	     family->tables);
	ask_host(family, family->peer, 53, 50);
	ask_host(family, family->peer, 8053, 2);

	advised = row_of(must_json("notrackctl advise --json"), "services", "service",
			 json_string("dns"));
	ck_assert_str_eq(word_of(advised, "verdict"), "leave");
	ck_assert_ptr_nonnull(strstr(word_of(advised, "text"), "2 of its entries are translated"));
}
END_TEST

START_TEST(an_unknown_port_gets_a_name_and_long_exchanges_are_left_alone)
{
	const struct family *family = &families[0];
	struct end server = { HOST, family->host, 7777 }, client = { PEER, family->peer, 0 };
	json_t *advice;

	track(family);
	ask_host(family, family->peer, 9999, 40);
	for (int i = 0; i < 3; i++) {
		int listener = tcp_listen(family, server);

		tcp_begin(family, client, server);	/* stays open */
		accept(listener, NULL, NULL);
		tcp_begin(family, client, server);
		accept(listener, NULL, NULL);
		close(listener);
	}

	advice = must_json("notrackctl advise --json --threshold 1");
	ck_assert_str_eq(word_of(row_of(advice, "services", "service", json_string("udp-9999")),
				 "verdict"), "untrack");
	advice = row_of(advice, "services", "service", json_string("tcp-7777"));
	ck_assert_str_eq(word_of(advice, "verdict"), "leave");
	ck_assert_ptr_nonnull(strstr(word_of(advice, "text"), "long exchanges"));
	ck_assert_ptr_nonnull(strstr(must("notrackctl advise").out, "[service udp-9999]\n"
		"ports = 9999\nprotocols = udp\n"));
}
END_TEST

/* Or apply would refuse the advice: a section is there twice. */
START_TEST(an_advised_name_is_not_one_that_is_taken)
{
	const struct family *family = &families[0];
	char *text;

	track(family);
	must("notrackctl add udp-9999 --ports 9998");
	ask_host(family, family->peer, 9999, 20);

	text = must("notrackctl advise").out;
	ck_assert_ptr_nonnull(strstr(text, "[service udp-9999-b]"));
	must_as(&(struct how){ .input = text }, "notrackctl apply -");
	ck_assert_str_eq(must("notrackctl flush-tracked").out, "20 entries deleted\n");
}
END_TEST

/* An empty file would remove everything: what is no advice must not look like one. */
START_TEST(advice_that_failed_is_refused_by_apply)
{
	struct run failed = run("strace -qq -o /dev/null -e inject=sendto:error=EPERM "
				"notrackctl advise");

	must("notrackctl add dns");
	ck_assert_int_eq(failed.code, 1);
	ck_assert_int_eq(run_as(&(struct how){ .input = failed.out }, "notrackctl apply -").code, 2);
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service dns]"));
}
END_TEST

/* What leaves for a group leaves by an interface, tracked: it is not to this host itself. */
START_TEST(what_goes_to_a_group_is_not_taken_for_our_own)
{
	const struct family *family = &families[0];

	track(family);
	must("%s -w -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT", family->tables);
	must("notrackctl add mdns --ports 5353 --role inbound");
	must("ip route add 239.0.0.0/8 via %s", family->peer);
	make_flows(family, (struct end){ HOST, family->host, 3000 },
		   (struct end){ HOST, "239.1.2.3", 5353 }, 3);

	ck_assert_str_eq(must("notrackctl flush-tracked").out, "0 entries deleted\n");
	ck_assert_uint_eq(conntrack_count(), 3);
}
END_TEST

/* --- flush-tracked ---------------------------------------------------- */

START_TEST(only_entries_of_the_services_roles_are_deleted)
{
	const struct family *family = &families[_i];

	track(family);
	ask_host(family, family->peer, 53, 7);
	make_flows(family, (struct end){ HOST, family->host, 3000 },
		   (struct end){ PEER, family->peer, 53 }, 5);
	ask_host(family, family->peer, 123, 3);

	must("notrackctl add dns --role inbound");
	ck_assert_str_eq(must("notrackctl flush-tracked").out, "7 entries deleted\n");
	ck_assert_uint_eq(conntrack_count(), 8);
	ck_assert_str_eq(must("notrackctl add dns --role outbound --flush-tracked").out,
			 "5 entries deleted\n");
	ck_assert_uint_eq(conntrack_count(), 3);
}
END_TEST

START_TEST(entries_of_other_addresses_are_left)
{
	const struct family *family = &families[_i];
	const char *elsewhere = _i ? "2001:db8::99" : "192.0.2.99";

	track(family);
	ask_host(family, family->peer, 53, 7);

	must("notrackctl %s add dns --role inbound --local %s --flush-tracked", family->option,
	     elsewhere);
	ck_assert_uint_eq(conntrack_count(), 7);
}
END_TEST

/* There, what has the service's port at both ends may be anybody's. */
START_TEST(entries_that_a_router_leaves_tracked_are_left)
{
	const struct family *family = &families[_i];
	const struct end host = { HOST, family->host, 53 };

	track(family);
	must("sysctl -qw net.ipv%d.conf.all.forwarding=1", _i ? 6 : 4);
	ask_host(family, family->peer, 53, 7);
	make_flows(family, (struct end){ PEER, family->other, 53 }, host, 1);

	must("notrackctl add dns-auth");
	ck_assert_str_eq(must("notrackctl flush-tracked").out, "7 entries deleted\n");
	ck_assert_uint_eq(conntrack_count(), 1);
}
END_TEST

START_TEST(entries_of_services_bound_to_interfaces_are_left)
{
	const struct family *family = &families[0];
	struct run done;

	track(family);
	ask_host(family, family->peer, 53, 7);

	done = must("notrackctl add dns --interface eth7 --flush-tracked");
	ck_assert_str_eq(done.out, "0 entries deleted\n");
	ck_assert_ptr_nonnull(strstr(done.err, "7 entries of services bound to interfaces"));
	ck_assert_uint_eq(conntrack_count(), 7);
}
END_TEST

START_TEST(apply_flushes_too_and_a_dry_run_does_not)
{
	const struct family *family = &families[0];
	const struct how config = { .input = "[service dns]\n" };

	track(family);
	ask_host(family, family->peer, 53, 7);

	must_as(&config, "notrackctl apply --dry-run --flush-tracked -");
	ck_assert_uint_eq(conntrack_count(), 7);
	ck_assert_ptr_nonnull(strstr(must_as(&config, "notrackctl --json apply --flush-tracked -").out,
				     ", \"flushed\": 7}"));
	ck_assert_uint_eq(conntrack_count(), 0);
}
END_TEST

/* --- by client -------------------------------------------------------- */

START_TEST(a_source_over_its_limit_has_nothing_left)
{
	const struct family *family = &families[_i];
	struct end host = { HOST, family->host, 53 };
	const bool nft = suite_is_nft();
	json_t *entries, *first, *second;
	int over, under;

	track(family);
	must("notrackctl add dns");
	must("notrackctl limit dns %s,%s --above 1/min --burst 20", family->limited_prefix,
	     family->other_prefix);
	over = udp_open(family, (struct end){ PEER, family->limited, 0 });
	under = udp_open(family, (struct end){ PEER, family->other, 0 });
	udp_send(family, under, host, 5);
	udp_send(family, over, host, 50);

	entries = json_object_get(must_json("notrackctl top --by client dns --json"), "entries");
	ck_assert_uint_eq(json_array_size(entries), 2);
	first = json_array_get(entries, 0);
	second = json_array_get(entries, 1);
	ck_assert_int_eq(strncmp(word_of(first, "source"), family->limited, 7), 0);
	if (nft) {	/* the kernel does not tell, and who was served last comes first */
		ck_assert_ptr_null(json_object_get(first, "over"));
		ck_assert_ptr_null(json_object_get(first, "available"));
	} else {
		ck_assert(json_is_true(json_object_get(first, "over")));
		ck_assert_int_eq(json_integer_value(json_object_get(first, "available")), 0);
		ck_assert(json_is_false(json_object_get(second, "over")));
		ck_assert_int_eq(json_integer_value(json_object_get(second, "available")), 15);
	}
	ck_assert_int_eq(json_integer_value(json_object_get(second, "burst")), 20);
	ck_assert_str_eq(word_of(second, "above"), "1/min");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, top_counts_what_conntrack_counts, 0, FAMILY_COUNT);
	tcase_add_test(tcase, top_of_a_family_has_its_entries_only);
	tcase_add_test(tcase, top_prints_so_many_rows_and_those_columns);
	tcase_add_loop_test(tcase, bad_words_are_named, 0, 17);
	tcase_add_test(tcase, entries_that_come_and_go_do_no_harm);
	tcase_add_test(tcase, a_kernel_without_conntrack_is_named);
	tcase_add_loop_test(tcase, dns_at_nine_tenths_is_advised_first_and_taken_out, 0,
			    FAMILY_COUNT);
	tcase_add_test(tcase, advice_keeps_what_is_there);
	tcase_add_loop_test(tcase, an_over_eager_source_is_advised_to_be_limited, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_limit_is_advised_by_rates_that_were_counted, 0, FAMILY_COUNT);
	tcase_add_test(tcase, steady_clients_get_no_limit);
	tcase_add_loop_test(tcase, no_limit_is_below_what_steady_clients_need, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_forwarder_names_its_server, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_service_that_is_half_untracked_is_named, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_translated_service_is_left_alone, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, where_another_port_is_translated_to_is_left_alone, 0, FAMILY_COUNT);
	tcase_add_test(tcase, an_unknown_port_gets_a_name_and_long_exchanges_are_left_alone);
	tcase_add_test(tcase, an_advised_name_is_not_one_that_is_taken);
	tcase_add_test(tcase, advice_that_failed_is_refused_by_apply);
	tcase_add_test(tcase, what_goes_to_a_group_is_not_taken_for_our_own);
	tcase_add_loop_test(tcase, only_entries_of_the_services_roles_are_deleted, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, entries_of_other_addresses_are_left, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, entries_that_a_router_leaves_tracked_are_left, 0, FAMILY_COUNT);
	tcase_add_test(tcase, entries_of_services_bound_to_interfaces_are_left);
	tcase_add_test(tcase, apply_flushes_too_and_a_dry_run_does_not);
	tcase_add_loop_test(tcase, a_source_over_its_limit_has_nothing_left, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("usage", tests);
}
