/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions that went out untracked, and are answered while their service leaves: the host
 * takes answers by state alone, so that one which conntrack is to see first would be NEW.
 * And connections of TCP that are older than NOTRACK, and go on after it.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intrusion.h"
#include "model.h"
#include "packets.h"
#include "run.h"
#include "tables.h"

/* Commits of tables, in one of ours. */
enum { COMMITS_MAX = 16 };

static void given_a_host_that_asks(void)
{
	static const char rules[] =
		"*filter\n"
		":INPUT DROP [0:0]\n"
		":FORWARD DROP [0:0]\n"
		":OUTPUT ACCEPT [0:0]\n"
		"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
		"COMMIT\n";

	must_as(&(struct how){ .input = rules }, "iptables-%s-restore", intrusion_backend);
	must_as(&(struct how){ .input = rules }, "ip6tables-%s-restore", intrusion_backend);
	must("ip6tables-%s -I INPUT -p ipv6-icmp -j ACCEPT", intrusion_backend);
}

/* --- the question -------------------------------------------------------------- */

static struct question {
	const struct family *family;
	int fd, server_fd;
	struct end server;
	bool asked_untracked, answered, arrived;
} question;

static void begin_question(const struct family *family)
{
	question = (struct question){
		.family = family, .server = { PEER, family->peer, 53 },
	};
	question.server_fd = udp_open(family, question.server);
	question.fd = udp_open(family, (struct end){ HOST, family->host, 40000 });
}

static void end_question(void)
{
	close(question.fd);
	close(question.server_fd);
}

static void ask(void)
{
	udp_send(question.family, question.fd, question.server, 1);
	ck_assert(udp_arrive(question.server_fd, 1));
	question.asked_untracked = true;
}

static const char *rules_that_untrack(void)
{
	if (!strcmp(intrusion_backend, "nft"))
		return run("nft list table inet libnotrack").out;
	/* the commit holds the lock */
	return must("env XTABLES_LOCKFILE=/run/another.lock %s -t raw -S",
		    question.family->tables).out;
}

/* Where requests are tracked again, and something is not. */
static void answer_midway(void)
{
	const char *rules;

	if (!question.asked_untracked || question.answered)
		return;
	rules = rules_that_untrack();
	if (strstr(rules, "-g NOTRACK-") || strstr(rules, "goto service-") ||
	    (!strstr(rules, "-j NOTRACK\n") && !strstr(rules, "notrack accept")))
		return;
	udp_send(question.family, question.server_fd,
		 (struct end){ HOST, question.family->host, 40000 }, 1);
	question.answered = true;
	question.arrived = udp_arrive(question.fd, 1);
}

/* --- tests --------------------------------------------------------------------- */

static struct notrack *context_with(int (*edit)(struct notrack *))
{
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	must_do(nt, notrack_set_backend(nt, intrusion_backend));
	must_do(nt, notrack_load(nt));
	must_do(nt, edit(nt));
	return nt;
}

static int add_dns(struct notrack *nt)
{
	return add_service(nt, "dns", "strict");
}

static int remove_dns(struct notrack *nt)
{
	return notrack_remove_service(nt, "dns");
}

static int commit_and_free(struct notrack *nt)
{
	int result = must_do(nt, notrack_commit(nt, NULL));

	notrack_free(nt);
	return result;
}

static void dns_leaves(unsigned int nth)
{
	struct notrack *nt;

	commit_and_free(context_with(add_dns));
	ask();
	nt = context_with(remove_dns);
	intrusion_begin(nth, answer_midway);
	commit_and_free(nt);
	intrusion_end();
}

START_TEST(an_answer_under_way_arrives)
{
	netns_add_peer();
	given_a_host_that_asks();
	begin_question(&families[_i]);
	for (unsigned int nth = 1; nth <= COMMITS_MAX && !question.answered; nth++)
		dns_leaves(nth);
	ck_assert_msg(question.answered, "no commit leaves answers untracked for a while");
	ck_assert(question.arrived);
	end_question();
}
END_TEST

/* What is done in two steps is told as one. */
START_TEST(rules_that_leave_are_counted_once)
{
	struct notrack *nt;
	int planned;

	given_a_host_that_asks();
	commit_and_free(context_with(add_dns));
	nt = context_with(remove_dns);
	planned = must_do(nt, notrack_diff(nt, NULL, NULL));
	ck_assert_int_gt(planned, 0);
	ck_assert_int_eq(commit_and_free(nt), planned);
}
END_TEST

/* --- connections ----------------------------------------------------------------- */

enum {
	SILENCE_MS = 4000,		/* of a connection that hangs; segments come again sooner */
	MANY_BYTES = 4 << 20,		/* more than any window that was offered before */
};

struct connection {
	int client, server;		/* their ends */
};

static struct connection connect_to(const struct family *family, struct end client,
				    struct end server)
{
	const int listener = tcp_listen(family, server);
	struct connection made = { tcp_begin(family, client, server), -1 };
	struct pollfd ready = { .fd = listener, .events = POLLIN };

	ck_assert_int_eq(poll(&ready, 1, SILENCE_MS), 1);
	made.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ck_assert_int_ge(made.server, 0);
	close(listener);
	return made;
}

/* As much as fits into the queue; then what has arrived. */
static bool pass(int from, int to, size_t size)
{
	static char bytes[1 << 16];
	struct pollfd ready = { .fd = to, .events = POLLIN };

	for (size_t sent = 0, got = 0; got < size;) {
		size_t left = size - sent < sizeof(bytes) ? size - sent : sizeof(bytes);
		ssize_t count = left ? send(from, bytes, left, MSG_NOSIGNAL) : 0;

		sent += count > 0 ? (size_t)count : 0;
		if (poll(&ready, 1, SILENCE_MS) != 1)
			return false;
		count = recv(to, bytes, sizeof(bytes), 0);
		if (count <= 0)
			return false;
		got += (size_t)count;
	}
	return true;
}

static bool goes_on(const struct connection *connection, size_t size)
{
	return pass(connection->client, connection->server, size) &&
	       pass(connection->server, connection->client, size);
}

static int leave_to_others(struct notrack *nt)
{
	return notrack_add_service(nt, &(struct notrack_service){
			.size = sizeof(struct notrack_service), .name = "dns",
			.roles = "inbound", .from = "203.0.113.0/24, 2001:db8:ffff::/48" });
}

static const struct {
	const char *what;
	bool asks;			/* it is the host that connects */
	int (*edit)(struct notrack *nt);
} leaves[] = {
	{ "a server is tracked again", false, remove_dns },
	{ "a server is there for others only", false, leave_to_others },
	{ "a client is tracked again", true, remove_dns },
	{ "a client of what is a server only", true, leave_to_others },
};
enum { LEAVES = sizeof(leaves) / sizeof(leaves[0]) };

/* Whoever connects is let in by his SYN alone, so that what is in midst of it is nothing NEW. */
START_TEST(a_connection_older_than_its_service_outlives_it)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const bool asks = leaves[_i / FAMILY_COUNT].asks;
	const struct end host = { HOST, family->host, asks ? 0 : 53 };
	const struct end peer = { PEER, family->peer, asks ? 53 : 0 };
	struct connection connection;

	netns_add_peer();
	given_a_host_that_asks();
	must("%stables-%s -A INPUT -p tcp --dport 53 --syn -m conntrack --ctstate NEW -j ACCEPT",
	     family->domain == AF_INET ? "ip" : "ip6", intrusion_backend);
	connection = asks ? connect_to(family, host, peer) : connect_to(family, peer, host);
	ck_assert(goes_on(&connection, 1));

	commit_and_free(context_with(add_dns));
	ck_assert(goes_on(&connection, MANY_BYTES));
	commit_and_free(context_with(leaves[_i / FAMILY_COUNT].edit));
	ck_assert_msg(goes_on(&connection, 1), "%s (%s): it hangs", leaves[_i / FAMILY_COUNT].what,
		      family->name);
	close(connection.client);
	close(connection.server);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_connection_older_than_its_service_outlives_it, 0,
			    LEAVES * FAMILY_COUNT);
	tcase_add_loop_test(tcase, an_answer_under_way_arrives, 0, FAMILY_COUNT);
	tcase_add_test(tcase, rules_that_leave_are_counted_once);
}

int main(void)
{
	return netns_main("leaving", tests);
}
