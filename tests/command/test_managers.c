/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hosts as programs that manage their rules leave them: by their own daemons where Debian has
 * them, else by rules as they write them (tests/managers).  Who is answered at port 53 by each of
 * them is answered when dns is not tracked, and who is not is not; or the change is refused.
 */
#include "netns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exchanges.h"
#include "managers.h"
#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { REFUSED = 1 };

/* What auto chooses, and the other one. */
static const char *const backends[] = { "auto", "other" };

struct host {
	const char *name;
	bool (*given)(void);		/* false: it is not installed */
	unsigned int ipv4, ipv6;	/* who is answered */
	const char *backend;		/* that auto chooses */
	const char *role;		/* added for; NULL: the default is refused for @because */
	const char *because;
};

static const struct host hosts[] = {
	{ "iptables-nft", given_textbook_nft, OTHER | OWN | SELF, OTHER | OWN | SELF, "nft", "both", NULL },
	{ "iptables-legacy", given_textbook_legacy, OTHER | OWN | SELF, OTHER | OWN | SELF, "legacy",
	  "both", NULL },
	{ "nftables.conf", given_nftables_conf, OTHER | OWN | SELF, OTHER | OWN | SELF, "nft", "both",
	  NULL },
	{ "zones, iptables-nft", given_zones_nft, OTHER | OWN | SELF, OTHER | OWN | SELF, "nft", "both",
	  NULL },
	{ "zones, iptables-legacy", given_zones_legacy, OTHER | OWN | SELF, OTHER | OWN | SELF,
	  "legacy", "both", NULL },
	{ "ufw", given_ufw, OTHER | OWN | SELF, OTHER | OWN | SELF, "nft", "both", NULL },
	{ "Shorewall", given_shorewall, OTHER | OWN | SELF, OTHER | OWN | SELF, "nft", "both", NULL },
	{ "firewalld", given_firewalld, OTHER | OWN | SELF, OTHER | OWN | SELF, "nft", "inbound",
	  "firewalld let them in" },
	{ "Docker, iptables-nft", given_docker_nft, OTHER | OWN | SELF, EVERYBODY, "nft", "inbound",
	  "forwarded for others" },
	{ "Docker, iptables-legacy", given_docker_legacy, OTHER | OWN | SELF, EVERYBODY, "legacy",
	  "inbound", "forwarded for others" },
	{ "kube-proxy, NodeLocal, iptables-nft", given_kubernetes_nft, EVERYBODY, EVERYBODY, "nft",
	  "inbound", "forwarded for others" },
	{ "kube-proxy, NodeLocal, iptables-legacy", given_kubernetes_legacy, EVERYBODY, EVERYBODY,
	  "legacy", "inbound", "forwarded for others" },
	{ "kube-proxy, iptables-legacy", given_kube_proxy_legacy, EVERYBODY, EVERYBODY, "legacy",
	  "inbound", "sends some questions of dns to another server" },
	{ "kube-proxy, nftables", given_kube_proxy, EVERYBODY, EVERYBODY, "nft", "inbound",
	  "sends some questions of dns to another server" },
	{ "Calico", given_calico, OTHER | OWN | SELF, EVERYBODY, "legacy", "inbound",
	  "forwarded for others" },
};

static bool is_given(const struct host *host)
{
	if (host->given())
		return true;
	skip_test("%s: not installed here", host->name);
	return false;
}

/* --- what is looked at ------------------------------------------------- */

/* Entries of port 53, after everybody has asked; without this host's own questions. */
static unsigned int tracked(const struct host *host)
{
	unsigned int count = 0;

	must("conntrack -F");
	exchanges();
	for (int i = 0; i < FAMILY_COUNT; i++) {
		char *entries = must("conntrack -L -f %s", families[i].name).out;

		for (char *line = strtok(entries, "\n"); line; line = strtok(NULL, "\n"))
			count += strstr(line, "dport=53 ") &&
				 (!strcmp(host->role, "both") ||
				  !strstr(line, format_text("src=%s dst=%s ", families[i].host,
							    families[i].peer)));
	}
	return count;
}

static void assert_answers(const struct host *host, const char *when)
{
	const char *difference = first_difference(exchanges(),
						  exchanges_expected(host->ipv4, host->ipv6));

	ck_assert_msg(!difference, "%s, %s: %s", host->name, when, difference);
}

static void assert_rules(const struct host *host, const char *before, const char *when)
{
	const char *difference = first_difference(managers_rules(), before);

	ck_assert_msg(!difference, "%s, %s: %s", host->name, when, difference);
}

static void assert_refused(const struct host *host, const char *backend, const char *before)
{
	struct run refused = run("notrackctl --backend %s add dns", backend);

	ck_assert_msg(refused.code == REFUSED && strstr(refused.err, host->because), "%s: exit %d: %s",
		      host->name, refused.code, refused.err);
	assert_rules(host, before, "after a refusal");
}

static const char *backend_of(const struct host *host, const char *which)
{
	return !strcmp(which, "auto") ? which : !strcmp(host->backend, "nft") ? "legacy" : "nft";
}

static void assert_backend(const struct host *host, const char *asked)
{
	const char *expected = strcmp(asked, "auto") ? asked : host->backend;
	const char *used = json_string_value(json_object_get(must_json("notrackctl --json show"),
							     "backend"));

	ck_assert_msg(used && !strcmp(used, expected), "%s: %s", host->name, used);
}

/* --- tests ------------------------------------------------------------ */

START_TEST(who_was_answered_is_answered_and_nobody_else)
{
	const struct host *host = &hosts[_i / (int)COUNT(backends)];
	const char *backend = backend_of(host, backends[_i % (int)COUNT(backends)]);
	const char *before;
	struct run added;

	netns_add_peer();
	exchanges_begin();
	if (!is_given(host))
		return;
	assert_answers(host, "before");
	before = managers_rules();
	if (host->because)
		assert_refused(host, backend, before);

	added = run("notrackctl --backend %s add dns --role %s", backend, host->role);
	ck_assert_msg(added.code == 0, "%s: %s", host->name, added.err);
	assert_backend(host, backend);
	assert_answers(host, "after add");
	ck_assert_msg(tracked(host) == 0, "%s: %s", host->name, must("conntrack -L").out);
	must("notrackctl verify");
	ck_assert_ptr_nonnull(strstr(must("notrackctl --json --backend %s add dns --role %s", backend,
					  host->role).out, "\"changed\": false"));

	must("notrackctl clear");
	assert_rules(host, before, "after clear");
	assert_answers(host, "after clear");
}
END_TEST

/* What the refusal says to run is run, word for word; then it is not refused. */
START_TEST(lines_for_firewalld_work)
{
	static const char add[] = "notrackctl add dns --remote 192.0.2.2,2001:db8::2";
	static const struct host firewalld = { "firewalld", given_firewalld, OTHER | OWN | SELF,
					       OTHER | OWN | SELF, "nft", "both", NULL };
	static const char begins[] = "let them in: ";
	struct run refused;
	char *line;

	netns_add_peer();
	exchanges_begin();
	if (!is_given(&firewalld))
		return;
	refused = run("%s", add);
	ck_assert_msg(refused.code == REFUSED && (line = strstr(refused.err, begins)), "%s", refused.err);

	for (line = strtok(line + strlen(begins), ";\n"); line; line = strtok(NULL, ";\n"))
		must("%s", line);
	must("%s", add);
	assert_answers(&firewalld, "after the lines and add");
	ck_assert_uint_eq(tracked(&firewalld), 0);
	must("notrackctl verify");
}
END_TEST

static void run_lines_of(const char *manager, const char *program)
{
	json_t *check, *checks = json_object_get(must_json("notrackctl --json doctor"), "checks");
	char *lines = NULL;
	size_t i;

	json_array_foreach(checks, i, check)
		if (!strcmp(json_string_value(json_object_get(check, "check")), manager))
			lines = strstr(json_string_value(json_object_get(check, "text")), program);
	ck_assert_ptr_nonnull(lines);
	for (char *line = strtok(lines, ";"); line; line = strtok(NULL, ";")) {
		line += strspn(line, " ");
		if (!strncmp(line, program, strlen(program)))
			must("%s", line);
	}
}

/* Each of a service that is for some of one network, over protocols and ports of all kinds. */
START_TEST(lines_of_doctor_work_and_let_in_nobody_else)
{
	static const struct {
		struct host host;
		const char *close, *begins;
	} managers[] = {
		{ { .name = "ufw", .given = given_ufw }, "ufw delete allow 53", "ufw allow in " },
		{ { .name = "firewalld", .given = given_firewalld },
		  "sh -c 'firewall-cmd --permanent --remove-service=dns && firewall-cmd --reload'",
		  "firewall-cmd --" },
	};
	static const char *const others[] = {
		("many --proto udp --ports 7000:7009,7010,7012,7014,7016,7018,7020,7022,7024,7026,7028,7030,"
		 "7032,7034,7036"),
		"x --proto tcp,sctp,udplite --ports 7100 --from 192.0.2.0/24",
		"y --proto udp --ports 7200 --role both --local 192.0.2.1 --remote 192.0.2.2",
		"z --proto udp --ports 7300 --interface veth0",
	};

	netns_add_peer();
	exchanges_begin();
	if (!is_given(&managers[_i].host))
		return;
	must("%s", managers[_i].close);
	must("notrackctl add dns --force --role inbound --proto udp --from %s,%s", families[0].wide_client,
	     families[1].wide_client);
	must("notrackctl -4 add doq --force");
	run_lines_of(managers[_i].host.name, managers[_i].begins);
	must("notrackctl clear");
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		ck_assert_uint_eq(exchanges_answered(&families[i], families[i].wide_client, 1), 1);
		ck_assert_uint_eq(exchanges_answered(&families[i], families[i].other, 1), 0);
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		must("notrackctl add --force %s", others[i]);
		run_lines_of(managers[_i].host.name, managers[_i].begins);
		must("notrackctl clear");
	}
}
END_TEST

/*
 * Zones as firewalld writes them, without the daemon: one with a link or sources of its own, and
 * one for all others.
 */
static const struct {
	const char *ours, *others;	/* what the two zones accept */
	const char *add;
	int code;
	const char *because;
	const char *by;			/* who comes to the first one; NULL: by the link */
} zones[] = {
	/* on the other links, nobody got in before, nor does now */
	{ "meta l4proto { tcp, udp } th dport 53", "tcp dport 22", "dns --role inbound", 0, NULL, NULL },
	{ "tcp dport 22", "meta l4proto { tcp, udp } th dport 53", "dns --role inbound", 0, NULL, NULL },
	/* it is not open: firewalld has to open it */
	{ "tcp dport 22", "tcp dport 22", "dns --role inbound", REFUSED, "add-service=dns", NULL },
	{ "tcp dport 22", "tcp dport 22", "doq", REFUSED, "add-port=853/udp", NULL },
	{ "tcp dport 22", "tcp dport 22", "doq --force", 0, NULL, NULL },
	/* who is no source of it begins no connection, the later packets of which might be lost */
	{ "meta l4proto { tcp, udp } th dport 53", "tcp dport 22", "dns --role inbound", 0, NULL,
	  "ip saddr 192.0.2.0/26 goto ours\nip6 saddr 2001:db8::/120" },
	{ "meta l4proto { tcp, udp } th dport 53", "tcp dport 22", "dns --role inbound", 0, NULL,
	  "ip saddr @clients goto ours\nip6 saddr 2001:db8::/120" },
	/* of one family alone */
	{ "meta l4proto { tcp, udp } th dport 53", "tcp dport 22", "dns --role inbound", 0, NULL,
	  "ip saddr 192.0.2.0/26" },
	{ "meta l4proto { tcp, udp } th dport 53", "tcp dport 22", "dns --role inbound", 0, NULL,
	  "meta nfproto ipv6" },
	/* but here, some begin them */
	{ "meta l4proto { tcp, udp } th dport 53", "tcp flags syn", "dns --role inbound", REFUSED, NULL,
	  "ip saddr 192.0.2.0/26 goto ours\nip6 saddr 2001:db8::/120" },
	{ "meta l4proto { tcp, udp } th dport 53", "ip saddr @clients tcp flags syn", "dns --role inbound",
	  REFUSED, NULL, "ip saddr 198.51.100.0/24 goto ours\nip6 saddr 2001:db8::/120" },
};

START_TEST(zones_of_firewalld_are_judged_one_by_one)
{
	struct run added;

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = format_text(
		"table inet firewalld {\n"
		"set clients {\ntype ipv4_addr\nflags interval\nelements = { 192.0.2.0/26 }\n}\n"
		"chain ours {\n%s accept\n}\nchain others {\n%s accept\n}\n"
		"chain zones {\n%s goto ours\ngoto others\n}\n"
		"chain filter_INPUT {\ntype filter hook input priority 10; policy accept;\n"
		"ct state established,related accept\nct status dnat accept\niifname lo accept\n"
		"meta l4proto ipv6-icmp accept\njump zones\nreject with icmpx admin-prohibited\n}\n}\n",
		zones[_i].ours, zones[_i].others, zones[_i].by ? zones[_i].by : "iifname veth0") },
		"nft -f -");
	must("ip link add more type veth peer name elsewhere");
	must("ip link set more up");
	must("ip link set elsewhere up");

	added = run("notrackctl add %s", zones[_i].add);
	ck_assert_msg(added.code == zones[_i].code, "exit %d: %s", added.code, added.err);
	if (zones[_i].because)
		ck_assert_msg(strstr(added.err, zones[_i].because) && !strstr(added.err, "role inbound"),
			      "%s", added.err);
}
END_TEST

/*
 * A table of kube-proxy's, which has no twins, lets @families[0].other ask by a state; "%s" is
 * that client.  Of a host that serves everybody, this is told; where it is all that is served,
 * nobody would be answered any more.
 */
static const struct {
	const char *rules;
	int code;
} served[] = {
	{ "ip saddr %s goto ok\nudp dport 53 accept", 0 },
	{ "ip saddr %s goto ok", REFUSED },
	{ "ip saddr vmap { %s : goto ok }", REFUSED },
	{ "ip saddr vmap @clients", REFUSED },
};

START_TEST(all_that_a_closed_table_serves_is_no_exception)
{
	const struct family *family = &families[0];
	char *rules = format_text(served[_i].rules, family->other);
	struct run added;

	netns_add_peer();
	exchanges_begin();
	must_as(&(struct how){ .where = HOST, .input = format_text(
		"table ip kube-proxy {\nchain ok {\nct state new udp dport 53 accept\n}\n"
		"map clients {\ntype ipv4_addr : verdict\nelements = { %s : goto ok }\n}\n"
		"chain i {\ntype filter hook input priority 0; policy drop;\niif lo accept\n%s\n}\n}\n",
		family->other, rules) }, "nft -f -");
	ck_assert_uint_eq(exchanges_answered(family, family->other, 1), 1);

	added = run("notrackctl -4 add dns --role inbound --proto udp");
	ck_assert_msg(added.code == served[_i].code && strstr(added.err, "ip kube-proxy i policy"),
		      "exit %d: %s", added.code, added.err);
	ck_assert_uint_eq(exchanges_answered(family, family->other, 1), added.code != 0);
}
END_TEST

/* ufw limit: 6 in 30 seconds. */
START_TEST(ufw_goes_on_limiting)
{
	static const struct host ufw = { .name = "ufw", .given = given_ufw };
	const struct family *family = &families[_i];

	netns_add_peer();
	exchanges_begin();
	if (!is_given(&ufw))
		return;
	must("ufw delete allow 53");
	must("ufw limit 53/udp");
	ck_assert_uint_eq(exchanges_answered(family, family->other, 12), 5);

	must("sh -c 'for list in /proc/net/xt_recent/*; do echo / >$list; done'");
	must("notrackctl add dns");
	ck_assert_uint_eq(exchanges_answered(family, family->other, 12), 5);
	ck_assert_uint_eq(exchanges_answered(family, family->limited, 1), 0);
}
END_TEST

/* Fail2Ban bans in a thread of its own. */
static bool becomes(const struct family *family, const char *client, unsigned int answered)
{
	unsigned int waits = 0;

	while (exchanges_answered(family, client, 1) != answered)
		if (!wait_a_little(&waits))
			return false;
	return true;
}

/* A ban holds, be it older than our rules or younger; and who is let out of it is answered. */
START_TEST(who_is_banned_is_not_answered)
{
	static const struct host fail2ban = { .name = "Fail2Ban", .given = given_fail2ban };
	static const char *const jails[] = { "iptables", "nftables" };
	const char *jail = jails[_i / FAMILY_COUNT];
	const struct family *family = &families[_i % FAMILY_COUNT];

	netns_add_peer();
	exchanges_begin();
	if (!is_given(&fail2ban))
		return;
	given_textbook_nft();
	must("fail2ban-client set %s banip %s", jail, family->other);
	ck_assert(becomes(family, family->other, 0));
	must("notrackctl add dns");
	ck_assert_uint_eq(exchanges_answered(family, family->other, 1), 0);
	ck_assert_uint_eq(exchanges_answered(family, family->wide_client, 1), 1);

	must("fail2ban-client set %s banip %s", jail, family->wide_client);
	ck_assert(becomes(family, family->wide_client, 0));
	must("fail2ban-client set %s unbanip %s", jail, family->other);
	ck_assert(becomes(family, family->other, 1));
	must("notrackctl verify");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, lines_for_firewalld_work);
	tcase_add_loop_test(tcase, lines_of_doctor_work_and_let_in_nobody_else, 0, 2);
	tcase_add_loop_test(tcase, zones_of_firewalld_are_judged_one_by_one, 0, COUNT(zones));
	tcase_add_loop_test(tcase, all_that_a_closed_table_serves_is_no_exception, 0, COUNT(served));
	tcase_add_loop_test(tcase, ufw_goes_on_limiting, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, who_is_banned_is_not_answered, 0, 2 * FAMILY_COUNT);
	tcase_add_loop_test(tcase, who_was_answered_is_answered_and_nobody_else, 0,
			    COUNT(hosts) * COUNT(backends));
}

int main(void)
{
	return netns_main("managers", tests);
}
