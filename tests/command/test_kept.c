/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that a rule of the host keeps tracked, as it gives them a zone or ends table raw: what add
 * says of them, whichever of our rules stand already. Each host has one near it of which there is
 * nothing to say.
 */
#include <string.h>

#include "packets.h"
#include "run.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { REFUSED = 1 };

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

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_service_that_comes_behind_such_a_rule_is_refused, 0,
			    2 * COUNT(one_way));
}

int main(void)
{
	return netns_main("kept", tests);
}
