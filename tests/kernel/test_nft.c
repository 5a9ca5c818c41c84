/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our table of nftables: what a model becomes there, is read back as, and does to packets. */
#include "backend_host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asked_dns.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE "inet libnotrack"

/* --- models ------------------------------------------------------------- */

static const char *const services[] = {
	"dns",
	"dns: mode = classic",
	"dns: roles = inbound",
	"dns: roles = outbound",
	"dns: icmp-errors = no",
	"dns: families = ipv6",
	"dns: local = 192.0.2.1, 198.51.100.0/23, 2001:db8::1, 2001:db8:8000::/33",
	"dns: remote = 192.0.2.2, 203.0.113.128/25, 2001:db8::2; reply-ports = 32768:60999",
	"dns: local = 192.0.2.1",
	"ntp: interfaces = veth0, lo, wlan+; roles = inbound, outbound",
	"web: ports = 80, 443, 8000:8080; protocols = udp, tcp, sctp, udplite; roles = inbound, outbound",
	"many: ports = 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31,33,35,37; interfaces = eth0, eth1",
	"1st_of-all.names: ports = 1:65535; protocols = tcp",
};

/* Limits of several kinds, nested, where the service has requests of others. */
static void given_limits(struct backend_host *host, const char *service)
{
	static const char *const prefixes[FAMILY_COUNT][5] = {
		{ "192.0.2.10", "192.0.2.11", "192.0.2.0/24", "192.0.2.128/25", "0.0.0.0/0" },
		{ "2001:db8:1::10", "2001:db8:1::11", "2001:db8:1::/48", "2001:db8::/33", "::/0" },
	};
	static const struct hashlimit limits[5] = {
		{ .size = sizeof(limits[0]), .above = "10/sec", .burst = 20 },
		{ .size = sizeof(limits[0]), .above = "7/min" },
		{ .size = sizeof(limits[0]), .above = "1000/hour", .srcmask = 24 },
		{ .size = sizeof(limits[0]), .above = "1000000/sec", .htable_max = 1000,
		  .htable_size = 512, .htable_expire_ms = 12345 },
		{ .size = sizeof(limits[0]), .above = "3/day", .burst = 1 },
	};

	for (int family = 0; family < FAMILY_COUNT; family++)
		for (size_t i = 0; i < COUNT(limits) && host_serves(host, service, family); i++)
			host_limit_as(host, service, prefixes[family][i], &limits[i]);
}

static struct backend_host *given_model(int which)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	char *name = format_text("%s", services[which]);

	name[strcspn(name, ":")] = '\0';
	host_add(host, services[which]);
	given_limits(host, name);
	return host;
}

START_TEST(what_is_loaded_is_what_was_committed)
{
	struct backend_host *host = given_model(_i);
	char *committed;

	committed = host_words(host);
	ck_assert_uint_gt(host_commit(host).added, 0);

	host_load(host);

	assert_same_text(host_words(host), committed);
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

START_TEST(a_second_commit_changes_nothing)
{
	struct notrack_changes changes;
	struct backend_host *host = given_model(_i);

	host_commit(host);

	changes = host_commit(host);

	ck_assert_uint_eq(changes.added + changes.removed, 0);
	host_free(host);
}
END_TEST

static char *listed(void)
{
	return must("nft list table " TABLE).out;
}

START_TEST(what_nft_lists_it_restores)
{
	struct backend_host *host = given_model(_i);
	char *before;

	host_commit(host);
	before = listed();

	must("nft delete table " TABLE);
	must_as(&(struct how){ .input = before }, "nft -f -");

	assert_same_text(listed(), before);
	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

START_TEST(what_is_printed_nft_makes)
{
	struct backend_host *host = given_model(_i);


	must_as(&(struct how){ .input = host_print(host) }, "nft -f -");

	assert_same_text(host_diff(host), "");
	host_free(host);
}
END_TEST

START_TEST(nothing_is_left_when_all_is_taken_out)
{
	struct backend_host *host = given_model(_i);

	host_commit(host);
	host_clear(host, NOTRACK_ANY);

	ck_assert_uint_gt(host_commit(host).removed, 0);

	ck_assert_str_eq(must("nft list ruleset").out, "");
	host_free(host);
}
END_TEST

/* --- one family at a time ----------------------------------------------- */

START_TEST(a_family_that_was_not_asked_for_stays)
{
	struct backend_host *both = given_model(0), *four = host_new(NOTRACK_IPV4);
	struct backend_host *six = host_new(NOTRACK_IPV6);
	char *before;

	host_add(both, "ntp");
	host_commit(both);
	host_clear(both, NOTRACK_IPV4);
	before = host_words(both);
	host_add(four, "dns: ports = 5353; roles = inbound");

	ck_assert_uint_gt(host_commit(four).removed, 0);

	host_load(six);
	assert_same_text(host_words(six), before);
	assert_same_text(host_diff(six), "");
	assert_same_text(host_diff(four), "");
	host_clear(four, NOTRACK_IPV4);
	host_commit(four);
	assert_same_text(host_diff(six), "");
	host_free(both);
	host_free(four);
	host_free(six);
}
END_TEST

/* --- somebody edits our table ------------------------------------------- */

static const char *const edits[] = {
	"flush chain " TABLE " prerouting",
	"delete chain " TABLE " output",
	"insert rule " TABLE " prerouting udp dport 53 accept",
	"add rule " TABLE " output counter",
	"add rule " TABLE " prerouting meta l4proto { tcp, udp } th dport { 53, 5353 } accept",
	"add rule " TABLE " limits-dns ip saddr vmap { 192.0.2.7 : drop }",
	"add chain " TABLE " somebodys\nadd rule " TABLE " prerouting jump somebodys",
	"add chain " TABLE " somebodys\nadd map " TABLE " verdicts { type ipv4_addr : verdict; }\n"
	"add element " TABLE " verdicts { 192.0.2.9 : goto somebodys }\n"
	"add rule " TABLE " input ip saddr vmap @verdicts",
	"add set " TABLE " somebodys { type ipv4_addr; flags interval; }",
	"add table " TABLE " { flags dormant; }",
	"delete element " TABLE " clients4-32-dns { 192.0.2.10 }",
	"add element " TABLE " clients4-32-dns { 192.0.2.77 }",
	"flush set " TABLE " clients4-24-dns",
	"delete element " TABLE " members4-32.2-dns { 192.0.2.11 }",
	"add element " TABLE " members4-32.2-dns { 192.0.2.99 }",
	"flush chain " TABLE " limit4-24-dns",
	"flush chain " TABLE " limits-dns\ndelete set " TABLE " clients4-24-dns\n"
	"add set " TABLE " clients4-24-dns { type ipv4_addr; }\n"
	"add rule " TABLE " limits-dns ip saddr & 255.255.255.0 @clients4-24-dns goto limit4-24-dns",
	"delete chain " TABLE " input\n"
	"add chain " TABLE " input { type filter hook input priority 7; policy drop; }",
};

START_TEST(drift_is_found_and_repaired)
{
	struct backend_host *host = given_model(0);
	char *before;

		host_commit(host);
	before = listed();
	must_as(&(struct how){ .input = edits[_i] }, "nft -f -");
	assert_other_text(host_diff(host), "");

	host_commit(host);

	assert_same_text(host_diff(host), "");
	ck_assert_uint_eq(strlen(listed()), strlen(before));	/* in whatever order */
	must("nft delete table " TABLE);
	host_commit(host);
	assert_same_text(listed(), before);
	host_free(host);
}
END_TEST

START_TEST(a_damaged_description_is_told)
{
	static const char *const pattern = "s/1\\/1 service dns: [a-z]*/1\\/1 service dns: p0rts/";
	struct backend_host *host = given_model(0);

		host_commit(host);
	must("sh -c 'nft list table " TABLE " | sed \"%s\" >/run/edited'", pattern);
	must("nft delete table " TABLE);
	must("nft -f /run/edited");

	host_load(host);
	for (int family = 0; family < FAMILY_COUNT; family++)
		ck_assert_ptr_nonnull(strstr(host_damage(host, family), "chain service-dns"));
	ck_assert(!host_serves(host, "dns", 0));
	host_free(host);
}
END_TEST

/* --- packets ------------------------------------------------------------ */

/* Something that makes conntrack track. */
static void given_state(void)
{
	must("nft add table inet others");
	must("nft 'add chain inet others input { type filter hook input priority 0; }'");
	must("nft 'add rule inet others input ct state new counter'");
}

START_TEST(flows_of_a_service_are_not_tracked)
{
	const struct family *family = &families[_i];
	struct end host_end_ = { HOST, family->host, 53 }, peer = { PEER, family->peer, 0 };
	struct end upstream = { PEER, family->peer, 53 }, asking = { HOST, family->host, 0 };
	struct end local = { HOST, family->lo, 53 }, itself = { HOST, family->lo, 0 };
	struct backend_host *host = host_new(NOTRACK_ANY);
	struct host_counts counts;

	netns_add_peer();
	given_state();
	host_add(host, "dns");
	host_commit(host);

	must_exchange(family, peer, host_end_);
	must_exchange(family, asking, upstream);
	must_exchange(family, itself, local);
	must_exchange(family, peer, (struct end){ HOST, family->host, 7 });

	ck_assert_uint_eq(entries_of("53"), 0);
	ck_assert_uint_gt(entries_of("7"), 0);
	counts = host_count(host, "dns", _i, NULL);
	ck_assert_uint_ge(counts.untracked.packets, 2 + 2 + 4);
	ck_assert_uint_gt(counts.untracked.bytes, 8 * 28);
	ck_assert_uint_eq(host_count(host, "dns", !_i, NULL).untracked.packets, 0);
	host_free(host);
}
END_TEST

START_TEST(what_strict_does_not_match_stays_tracked)
{
	const struct family *family = &families[_i];
	struct end low = { PEER, family->peer, 53 }, server = { HOST, family->host, 80 };
	struct backend_host *host = host_new(NOTRACK_ANY);

	netns_add_peer();
	given_state();
	host_add(host, "dns: roles = outbound");
	host_commit(host);

	must_exchange(family, low, server);

	ck_assert_uint_gt(entries_of("53"), 0);
	host_free(host);
}
END_TEST

/* A question to a port where nobody listens: the port unreachable that comes back. */
static void provoke_error(const struct family *family, struct end from, struct end to)
{
	int fd = udp_open(family, from);

	udp_send(family, fd, to, 1);
	close(fd);
}

static unsigned int counted(const char *chain)
{
	struct run found = must("sh -c 'nft list chain " TABLE " %s | "
				"sed -n \"s/.*counter packets \\([0-9]*\\).*/\\1/p\" | "
				"awk \"{ sum += \\$1 } END { print sum + 0 }\"'", chain);

	return (unsigned int)atoi(found.out);
}

static bool counts_soon(const char *chain, unsigned int count)
{
	unsigned int waits = 0;

	while (counted(chain) < count && wait_a_little(&waits))
		;
	return counted(chain) == count;
}

START_TEST(errors_about_our_packets_are_not_tracked)
{
	const struct family *family = &families[_i];
	struct backend_host *host = host_new(NOTRACK_ANY);

	netns_add_peer();
	given_state();
	must("sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0");
	host_add(host, "dns");
	host_commit(host);

	provoke_error(family, (struct end){ HOST, family->host, 0 },
		      (struct end){ PEER, family->peer, 53 });
	provoke_error(family, (struct end){ PEER, family->peer, 0 },
		      (struct end){ HOST, family->host, 53 });
	provoke_error(family, (struct end){ HOST, family->host, 0 },
		      (struct end){ PEER, family->peer, 54 });

	ck_assert(counts_soon(_i ? "errors6-in" : "errors4-in", 1));
	ck_assert(counts_soon(_i ? "errors6-out" : "errors4-out", 1));
	host_free(host);
}
END_TEST

/* Packet too big, about a fragment of what the host answered from its port 53. */
static void send_too_big(uint16_t offset)
{
	const int fd = netns_socket(PEER, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct {
		struct icmp6_hdr error;
		struct ip6_hdr header;
		struct ip6_frag fragment;
		uint16_t ports[2];
		uint8_t rest[20];
	} packet = {
		.error = { .icmp6_type = ICMP6_PACKET_TOO_BIG, .icmp6_mtu = htonl(1280) },
		.header.ip6_ctlun.ip6_un1 = { .ip6_un1_flow = htonl(6u << 28), .ip6_un1_plen = htons(1432),
					      .ip6_un1_nxt = IPPROTO_FRAGMENT, .ip6_un1_hlim = 63 },
		.fragment = { .ip6f_nxt = IPPROTO_UDP, .ip6f_ident = htonl(1),
			      .ip6f_offlg = (uint16_t)(htons(offset) | IP6F_MORE_FRAG) },
		.ports = { htons(53), htons(40000) },
	};

	ck_assert_int_eq(inet_pton(AF_INET6, families[1].host, &packet.header.ip6_src), 1);
	ck_assert_int_eq(inet_pton(AF_INET6, families[1].peer, &packet.header.ip6_dst), 1);
	to.sin6_addr = packet.header.ip6_src;
	ck_assert_int_eq(sendto(fd, &packet, sizeof(packet), 0, (const void *)&to, sizeof(to)),
			 sizeof(packet));
	close(fd);
}

/* A path's MTU is learnt by it; what a later fragment is of, nobody can see. */
START_TEST(errors_about_large_answers_are_not_tracked)
{
	struct backend_host *host = host_new(NOTRACK_ANY);

	netns_add_peer();
	host_add(host, "dns");
	host_commit(host);
	send_too_big(1432);
	send_too_big(0);
	ck_assert(counts_soon("errors6-in", 1));
	host_free(host);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_is_loaded_is_what_was_committed, 0, COUNT(services));
	tcase_add_loop_test(tcase, a_second_commit_changes_nothing, 0, COUNT(services));
	tcase_add_loop_test(tcase, what_nft_lists_it_restores, 0, COUNT(services));
	tcase_add_loop_test(tcase, what_is_printed_nft_makes, 0, COUNT(services));
	tcase_add_loop_test(tcase, nothing_is_left_when_all_is_taken_out, 0, COUNT(services));
	tcase_add_test(tcase, a_family_that_was_not_asked_for_stays);
	tcase_add_loop_test(tcase, drift_is_found_and_repaired, 0, COUNT(edits));
	tcase_add_test(tcase, a_damaged_description_is_told);
	tcase_add_loop_test(tcase, flows_of_a_service_are_not_tracked, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_strict_does_not_match_stays_tracked, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, errors_about_our_packets_are_not_tracked, 0, FAMILY_COUNT);
	tcase_add_test(tcase, errors_about_large_answers_are_not_tracked);
}

int main(void)
{
	return netns_main("nft", tests);
}
