/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services that stand, while the rules of the host change: whom the host lets in is for its rules
 * to say, and a service that was opened for everybody stays open until somebody takes it away.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *icmp_of(const struct family *family)
{
	return family->domain == AF_INET6 ? "ipv6-icmp" : "icmp";
}

/* It asks by itself, and lets nobody in but by the rules that a test adds. */
static void given_a_shut_host(const struct family *family)
{
	netns_add_peer();
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w -A INPUT -i lo -j ACCEPT", family->tables);
	must("%s -w -A INPUT -p %s -j ACCEPT", family->tables, icmp_of(family));
	must("%s -w -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", family->tables);
}

/* What somebody asks of us who does not mean to open or to close anything. */
static const struct {
	const char *command, *undo;
} others[] = {
	{ "limit dns %s --above 1000/sec", "unlimit dns %s" },
	{ "add ntp --role outbound", "del ntp" },
};

static struct run ask(const struct family *family, const char *command)
{
	return must("notrackctl %s %s", family->option, format_text(command, family->limited));
}

/* Who takes back what let some in lets nobody in by that. */
START_TEST(who_is_let_in_no_more_is_not_let_in_by_us)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	struct run said;

	given_a_shut_host(family);
	must("%s -w -A INPUT -s %s -p udp --dport 53 -j ACCEPT", family->tables, family->limited_prefix);
	must("notrackctl %s add dns", family->option);
	ck_assert(client_is_answered(family, family->limited));
	ck_assert(!client_is_answered(family, family->other));

	must("%s -w -D INPUT -s %s -p udp --dport 53 -j ACCEPT", family->tables, family->limited_prefix);
	ask(family, others[number].command);
	ck_assert(!client_is_answered(family, family->limited));
	ck_assert(!client_is_answered(family, family->other));

	/* that it is of no use so is told; and it is opened for whoever adds it once more */
	said = run("notrackctl %s verify dns", family->option);
	ck_assert_int_eq(said.code, 1);
	ck_assert_msg(strstr(said.out, "add or apply the service again"), "%s", said.out);
	must("notrackctl %s add dns", family->option);
	ck_assert(client_is_answered(family, family->other));
	must("notrackctl %s verify dns", family->option);
}
END_TEST

/* A rule that lets in one more takes nothing away from the others. */
START_TEST(what_was_opened_stays_open)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	struct run added;

	given_a_shut_host(family);
	must("notrackctl %s add dns", family->option);
	ck_assert(client_is_answered(family, family->other));

	must("%s -w -A INPUT -s %s -j ACCEPT", family->tables, family->limited);
	ask(family, others[number].command);
	ck_assert(client_is_answered(family, family->other));
	ck_assert(client_is_answered(family, family->limited));
	ask(family, others[number].undo);
	ck_assert(client_is_answered(family, family->other));
	must("notrackctl %s verify", family->option);

	added = must("notrackctl %s --json add dns", family->option);
	ck_assert_ptr_nonnull(strstr(added.out, "\"changed\": false"));
	ck_assert_msg(strstr(added.err, "stays-open: service dns"), "%s", added.err);
	ck_assert(client_is_answered(family, family->other));

	/* as for whoever adds it now */
	must("notrackctl %s del dns", family->option);
	must("notrackctl %s add dns", family->option);
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(client_is_answered(family, family->limited));
}
END_TEST

/* A rule that lets in everybody, and goes again, takes with it no more than it brought. */
START_TEST(who_lets_everybody_in_for_a_while_closes_nothing)
{
	const struct family *family = &families[_i];

	given_a_shut_host(family);
	must("notrackctl %s add dns", family->option);
	must("%s -w -A INPUT -p udp --dport 53 -j ACCEPT", family->tables);
	ask(family, others[0].command);
	ck_assert(client_is_answered(family, family->other));
	ck_assert_ptr_null(strstr(must("notrackctl %s add dns", family->option).err, "stays-open"));
	must("%s -w -D INPUT -p udp --dport 53 -j ACCEPT", family->tables);
	ask(family, others[1].command);
	ck_assert(client_is_answered(family, family->other));
	must("notrackctl %s verify dns", family->option);
}
END_TEST

/*
 * Rules that were loaded anew have nothing of ours: then it is opened as before.  Of the legacy
 * tables, the service itself would have gone with them.
 */
START_TEST(what_was_opened_is_opened_again)
{
	const struct family *family = &families[_i];

	given_a_shut_host(family);
	must("notrackctl %s add dns", family->option);
	must("%s -w -F", family->tables);
	must("%s -w -A INPUT -p %s -j ACCEPT", family->tables, icmp_of(family));
	must("%s -w -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", family->tables);
	ask(family, others[0].command);
	ck_assert(client_is_answered(family, family->other));
	must("notrackctl %s verify dns", family->option);
}
END_TEST

/* As the first edition of this library left a host that lets only some in: all of them were. */
START_TEST(the_openings_of_the_first_edition_go)
{
	const struct family *family = &families[_i];
	const bool is_ipv6 = family->domain == AF_INET6;
	const char *service = "-m comment --comment \"service dns: ports = 53; protocols = udp, tcp; "
			      "roles = inbound\"";
	struct run done;

	given_a_shut_host(family);
	must("%s -w -A INPUT -s %s -p udp --dport 53 -j ACCEPT", family->tables, family->limited_prefix);
	must_as(&(struct how){ .input = format_text(
		"*raw\n:NOTRACK-PREROUTING -\n:NOTRACK-OUTPUT -\n:NOTRACK-dns-in -\n:NOTRACK-dns-out -\n"
		"-A PREROUTING -j NOTRACK-PREROUTING\n-A OUTPUT -j NOTRACK-OUTPUT\n"
		"-A NOTRACK-PREROUTING -p udp -m udp --dport 53 -g NOTRACK-dns-in\n"
		"-A NOTRACK-PREROUTING -p tcp -m tcp --dport 53 -g NOTRACK-dns-in\n"
		"-A NOTRACK-OUTPUT -p udp -m udp --sport 53 -g NOTRACK-dns-out\n"
		"-A NOTRACK-OUTPUT -p tcp -m tcp --sport 53 -g NOTRACK-dns-out\n"
		"-A NOTRACK-dns-in -j NOTRACK\n-A NOTRACK-dns-out -j NOTRACK\nCOMMIT\n"
		"*filter\n:NOTRACK-INPUT -\n:NOTRACK-OUTPUT -\n:NOTRACK-dns-in -\n:NOTRACK-dns-out -\n"
		"-I INPUT -j NOTRACK-INPUT\n-I OUTPUT -j NOTRACK-OUTPUT\n"
		"-A NOTRACK-INPUT %s -j NOTRACK-dns-in\n-A NOTRACK-OUTPUT -j NOTRACK-dns-out\n"
		"-A NOTRACK-INPUT -p %s -m %s --%s-type 3 -j ACCEPT\n"
		"-A NOTRACK-dns-in -p udp -m udp --dport 53 -j ACCEPT\n"
		"-A NOTRACK-dns-in -p tcp -m tcp --dport 53 -j ACCEPT\n"
		"-A NOTRACK-dns-out -p udp -m udp --sport 53 -j ACCEPT\n"
		"-A NOTRACK-dns-out -p tcp -m tcp --sport 53 -j ACCEPT\nCOMMIT\n", service,
		icmp_of(family), is_ipv6 ? "icmp6" : "icmp", is_ipv6 ? "icmpv6" : "icmp") },
		"%s -w --noflush", family->restore);
	ck_assert(client_is_answered(family, family->other));

	done = ask(family, others[0].command);
	ck_assert_msg(strstr(done.err, "closed: requests of service dns"), "%s", done.err);
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(client_is_answered(family, family->limited));
	must("notrackctl %s verify", family->option);
}
END_TEST

/* Who lets in everybody of one has named nobody. */
START_TEST(who_lets_everybody_in_over_ipv4_is_open_over_ipv6)
{
	for (int i = 0; i < FAMILY_COUNT; i++) {
		if (!i)
			given_a_shut_host(&families[i]);
		must("%s -w -P INPUT DROP", families[i].tables);
		must("%s -w -A INPUT -i lo -j ACCEPT", families[i].tables);
		must("%s -w -A INPUT -p %s -j ACCEPT", families[i].tables, icmp_of(&families[i]));
		must("%s -w -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", families[i].tables);
	}
	must("%s -w -A INPUT -p udp --dport 53 -j ACCEPT", families[0].tables);
	must("notrackctl --backend legacy add dns --role inbound");
	for (int i = 0; i < FAMILY_COUNT; i++)
		ck_assert(client_is_answered(&families[i], families[i].other));
	must("notrackctl verify");
}
END_TEST

/* --- interfaces that are not up ----------------------------------------- */

/* A link that is not there, as a tunnel that is down, or any at boot, is named all the same. */
static const struct {
	const char *rule;		/* lets in by it; in a table inet */
	bool named;
} absent[] = {
	{ "iifname wg0 udp dport 53 accept", true },
	{ "iifname \"wg*\" accept", true },
	{ "iifname { wg0, wg1 } udp dport 53 accept", true },
	{ "iifname vmap { wg0 : accept, wg1 : drop }", true },
	{ "iifname . udp dport { wg0 . 53 } accept", true },
	{ "iifname @tunnels udp dport 53 accept", true },
	{ "iifname wg0 drop", false },
	{ "iifname wg0 udp dport 123 accept", false },
	{ "iifname lo accept", false },
};

START_TEST(an_interface_that_is_down_is_named_all_the_same)
{
	const struct family *family = &families[0];

	netns_add_peer();
	must_as(&(struct how){ .input = format_text(
		"table inet h {\nset tunnels { type ifname; elements = { wg0 }; }\n"
		"chain i {\ntype filter hook input priority 0; policy drop;\n"
		"ct state established accept\n%s\n}\n}\n", absent[_i].rule) }, "nft -f -");
	must("notrackctl -4 --backend nft add dns");
	ck_assert_int_eq(client_is_answered(family, family->other), !absent[_i].named);
}
END_TEST

/* More interfaces than are asked about one by one, each for another service; and one for ours. */
START_TEST(of_many_interfaces_the_last_counts)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const bool named = _i / FAMILIES_OF_BOTH_WORLDS;
	char *rules = format_text("*filter\n");

	given_a_shut_host(family);
	for (int i = 0; i < 100; i++)
		rules = format_text("%s-A INPUT -i vnet%d -p udp -m udp --dport 67 -j ACCEPT\n", rules, i);
	if (named)
		rules = format_text("%s-A INPUT -i wg0 -p udp -m udp --dport 53 -j ACCEPT\n", rules);
	must_as(&(struct how){ .input = format_text("%sCOMMIT\n", rules) }, "%s -w --noflush", family->restore);
	must("notrackctl %s add dns", family->option);
	ck_assert_int_eq(client_is_answered(family, family->other), !named);
}
END_TEST

/* --- the other family ---------------------------------------------------- */

/* iptables and ip6tables have a chain each, and are one host: who names some of one has said whom. */
START_TEST(who_names_some_of_one_family_opens_nobody_of_the_other)
{
	const struct family *family = &families[_i], *other = &families[_i ^ 1];

	given_a_shut_host(family);
	must("%s -w -P INPUT DROP", other->tables);
	must("%s -w -A INPUT -i lo -j ACCEPT", other->tables);
	must("%s -w -A INPUT -p %s -j ACCEPT", other->tables, icmp_of(other));
	must("%s -w -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", other->tables);
	must("%s -w -A INPUT -s %s -p udp --dport 53 -j ACCEPT", family->tables, family->limited_prefix);
	must("notrackctl add dns");
	ck_assert(client_is_answered(family, family->limited));
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(!client_is_answered(other, other->other));
	must("notrackctl verify");

	/* where none is named, both are opened */
	must("notrackctl del dns");
	must("%s -w -D INPUT -s %s -p udp --dport 53 -j ACCEPT", family->tables, family->limited_prefix);
	must("notrackctl add dns");
	ck_assert(client_is_answered(family, family->other));
	ck_assert(client_is_answered(other, other->other));
	must("notrackctl verify");
}
END_TEST

/* The end of a chain that others lead to: nothing is opened there, and nobody was meant to be. */
START_TEST(who_names_some_of_one_family_is_not_asked_for_the_other)
{
	const struct family *family = &families[_i], *other = &families[_i ^ 1];
	const struct family *const both[] = { family, other };
	struct run refused;

	netns_add_peer();
	for (int i = 0; i < 2; i++) {
		must("%s -w -N host", both[i]->tables);
		must("%s -w -A host -i lo -j ACCEPT", both[i]->tables);
		must("%s -w -A host -p %s -j ACCEPT", both[i]->tables, icmp_of(both[i]));
		must("%s -w -A host -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", both[i]->tables);
		must("%s -w -A host -j DROP", both[i]->tables);
		must("%s -w -A INPUT -j host", both[i]->tables);
	}
	refused = run("notrackctl add dns");
	ck_assert_msg(refused.code == 1 && strstr(refused.err, "host 4"), "%s", refused.err);

	must("%s -w -I host 3 -s %s -p udp --dport 53 -j ACCEPT", family->tables, family->limited_prefix);
	must("notrackctl add dns");
	ck_assert(client_is_answered(family, family->limited));
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(!client_is_answered(other, other->other));
	must("notrackctl verify");
}
END_TEST

/* --- a host that filters by ports alone ---------------------------------------- */

/* What else it serves, and asks others. */
static const char *const by_port[][8] = {
	{ "INPUT -p tcp --dport 22", "OUTPUT -p tcp --sport 22" },
	{ "INPUT -p tcp --dport 22", "OUTPUT -p tcp --sport 22",
	  "OUTPUT -p tcp --dport 80", "INPUT -p tcp --sport 80" },
	{ "INPUT -p tcp --dport 22", "INPUT -i veth0 -p tcp --dport 25", "OUTPUT -p tcp --sport 25",
	  "OUTPUT -p tcp --dport 80", "OUTPUT -p udp --dport 123", "OUTPUT -p tcp --dport 443",
	  "INPUT -p tcp -m multiport --sports 80,443", "INPUT -p udp --sport 123" },
};

static void given_a_host_that_filters_by_ports(const struct family *family, size_t number)
{
	netns_add_peer();
	for (size_t i = 0; i < 2; i++) {
		const char *chain = i ? "OUTPUT" : "INPUT";

		must("%s -w -P %s DROP", family->tables, chain);
		must("%s -w -A %s -%c lo -j ACCEPT", family->tables, chain, i ? 'o' : 'i');
		must("%s -w -A %s -p %s -j ACCEPT", family->tables, chain, icmp_of(family));
	}
	for (size_t i = 0; i < COUNT(by_port[number]) && by_port[number][i]; i++)
		must("%s -w -A %s -j ACCEPT", family->tables, by_port[number][i]);
}

/* What it says of other servers says nothing of the answers of this one. */
START_TEST(a_host_that_filters_by_ports_is_opened_both_ways)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];

	given_a_host_that_filters_by_ports(family, (size_t)_i / FAMILIES_OF_BOTH_WORLDS);
	must("notrackctl %s add dns", family->option);
	ck_assert(client_is_answered(family, family->other));
	must("notrackctl %s verify", family->option);
}
END_TEST

/* Between such rules, one that names a server whose answers it takes. */
START_TEST(a_host_that_names_who_may_answer_is_not_opened_to_others)
{
	const struct family *family = &families[_i];
	const struct end mine = { HOST, family->host, 40000 };
	int fd, named, other;

	given_a_host_that_filters_by_ports(family, 2);
	must("%s -w -I INPUT 4 -s %s -p udp --sport 53 -j ACCEPT", family->tables, family->limited);
	must("notrackctl %s add dns --role outbound", family->option);
	fd = udp_open(family, mine);
	named = udp_open(family, (struct end){ PEER, family->limited, 53 });
	other = udp_open(family, (struct end){ PEER, family->other, 53 });
	udp_send(family, other, mine, 1);
	udp_send(family, named, mine, 1);
	ck_assert(udp_arrive(fd, 1));
	ck_assert_uint_eq(udp_pending(fd), 0);
	close(fd);
	close(named);
	close(other);
}
END_TEST

/* ... and where it is opened one way only all the same, that is told. */
START_TEST(what_is_opened_one_way_only_is_told)
{
	const struct family *family = &families[_i];
	struct run added;

	given_a_host_that_filters_by_ports(family, 0);
	must("%s -w -A OUTPUT -d %s -j ACCEPT", family->tables, family->limited);
	added = must("notrackctl %s add dns-auth", family->option);
	ck_assert_msg(strstr(added.err, "half-open: service dns-auth"), "%s", added.err);
	must("%s -w -A OUTPUT -p udp --sport 53 -j ACCEPT", family->tables);
	must("%s -w -A OUTPUT -p tcp --sport 53 -j ACCEPT", family->tables);
	added = must("notrackctl %s add dns-auth", family->option);
	ck_assert_msg(!strstr(added.err, "half-open"), "%s", added.err);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_host_that_filters_by_ports_is_opened_both_ways, 0,
			    COUNT(by_port) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, a_host_that_names_who_may_answer_is_not_opened_to_others, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, what_is_opened_one_way_only_is_told, 0, FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, who_is_let_in_no_more_is_not_let_in_by_us, 0,
			    COUNT(others) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, what_was_opened_stays_open, 0, COUNT(others) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, who_lets_everybody_in_for_a_while_closes_nothing, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_test(tcase, who_lets_everybody_in_over_ipv4_is_open_over_ipv6);
	tcase_add_loop_test(tcase, what_was_opened_is_opened_again, FAMILY_COUNT,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, the_openings_of_the_first_edition_go, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, who_names_some_of_one_family_opens_nobody_of_the_other, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, who_names_some_of_one_family_is_not_asked_for_the_other, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, an_interface_that_is_down_is_named_all_the_same, 0, COUNT(absent));
	tcase_add_loop_test(tcase, of_many_interfaces_the_last_counts, 0,
			    2 * FAMILIES_OF_BOTH_WORLDS);
}

int main(void)
{
	return netns_main("standing", tests);
}
