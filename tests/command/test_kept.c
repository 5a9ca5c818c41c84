/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that a rule of the host keeps tracked, as it gives them a zone: add says so at once, as
 * verify does afterwards, whichever of our rules stand already. Each host has one near it of which
 * there is nothing to say.
 */
#include <string.h>

#include "packets.h"
#include "run.h"
#include "said.h"
#include "watched.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { REFUSED = 1 };

static const char *const backends[] = { "legacy", "nft" };

static bool tells(struct run added)
{
	return strstr(added.err, "warning: tracked: ") && strstr(added.err, "keeps some packets of dns");
}

static void assert_told(const char *backend, bool told)
{
	const char *apply = format_text("notrackctl -4 --backend %s apply /run/kept.conf", backend);
	struct run added;

	write_text("/run/kept.conf", "[service dns]\n[service ntp]\n");
	ck_assert_msg(tells(must("%s --dry-run", apply)) == told, "dry run");
	added = must("notrackctl -4 --backend %s add dns", backend);
	ck_assert_msg(tells(added) == told, "%s", added.err);
	ck_assert_int_eq(finds(verify("-4 dns"), "tracked", "warning", "packets of dns"), told);
	ck_assert_msg(tells(must("%s", apply)) == told, "apply");
}

/* --- zones of nftables --------------------------------------------------- */

static const char *const hooks[] = { "prerouting", "output" };
static const int priorities[] = { -310, -300, -299, -290 };

static void give_zone(int number, const char *packets)
{
	must_as(&(struct how){ .input = format_text(
		"table inet z {\nchain c {\ntype filter hook %s priority %d;\n%s ct zone set 7\n}\n}\n",
		hooks[number % 2], priorities[number / 2 % (int)COUNT(priorities)], packets) },
		"nft -f -");
}

/* What sets a zone behind NOTRACK tracks again, and ahead of it NOTRACK does nothing. */
START_TEST(a_zone_of_nftables_is_told)
{
	const char *backend = backends[_i / (2 * (int)COUNT(priorities))];

	netns_add_peer();
	give_zone(_i, "udp dport 69");
	assert_told(backend, false);
	must("notrackctl clear");
	must("nft delete table inet z");

	give_zone(_i, "meta l4proto { tcp, udp }");
	assert_told(backend, true);
}
END_TEST

/* --- zones of iptables --------------------------------------------------- */

/* Of NOTRACK and CT, the first wins. */
static const struct {
	const char *backend;
	bool stands;		/* another service was there before the rule */
	const char *rule;
	bool told;
} templates[] = {
	{ "legacy", false, "iptables-legacy -t raw -A PREROUTING -j CT --zone 7", false },
	{ "legacy", true, "iptables-legacy -t raw -A PREROUTING -j CT --zone 7", false },
	{ "legacy", true, "iptables-legacy -t raw -A OUTPUT -j CT --zone 7", false },
	{ "legacy", true, "iptables-legacy -t raw -I PREROUTING -j CT --zone 7", true },
	{ "legacy", true, "iptables-legacy -t raw -I OUTPUT -p udp -j CT --zone 7", true },
	{ "legacy", true, "iptables-legacy -t raw -I PREROUTING -p udp --dport 69 -j CT --zone 7", false },
	/* a table that comes later is ahead of those that have the same priority */
	{ "legacy", true, "iptables-nft -t raw -A PREROUTING -j CT --zone 7", true },
	{ "nft", false, "iptables-nft -t raw -A PREROUTING -j CT --zone 7", false },
	{ "nft", true, "iptables-nft -t raw -A PREROUTING -j CT --zone 7", true },
	{ "nft", true, "iptables-nft -t raw -A OUTPUT -j CT --zone 7", true },
	{ "nft", true, "iptables-nft -t raw -A OUTPUT -p udp --sport 69 -j CT --zone 7", false },
};

START_TEST(a_zone_of_iptables_is_told_where_it_comes_first)
{
	netns_add_peer();
	if (templates[_i].stands)
		must("notrackctl -4 --backend %s add ntp", templates[_i].backend);
	must("%s", templates[_i].rule);
	assert_told(templates[_i].backend, templates[_i].told);
	/* asked for once more, it is where it was */
	assert_told(templates[_i].backend, templates[_i].told);
}
END_TEST

/* --- ahead of a service that stands --------------------------------------- */

static const char *const one_way[] = {
	"-j CT --zone-orig 1", "-j ACCEPT",
};

/* A service that comes is led to from where others are, behind the rule: it would be cut off. */
START_TEST(a_service_that_comes_behind_such_a_rule_is_refused)
{
	static const struct end asking = { PEER, "192.0.2.2", 0 }, asked = { HOST, "192.0.2.1", 53 };
	static const char *const rules[] = {
		"-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-A INPUT -m conntrack --ctstate INVALID -j DROP",
		"-A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", "-P INPUT DROP",
	};
	const bool ahead = _i % 2;
	struct run added;

	netns_add_peer();
	for (size_t i = 0; i < COUNT(rules); i++)
		must("iptables-legacy -w %s", rules[i]);
	must("notrackctl -4 --backend legacy add ntp --role outbound");
	must("iptables-legacy -w -t raw -%s PREROUTING -i veth+ %s", ahead ? "I" : "A", one_way[_i / 2]);
	added = run("notrackctl -4 --backend legacy add dns");
	ck_assert_msg(added.code == (ahead ? REFUSED : 0), "exit %d: %s", added.code, added.err);
	ck_assert_msg(!ahead || strstr(added.err, "raw PREROUTING 1"), "%s", added.err);
	ck_assert(tcp_exchange(&families[0], asking, asked, 2));
}
END_TEST

/* --- a watch --------------------------------------------------------------- */

START_TEST(a_watch_tells_of_a_zone)
{
	pid_t pid;

	netns_add_peer();
	give_zone(2, "meta l4proto { tcp, udp }");
	write_text(WATCH_CONFIG, "[service dns]\n");
	pid = start_watch(format_text("-4 --backend %s", backends[_i]));
	wait_for_log("inet z c 1 (IPv4) keeps some packets of dns tracked", 1);
	end_watch(pid);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_zone_of_nftables_is_told, 0,
			    (int)(2 * COUNT(priorities) * COUNT(backends)));
	tcase_add_loop_test(tcase, a_zone_of_iptables_is_told_where_it_comes_first, 0, COUNT(templates));
	tcase_add_loop_test(tcase, a_service_that_comes_behind_such_a_rule_is_refused, 0,
			    2 * COUNT(one_way));
	tcase_add_loop_test(tcase, a_watch_tells_of_a_zone, 0, COUNT(backends));
}

int main(void)
{
	return netns_main("kept", tests);
}
