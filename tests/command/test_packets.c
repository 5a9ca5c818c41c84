/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of packets, on a host whose own rules let nothing new in or out. */
#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"
#include "tables.h"

/* Four flows of a service; each of them is a request and a reply: the eight. */
static const struct flow {
	const char *protocol;
	bool inbound;		/* PEER asks HOST; or HOST asks PEER */
} flows[] = {
	{ "udp", true },
	{ "udp", false },
	{ "tcp", true },
	{ "tcp", false },
};

enum { FLOW_COUNT = sizeof(flows) / sizeof(flows[0]), SEGMENTS = 3 };

/* Behind conntrack, on the way in; behind the filter, on the way out. */
static void count_states(const struct family *family, const struct flow *flow)
{
	const char *in = flow->inbound ? "dport" : "sport", *out = flow->inbound ? "sport" : "dport";
	const char *protocol = flow->protocol;

	counter_append(family, "in-untracked", "mangle", "PREROUTING",
		       format_text("-p %s --%s 53 -m conntrack --ctstate UNTRACKED", protocol, in));
	counter_append(family, "in-tracked", "mangle", "PREROUTING",
		       format_text("-p %s --%s 53 -m conntrack ! --ctstate UNTRACKED", protocol, in));
	counter_append(family, "out-untracked", "mangle", "POSTROUTING",
		       format_text("-p %s --%s 53 -m conntrack --ctstate UNTRACKED", protocol, out));
	counter_append(family, "out-tracked", "mangle", "POSTROUTING",
		       format_text("-p %s --%s 53 -m conntrack ! --ctstate UNTRACKED", protocol, out));
}

static bool exchange(const struct family *family, const char *protocol, struct end client,
		     struct end server)
{
	int fd, server_fd;
	bool answered;

	if (!strcmp(protocol, "tcp"))
		return tcp_exchange(family, client, server, SEGMENTS);
	fd = udp_open(family, client);
	server_fd = udp_open(family, server);
	answered = udp_exchange(family, fd, server_fd, server);
	close(fd);
	close(server_fd);
	return answered;
}

/* A flow that the stateful rules accept leaves an entry: so the others left none. */
static void conntrack_is_alive(const struct family *family)
{
	struct end echo = { HOST, family->host, 7 }, client = { PEER, family->peer, 0 };
	unsigned int before = conntrack_count();

	ck_assert(exchange(family, "udp", client, echo));
	ck_assert_uint_gt(conntrack_count(), before);
}

static void flow_is_accepted_untracked(const struct family *family, const struct flow *flow)
{
	struct end host = { HOST, family->host, flow->inbound ? 53 : 0 };
	struct end peer = { PEER, family->peer, flow->inbound ? 0 : 53 };

	count_states(family, flow);
	ck_assert(exchange(family, flow->protocol, flow->inbound ? peer : host,
			   flow->inbound ? host : peer));

	ck_assert_uint_ge(counter_packets(family, "in-untracked"), 1);
	ck_assert_uint_ge(counter_packets(family, "out-untracked"), 1);
	ck_assert_uint_eq(counter_packets(family, "in-tracked"), 0);
	ck_assert_uint_eq(counter_packets(family, "out-tracked"), 0);
	ck_assert_uint_eq(conntrack_count(), 0);
	conntrack_is_alive(family);
}

START_TEST(each_flow_of_classic_dns_is_accepted_untracked)
{
	const struct family *family = &families[_i % FAMILY_COUNT];

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns --classic");

	flow_is_accepted_untracked(family, &flows[_i / FAMILY_COUNT]);
}
END_TEST

START_TEST(each_flow_of_strict_dns_is_accepted_untracked)
{
	const struct family *family = &families[_i % FAMILY_COUNT];

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns");

	flow_is_accepted_untracked(family, &flows[_i / FAMILY_COUNT]);
}
END_TEST

/* That the flows above would show a host that tracks: the same, without our rules. */
START_TEST(a_flow_of_the_stateful_rules_is_tracked)
{
	const struct family *family = &families[_i];
	struct end echo = { HOST, family->host, 7 }, client = { PEER, family->peer, 0 };

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns");
	counter_append(family, "tracked", "mangle", "PREROUTING",
		       "-p udp --dport 7 -m conntrack --ctstate NEW");

	ck_assert(exchange(family, "udp", client, echo));

	ck_assert_uint_eq(counter_packets(family, "tracked"), 1);
	ck_assert_uint_eq(conntrack_count(), 1);
}
END_TEST

/* Counts at the end of INPUT, past every accept, what went on being tracked. */
static void count_refused(const struct family *family, const char *protocol, unsigned int port)
{
	counter_append(family, "refused", "filter", "INPUT",
		       format_text("-p %s --dport %u -m conntrack --ctstate NEW", protocol, port));
	counter_append(family, "untracked", "mangle", "INPUT",
		       format_text("-p %s --dport %u -m conntrack --ctstate UNTRACKED", protocol, port));
}

START_TEST(strict_dns_opens_no_tcp_port_to_those_who_send_from_53)
{
	const struct family *family = &families[_i];
	struct end ssh = { HOST, family->host, 22 }, attacker = { PEER, family->peer, 53 };

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns");
	count_refused(family, "tcp", 22);
	tcp_listen(family, ssh);

	tcp_begin(family, attacker, ssh);

	ck_assert(counter_reaches(family, "refused", 1));
	ck_assert_uint_eq(counter_packets(family, "untracked"), 0);
}
END_TEST

START_TEST(strict_dns_opens_no_udp_port_to_those_who_send_from_53)
{
	const struct family *family = &families[_i];
	struct end ike = { HOST, family->host, 500 }, attacker = { PEER, family->peer, 53 };
	int fd, ike_fd;

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns");
	count_refused(family, "udp", 500);
	ike_fd = udp_open(family, ike);
	fd = udp_open(family, attacker);

	udp_send(family, fd, ike, 1);

	ck_assert(counter_reaches(family, "refused", 1));
	ck_assert_uint_eq(counter_packets(family, "untracked"), 0);
	ck_assert_uint_eq(udp_pending(ike_fd), 0);
}
END_TEST

/* The hole that strict closes: if classic had none, the two tests above would prove nothing. */
START_TEST(classic_dns_opens_udp_ports_to_those_who_send_from_53)
{
	const struct family *family = &families[_i];
	struct end ike = { HOST, family->host, 500 }, attacker = { PEER, family->peer, 53 };
	int fd, ike_fd;

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns --classic");
	ike_fd = udp_open(family, ike);
	fd = udp_open(family, attacker);

	udp_send(family, fd, ike, 1);

	ck_assert(udp_arrive(ike_fd, 1));
}
END_TEST

START_TEST(replies_of_others_than_the_named_upstreams_are_not_accepted)
{
	const struct family *family = &families[_i];
	struct end client = { HOST, family->host, 5353 }, stranger = { PEER, family->other, 53 };
	struct end upstream = { PEER, family->peer, 53 };
	int fd, stranger_fd, upstream_fd;

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns --role outbound --remote %s", family->peer);
	count_refused(family, "udp", 5353);
	fd = udp_open(family, client);
	stranger_fd = udp_open(family, stranger);
	upstream_fd = udp_open(family, upstream);

	udp_send(family, stranger_fd, client, 1);

	ck_assert(counter_reaches(family, "refused", 1));
	ck_assert_uint_eq(counter_packets(family, "untracked"), 0);
	ck_assert(udp_exchange(family, fd, upstream_fd, upstream));
	ck_assert_uint_eq(udp_pending(fd), 0);
}
END_TEST

static void host_answers_itself(const struct family *family, const char *protocol, const char *address)
{
	struct end server = { HOST, address, 53 }, client = { HOST, address, 0 };

	ck_assert(exchange(family, protocol, client, server));
	ck_assert_uint_eq(conntrack_count(), 0);
}

START_TEST(a_host_that_asks_itself_is_answered_untracked)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns --role inbound");

	host_answers_itself(family, "udp", family->lo);
	host_answers_itself(family, "tcp", family->lo);
	host_answers_itself(family, "udp", family->host);
	host_answers_itself(family, "tcp", family->host);
	conntrack_is_alive(family);
}
END_TEST

/* An ICMP error about the query, as the server's host would send it. */
static int icmp_open(const struct family *family)
{
	int protocol = family->domain == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	return netns_socket(HOST, family->domain, SOCK_RAW, protocol);
}

/* A query to a port that nobody serves: the peer's kernel answers it with an error. */
static void ask_closed_port(const struct family *family)
{
	struct end upstream = { PEER, family->peer, 53 }, client = { HOST, family->host, 0 };
	int fd = udp_open(family, client);

	udp_send(family, fd, upstream, 1);
	close(fd);
}

static const char *icmp_errors(const struct family *family, const char *state)
{
	return format_text("%s port-unreachable -m conntrack --ctstate %s",
			   family->domain == AF_INET ? "-p icmp --icmp-type" :
						       "-p icmpv6 --icmpv6-type", state);
}

/* In classic mode without twins, ahead of which nothing may drop what is INVALID. */
START_TEST(icmp_errors_about_untracked_flows_reach_the_host)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const bool classic = _i / FAMILY_COUNT;
	int fd;

	netns_add_peer();
	firewall_install(family);
	if (classic)
		must("%s -w -D INPUT -m conntrack --ctstate INVALID -j DROP", family->tables);
	must("notrackctl add dns %s", classic ? "--classic" : "");
	/* nftables looks at what they are about, and untracks them as well */
	counter_append(family, "came", "mangle", "INPUT",
		       icmp_errors(family, suite_is_nft() ? "UNTRACKED" : "INVALID"));
	fd = icmp_open(family);

	ask_closed_port(family);

	ck_assert(counter_reaches(family, "came", 1));
	ck_assert(udp_arrive(fd, 1));
}
END_TEST

START_TEST(icmp_errors_that_a_classic_host_drops_are_told)
{
	const struct family *family = &families[_i];

	firewall_install(family);
	/* nftables knows what they are about: they are not INVALID there */
	ck_assert_int_eq(strstr(must("notrackctl %s add dns --classic", family->option).err,
				"drops ICMP errors") != NULL, !suite_is_nft());
	ck_assert_ptr_null(strstr(must("notrackctl %s add dns", family->option).err,
				  "drops ICMP errors"));
}
END_TEST

START_TEST(icmp_errors_can_be_left_to_the_host_s_own_rules)
{
	const struct family *family = &families[_i];
	int fd;

	netns_add_peer();
	firewall_install(family);
	must("notrackctl add dns --no-icmp-errors");
	counter_append(family, "came", "mangle", "INPUT", icmp_errors(family, "INVALID"));
	fd = icmp_open(family);

	ask_closed_port(family);

	ck_assert(counter_reaches(family, "came", 1));
	ck_assert_uint_eq(udp_pending(fd), 0);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, each_flow_of_classic_dns_is_accepted_untracked, 0,
			    FLOW_COUNT * FAMILY_COUNT);
	tcase_add_loop_test(tcase, each_flow_of_strict_dns_is_accepted_untracked, 0,
			    FLOW_COUNT * FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_flow_of_the_stateful_rules_is_tracked, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, strict_dns_opens_no_tcp_port_to_those_who_send_from_53, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, strict_dns_opens_no_udp_port_to_those_who_send_from_53, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, classic_dns_opens_udp_ports_to_those_who_send_from_53, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, replies_of_others_than_the_named_upstreams_are_not_accepted, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_host_that_asks_itself_is_answered_untracked, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, icmp_errors_about_untracked_flows_reach_the_host, 0,
			    2 * FAMILY_COUNT);
	tcase_add_loop_test(tcase, icmp_errors_that_a_classic_host_drops_are_told, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, icmp_errors_can_be_left_to_the_host_s_own_rules, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("packets", tests);
}
