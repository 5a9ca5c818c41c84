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

enum { QUERIES = 7 };

static void given(const struct family *family, const char *rule)
{
	must("%s -w %s", family->tables, format_text(rule, family->other));
}

/* How many packets a rule of filter has taken: the first whose line has all of @words. */
static unsigned int taken(const struct family *family, const char *words)
{
	const char *line = strstr(must("%s -t filter -c", family->save).out, words);
	unsigned int packets = 0;

	ck_assert_msg(line, "no rule with %s", words);
	while (*line != '\n')
		line--;
	ck_assert_msg(sscanf(line, "\n[%u:", &packets) == 1, "%.60s", line);
	return packets;
}

static bool ask(const struct family *family, const char *client, uint16_t port, unsigned int count)
{
	struct end server = { HOST, family->host, 53 };
	int server_fd = udp_open(family, server);
	int fd = udp_open(family, (struct end){ PEER, client, port });
	bool arrived;

	udp_send(family, fd, server, count);
	arrived = udp_arrive(server_fd, count);
	close(server_fd);
	close(fd);
	return arrived;
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
	ck_assert_uint_eq(taken(family, "-j NOTRACK-new-accept\n"), QUERIES);

	must("%s -w -t raw -F", family->tables);
	ck_assert(ask(family, family->other, 0, QUERIES));
	ck_assert_uint_eq(taken(family, "-j NOTRACK-new-accept\n"), QUERIES);
	ck_assert_uint_eq(taken(family, "-p udp -m udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"),
			  QUERIES);
}
END_TEST

/* 4: from the service's port to it, packets stay tracked where it has both roles. */
static const struct {
	const char *role;
	bool tracked;
} both_sides[] = { { "both", true }, { "inbound", false } };

START_TEST(packets_with_the_port_at_both_ends_stay_tracked)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const size_t number = (size_t)_i / FAMILY_COUNT;

	netns_add_peer();
	given(family, "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-A INPUT -p udp --dport 53 -m conntrack --ctstate INVALID -j DROP");
	must("notrackctl %s add dns --role %s", family->option, both_sides[number].role);

	ck_assert(ask(family, family->other, 53, 1));
	ck_assert_uint_eq(taken(family, "-p udp -m udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"),
			  both_sides[number].tracked);
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
	ck_assert(!ask(family, family->limited, 0, 1));

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
	const struct family *family = &families[_i % FAMILY_COUNT];
	const bool let = _i / FAMILY_COUNT;

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

/* 8: what two services pick at once is counted once. */
START_TEST(a_packet_is_counted_once)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	given(family, "-A INPUT -m conntrack --ctstate NEW -m recent --set --name own");
	given(family, "-A INPUT -s %1$s -m conntrack --ctstate NEW -m recent --name own --rcheck "
		      "--hitcount 8 -j DROP");
	must("notrackctl %s add dns", family->option);
	must("notrackctl %s add also --ports 50:60 --proto udp", family->option);

	ck_assert(ask(family, family->other, 0, QUERIES));
	ck_assert(!ask(family, family->other, 0, 1));
	ck_assert(ask(family, family->limited, 0, 2 * QUERIES));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, twins_that_are_left_over_do_nothing, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, packets_with_the_port_at_both_ends_stay_tracked, 0,
			    2 * FAMILY_COUNT);
	tcase_add_loop_test(tcase, chains_of_the_host_can_be_restored_and_deleted, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_reset_that_reject_sends_gets_out, 0, 2 * FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_packet_is_counted_once, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("minded", tests);
}
