/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules of others: byte for byte what they were, counters and all, whatever we do. Over nftables,
 * they are those of iptables-nft.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "foreign_rules.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { MIN_RULES = 200 };	/* fewer would not be what the tests say they prove */

/* Policies and their counters, and chains to jump to. */
static const char chains[] =
	"*raw\n"
	":PREROUTING ACCEPT [1:100]\n"
	":OUTPUT DROP [2:200]\n"
	":chain1 - [0:0]\n"
	"COMMIT\n"
	"*mangle\n"
	":PREROUTING ACCEPT [3:300]\n"
	":INPUT DROP [4:400]\n"
	":FORWARD ACCEPT [5:500]\n"
	":OUTPUT ACCEPT [6:600]\n"
	":POSTROUTING DROP [7:700]\n"
	":chain1 - [0:0]\n"
	"COMMIT\n"
	"*nat\n"
	":PREROUTING ACCEPT [8:800]\n"
	":OUTPUT ACCEPT [9:900]\n"
	":chain1 - [0:0]\n"
	"COMMIT\n"
	"*security\n"
	":INPUT ACCEPT [10:1000]\n"
	":chain1 - [0:0]\n"
	"COMMIT\n"
	"*filter\n"
	":INPUT DROP [11:1100]\n"
	":FORWARD DROP [12:1200]\n"
	":OUTPUT ACCEPT [4294967297:18446744073709551615]\n"
	":chain1 - [0:0]\n"
	":chain2 - [0:0]\n"
	":chain3 - [0:0]\n"
	":empty - [0:0]\n"
	":a-chain-with-28-letters-is28 - [0:0]\n"
	"COMMIT\n";

/* How many the kernel took; each with a counter of its own. */
static unsigned int load(const struct family *family, const char *const *rules, size_t count)
{
	unsigned int loaded = 0;

	for (size_t i = 0; i < count; i++)
		loaded += run("%s -w %s -c %zu %zu", family->tables, rules[i], 7 * i + 1,
			      1000 * i + 3).code == 0;
	return loaded;
}

static void given_a_host_full_of_rules(const struct family *family)
{
	unsigned int loaded;

	/* Some rules are about these; a host without the tool goes without the rules. */
	run("ipset create foreign hash:ip timeout 0 counters");
	run("ipset create foreign6 hash:ip family inet6 timeout 0");
	must_as(&(struct how){ .input = chains }, "%s -c", family->restore);
	loaded = load(family, rules_of_both, COUNT(rules_of_both));
	loaded += family->domain == AF_INET ? load(family, rules_of_ipv4, COUNT(rules_of_ipv4)) :
					   load(family, rules_of_ipv6, COUNT(rules_of_ipv6));
	ck_assert_uint_ge(loaded, MIN_RULES);
}

/* All a caller may do to a table: chains come, change and go. */
static const char *const our_work[] = {
	"notrackctl add dns --force",	/* its rules forbid it by name */
	"notrackctl add ntp --classic --force",
	"notrackctl add web --ports 80,443,8000:8080 --proto tcp --role inbound --force",
	"notrackctl limit dns 192.0.2.10/31,2001:db8:1::/64 --above 10/sec --burst 20",
	"notrackctl limit dns 192.0.2.10/31,2001:db8:1::/64 --above 1000/sec --burst 500",
	"notrackctl limit ntp 198.51.100.0/24,2001:db8:2::/64 --above 3/min",
	"notrackctl add web --ports 80 --proto tcp --role inbound --force",
	"notrackctl unlimit dns 192.0.2.10/31,2001:db8:1::/64",
	"notrackctl del ntp",
	"notrackctl show",
	"notrackctl stats",
};

START_TEST(foreign_rules_stand_byte_for_byte)
{
	const struct family *family = suite_family(_i);
	char *before, *with;

	given_a_host_full_of_rules(family);
	before = table_save(family, NULL);

	for (size_t i = 0; i < COUNT(our_work); i++) {
		must("%s", our_work[i]);
		with = table_save(family, NULL);
		assert_other_text(with, before);
		assert_same_text(tables_without_ours(with), before);
	}
	must("notrackctl clear");

	assert_same_text(table_save(family, NULL), before);
}
END_TEST

/* In all three kinds of tables: somebody's chain that a rule leads to, and one that none does. */
static const struct {
	const char *given[8];
	const char *list;
	const char *backend;
} looking_like_ours[] = {
	{ { "iptables-legacy -N NOTRACK-MYOWN", "iptables-legacy -N NOTRACK-spare",
	    "iptables-legacy -A NOTRACK-MYOWN -p udp --dport 99 -j ACCEPT",
	    "iptables-legacy -A NOTRACK-spare -j DROP",
	    "iptables-legacy -A INPUT -j NOTRACK-MYOWN",
	    "iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
	    "iptables-legacy -P INPUT DROP" },
	  "iptables-legacy -S", "legacy" },
	{ { "iptables-nft -N NOTRACK-MYOWN", "iptables-nft -N NOTRACK-spare",
	    "iptables-nft -A NOTRACK-MYOWN -p udp --dport 99 -j ACCEPT",
	    "iptables-nft -A NOTRACK-spare -j DROP",
	    "iptables-nft -A INPUT -j NOTRACK-MYOWN",
	    "iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
	    "iptables-nft -P INPUT DROP" },
	  "iptables-nft -S", "nft" },
	{ { "nft add table inet filter", "nft add chain inet filter NOTRACK-MYOWN",
	    "nft add rule inet filter NOTRACK-MYOWN udp dport 99 accept",
	    "nft add chain inet filter NOTRACK-spare", "nft add rule inet filter NOTRACK-spare drop",
	    "nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'",
	    "nft add rule inet filter input goto NOTRACK-MYOWN",
	    "nft add rule inet filter input ct state established accept" },
	  "nft list table inet filter", "nft" },
};

/* Lines that hold no name of a chain of ours. */
static char *without_ours(const char *listed)
{
	static const char *const ours[] = { "NOTRACK-INPUT", "NOTRACK-OUTPUT", "NOTRACK-LIMITS",
					    "NOTRACK-dns-", "NOTRACK-est-", "NOTRACK-new-",
					    "NOTRACK-rel-", "NOTRACK-rest-" };
	char *text = format_text("%s", listed), *to = text;

	for (char *line = text, *next; *line; line = next) {
		bool keep_it = true;

		next = line + strcspn(line, "\n");
		next += *next == '\n';
		for (size_t i = 0; i < COUNT(ours) && keep_it; i++)
			keep_it = !memmem(line, (size_t)(next - line), ours[i], strlen(ours[i]));
		if (!keep_it)
			continue;
		memmove(to, line, (size_t)(next - line));
		to += next - line;
	}
	*to = '\0';
	return text;
}

START_TEST(a_chain_whose_name_begins_as_ours_do_is_left_alone)
{
	const char *list = looking_like_ours[_i].list, *backend = looking_like_ours[_i].backend;
	char *before, *with;

	for (size_t i = 0; i < COUNT(looking_like_ours[_i].given) && looking_like_ours[_i].given[i]; i++)
		must("%s", looking_like_ours[_i].given[i]);
	before = must("%s", list).out;

	must("notrackctl --backend %s -4 add dns --force", backend);
	with = must("%s", list).out;
	assert_other_text(with, before);
	if (strcmp(list, "nft list table inet filter"))
		assert_same_text(without_ours(with), before);
	ck_assert_ptr_nonnull(strstr(with, "NOTRACK-MYOWN"));
	ck_assert_ptr_nonnull(strstr(with, "NOTRACK-spare"));
	ck_assert_ptr_null(strstr(run("notrackctl -4 verify --json").out, "\"drift\""));
	must("notrackctl --backend %s -4 clear", backend);

	assert_same_text(must("%s", list).out, before);
}
END_TEST

/*
 * Nobody can tell these from ours, as the manual says: in the legacy tables, who leads to one is
 * told so, and nothing is done; over nftables it goes with what leads to it, as ours would.
 */
START_TEST(a_chain_of_such_a_name_as_ours_is_told)
{
	static const char *const commands[] = { "add dns", "clear" };
	const char *tables = suite_family(0)->tables;

	must("%s -N NOTRACK-MYOWN-in", tables);
	must("%s -A NOTRACK-MYOWN-in -p udp --dport 99 -j DROP", tables);
	must("%s -A INPUT -j NOTRACK-MYOWN-in", tables);

	for (size_t i = 0; i < COUNT(commands); i++) {
		struct run told = run("notrackctl -4 %s", commands[i]);
		const char *left = must("%s -S", tables).out;

		ck_assert_msg(told.code == (suite_is_nft() ? 0 : 1), "%s: exit %d: %s", commands[i],
			      told.code, told.err);
		ck_assert_msg(suite_is_nft() || strstr(told.err, "leads to a chain that has to go"),
			      "%s: %s", commands[i], told.err);
		ck_assert_int_eq(strstr(left, "-A INPUT -j NOTRACK-MYOWN-in") != NULL,
				 !suite_is_nft());
	}
	ck_assert_ptr_null(strstr(must("%s -t raw -S", tables).out, "--notrack"));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, a_chain_of_such_a_name_as_ours_is_told);
	tcase_add_loop_test(tcase, foreign_rules_stand_byte_for_byte, 0, FAMILY_COUNT);
	if (suite_is_nft())
		return;
	/* names the backend itself */
	tcase_add_loop_test(tcase, a_chain_whose_name_begins_as_ours_do_is_left_alone, 0,
			    COUNT(looking_like_ours));
}

int main(void)
{
	return netns_main("foreign", tests);
}
