/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What twins have to mind beyond who is answered: where they stand, what they do to packets
 * that are not ours, and what of our packets they do just once.
 */
#include "netns.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { QUERIES = 7 };

static void given(const struct family *family, const char *rule)
{
	must("%s -w %s", family->tables, format_text(rule, family->other));
}

static bool ask(const struct family *family, const char *client, uint16_t port, unsigned int count)
{
	return udp_passes(family, (struct end){ PEER, client, port },
		       (struct end){ HOST, family->host, 53 }, count);
}

/* 1: a snapshot may bring twins back without our NOTRACK, which then do nothing. */
START_TEST(twins_that_are_left_over_do_nothing)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	given(family, "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j REJECT");
	must("notrackctl %s add dns", family->option);
	ck_assert(ask(family, family->other, 0, QUERIES));
	ck_assert_uint_eq(rule_packets(family, "-j NOTRACK-new-accept\n"), QUERIES);

	if (family_is_nft(family))
		must("nft delete table inet libnotrack");
	else
		must("%s -w -t raw -F", family->tables);
	ck_assert(ask(family, family->other, 0, QUERIES));
	ck_assert_uint_eq(rule_packets(family, "-j NOTRACK-new-accept\n"), QUERIES);
	ck_assert_uint_eq(rule_packets(family, "-p udp -m udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"),
			  QUERIES);
}
END_TEST

/*
 * 4: from the service's port to it, packets stay tracked where it has both roles; and on a router,
 * where they may be answers to a guest.
 */
static const struct {
	const char *role;
	bool forwards, tracked;
} both_sides[] = { { "both", false, true }, { "inbound", false, false }, { "inbound", true, true } };

START_TEST(packets_with_the_port_at_both_ends_stay_tracked)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;

	netns_add_peer();
	if (both_sides[number].forwards)
		must("sh -c 'echo 1 | tee /proc/sys/net/ipv4/ip_forward "
		     "/proc/sys/net/ipv6/conf/all/forwarding'");
	given(family, "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-A INPUT -p udp --dport 53 -m conntrack --ctstate INVALID -j DROP");
	must("notrackctl %s add dns --role %s", family->option, both_sides[number].role);

	ck_assert(ask(family, family->other, 53, 1));
	ck_assert_uint_eq(rule_packets(family, "-p udp -m udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"),
			  both_sides[number].tracked);
}
END_TEST

/* Ports of a service are also ports that connections of no service are made from. */
static const struct {
	const char *service;
	struct end from, to;		/* of the family's host or peer */
} same_ports[] = {
	{ "pasv --ports 50000:51000 --proto tcp", { HOST, NULL, 50500 }, { PEER, NULL, 443 } },
	{ "grpc --ports 50051 --proto tcp --role outbound", { PEER, NULL, 50051 }, { HOST, NULL, 514 } },
};

START_TEST(connections_from_a_port_of_the_service_come_about)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	struct end from = same_ports[number].from, to = same_ports[number].to;

	netns_add_peer();
	from.address = from.where == HOST ? family->host : family->peer;
	to.address = to.where == HOST ? family->host : family->peer;
	given(family, "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	given(family, "-A INPUT -p tcp --dport 514 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-A INPUT -p tcp --dport 50000:51000 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	given(family, "-A OUTPUT -p tcp -m multiport --dports 443,50051 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-P INPUT DROP");
	given(family, "-P OUTPUT DROP");
	ck_assert(tcp_exchange(family, from, to, 3));

	must("notrackctl %s add %s", family->option, same_ports[number].service);
	ck_assert(tcp_exchange(family, from, to, 3));
	must("notrackctl %s verify", family->option);
}
END_TEST

/* Over UDP nothing tells an answer to this host from a question to the service. */
START_TEST(ports_that_the_host_asks_from_are_told)
{
	const char *settings = "/proc/sys/net/ipv4/ip_local";
	const char *words = "ephemeral: this host may ask others from ports 50000 to 50099 of service relay";

	must("sh -c 'echo 40000 60000 >%s_port_range'", settings);
	must("sh -c 'echo 1024,50100-50200 >%s_reserved_ports'", settings);
	must("notrackctl -4 add voice --ports 50101:50150,50160 --proto udp --role inbound");
	must("notrackctl -4 add pasv --ports 50000:51000 --proto tcp");
	must("notrackctl -4 add asked --ports 50000:51000 --proto udp --role outbound");
	must("notrackctl -4 add single --ports 45000 --proto udp --role inbound");
	ck_assert_ptr_null(strstr(must("notrackctl verify").out, "ephemeral"));

	ck_assert_ptr_nonnull(strstr(must("notrackctl -4 add relay --ports 30000:30010,50000:50150 "
					  "--proto udp --role inbound").err, words));
	ck_assert_ptr_nonnull(strstr(must("notrackctl verify").out, "50000 to 50099 of service relay"));
	must("sh -c 'echo 50000-50200 >%s_reserved_ports'", settings);
	ck_assert_ptr_null(strstr(must("notrackctl verify").out, "ephemeral"));
}
END_TEST

/* 6: the host's owner deletes a chain of his that a twin leads to as he always did. */
START_TEST(chains_of_the_host_can_be_restored_and_deleted)
{
	const struct family *family = &families[_i];
	const char *zone = "*filter\n:zone - [0:0]\n-A zone -s %s -j DROP\nCOMMIT\n";

	netns_add_peer();
	given(family, "-N zone");
	given(family, "-A zone -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-A INPUT -m conntrack ! --ctstate ESTABLISHED,RELATED,UNTRACKED -j zone");
	must("notrackctl %s add dns", family->option);
	ck_assert(ask(family, family->other, 0, 1));

	must_as(&(struct how){ .where = HOST, .input = format_text(zone, family->limited) },
		"%s -w --noflush", family->restore);
	must("notrackctl %s add dns", family->option);
	ck_assert(ask(family, family->other, 0, 1));
	ck_assert(!client_is_answered(family, family->limited));

	must("%s -w -D INPUT -m conntrack ! --ctstate ESTABLISHED,RELATED,UNTRACKED -j zone",
	     family->tables);
	must("notrackctl %s add dns", family->option);
	must("%s -w -F zone", family->tables);
	must("%s -w -X zone", family->tables);
	ck_assert(ask(family, family->limited, 0, 1));
}
END_TEST

/* Whether a connection to a port where REJECT answers is refused at once. */
static bool is_reset(const struct family *family)
{
	struct end server = { HOST, family->host, 53 };
	int fd = tcp_begin(family, (struct end){ PEER, family->other, 0 }, server);
	struct run heard;

	heard = run("timeout 2 sh -c 'while ! %s -t mangle -c | grep -q \"^.[1-9].*RST\"; do "
		    "sleep 0.05; done'", family->save);
	close(fd);
	return !heard.code;
}

/* 7: the reset that REJECT sends gets out where what is RELATED does, and else it does not. */
START_TEST(a_reset_that_reject_sends_gets_out)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const bool let = _i / FAMILIES_OF_BOTH_WORLDS;

	netns_add_peer();
	given(family, "-t mangle -A POSTROUTING -p tcp --sport 53 --tcp-flags RST RST");
	given(family, "-A INPUT -s %1$s -p tcp -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset");
	if (let)
		given(family, "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
	given(family, "-A OUTPUT -d %1$s -p tcp -j DROP");
	ck_assert_int_eq(is_reset(family), let);
	must("%s -w -t mangle -Z", family->tables);

	must("notrackctl %s add dns --role inbound", family->option);
	ck_assert_int_eq(is_reset(family), let);
}
END_TEST

/* 8: what two services pick at once is counted once, be it ahead of the state. */
static const char *const counting[] = {
	"-A INPUT -m conntrack --ctstate NEW -m recent --set --name own",
	"-A INPUT -m recent --set --name own -m conntrack --ctstate NEW",
	"-A INPUT -m recent --set --name own -m conntrack --ctstate NEW -m mark --mark 0 -j theirs",
};

START_TEST(a_packet_is_counted_once)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];

	netns_add_peer();
	given(family, "-N theirs");
	given(family, counting[_i / FAMILIES_OF_BOTH_WORLDS]);
	given(family, "-A INPUT -s %1$s -m conntrack --ctstate NEW -m recent --name own --rcheck "
		      "--hitcount 8 -j DROP");
	must("notrackctl %s add dns", family->option);
	must("notrackctl %s add also --ports 50:60 --proto udp", family->option);

	ck_assert(ask(family, family->other, 0, QUERIES));
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(ask(family, family->limited, 0, 2 * QUERIES));
}
END_TEST

/* 10: a key that the state is a part of; of two clients, one is in the map. */
static void given_a_map(const struct family *family, const char *map, const char *asked)
{
	char *rules = format_text("table inet h {\n %s\n chain i {\n type filter hook input priority 0;\n"
				  " policy drop;\n iif lo accept\n meta l4proto ipv6-icmp accept\n"
				  " ct state established accept\n ct state . %s saddr . udp dport vmap %s\n"
				  " }\n}\n", map,
				  family->domain == AF_INET6 ? "ip6" : "ip", asked);

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
}

START_TEST(a_key_with_a_state_lets_in_whom_it_names)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const bool other = _i / FAMILY_COUNT;

	given_a_map(family, "", format_text("{ new . %s . 53 : accept, established . %s . 7 : drop }",
					    other ? family->other : family->limited, family->peer));
	ck_assert_int_eq(client_is_answered(family, family->other), other);

	must("notrackctl %s --backend nft add dns", family->option);
	ck_assert_int_eq(client_is_answered(family, family->other), other);
	ck_assert_int_eq(client_is_answered(family, family->limited), !other);
	must("notrackctl %s verify", family->option);
}
END_TEST

/* What others fill, and may change at any time, has no twins that would stay right. */
START_TEST(a_map_with_a_name_and_a_state_is_refused)
{
	const struct family *family = &families[_i];
	const char *type = family->domain == AF_INET6 ? "ipv6_addr" : "ipv4_addr";
	struct run refused;

	given_a_map(family, format_text("map m { type ct_state . %s . inet_service : verdict;\n"
					" elements = { new . %s . 53 : accept } }", type, family->other),
		    "@m");
	ck_assert(client_is_answered(family, family->other));

	refused = run("notrackctl %s --backend nft add dns", family->option);
	ck_assert_msg(refused.code == 1 && strstr(refused.err, "inet h i 4"), "exit %d: %s",
		      refused.code, refused.err);
	ck_assert(client_is_answered(family, family->other));
}
END_TEST

/* 11: a rate on what is new sees each question now; one that asks for no state did so before. */
#define RATE "-m limit --limit 1/hour --limit-burst 100"

static const struct {
	const char *asks;
	bool told;
} rates[] = {
	{ "-m conntrack --ctstate NEW " RATE " -j ACCEPT", true },
	{ RATE " -m conntrack --ctstate NEW -j ACCEPT", true },
	{ RATE " -j ACCEPT", false },
};

static void converse(const struct family *family)
{
	struct end server = { HOST, family->host, 53 };
	int server_fd = udp_open(family, server);
	int fd = udp_open(family, (struct end){ PEER, family->other, 0 });

	for (int i = 0; i < QUERIES; i++)
		ck_assert(udp_exchange(family, fd, server_fd, server));
	close(server_fd);
	close(fd);
}

START_TEST(a_rate_on_what_is_new_sees_every_question)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	unsigned int before;
	struct run added;

	netns_add_peer();
	if (rates[number].told)
		given(family, "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	must("%s -w -A INPUT -p udp --dport 53 %s", family->tables, rates[number].asks);
	given(family, "-A INPUT -p udp --dport 53 -j DROP");
	converse(family);
	before = rules_packets(family, RATE);
	ck_assert_uint_eq(before, rates[number].told ? 1 : QUERIES);

	added = must("notrackctl %s add dns", family->option);
	ck_assert_msg(rates[number].told == (strstr(added.err, "warning: rate: ") &&
					     strstr(added.err, "filter INPUT 2")), "%s", added.err);
	converse(family);
	ck_assert_uint_eq(rules_packets(family, RATE), before + QUERIES);
}
END_TEST

/* 12: what somebody puts between a twin and its rule is asked too late, until the twin moves. */
static const struct {
	bool between;
} bans[] = { { true }, { false } };

START_TEST(a_twin_moves_behind_what_was_put_between)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const bool between = bans[_i / FAMILIES_OF_BOTH_WORLDS].between;
	struct run added, verified;
	unsigned int position = 1;

	netns_add_peer();
	given(family, "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	given(family, "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-A INPUT -p udp -j DROP");
	added = must("notrackctl %s add dns", family->option);
	ck_assert_msg(strstr(added.err, "warning: numbers: ") != NULL, "%s", added.err);
	while (!strstr(must("%s -w -S INPUT %u", family->tables, position).out, "--ctstate NEW -j ACCEPT"))
		position++;
	ck_assert_uint_gt(position, 2);		/* by two twins at least */

	must("%s -w -I INPUT %u -s %s -p udp -j DROP", family->tables, between ? position : 1,
	     family->other);
	ck_assert_int_eq(client_is_answered(family, family->other), between);
	verified = run("notrackctl %s verify", family->option);
	ck_assert_msg(between == (strstr(verified.out, "drift") != NULL), "%s", verified.out);

	must("notrackctl %s add dns", family->option);
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(client_is_answered(family, family->limited));
	must("notrackctl %s verify", family->option);
}
END_TEST

/* Who limits one client more looks at no rule of the host: its twins stay, with their chains. */
START_TEST(twins_stay_where_clients_come_and_go)
{
	const struct family *family = &families[_i];
	char *before;

	netns_add_peer();
	given(family, "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	given(family, "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-A INPUT -p udp -j DROP");
	must("notrackctl %s add dns", family->option);
	must("notrackctl %s limit dns %s --above 1000/sec", family->option, family->limited_prefix);
	before = must("%s -S INPUT", family->tables).out;

	must("notrackctl %s limit dns %s --above 1000/sec", family->option, family->other);
	ck_assert(client_is_answered(family, family->other));
	must("notrackctl %s unlimit dns %s", family->option, family->limited_prefix);
	assert_same_text(must("%s -S INPUT", family->tables).out, before);
	ck_assert(client_is_answered(family, family->limited));
	must("notrackctl %s verify", family->option);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, twins_that_are_left_over_do_nothing, 0, FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, packets_with_the_port_at_both_ends_stay_tracked, 0,
			    3 * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, connections_from_a_port_of_the_service_come_about, 0,
			    2 * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_test(tcase, ports_that_the_host_asks_from_are_told);
	tcase_add_loop_test(tcase, chains_of_the_host_can_be_restored_and_deleted, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, a_reset_that_reject_sends_gets_out, 0, 2 * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, a_packet_is_counted_once, 0,
			    COUNT(counting) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, a_key_with_a_state_lets_in_whom_it_names, 0, 2 * FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_map_with_a_name_and_a_state_is_refused, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rate_on_what_is_new_sees_every_question, 0,
			    COUNT(rates) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, twins_stay_where_clients_come_and_go, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, a_twin_moves_behind_what_was_put_between, 0,
			    2 * FAMILIES_OF_BOTH_WORLDS);
}

int main(void)
{
	return netns_main("minded", tests);
}
