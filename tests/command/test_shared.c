/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chains of the host that INPUT shares with FORWARD or OUTPUT, on a host that forwards nothing:
 * each with real packets before and after, and one near it with the opposite answer.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchanges.h"
#include "packets.h"
#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { RULES_MAX = 14 };

/* --- hosts ------------------------------------------------------------ */

#define IN_STATE(states) " -m conntrack --ctstate " states
#define LO "-A common -i lo -j ACCEPT"
#define KNOWN "-A common" IN_STATE("ESTABLISHED,RELATED") " -j ACCEPT"
#define ASKED(chain, protocol) "-A " chain " -p " protocol " --dport 53" IN_STATE("NEW") " -j ACCEPT"
#define BAN "-A common -s %1$s -j DROP"
#define WITH_FORWARD "-A INPUT -j common", "-A FORWARD -j common", "-A common -j REJECT"
#define WITH_OUTPUT "-A INPUT -j common", "-A OUTPUT -j common", \
	ASKED("INPUT", "udp"), ASKED("INPUT", "tcp"), "-A INPUT -j REJECT", \
	"-A OUTPUT" IN_STATE("NEW") " -j ACCEPT", "-A OUTPUT -j REJECT"

#define NFT_COMMON "table inet h {\n chain common {\n"
#define NFT_KNOWN " ct state established,related accept\n"
#define NFT_BAN " ip saddr 198.51.100.7 drop\n ip6 saddr 2001:db8:2::10 drop\n"
#define NFT_ASKED " meta l4proto { tcp, udp } th dport 53 ct state new accept\n"
#define NFT_BASE(hook, rules) " chain " hook " {\n type filter hook " hook " priority 0; policy drop\n" \
	" jump common\n" rules " }\n"
#define NFT_WITH_FORWARD " }\n" NFT_BASE("input", NFT_ASKED) NFT_BASE("forward", "") "}\n"
#define NFT_WITH_OUTPUT " }\n" NFT_BASE("input", NFT_ASKED) \
	NFT_BASE("output", " ct state new accept\n") "}\n"

/* "%1$s" is who is banned. */
static const struct {
	const char *rules[RULES_MAX];
	const char *nft;
	unsigned int answered;
} hosts[] = {
	{ { "-N common", LO, KNOWN, ASKED("common", "udp"), ASKED("common", "tcp"), WITH_FORWARD },
	  NFT_COMMON " iif lo accept\n" NFT_KNOWN NFT_WITH_FORWARD, EVERYBODY },
	{ { "-N common", LO, BAN, KNOWN, ASKED("common", "udp"), ASKED("common", "tcp"), WITH_FORWARD },
	  NFT_COMMON " iif lo accept\n" NFT_BAN NFT_KNOWN NFT_WITH_FORWARD, LIMITED | OWN | SELF },
	{ { "-N common", KNOWN, WITH_OUTPUT },
	  NFT_COMMON NFT_KNOWN NFT_WITH_OUTPUT, EVERYBODY },
	{ { "-N common", BAN, KNOWN, WITH_OUTPUT },
	  NFT_COMMON NFT_BAN NFT_KNOWN NFT_WITH_OUTPUT, LIMITED | OWN | SELF },
	/* what goes to another chain is picked in the shared one itself */
	{ { "-N common", "-N done", "-A done -j ACCEPT", "-A common" IN_STATE("ESTABLISHED") " -g done",
	    WITH_OUTPUT },
	  NFT_COMMON " ct state established goto done\n }\n chain done {\n accept\n" NFT_WITH_OUTPUT,
	  EVERYBODY },
	{ { "-N common", "-N done", "-A done -j ACCEPT", BAN,
	    "-A common" IN_STATE("ESTABLISHED") " -g done", WITH_OUTPUT },
	  NFT_COMMON NFT_BAN " ct state established goto done\n }\n chain done {\n accept\n"
	  NFT_WITH_OUTPUT, LIMITED | OWN | SELF },
};

static const char *const roles[] = { "both", "inbound", "outbound" };

enum { LEGACY, COMPAT, NATIVE, WORLDS };

static void install(const char *nft, const char *const rules[RULES_MAX], int world)
{
	if (world == NATIVE) {
		must_as(&(struct how){ .where = HOST, .input = nft }, "nft -f -");
		return;
	}
	for (int i = world * FAMILY_COUNT; i < (world + 1) * FAMILY_COUNT; i++)
		for (size_t rule = 0; rule < RULES_MAX && rules[rule]; rule++)
			must("%s -w %s", families[i].tables, format_text(rules[rule], families[i].other));
}

static char *saved(int world)
{
	const struct family *family = &families[world * FAMILY_COUNT];

	if (world == NATIVE)
		return must("nft -s list table inet h").out;
	return must("sh -c '(%s; %s) | grep -v ^# | sed \"s/\\[.*\\]//\"'", family[0].save,
		    family[1].save).out;
}

static void add_changes_nothing(const char *role)
{
	char *said = must("notrackctl --json add dns --role %s", role).out;

	ck_assert_msg(strstr(said, "\"changed\": false"), "%s", said);
}

START_TEST(who_was_answered_is_answered_and_who_was_not_is_not)
{
	const int world = _i % WORLDS;
	const char *role = roles[_i / WORLDS % COUNT(roles)];
	const size_t host = (size_t)_i / WORLDS / COUNT(roles);
	const unsigned int answered = hosts[host].answered;
	char *before;

	netns_add_peer();
	exchanges_begin();
	install(hosts[host].nft, hosts[host].rules, world);
	assert_same_text(exchanges(), exchanges_expected(answered, answered));
	before = saved(world);

	must("notrackctl add dns --role %s", role);
	assert_same_text(exchanges(), exchanges_expected(answered, answered));
	add_changes_nothing(role);
	must("notrackctl verify");

	must("notrackctl clear");
	if (world != LEGACY)	/* it leaves tables that are empty */
		assert_same_text(saved(world), before);
	assert_same_text(exchanges(), exchanges_expected(answered, answered));
}
END_TEST

/* What stands in raw goes by the host's rules, which nobody looks at where clients alone change. */
START_TEST(limits_leave_it_as_it_is)
{
	netns_add_peer();
	install(hosts[0].nft, hosts[0].rules, _i);
	must("notrackctl add dns");
	must("notrackctl limit dns 192.0.2.10/32 --above 1/sec");
	add_changes_nothing("both");
	must("notrackctl unlimit dns 192.0.2.10/32");
	add_changes_nothing("both");
}
END_TEST

/* --- broadcasts and multicasts ---------------------------------------- */

static const struct {
	const char *rules[FAMILY_COUNT];	/* ahead of the others */
	bool arrives;
} casts[] = {
	{ { NULL, NULL }, true },
	{ { "-I common -m addrtype --dst-type BROADCAST -j DROP", "-I common -d ff00::/8 -j DROP" }, false },
};

/* What is sent to this host alone arrives behind it. */
static bool cast_arrives(const struct family *family)
{
	const bool six = family->domain == AF_INET6;
	const struct end all = { HOST, six ? "ff02::1" : "192.0.2.255", 53 };
	int server_fd = udp_open(family, (struct end){ HOST, six ? "::" : "0.0.0.0", 53 });
	int fd = udp_open(family, (struct end){ PEER, family->peer, 0 });
	bool arrives;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &(int){ 1 }, sizeof(int)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "veth0", sizeof("veth0")), 0);
	udp_send(family, fd, all, 1);
	udp_send(family, fd, (struct end){ HOST, family->host, 53 }, 1);
	ck_assert(udp_arrive(server_fd, 1));
	arrives = udp_pending(server_fd) == 1;
	close(server_fd);
	close(fd);
	return arrives;
}

START_TEST(what_is_sent_to_all_arrives_as_before)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const int world = _i % FAMILIES_OF_BOTH_WORLDS / FAMILY_COUNT;
	const size_t host = (size_t)_i / FAMILIES_OF_BOTH_WORLDS / COUNT(casts) * 2;
	const size_t cast = (size_t)_i / FAMILIES_OF_BOTH_WORLDS % COUNT(casts);
	const char *rule = casts[cast].rules[family->domain == AF_INET6];

	netns_add_peer();
	install(NULL, hosts[host].rules, world);
	if (rule)
		must("%s -w %s", family->tables, rule);
	ck_assert_int_eq(cast_arrives(family), casts[cast].arrives);

	must("notrackctl add dns");
	ck_assert_int_eq(cast_arrives(family), casts[cast].arrives);
	must("notrackctl verify");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, who_was_answered_is_answered_and_who_was_not_is_not, 0,
			    (int)(COUNT(hosts) * COUNT(roles) * WORLDS));
	tcase_add_loop_test(tcase, limits_leave_it_as_it_is, 0, WORLDS);
	tcase_add_loop_test(tcase, what_is_sent_to_all_arrives_as_before, 0,
			    (int)(2 * COUNT(casts)) * FAMILIES_OF_BOTH_WORLDS);
}

int main(void)
{
	return netns_main("shared", tests);
}
