/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration file: what it says is done, and what it should not say is named. */
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"
#include "tables.h"

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16
#define LONG_LIST "192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6, " \
		  "192.0.2.7, 192.0.2.8, 192.0.2.9, 192.0.2.10, 192.0.2.11, 192.0.2.12, " \
		  "192.0.2.13, 192.0.2.14, 192.0.2.15, 192.0.2.16, 192.0.2.17, 192.0.2.18"
#define HOST "[host]\nbackend = auto\ntwins = auto\n\n"
#define FILE_OF(text) text, sizeof(text) - 1

/* A file, the line at fault (0: there is none), and a word of the sentence. */
static const struct {
	const char *text;
	size_t size;
	unsigned int line;
	const char *names;
} malformed[] = {
	{ FILE_OF("[service dns]\nport = 53\n"), 2, "port" },
	{ FILE_OF("[service dns]\nPorts = 53\n"), 2, "Ports" },
	{ FILE_OF("[service dns]\nclients = 192.0.2.1\n"), 2, "clients" },
	{ FILE_OF("[service dns]\nabove = 10/sec\n"), 2, "above" },
	{ FILE_OF("[service dns]\nports\n"), 2, "key" },
	{ FILE_OF("[service dns]\nports =\n"), 2, "ports" },
	{ FILE_OF("[service dns]\nports = 0\n"), 2, "0" },
	{ FILE_OF("[service dns]\nports = 65536\n"), 2, "65536" },
	{ FILE_OF("[service dns]\nports = -1\n"), 2, "-1" },
	{ FILE_OF("[service dns]\nports = 53:\n"), 2, "53:" },
	{ FILE_OF("[service dns]\nports = :53\n"), 2, ":53" },
	{ FILE_OF("[service dns]\nports = 80:53\n"), 2, "80:53" },
	{ FILE_OF("[service dns]\nports = 53,,54\n"), 2, "empty" },
	{ FILE_OF("[service dns]\nports = 53 54\n"), 2, "53 54" },
	{ FILE_OF("[service dns]\nports = 0x35\n"), 2, "0x35" },
	{ FILE_OF("[service dns]\nports = 53\nports = 54\n"), 3, "twice" },
	{ FILE_OF("  [service dns]\n  ports = 53\n  protocols = udp\n"), 3, "goes on with ports" },
	{ FILE_OF("[service dns]\nprotocols = tpc\n"), 2, "tpc" },
	{ FILE_OF("[service dns]\nprotocols = UDP\n"), 2, "UDP" },
	{ FILE_OF("[service dns]\nroles = server\n"), 2, "server" },
	{ FILE_OF("[service dns]\nlocal = 192.0.2.1/24\n"), 2, "192.0.2.1/24" },
	{ FILE_OF("[service dns]\nlocal = 192.0.2.0/33\n"), 2, "192.0.2.0/33" },
	{ FILE_OF("[service dns]\nlocal = 192.0.2\n"), 2, "192.0.2" },
	{ FILE_OF("[service dns]\nlocal = fe80::1%eth0\n"), 2, "fe80::1%eth0" },
	{ FILE_OF("[service dns]\nlocal = 2001:db8::/129\n"), 2, "2001:db8::/129" },
	{ FILE_OF("[service dns]\nlocal = 2001:db8::1/64\n"), 2, "2001:db8::1/64" },
	{ FILE_OF("[service dns]\nlocal = 192.0.2.1, 192.0.2.1\n"), 2, "twice" },
	{ FILE_OF("[service dns]\nremote = ns.example\n"), 2, "ns.example" },
	{ FILE_OF("[service dns]\nroles = inbound\nremote = 192.0.2.1\n"), 1, "remote" },
	{ FILE_OF("[service dns]\ninterfaces = abcdefghijklmnop\n"), 2, "abcdefghijklmnop" },
	{ FILE_OF("[service dns]\ninterfaces = eth/0\n"), 2, "eth/0" },
	{ FILE_OF("[service dns]\ninterfaces = eth0, eth0\n"), 2, "twice" },
	{ FILE_OF("[service dns]\nreply-ports = 1024\nreply-ports = 1025\n"), 3, "twice" },
	{ FILE_OF("[service dns]\nreply-ports = 2000:1000\n"), 2, "2000:1000" },
	{ FILE_OF("[service dns]\nmode = lax\n"), 2, "lax" },
	{ FILE_OF("[service dns]\nicmp-errors = maybe\n"), 2, "maybe" },
	{ FILE_OF("[service dns]\nfamilies = ipx\n"), 2, "ipx" },
	{ FILE_OF("[service dns]\nfamilies = ipv6\nlocal = 192.0.2.1\n"), 1, "dns" },
	{ FILE_OF("[service mine]\nprotocols = udp\n"), 1, "mine" },
	{ FILE_OF("[service dns]\n[service dns]\n"), 2, "twice" },
	{ FILE_OF("[service dns]\nfamilies = ipv4\n[service dns]\nfamilies = ipv4\n"), 3, "twice" },
	{ FILE_OF("[service]\nports = 53\n"), 1, "service" },
	{ FILE_OF("[service ]\nports = 53\n"), 1, "name" },
	{ FILE_OF("[service a b]\nports = 53\n"), 1, "a b" },
	{ FILE_OF("[service -a]\nports = 53\n"), 1, "-a" },
	{ FILE_OF("[service " A64 "]\nports = 53\n"), 1, A16 },
	{ FILE_OF("[server dns]\nports = 53\n"), 1, "server dns" },
	{ FILE_OF("[]\nports = 53\n"), 1, "section" },
	{ FILE_OF("[service dns\nports = 53\n"), 1, "section" },
	{ FILE_OF("[service dns]\n[service doq\n\n"), 2, "no ]" },
	{ FILE_OF("[service dns] ports = 53\n"), 1, "behind" },
	{ FILE_OF("[service dns]dns\n"), 1, "behind" },
	{ FILE_OF("[service                                         dns]\n"), 1, "49" },
	{ FILE_OF("[service dns]\n+ = 1\n"), 2, "+" },
	{ FILE_OF("[service dns]\n+=\n+=\n"), 2, "+" },
	{ FILE_OF("[service dns]\nnonsense\n[service doq]\nmode = bad\n"), 2, "key" },
	{ FILE_OF("[service dns]\nports = 53\n\n  [service doq]\nmode = bad\n"), 5, "bad" },
	{ FILE_OF("nonsense\n[service dns]\n\n\n"), 1, "section" },
	{ FILE_OF("ports = 53\n"), 1, "ports" },
	{ FILE_OF("nonsense\n"), 1, "section" },
	{ FILE_OF("[limit dns]\nclients = 192.0.2.1\nabove = 10/sec\n"), 2, "dns" },
	{ FILE_OF("[service dns]\n[limit ntp]\nclients = 192.0.2.1\nabove = 10/sec\n"), 3, "ntp" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1\n"), 2, "above" },
	{ FILE_OF("[service dns]\n[limit dns]\nabove = 10/sec\n"), 2, "clients" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients =\nabove = 10/sec\n"), 3, "empty" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1/24\nabove = 1/sec\n"), 3,
	  "192.0.2.1/24" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1, 192.0.2.1\nabove = 1/sec\n"), 3,
	  "twice" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1 192.0.2.2\nabove = 1/sec\n"), 3,
	  "commas" },
	{ FILE_OF("[service dns]\n[limit dns]\nabove = 1/sec\nclients = 192.0.2.1 # , 10.0.0.0/8\n"),
	  4, "commas" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 2001:db8::\n 2001:DB8:0::\nabove = 1/sec\n"),
	  4, "twice" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1\nclients = 192.0.2.2\n"), 4,
	  "twice" },
	{ FILE_OF("[service dns]\n[limit dns]\nports = 53\n"), 3, "ports" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1\nabove = 10\n"), 4, "10" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1\nabove = 10/week\n"), 4, "10/week" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1\nabove = 1000001/sec\n"), 4,
	  "1000001/sec" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1\nabove = 1/sec\nburst = x\n"), 5,
	  "x" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1\nabove = 1/day\nburst = 2\n"), 5,
	  "burst" },
	{ FILE_OF("[service dns]\n[limit dns]\nclients = 192.0.2.1\nsrcmask = 33\nabove = 1/sec\n"), 4,
	  "srcmask" },
	{ FILE_OF("[service dns]\n[limit dns]\nhtable-max = 4294967296\n"), 3, "4294967296" },
	{ FILE_OF("[service dns]\nroles = outbound\n[limit dns]\nclients = 192.0.2.1\nabove = 1/sec\n"),
	  4, "outbound" },
	{ FILE_OF("[service dns]\nports = 53\0\n"), 2, "NUL" },
	{ FILE_OF("\0\0\0\0"), 1, "NUL" },
	{ FILE_OF("[service dns]\nlocal = " LONG_LIST "\n"), 2, "longer" },
	{ FILE_OF("[service dns]\r\nports = 99999\r\n"), 2, "99999" },
	{ FILE_OF("\357\273\277[service dns]\nports = 99999\n"), 2, "99999" },
	{ FILE_OF("\377\376[\0s\0e\0r\0"), 1, "NUL" },
};

enum { EXIT_BAD_INPUT = 2, MALFORMED = sizeof(malformed) / sizeof(malformed[0]) };

static void write_bytes(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
}

/* What is shown, without the comment on the backend. */
static const char *shown_config(void)
{
	char *shown = must("notrackctl show").out;

	ck_assert_msg(!strncmp(shown, "# backend ", 10), "%s", shown);
	return strchr(shown, '\n') + 1;
}

static char *given_a_configured_host(void)
{
	must("notrackctl add dns");
	must("notrackctl limit dns 192.0.2.10/31,2001:db8:1::/64 --above 10/sec --burst 20");
	return tables_save_all();
}

START_TEST(a_malformed_file_is_named_and_changes_nothing)
{
	char *before = given_a_configured_host(), *path = format_text("/run/malformed.conf");
	char *place = format_text("%s:%u:", path, malformed[_i].line);

	write_bytes(path, malformed[_i].text, malformed[_i].size);
	struct run bad = run("notrackctl apply %s", path);

	ck_assert_msg(bad.code == EXIT_BAD_INPUT, "exit %d: %s\n%s", bad.code, bad.err,
		      malformed[_i].text);
	ck_assert_msg(strstr(bad.err, place) != NULL, "not %s in: %s", place, bad.err);
	ck_assert_msg(strstr(bad.err, malformed[_i].names) != NULL, "no '%s' in: %s",
		      malformed[_i].names, bad.err);
	assert_same_text(tables_save_all(), before);
}
END_TEST

/* Interfaces may be called so; all else that has a "=" there is a key that is indented. */
START_TEST(a_list_of_interfaces_may_go_on_with_what_looks_like_a_key)
{
	static const char text[] = "[service dns]\ninterfaces = lo,\n  ports=53\n";

	write_bytes("/run/interfaces.conf", text, sizeof(text) - 1);
	must("notrackctl apply /run/interfaces.conf");
	ck_assert_ptr_nonnull(strstr(shown_config(), "interfaces = lo, ports=53\n"));
}
END_TEST

START_TEST(what_is_no_file_is_named_and_changes_nothing)
{
	static const char *const paths[] = { "/run", "/run/there-is-none" };
	char *before = given_a_configured_host();

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct run bad = run("notrackctl apply %s", paths[i]);

		ck_assert_int_eq(bad.code, EXIT_BAD_INPUT);
		ck_assert_msg(strstr(bad.err, paths[i]) != NULL, "%s", bad.err);
	}
	assert_same_text(tables_save_all(), before);
}
END_TEST

/* --- files that are fine ---------------------------------------------- */

static const char everything[] =
	"# comment\n"
	"[service dns]\n"
	"ports = 53\n"
	"protocols = udp, tcp\n"
	"roles = inbound, outbound\n"
	"remote = 192.0.2.1, 2001:db8::1\n"
	"; comment\n"
	"[service mine]\n"
	"ports = 80, 443,\n"
	"  8000:8080\n"
	"protocols = tcp, udp, sctp, udplite\n"
	"local = 198.51.100.1\n"
	"interfaces = eth0, wg+\n"
	"mode = classic\n"
	"icmp-errors = no\n"
	"[service ntp]\n"
	"[service half]\n"
	"ports = 99\n"
	"families = ipv6\n"
	"[limit dns]\n"
	"clients = 198.51.100.0/31,\n"
	"\t2001:db8:1::/64\n"
	"above = 10/sec\n"
	"burst = 20\n"
	"[limit dns]\n"
	"clients = 0.0.0.0/0, ::/0\n"
	"above = 7000/min\n"
	"srcmask = 24\n"
	"htable-max = 65536\n"
	"htable-size = 4096\n"
	"htable-expire = 60000\n";

static bool says_changed(const char *command)
{
	const json_t *changed = json_object_get(must_json("%s", command), "changed");

	return json_is_true(changed);
}

START_TEST(applying_twice_changes_once)
{
	write_bytes("/run/fine.conf", FILE_OF(everything));

	ck_assert(says_changed("notrackctl --json apply /run/fine.conf"));
	char *after = tables_save_all();
	ck_assert(!says_changed("notrackctl --json apply /run/fine.conf"));
	assert_same_text(tables_save_all(), after);
}
END_TEST

START_TEST(what_is_shown_can_be_applied_and_changes_nothing)
{
	write_bytes("/run/fine.conf", FILE_OF(everything));
	must("notrackctl apply /run/fine.conf");
	char *before = tables_save_all();

	char *shown = must("notrackctl show").out;
	struct run again = must_as(&(struct how){ .input = shown }, "notrackctl --json apply -");

	ck_assert_msg(strstr(again.out, "\"changed\": false") != NULL, "%s", again.out);
	assert_same_text(tables_save_all(), before);
	assert_same_text(must("notrackctl show").out, shown);
}
END_TEST

START_TEST(one_family_alone_is_shown_as_such)
{
	must("notrackctl -4 add dns");
	must("notrackctl add ntp");
	char *before = tables_save_all();

	char *shown = must("notrackctl show").out;
	must_as(&(struct how){ .input = shown }, "notrackctl apply -");

	ck_assert_msg(strstr(shown, "families = ipv4") != NULL, "%s", shown);
	assert_same_text(tables_save_all(), before);
}
END_TEST

START_TEST(each_family_may_have_a_definition_of_its_own)
{
	static const char pair[] = HOST "[service dns]\nports = 54\nprotocols = udp, tcp\n"
				   "roles = inbound, outbound\nfamilies = ipv4\n\n"
				   "[service dns]\nports = 53\nprotocols = udp, tcp\n"
				   "roles = inbound, outbound\nfamilies = ipv6\n";

	must_as(&(struct how){ .input = pair }, "notrackctl apply -");

	ck_assert_str_eq(shown_config(), pair);
}
END_TEST

START_TEST(a_family_may_be_told_by_addresses_alone)
{
	static const char config[] = "[service dns]\nlocal = 192.0.2.1\n\n[service dns]\n"
				     "families = ipv6\n\n[limit dns]\nclients = 2001:db8::/64\n"
				     "above = 1/sec\n";

	must_as(&(struct how){ .input = config }, "notrackctl apply -");
	char *before = tables_save_all(), *shown = must("notrackctl show").out;
	must_as(&(struct how){ .input = shown }, "notrackctl apply -");

	assert_same_text(tables_save_all(), before);
	ck_assert_msg(strstr(before, suite_is_nft() ? "ip daddr 192.0.2.1 " : "-d 192.0.2.1/32") &&
		      strstr(before, suite_is_nft() ? "2001:db8::" : "-s 2001:db8::/64"), "%s", before);
	ck_assert_int_eq(run_as(&(struct how){ .input = "[service dns]\nlocal = 192.0.2.1\n"
							"[service dns]\n" },
				"notrackctl apply -").code, EXIT_BAD_INPUT);
	assert_same_text(tables_save_all(), before);
}
END_TEST

START_TEST(what_is_of_the_other_family_is_passed_over)
{
	static const char config[] = "[service dns]\n[service ntp]\nlocal = 2001:db8::1\n"
				     "[limit ntp]\nclients = 2001:db8::/64\nabove = 1/sec\n";

	must_as(&(struct how){ .input = config }, "notrackctl -4 apply -");

	char *shown = must("notrackctl show").out;
	ck_assert_msg(strstr(shown, "[service dns]") && !strstr(shown, "ntp"), "%s", shown);
}
END_TEST

/* As people like to lay it out: see also what is malformed. */
START_TEST(lines_may_be_indented)
{
	static const char config[] = "# " LONG_LIST LONG_LIST "\n  [service dns]\n  ports = 53,\n    54\n\n\t# comment\n"
				     "\t[service ntp] ; comment\n\n  roles = inbound\n"
				     " [limit dns]\n\tclients = 192.0.2.1,\n\t\t192.0.2.2\n"
				     "above = 1/sec\n";

	must_as(&(struct how){ .input = config }, "notrackctl apply -");

	ck_assert_str_eq(shown_config(),
			 HOST "[service dns]\nports = 53, 54\nprotocols = udp, tcp\n"
			 "roles = inbound, outbound\n\n"
			 "[limit dns]\nclients = 192.0.2.1, 192.0.2.2\nabove = 1/sec\nburst = 5\n\n"
			 "[service ntp]\nports = 123\nprotocols = udp\nroles = inbound\n"
			 "reply-ports = 123\n");
}
END_TEST

START_TEST(what_the_file_does_not_name_goes)
{
	must("notrackctl add dns");
	must("notrackctl add ntp");
	must("notrackctl limit dns 192.0.2.1 --above 1/sec");

	must_as(&(struct how){ .input = "[service dns]\n" }, "notrackctl apply -");

	ck_assert_str_eq(shown_config(),
			 HOST "[service dns]\nports = 53\nprotocols = udp, tcp\n"
			 "roles = inbound, outbound\n");
}
END_TEST

START_TEST(a_dry_run_tells_and_changes_nothing)
{
	must("notrackctl add dns --no-icmp-errors");
	char *before = tables_save_all();

	struct run dry = must_as(&(struct how){ .input = "[service ntp]\n" },
				 "notrackctl apply - --dry-run");

	ck_assert_msg(strstr(dry.out, "\n+") != NULL && strstr(dry.out, "\n-") != NULL, "%s", dry.out);
	ck_assert_msg(strstr(dry.out, suite_is_nft() ? " udp dport 123 " : "--dport 123") != NULL,
		      "%s", dry.out);
	assert_same_text(tables_save_all(), before);
}
END_TEST

START_TEST(parts_are_read_behind_the_file)
{
	mkdir("/run/etc", 0755);
	if (run("mount -t tmpfs tmpfs /etc").code) {
		skip_test("this user may not mount on /etc");
		return;
	}
	mkdir("/etc/notrack.conf.d", 0755);
	write_bytes("/etc/notrack.conf", FILE_OF("[service dns]\n"));
	write_bytes("/etc/notrack.conf.d/10-ntp.conf", FILE_OF("[service ntp]\n"));
	write_bytes("/etc/notrack.conf.d/20-limit.conf",
		    FILE_OF("[limit dns]\nclients = 192.0.2.7\nabove = 1/sec\n"));

	must("notrackctl apply");

	char *shown = must("notrackctl show").out;
	ck_assert_msg(strstr(shown, "[service ntp]") && strstr(shown, "192.0.2.7"), "%s", shown);
}
END_TEST

/* --- what programs read ----------------------------------------------- */

START_TEST(json_is_valid_in_every_state)
{
	static const char *const states[] = {
		"true", "notrackctl apply /run/fine.conf", "notrackctl clear",
	};
	static const char *const commands[] = {
		"show --json", "stats --json", "doctor --json", "top --json",
		"advise --json", "flush-tracked --json", "verify --json", "--json del none",
		"--json unlimit none 192.0.2.1", "--json apply --dry-run /run/fine.conf",
	};

	write_bytes("/run/fine.conf", FILE_OF(everything));
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		must("%s", states[i]);
		for (size_t j = 0; j < sizeof(commands) / sizeof(commands[0]); j++)
			json_decref(must_json("notrackctl %s", commands[j]));
	}
}
END_TEST

START_TEST(promtool_finds_no_fault_with_the_metrics)
{
	write_bytes("/run/fine.conf", FILE_OF(everything));
	must("notrackctl apply /run/fine.conf");
	char *metrics = must("notrackctl stats --prometheus").out;

	ck_assert_msg(strstr(metrics, "notrack_client_seen_packets_total{service=\"dns\","
			     "client=\"198.51.100.0/31\"} 0\n") != NULL, "%s", metrics);
	if (program_is_there("promtool"))
		must_as(&(struct how){ .input = metrics }, "promtool check metrics");
	else
		skip_test("promtool, of Debian's prometheus, is not installed here");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_malformed_file_is_named_and_changes_nothing, 0, MALFORMED);
	tcase_add_test(tcase, a_list_of_interfaces_may_go_on_with_what_looks_like_a_key);
	tcase_add_test(tcase, what_is_no_file_is_named_and_changes_nothing);
	tcase_add_test(tcase, applying_twice_changes_once);
	tcase_add_test(tcase, what_is_shown_can_be_applied_and_changes_nothing);
	tcase_add_test(tcase, one_family_alone_is_shown_as_such);
	tcase_add_test(tcase, each_family_may_have_a_definition_of_its_own);
	tcase_add_test(tcase, a_family_may_be_told_by_addresses_alone);
	tcase_add_test(tcase, what_is_of_the_other_family_is_passed_over);
	tcase_add_test(tcase, lines_may_be_indented);
	tcase_add_test(tcase, what_the_file_does_not_name_goes);
	tcase_add_test(tcase, a_dry_run_tells_and_changes_nothing);
	tcase_add_test(tcase, parts_are_read_behind_the_file);
	tcase_add_test(tcase, json_is_valid_in_every_state);
	tcase_add_test(tcase, promtool_finds_no_fault_with_the_metrics);
}

int main(void)
{
	return netns_main("config", tests);
}
