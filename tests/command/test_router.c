/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host that is a router: what it passes on for others is tracked as before, and what is for
 * itself is not.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"
#include "tables.h"

enum { QUERIES = 7 };

static void given(const struct family *family, const char *rule)
{
	must("%s -w %s", family->tables, format_text(rule, family->other));
}

static const char *const elsewhere[] = { "203.0.113.5", "2001:db8:f::5" };

/* @ipv4: the switch of those who forward IPv4. */
static void given_a_router(const struct family *family, const char *ipv4)
{
	const char *there = elsewhere[family->domain == AF_INET6];

	netns_add_peer();
	must("sh -c 'echo 1 >/proc/sys/net/ipv4/%s'", ipv4);
	must("sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'");
	must("ip route add %s dev veth0", there);
	must("ip neigh replace %s lladdr 02:00:00:00:00:02 dev veth0 nud permanent", there);
	must_as(&(struct how){ .where = PEER }, "ip route add %s via %s", there, family->host);
}

/* By the service's port of the client, or of the server; one interface may forward alone. */
static const struct {
	const char *port;
	uint16_t from, to;
	const char *ipv4;
} passed_on[] = {
	{ "dport", 0, 53, "ip_forward" },
	{ "sport", 53, 40000, "ip_forward" },
	{ "dport", 0, 53, "conf/veth0/forwarding" },
};

START_TEST(what_a_router_passes_on_stays_tracked)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	const char *port = passed_on[number].port;
	const struct end from = { PEER, family->peer, passed_on[number].from };
	const struct end here = { HOST, family->host, passed_on[number].to };
	const struct end there = { HOST, elsewhere[family->domain == AF_INET6], here.port };
	int fd;

	given_a_router(family, passed_on[number].ipv4);
	must("%s -w -t mangle -A FORWARD -p udp --%s 53 -m conntrack ! --ctstate UNTRACKED",
	     family->tables, port);
	must("%s -w -t mangle -A INPUT -p udp --%s 53 -m conntrack --ctstate UNTRACKED",
	     family->tables, port);
	must("notrackctl %s add dns", family->option);

	fd = udp_open(family, from);
	udp_send(family, fd, there, QUERIES);
	close(fd);
	ck_assert(udp_passes(family, from, here, QUERIES));	/* over the same link: behind them */
	ck_assert_uint_eq(rules_packets(family, "-A FORWARD -p udp"), QUERIES);
	ck_assert_uint_eq(rules_packets(family, "-A INPUT -p udp"), QUERIES);
}
END_TEST

/* Lines with @what, but for those about lo, and how many of them ask whether this host is meant. */
static unsigned int count_lines(const char *text, const char *what, unsigned int *own)
{
	static const char to_own[] = "fib daddr type local";
	unsigned int count = 0;

	*own = 0;
	for (const char *line = text, *end; *line; line = end) {
		size_t length = strcspn(line, "\n");

		end = line + length + (line[length] == '\n');
		if (!memmem(line, length, what, strlen(what)) || memmem(line, length, "\"lo\"", 4))
			continue;
		count++;
		*own += memmem(line, length, to_own, sizeof(to_own) - 1) != NULL;
	}
	return count;
}

/* Every rule that untracks, or leads to what does, asks whether this host is meant. */
START_TEST(all_that_a_router_untracks_is_its_own)
{
	static const struct { const char *chain, *rule; } kinds[] = {
		{ "prerouting", " goto se" }, { "errors4-in", " notrack " }, { "errors6-in", " notrack " },
	};
	char *listed, *printed;
	unsigned int own, all;

	given_a_router(&families[0], "ip_forward");
	must("notrackctl --backend nft add dns");
	must("notrackctl add https --role outbound");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		listed = must("nft list chain inet libnotrack %s", kinds[i].chain).out;
		all = count_lines(listed, kinds[i].rule, &own);
		ck_assert_msg(all && all == own, "%u of %u: %s", own, all, listed);
	}

	/* what is printed, too; and what stays when the other family moves */
	printed = must("notrackctl show --rules").out;
	must("nft delete table inet libnotrack");
	must_as(&(struct how){ .where = HOST, .input = printed }, "nft -f -");
	must("notrackctl verify");
	ck_assert_ptr_nonnull(strstr(must("notrackctl --json add dns").out, "\"changed\": false"));
	must("notrackctl -4 --backend legacy add dns");
	listed = must("nft list chain inet libnotrack prerouting").out;
	all = count_lines(listed, kinds[0].rule, &own);
	ck_assert_msg(all && all == own, "%u of %u: %s", own, all, listed);
}
END_TEST

/* Likewise what is passed on later, where a chain is ready to see it: no rule has to change. */
START_TEST(what_is_passed_on_later_stays_tracked)
{
	const struct family *family = &families[_i];
	const struct end from = { PEER, family->peer, 53 };
	const struct end there = { HOST, elsewhere[family->domain == AF_INET6], 40000 };
	int fd;

	given_a_router(family, "ip_forward");
	must("sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'");
	given(family, "-N common");
	given(family, "-A common -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT");
	given(family, "-A INPUT -j common");
	given(family, "-A FORWARD -j common");
	must("%s -w -t mangle -A FORWARD -p udp --sport 53 -m conntrack ! --ctstate UNTRACKED",
	     family->tables);
	must("notrackctl %s add dns", family->option);
	must("sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'");

	fd = udp_open(family, from);
	udp_send(family, fd, there, QUERIES);
	close(fd);
	ck_assert(udp_passes(family, (struct end){ PEER, family->peer, 0 },
			  (struct end){ HOST, family->host, 40000 }, QUERIES));
	ck_assert_uint_eq(rules_packets(family, "-A FORWARD -p udp"), QUERIES);
}
END_TEST

/* An address that this host has in a table of its own, as for a transparent proxy or a VRF. */
static void given_an_address_aside(const struct family *family, const char *address)
{
	const bool six = family->domain == AF_INET6;
	const char *ip = six ? "ip -6" : "ip";

	must("sh -c 'echo 1 >/proc/sys/net/ipv%d/ip_nonlocal_bind'", six ? 6 : 4);
	must("%s rule add iif veth0 lookup 100", ip);
	must("%s route add local %s dev lo table 100", ip, address);
	if (six)
		return;
	must("ip addr add %s/32 dev veth0", address);	/* or the kernel would not answer from it */
	must("ip route del local %s table local", address);
}

/* What comes for it stays tracked, since it is not known as local; so does what is answered. */
START_TEST(an_address_in_another_table_is_tracked_both_ways)
{
	const struct family *family = &families[_i];
	const char *there = elsewhere[family->domain == AF_INET6];
	const struct end client = { PEER, family->peer, 0 }, server = { HOST, there, 53 };

	given_a_router(family, "ip_forward");
	given_an_address_aside(family, there);
	given(family, "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	given(family, "-A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	given(family, "-P INPUT DROP");
	ck_assert(tcp_exchange(family, client, server, 2));

	must("notrackctl %s add dns", family->option);
	ck_assert(tcp_exchange(family, client, server, 2));
	must("notrackctl %s verify", family->option);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_a_router_passes_on_stays_tracked, 0,
			    2 * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_test(tcase, all_that_a_router_untracks_is_its_own);
	tcase_add_loop_test(tcase, what_is_passed_on_later_stays_tracked, 0, FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, an_address_in_another_table_is_tracked_both_ways, 0,
			    FAMILIES_OF_BOTH_WORLDS);
}

int main(void)
{
	return netns_main("router", tests);
}
