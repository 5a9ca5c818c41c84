/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saying it again changes nothing: not the rules, not their counters, not the kernel's table. */
#include <string.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"
#include "tables.h"

enum { PACKETS = 10 };

static const char *const set_up[] = {
	"notrackctl add dns",
	"notrackctl add ntp --classic",
	"notrackctl limit dns 127.0.0.1,::1/128 --above 1000/sec --burst 500",
};

/* Each a change to a host that was set up so, when said for the first time. */
static const char *const changes[] = {
	"add web --ports 80,443 --proto tcp --role inbound",
	"add dns --classic",
	"add dns --ports 53,5353",
	"add dns --remote 192.0.2.2,2001:db8::2",
	"-4 add tftp --ports 69 --proto udp",
	"limit dns 192.0.2.10/31,2001:db8:1::/64 --above 10/sec --burst 20",
	"limit dns 127.0.0.1,::1/128 --above 10/sec --burst 20",
	"unlimit dns 127.0.0.1,::1/128",
	"del dns",
	"del ntp",
	"apply /run/notrack.conf",
	"clear",
};

enum { CHANGES = sizeof(changes) / sizeof(changes[0]) };

static const char config[] =
	"[service dns]\n"
	"ports = 53\n"
	"protocols = udp, tcp\n"
	"roles = inbound, outbound\n"
	"\n"
	"[limit dns]\n"
	"clients = 198.51.100.0/31, 2001:db8:1::/64\n"
	"above = 10/sec\n"
	"burst = 20\n";

static void write_config(void)
{
	FILE *file = fopen("/run/notrack.conf", "w");

	ck_assert_ptr_nonnull(file);
	fputs(config, file);
	fclose(file);
}

static void send_over_lo(const struct family *family)
{
	struct end server = { HOST, family->lo, 53 }, client = { HOST, family->lo, 0 };
	int fd = udp_open(family, server), from = udp_open(family, client);

	udp_send(family, from, server, PACKETS);
	ck_assert(udp_arrive(fd, PACKETS));
	close(from);
	close(fd);
}

/* Rules that have counted. */
static void given_a_host_in_use(void)
{
	write_config();
	for (size_t i = 0; i < sizeof(set_up) / sizeof(set_up[0]); i++)
		must("%s", set_up[i]);
	for (size_t i = 0; i < FAMILY_COUNT; i++)
		send_over_lo(&families[i]);
}

/* ... and accepts: over nftables there are none but on a host that denies. */
static void given_a_host_with_accepts_in_use(void)
{
	for (int i = 0; suite_is_nft() && i < FAMILY_COUNT; i++)
		firewall_deny(suite_family(i));
	given_a_host_in_use();
}

static void said(json_t *result, bool changed, bool added_or_removed)
{
	json_t *added = json_object_get(result, "added"), *removed = json_object_get(result, "removed");
	char *text = keep(json_dumps(result, 0));

	ck_assert_msg(json_is_boolean(json_object_get(result, "changed")), "%s", text);
	ck_assert_msg(json_is_integer(added) && json_is_integer(removed), "%s", text);
	ck_assert_msg(json_is_true(json_object_get(result, "changed")) == changed, "%s", text);
	ck_assert_msg((json_integer_value(added) || json_integer_value(removed)) == added_or_removed,
		      "%s", text);
}

START_TEST(a_change_said_twice_is_done_once)
{
	char *tables, *after_once;

	given_a_host_in_use();
	tables = tables_save_all();

	said(must_json("notrackctl --json %s", changes[_i]), true, true);
	after_once = tables_save_all();
	said(must_json("notrackctl --json %s", changes[_i]), false, false);

	assert_other_text(after_once, tables);
	assert_same_text(tables_save_all(), after_once);
}
END_TEST

/* What a command tells the kernel, as strace prints it. */
static char *calls_of(const char *command)
{
	/* A leak checker cannot look into a process that is traced. */
	must("env ASAN_OPTIONS=detect_leaks=0 "
	     "strace -f -e trace=setsockopt,sendto,sendmsg -o /run/trace notrackctl%s %s",
	     suite_is_nft() ? " --backend nft" : "", command);
	return read_file("/run/trace");
}

static bool replaces(const char *calls)
{
	if (suite_is_nft())
		return strstr(calls, "NFNL_MSG_BATCH_BEGIN");
	return strstr(calls, families[0].replace) || strstr(calls, families[1].replace);
}

START_TEST(a_change_said_twice_replaces_no_table_again)
{
	char *first, *second;

	given_a_host_in_use();

	first = calls_of(changes[_i]);
	second = calls_of(changes[_i]);

	ck_assert_msg(replaces(first), "strace is blind:\n%.2000s", first);
	ck_assert_msg(!replaces(second), "%.2000s", second);
}
END_TEST

START_TEST(counters_of_unchanged_rules_stand)
{
	const struct family *family = suite_family(_i);
	/* over nftables, one rule counts both ways, and over lo they are of the same packet */
	const unsigned int untracked = suite_is_nft() ? 2 * PACKETS : PACKETS;
	struct paths paths;

	given_a_host_with_accepts_in_use();

	must("notrackctl limit dns 192.0.2.10/31,2001:db8:1::/64 --above 10/sec --burst 20");
	must("notrackctl add web --ports 80,443 --proto tcp --role inbound");
	must("notrackctl del ntp");

	paths = table_walk(family, "raw", "PREROUTING");
	ck_assert_uint_eq(paths_packets(paths, "! --sport 53 --dport 53 -p udp", "NOTRACK"),
			  untracked);
	paths = table_walk(family, "filter", "INPUT");
	ck_assert_uint_eq(paths_packets(paths, "! --sport 53 --dport 53 -p udp", "ACCEPT"), PACKETS);
}
END_TEST

START_TEST(a_dry_run_changes_nothing)
{
	struct run dry;
	char *tables;

	given_a_host_in_use();
	tables = tables_save_all();

	dry = must("notrackctl apply /run/notrack.conf --dry-run");

	assert_same_text(tables_save_all(), tables);
	ck_assert_msg(strstr(dry.out, suite_is_nft() ? "198.51.100.0" : "198.51.100.0/31") != NULL,
		      "shows not what it would add:\n%.2000s", dry.out);
}
END_TEST

/* The rule of ours that accepts queries. */
static char *accept_of_queries(const struct family *family)
{
	struct paths accepts = paths_to(table_walk(family, "filter", "INPUT"), "ACCEPT");

	for (size_t i = 0; i < accepts.count; i++)
		if (!strcmp(accepts.path[i].selector, "! --sport 53 --dport 53 -p udp"))
			return strstr(accepts.path[i].rule, "-A ") + strlen("-A ");
	ck_abort_msg("queries are not accepted");
}

START_TEST(what_was_edited_by_hand_is_repaired)
{
	const struct family *family = suite_family(_i);
	char *selectors;

	given_a_host_with_accepts_in_use();
	selectors = paths_as_set(table_walk(family, "filter", "INPUT"));
	must("%s -w -D %s", family->tables, accept_of_queries(family));
	assert_other_text(paths_as_set(table_walk(family, "filter", "INPUT")), selectors);

	said(must_json("notrackctl --json add dns"), true, true);

	assert_same_text(paths_as_set(table_walk(family, "filter", "INPUT")), selectors);
	said(must_json("notrackctl --json add dns"), false, false);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_change_said_twice_is_done_once, 0, CHANGES);
	tcase_add_loop_test(tcase, a_change_said_twice_replaces_no_table_again, 0, CHANGES);
	tcase_add_test(tcase, a_dry_run_changes_nothing);
	tcase_add_loop_test(tcase, counters_of_unchanged_rules_stand, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_was_edited_by_hand_is_repaired, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("idempotence", tests);
}
