/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services that name whom they are for, on hosts that say whom they let in: some of those, or
 * others altogether.
 */
#include <string.h>
#include <sys/socket.h>

#include "packets.h"
#include "run.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Of @chain, what conntrack knows is let through, and what a test adds. */
static void given_a_shut_chain(const struct family *family, const char *chain)
{
	must("%s -w -P %s DROP", family->tables, chain);
	must("%s -w -A %s -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", family->tables, chain);
	if (family->domain == AF_INET6)
		must("%s -w -A %s -p ipv6-icmp -j ACCEPT", family->tables, chain);
}

/* --- several of a kind --------------------------------------------------- */

/* %1$s: the client with a limit, its prefix, another one, the host's address, the peer's. */
static const struct {
	const char *chain, *rule, *service;
} several[] = {
	{ "INPUT", "-s %2$s -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	  "--from %1$s,%3$s" },
	{ "INPUT", "-s %2$s -p udp --dport 53 -j ACCEPT", "--from %3$s,%1$s" },
	{ "INPUT", "-i eth1 -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	  "--interface eth1,eth2" },
	{ "INPUT", "-d %4$s -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	  "--local %4$s,%3$s" },
	{ "INPUT", "-p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", "--ports 53,54" },
	{ "OUTPUT", "-d %5$s -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	  "--role outbound --remote %5$s,%3$s" },
};

/* Those whom the host does not let in fare as they did. */
START_TEST(who_lets_in_one_of_several_is_fine)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	const char *words[] = { several[number].rule, several[number].service };

	for (size_t i = 0; i < COUNT(words); i++)
		words[i] = format_text(words[i], family->limited, family->limited_prefix, family->other,
				       family->host, family->peer);
	netns_add_peer();
	given_a_shut_chain(family, several[number].chain);
	must("%s -w -A %s %s", family->tables, several[number].chain, words[0]);
	must("notrackctl %s add x --ports 53 --proto udp %s", family->option, words[1]);
	must("notrackctl %s verify", family->option);

	/* nobody is let in any more */
	must("%s -w -D %s %s", family->tables, several[number].chain, words[0]);
	ck_assert_int_eq(run("notrackctl %s verify", family->option).code, 1);
}
END_TEST

/* Whom a rule lets in ahead of one that drops the rest has been said, by name. */
START_TEST(who_forbids_it_to_the_rest_is_fine)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	must("%s -w -A INPUT -s %s -p udp --dport 53 -j ACCEPT", family->tables, family->limited_prefix);
	must("%s -w -A INPUT -p udp --dport 53 -j DROP", family->tables);
	must("notrackctl %s add dns-auth --proto udp", family->option);
	must("notrackctl %s verify", family->option);
	ck_assert(client_is_answered(family, family->limited));
	ck_assert(!client_is_answered(family, family->other));

	must("%s -w -D INPUT 1", family->tables);
	ck_assert_int_eq(run("notrackctl %s verify", family->option).code, 1);
}
END_TEST

/* --- addresses that are still to come ------------------------------------ */

static const char by_set[] =
	"table inet own {\n"
	"	set shut { type ipv4_addr; elements = { 192.0.2.1 }; }\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy drop;\n"
	"		iif lo accept\n"
	"		ct state established,related accept\n"
	"		ip daddr @shut udp dport 53 ct state new drop\n"
	"		udp dport 53 accept\n"
	"	}\n"
	"}\n";

/* As at boot: the set has what is going to be this host's. */
START_TEST(an_address_in_a_set_may_be_one_that_this_host_gets)
{
	/* on a host that forwards, a rule of ours is met by what is for this host alone */
	must("sysctl -qw net.ipv4.ip_forward=1");
	must_as(&(struct how){ .input = by_set }, "nft -f -");
	must("notrackctl -4 --backend nft add dns-auth --proto udp");
	netns_add_peer();
	ck_assert(!client_is_answered(&families[0], families[0].limited));
	must("notrackctl -4 verify");
	must("nft 'delete element inet own shut { 192.0.2.1 }'");
	ck_assert(client_is_answered(&families[0], families[0].limited));
}
END_TEST

/* --- others ------------------------------------------------------------------ */

/* %1$s: the client with a limit's prefix, another client, the host's address, the peer's. */
static const struct {
	const char *chain, *rule, *service;
} others[] = {
	{ "INPUT", "-s %1$s -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", "--from %2$s" },
	{ "INPUT", "-s %1$s -j ACCEPT", "--from %2$s" },
	{ "INPUT", "-i eth7 -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	  "--interface veth0" },
	{ "INPUT", "-d %2$s -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT", "--local %3$s" },
	{ "OUTPUT", "-d %4$s -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	  "--role outbound --remote %2$s" },
};

/* Whom a service names is let in no more than before, which is told, and as it was. */
START_TEST(who_lets_others_in_opens_nothing)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	const char *chain = others[number].chain, *words[] = { others[number].rule, others[number].service };
	const bool serves = !strcmp(chain, "INPUT");
	struct run added;

	for (size_t i = 0; i < COUNT(words); i++)
		words[i] = format_text(words[i], family->limited_prefix, family->other, family->host,
				       family->peer);
	netns_add_peer();
	given_a_shut_chain(family, chain);
	must("%s -w -A %s %s", family->tables, chain, words[0]);
	added = must("notrackctl %s add x --ports 53 %s", family->option, words[1]);
	ck_assert_msg(strstr(added.err, "dropped: ") && strstr(added.err, "let in others"), "%s", added.err);
	must("notrackctl %s verify", family->option);
	ck_assert(!serves || !client_is_answered(family, family->other));

	/* where nobody is let in, it is opened for whom it names */
	must("%s -w -D %s %s", family->tables, chain, words[0]);
	added = must("notrackctl %s add x --ports 53 %s", family->option, words[1]);
	ck_assert_msg(!strstr(added.err, "dropped: "), "%s", added.err);
	must("notrackctl %s verify", family->option);
	ck_assert(!serves || client_is_answered(family, family->other));
}
END_TEST

/* So it is where a chain that others lead to forbids the rest, in which we never open. */
START_TEST(who_lets_others_in_may_forbid_the_rest_elsewhere)
{
	const struct family *family = &families[_i];
	struct run added;

	netns_add_peer();
	given_a_shut_chain(family, "INPUT");
	must("%s -w -N zone", family->tables);
	must("%s -w -A zone -p tcp --dport 22 -j ACCEPT", family->tables);
	must("%s -w -A zone -j DROP", family->tables);
	must("%s -w -A INPUT -s %s -j ACCEPT", family->tables, family->limited_prefix);
	must("%s -w -A INPUT -j zone", family->tables);
	added = must("notrackctl %s add x --ports 53 --from %s", family->option, family->other);
	ck_assert_msg(strstr(added.err, "dropped: ") && strstr(added.err, "let in others"), "%s", added.err);
	must("notrackctl %s verify", family->option);
	ck_assert(!client_is_answered(family, family->other));

	must("notrackctl %s clear", family->option);
	must("%s -w -D INPUT -s %s -j ACCEPT", family->tables, family->limited_prefix);
	added = run("notrackctl %s add x --ports 53 --from %s", family->option, family->other);
	ck_assert_int_eq(added.code, 1);
	ck_assert_msg(strstr(added.err, "of all whom the service is for"), "%s", added.err);
}
END_TEST

/* ... or in a table that nobody else may edit. */
START_TEST(who_lets_others_in_is_told_of_a_closed_table)
{
	struct run added;

	must("nft 'add table inet firewalld; "
	     "add chain inet firewalld in { type filter hook input priority 10; }; "
	     "add rule inet firewalld in ct state established,related accept; "
	     "add rule inet firewalld in iifname lo accept; "
	     "add rule inet firewalld in ip saddr 192.0.2.0/29 accept; "
	     "add rule inet firewalld in reject'");
	added = must("notrackctl -4 add x --ports 53 --from 192.0.2.66");
	ck_assert_msg(strstr(added.err, "dropped: ") && strstr(added.err, "let in others"), "%s", added.err);
	must("notrackctl -4 verify");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, an_address_in_a_set_may_be_one_that_this_host_gets);
	tcase_add_loop_test(tcase, who_lets_others_in_may_forbid_the_rest_elsewhere, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_test(tcase, who_lets_others_in_is_told_of_a_closed_table);
	tcase_add_loop_test(tcase, who_lets_others_in_opens_nothing, 0,
			    COUNT(others) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, who_lets_in_one_of_several_is_fine, 0,
			    COUNT(several) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, who_forbids_it_to_the_rest_is_fine, 0, FAMILIES_OF_BOTH_WORLDS);
}

int main(void)
{
	return netns_main("named", tests);
}
