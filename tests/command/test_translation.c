/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules that translate: where packets that were answered by way of one would be answered no
 * longer, the service is refused, and who asks goes on being answered.
 */
#include "netns.h"
#include "packets.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "said.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { RULES_MAX = 3, REFUSED = 1 };

/* Words in rules that are addresses: this host's, and of others, by family. */
static const struct word {
	const char *word, *address[FAMILY_COUNT];
} words[] = {
	{ "@OWN@", { "192.0.2.1", "2001:db8::1" } },
	{ "@SECOND@", { "192.0.2.9", "2001:db8::9" } },
	{ "@OTHER@", { "203.0.113.9", "2001:db8:5::9" } },
	{ "@PEER@", { "192.0.2.2", "2001:db8::2" } },
	{ "@SERVICE@", { "198.51.100.5", "2001:db8:7::5" } },
	{ "@LO@", { "127.0.0.1", "::1" } },
	{ "@OWN53@", { "192.0.2.1:53", "[2001:db8::1]:53" } },
	{ "@OTHER53@", { "203.0.113.9:53", "[2001:db8:5::9]:53" } },
	{ "@OWN80@", { "192.0.2.1:80", "[2001:db8::1]:80" } },
};

static const char *filled(const char *text, int family)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		const char *at;

		while ((at = strstr(text, words[i].word)))
			text = format_text("%.*s%s%s", (int)(at - text), text, words[i].address[family],
					   at + strlen(words[i].word));
	}
	return text;
}

/* The second address of this host comes behind the first; others are reached by the peer. */
static void given_host(int family)
{
	netns_add_peer();
	must("sh -c 'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1'");
	/* what is added to IPv6 comes first */
	if (family) {
		must("ip addr del %s/64 dev veth0", families[family].host);
		must("ip addr add %s/64 dev veth0 nodad", filled("@SECOND@", family));
		must("ip addr add %s/64 dev veth0 nodad", families[family].host);
		/* REDIRECT passes over one that the kernel has not taken up yet */
		netns_wait_for_address(HOST, filled("@SECOND@", family));
		netns_wait_for_address(HOST, families[family].host);
	} else {
		must("ip addr add %s/24 dev veth0", filled("@SECOND@", family));
	}
	must("ip route add %s via %s", filled("@OTHER@", family), families[family].peer);
	must_as(&(struct how){ .where = PEER }, "ip route add %s via %s", filled("@OTHER@", family),
		families[family].host);
}

/* By a client that takes answers from @server alone; @serving: where that one listens. */
static bool is_exchanged(const struct family *family, struct end client, struct end server,
			 struct end serving)
{
	int server_fd = udp_open(family, serving), fd = udp_open(family, client);
	bool answered;

	udp_connect(family, fd, server);
	answered = udp_exchange(family, fd, server_fd, server);
	close(fd);
	close(server_fd);
	return answered;
}

/* @at: where this host serves. */
static bool is_answered(const struct family *family, enum place where, const char *to, const char *at)
{
	const struct end client = { where, where == HOST ? family->host : family->peer, 0 };

	return is_exchanged(family, client, (struct end){ HOST, to, 53 }, (struct end){ HOST, at, 53 });
}

/* --- packets that are for another address ------------------------------- */

/* Who asks what, and what rule leads to where it is answered. */
static const struct led {
	const char *service;
	enum place who;
	const char *to, *at, *rule;
} all_led[] = {
	{ "dns-auth", PEER, "@OTHER@", "@OWN@", "PREROUTING -i veth0 -p udp --dport 53 -j REDIRECT" },
	{ "dns-auth", PEER, "@OTHER@", "@OWN@", "PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 53" },
	{ "dns-auth", PEER, "@OTHER@", "@OWN@", "PREROUTING -p udp -j REDIRECT --to-ports 53" },
	{ "dns-auth", PEER, "@OTHER@", "@OWN@", "PREROUTING -d @OTHER@ -j REDIRECT" },
	{ "dns-auth", PEER, "@OTHER@", "@OWN@",
	  "PREROUTING -p udp -m addrtype ! --dst-type LOCAL -j REDIRECT" },
	{ "dns-auth", PEER, "@OTHER@", "@OWN@",
	  "PREROUTING -d @OTHER@ -p udp --dport 53 -j DNAT --to-destination @OWN@" },
	{ "dns-auth", PEER, "@OTHER@", "@OWN@", "PREROUTING -d @OTHER@ -j DNAT --to-destination @OWN@" },
	{ "dns-auth", PEER, "@OTHER@", "@OWN@", "PREROUTING -d @OTHER@ -j NETMAP --to @OWN@" },
	{ "dns-auth", PEER, "@SECOND@", "@OWN@", "PREROUTING -d @SECOND@ -p udp --dport 53 -j REDIRECT" },
	{ "dns-auth", PEER, "@SECOND@", "@OWN@",
	  "PREROUTING -m addrtype --dst-type LOCAL -p udp -j REDIRECT" },
	{ "dns --role inbound", HOST, "@OTHER@", "@LO@", "OUTPUT -d @OTHER@ -j REDIRECT" },
	{ "dns --role outbound", HOST, "@OTHER@", "@LO@",
	  "OUTPUT -p udp --dport 53 -j REDIRECT --to-ports 53" },
	{ "dns", HOST, "@OTHER@", "@LO@", "OUTPUT -p udp --dport 53 -j REDIRECT --to-ports 53" },
	{ "dns", HOST, "@OTHER@", "@LO@", "OUTPUT -p udp -m owner --uid-owner 0 -j REDIRECT" },
	{ "dns-auth", HOST, "@OTHER@", "@OWN@",
	  "OUTPUT -d @OTHER@ -p udp --dport 53 -j DNAT --to-destination @OWN@" },
	{ "dns-auth", HOST, "@OTHER@", "@LO@", "OUTPUT -d @OTHER@ -p udp -j DNAT --to-destination @LO@" },
};

static void check_refused(const struct family *family, const char *service, const char *place)
{
	struct run added = run("notrackctl %s add %s", family->option, service);

	ck_assert_msg(added.code == REFUSED && strstr(added.err, place) &&
		      (strstr(added.err, "that rule") || strstr(added.err, "remote")), "%s: exit %d: %s",
		      service, added.code, added.err);
}

static void check_verified(const struct family *family, const char *service, const char *place)
{
	struct said said;

	must("notrackctl %s add %s --force", family->option, service);
	said = verify(family->option);
	ck_assert(!is_ok(said));
	assert_finds(said, "nat", "error", place);
}

START_TEST(answers_that_need_the_address_translated_are_not_cut_off)
{
	const int number = _i % FAMILIES_OF_BOTH_WORLDS;
	const struct family *family = &families[number];
	const struct led *led = &all_led[_i / FAMILIES_OF_BOTH_WORLDS];
	const char *to = filled(led->to, number % FAMILY_COUNT);
	const char *at = filled(led->at, number % FAMILY_COUNT);
	const char *place = format_text("nat %.*s 1", (int)strcspn(led->rule, " "), led->rule);

	given_host(number % FAMILY_COUNT);
	must("%s -w -t nat -A %s", family->tables, filled(led->rule, number % FAMILY_COUNT));
	ck_assert_msg(is_answered(family, led->who, to, at), "%s", led->rule);

	check_refused(family, led->service, place);
	ck_assert_msg(is_answered(family, led->who, to, at), "%s", led->rule);
	check_verified(family, led->service, place);
}
END_TEST

/* --- what is left alone ------------------------------------------------- */

static const struct left {
	const char *service, *rules[RULES_MAX];
} all_left[] = {
	{ "dns-auth", { "-t nat -A PREROUTING -d @OWN@ -p udp --dport 53 -j REDIRECT" } },
	{ "dns-auth", { "-t nat -A PREROUTING -d @OWN@ -p udp --dport 53 -j REDIRECT --to-ports 53" } },
	{ "dns-auth", { "-t nat -A OUTPUT -d @LO@ -p udp --dport 53 -j REDIRECT" } },
	{ "dns", { "-t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080",
		   "-t nat -A PREROUTING -p udp --dport 5300 -j REDIRECT --to-ports 5353" } },
	{ "dns", { "-t nat -A PREROUTING -p tcp --dport 443 -j REDIRECT",
		   "-t nat -A PREROUTING -d @OTHER@ -p udp --dport 123 -j DNAT --to-destination @OWN@" } },
	{ "dns --proto udp", { "-t nat -A PREROUTING -p tcp --dport 53 -j REDIRECT" } },
	/* the port is asked by who leads there */
	{ "dns-auth", { "-t nat -N X", "-t nat -A X -j REDIRECT",
			"-t nat -A PREROUTING -p udp --dport 5300 -j X" } },
	/* for others, or for an address of this host's that the service is not about */
	{ "dns-auth",
	  { "-t nat -A PREROUTING -d @OTHER@ -p udp --dport 53 -j DNAT --to-destination @PEER@" } },
	{ "dns-auth --local @SECOND@", { "-t nat -A PREROUTING -d @OTHER@ -j DNAT --to-destination @OWN@" } },
	{ "dns-auth --from @PEER@",
	  { "-t nat -A PREROUTING -s @OTHER@ -p udp --dport 53 -j DNAT --to-destination @OWN@" } },
	/* as NodeLocal DNSCache has it */
	{ "dns-auth", { "-t raw -A PREROUTING -d @OTHER@ -p udp --dport 53 -j CT --notrack",
			"-t nat -A PREROUTING -d @OTHER@ -p udp --dport 53 -j REDIRECT" } },
};

START_TEST(translations_that_lead_nobody_elsewhere_are_left_alone)
{
	const int number = _i % FAMILIES_OF_BOTH_WORLDS;
	const struct family *family = &families[number];
	const struct left *left = &all_left[_i / FAMILIES_OF_BOTH_WORLDS];
	struct run added;

	given_host(number % FAMILY_COUNT);
	for (size_t i = 0; i < RULES_MAX && left->rules[i]; i++)
		must("%s -w %s", family->tables, filled(left->rules[i], number % FAMILY_COUNT));
	added = run("notrackctl %s add %s", family->option, filled(left->service, number % FAMILY_COUNT));
	ck_assert_msg(!added.code, "%s: %s", left->rules[0], added.err);
	ck_assert(is_ok(verify(family->option)));
}
END_TEST

/* The resolver of Docker, in a container that serves, too. */
START_TEST(a_translated_loopback_address_is_no_way_to_the_service)
{
	must("%s -w -t nat -A OUTPUT -d 127.0.0.11 -p udp --dport 53 -j DNAT --to-destination "
	     "127.0.0.11:45678", _i ? "iptables-nft" : "iptables-legacy");
	must("notrackctl -4 add dns-auth");
	ck_assert(is_ok(verify("-4")));
}
END_TEST

/* --- this host's own questions ------------------------------------------ */

/* A host that forwards nothing, and has an address on lo that others reach it by. */
static void given_service_address(const struct family *family, int of)
{
	given_host(of);
	must("sh -c 'sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0'");
	must("ip addr add %s dev lo", filled("@SERVICE@", of));
	must_as(&(struct how){ .where = PEER }, "ip route add %s via %s", filled("@SERVICE@", of),
		family->host);
}

static bool peer_answers(const struct family *family)
{
	const struct end server = { PEER, family->peer, 53 };

	return is_exchanged(family, (struct end){ HOST, family->host, 0 }, server, server);
}

/* Where nobody but that address is answered. */
START_TEST(questions_that_need_another_source_stay_tracked)
{
	const struct family *family = &families[_i];
	const int of = _i % FAMILY_COUNT;
	struct run added;

	given_service_address(family, of);
	must_as(&(struct how){ .where = PEER }, "%s -w -A INPUT -p udp --dport 53 ! -s %s -j DROP",
		families[of].tables, filled("@SERVICE@", of));
	must("%s -w -t nat -A POSTROUTING -o veth0 -p udp -j SNAT --to-source %s", family->tables,
	     filled("@SERVICE@", of));
	ck_assert(peer_answers(family));

	added = run("notrackctl %s add dns", family->option);
	ck_assert_msg(added.code == REFUSED && strstr(added.err, "nat POSTROUTING 1") &&
		      strstr(added.err, "role inbound"), "exit %d: %s", added.code, added.err);
	ck_assert(peer_answers(family));
	must("notrackctl %s add dns --role inbound", family->option);
	ck_assert(is_ok(verify(family->option)));
	ck_assert(peer_answers(family));
	check_verified(family, "dns", "nat POSTROUTING 1");
}
END_TEST

static const struct {
	int exit;
	const char *rules[RULES_MAX];
} all_sources[] = {
	{ REFUSED, { "POSTROUTING -p udp --dport 53 -j SNAT --to-source @OTHER@" } },
	{ REFUSED, { "POSTROUTING -s @OWN@ -j SNAT --to-source @SERVICE@" } },
	{ 0, { "POSTROUTING -j SNAT --to-source @OWN@" } },
	{ 0, { "POSTROUTING -o veth0 -j SNAT --to-source @SECOND@" } },
	{ 0, { "POSTROUTING -o veth0 -j MASQUERADE" } },
	{ 0, { "POSTROUTING -s @PEER@ -o veth0 -j SNAT --to-source @SERVICE@" } },
	{ 0, { "POSTROUTING ! -s @OWN@ -o veth0 -j SNAT --to-source @SERVICE@" } },
	{ 0, { "POSTROUTING -o veth7 -j SNAT --to-source @SERVICE@",
	       "POSTROUTING -p tcp --dport 80 -j SNAT --to-source @SERVICE@" } },
	{ 0, { "OTHERS -j SNAT --to-source @SERVICE@", "POSTROUTING -s @PEER@ -j OTHERS" } },
};

START_TEST(only_the_source_of_own_questions_matters)
{
	const int number = _i % FAMILIES_OF_BOTH_WORLDS;
	const struct family *family = &families[number];
	const char *const *rules = all_sources[_i / FAMILIES_OF_BOTH_WORLDS].rules;
	struct run added;

	given_service_address(family, number % FAMILY_COUNT);
	must("%s -w -t nat -N OTHERS", family->tables);
	for (size_t i = 0; i < RULES_MAX && rules[i]; i++)
		must("%s -w -t nat -A %s", family->tables, filled(rules[i], number % FAMILY_COUNT));
	added = run("notrackctl %s add dns", family->option);
	ck_assert_msg(added.code == all_sources[_i / FAMILIES_OF_BOTH_WORLDS].exit, "%s: exit %d: %s",
		      rules[0], added.code, added.err);
}
END_TEST

/* --- addresses that are still to come ----------------------------------- */

/* As at boot, when but for lo no interface is there: any address may be this host's. */
static const struct {
	const char *service, *rule;
	int later;			/* exit code, once the addresses are there */
} all_early[] = {
	{ "dns-auth", "PREROUTING -p udp --dport 5353 -j DNAT --to-destination @OWN53@", REFUSED },
	{ "dns-auth --local @OWN@", "PREROUTING -p udp --dport 5353 -j DNAT --to-destination @OWN53@",
	  REFUSED },
	{ "dns-auth", "PREROUTING -p udp --dport 5353 -j DNAT --to-destination @OTHER53@", 0 },
	{ "dns-auth", "PREROUTING -d @OTHER@ -p udp --dport 53 -j DNAT --to-destination @PEER@", 0 },
	{ "dns-auth", "PREROUTING -p udp --dport 53 -m addrtype --dst-type LOCAL -j REDIRECT", REFUSED },
	{ "dns", "POSTROUTING -o veth0 -p udp --dport 53 -j SNAT --to-source @SERVICE@", REFUSED },
	{ "dns", "POSTROUTING -o veth0 -p udp --dport 53 -j SNAT --to-source @OWN@", 0 },
};

START_TEST(what_may_become_an_own_address_is_refused_until_it_is_known)
{
	const int number = _i % FAMILIES_OF_BOTH_WORLDS, of = number % FAMILY_COUNT;
	const struct family *family = &families[number];
	const int early = _i / FAMILIES_OF_BOTH_WORLDS;
	const char *service = filled(all_early[early].service, of);
	struct run added;

	must("ip addr add %s dev lo", filled("@SERVICE@", of));
	must("%s -w -t nat -A %s", family->tables, filled(all_early[early].rule, of));
	added = run("notrackctl %s add %s", family->option, service);
	ck_assert_msg(added.code == REFUSED && strstr(added.err, "yet but on lo"), "%s: exit %d: %s",
		      all_early[early].rule, added.code, added.err);

	given_host(of);
	must("sh -c 'sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0'");
	added = run("notrackctl %s add %s", family->option, service);
	ck_assert_msg(added.code == all_early[early].later && !strstr(added.err, "yet but on lo"),
		      "%s: exit %d: %s", all_early[early].rule, added.code, added.err);
}
END_TEST

/* What is about no address, or about one that every host has, is no reason to wait. */
START_TEST(without_an_address_yet_plain_hosts_are_served)
{
	static const char *const rules[] = {
		"nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination @OWN80@",
		"nat -A PREROUTING -p udp --dport 5300 -j DNAT --to-destination @LO@",
		"nat -A OUTPUT -d @LO@ -p udp --dport 53 -j REDIRECT",
		"nat -A POSTROUTING -o veth0 -j MASQUERADE",
		"filter -A INPUT ! -i lo -s @LO@ -j DROP",
		"filter -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
		"filter -A INPUT -i lo -j ACCEPT",
		"filter -A INPUT -s @PEER@ -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
		"filter -A INPUT -j DROP",
	};
	const struct family *family = &families[_i];

	for (size_t i = 0; i < COUNT(rules); i++)
		must("%s -w -t %s", family->tables, filled(rules[i], _i % FAMILY_COUNT));
	must("notrackctl %s add dns", family->option);
	ck_assert(is_ok(verify(family->option)));
}
END_TEST

/* --- rules of nftables -------------------------------------------------- */

static const struct {
	int family;
	enum place who;
	const char *at, *table, *rule;
} all_nft[] = {
	{ 0, PEER, "@OWN@", "ip", "udp dport 53 redirect" },
	{ 0, PEER, "@OWN@", "inet", "iifname \"veth0\" meta l4proto { tcp, udp } th dport 53 redirect" },
	{ 1, PEER, "@OWN@", "ip6", "udp dport { 53, 5353 } redirect" },
	{ 1, PEER, "@OWN@", "inet", "udp dport 53 redirect to :53" },
	{ 0, PEER, "@OWN@", "ip", "dnat to ip daddr map { 198.51.100.99 : 192.0.2.77, @OTHER@ : @OWN@ }" },
	{ 1, PEER, "@OWN@", "inet", "dnat ip6 to ip6 daddr map { @OTHER@ : @OWN@ }" },
	{ 0, PEER, "@OWN@", "inet", "dnat ip prefix to ip daddr map { 203.0.113.9/32 : 192.0.2.1/32 }" },
	{ 0, HOST, "@LO@", "inet", "ip daddr @OTHER@ redirect" },
	{ 1, HOST, "@OWN@", "inet", "ip6 daddr @OTHER@ dnat ip6 to @OWN@" },
};

START_TEST(rules_of_nftables_that_need_the_address_translated_are_found)
{
	const struct family *family = &families[all_nft[_i].family];
	const char *to = filled("@OTHER@", all_nft[_i].family);
	const char *at = filled(all_nft[_i].at, all_nft[_i].family);
	const char *place = format_text("%s n c 1", all_nft[_i].table);

	given_host(all_nft[_i].family);
	must_as(&(struct how){ .input = format_text(
		"table %s n {\nchain c {\ntype nat hook %s priority -100;\n%s\n}\n}\n", all_nft[_i].table,
		all_nft[_i].who == PEER ? "prerouting" : "output",
		filled(all_nft[_i].rule, all_nft[_i].family)) }, "nft -f -");
	ck_assert_msg(is_answered(family, all_nft[_i].who, to, at), "%s", all_nft[_i].rule);

	check_refused(family, "dns-auth", place);
	ck_assert_msg(is_answered(family, all_nft[_i].who, to, at), "%s", all_nft[_i].rule);
	check_verified(family, "dns-auth", place);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, answers_that_need_the_address_translated_are_not_cut_off, 0,
			    COUNT(all_led) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, translations_that_lead_nobody_elsewhere_are_left_alone, 0,
			    COUNT(all_left) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, questions_that_need_another_source_stay_tracked, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, only_the_source_of_own_questions_matters, 0,
			    COUNT(all_sources) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, a_translated_loopback_address_is_no_way_to_the_service, 0, 2);
	tcase_add_loop_test(tcase, what_may_become_an_own_address_is_refused_until_it_is_known, 0,
			    COUNT(all_early) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, without_an_address_yet_plain_hosts_are_served, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, rules_of_nftables_that_need_the_address_translated_are_found, 0,
			    COUNT(all_nft));
}

int main(void)
{
	return netns_main("translation", tests);
}
