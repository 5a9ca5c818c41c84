/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bad input, and a caller who may not: a clear sentence, and nothing changed. */
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "run.h"
#include "tables.h"

enum { EXIT_FAILED = 1, EXIT_BAD_INPUT = 2, EXIT_NO_USER = 3, NOBODY = 65534, MAX_CAPABILITY = 63 };

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A command, and the word of it, or about it, that the error must name. */
static const struct {
	const char *command;
	const char *names;
} bad_commands[] = {
	{ "frobnicate", "frobnicate" },
	{ "add dns --frobnicate", "frobnicate" },
	{ "add dns web", "web" },
	{ "add", "service" },
	{ "add no-such-service", "no-such-service" },
	{ "add 'no such' --ports 53", "no such" },
	{ "add 'a]b' --ports 53", "a]b" },
	{ "add '' --ports 53", "name" },
	{ "add " A64 A64 A64 A64 A64 " --ports 53", "aaaaaaaa" },
	{ "add dns --ports 0", "0" },
	{ "add dns --ports 65536", "65536" },
	{ "add dns --ports 4294967349", "4294967349" },
	{ "add dns --ports -53", "-53" },
	{ "add dns --ports 53x", "53x" },
	{ "add dns --ports 54:53", "54:53" },
	{ "add dns --ports 1:65536", "1:65536" },
	{ "add dns --ports 53,domaine", "domaine" },
	{ "add dns --ports ''", "port" },
	{ "add dns --ports", "ports" },
	{ "add dns --proto udp,tpc", "tpc" },
	{ "add dns --proto icmp", "icmp" },
	{ "add dns --role sideways", "sideways" },
	{ "add dns --local 192.0.2.1/24", "192.0.2.1/24" },
	{ "add dns --local 2001:db8::1/64", "2001:db8::1/64" },
	{ "add dns --remote 192.0.2.0/33", "192.0.2.0/33" },
	{ "add dns --remote 2001:db8::/129", "2001:db8::/129" },
	{ "add dns --remote 192.0.2.256", "192.0.2.256" },
	{ "add dns --remote resolver", "resolver" },
	{ "add dns --interface abcdefghijklmnop", "abcdefghijklmnop" },
	{ "add dns --reply-ports 65535:1024", "65535:1024" },
	{ "add dns --reply-ports 1024:65536", "1024:65536" },
	{ "limit dns", "prefix" },
	{ "limit dns 192.0.2.0/24", "above" },
	{ "limit dns 192.0.2.1/24 --above 10/sec", "192.0.2.1/24" },
	{ "limit dns 2001:db8::1/64 --above 10/sec", "2001:db8::1/64" },
	{ "limit dns 192.0.2.0/24,nonsense --above 10/sec", "nonsense" },
	{ "limit dns 192.0.2.0/24,,192.0.2.0/24 --above 10/sec", "an empty word" },
	{ "limit dns , --above 10/sec", "an empty word" },
	{ "unlimit dns 192.0.2.0/24,", "an empty word" },
	{ "stats --watch 0", "watch" },
	{ "limit dns 192.0.2.0/24 --above 0/sec", "0/sec" },
	{ "limit dns 192.0.2.0/24 --above -1/sec", "-1/sec" },
	{ "limit dns 192.0.2.0/24 --above 10000001/sec", "10000001/sec" },
	{ "limit dns 192.0.2.0/24 --above 99999999999999999999/sec", "99999999999999999999/sec" },
	{ "limit dns 192.0.2.0/24 --above 10/fortnight", "fortnight" },
	{ "limit dns 192.0.2.0/24 --above ten/sec", "ten/sec" },
	{ "limit dns 192.0.2.0/24 --above /sec", "/sec" },
	{ "limit dns 192.0.2.0/24 --above 10/sec --burst 0", "0" },
	{ "limit dns 192.0.2.0/24 --above 10/sec --burst 4294967296", "4294967296" },
	{ "limit dns 192.0.2.0/24 --above 1/day --burst 1000000", "1000000" },
	{ "limit dns 192.0.2.0/24 --above 1/hour --burst 50", "50" },	/* past what credits hold */
	{ "limit dns 192.0.2.0/24 --above 1/min --burst 5000", "5000" },
	{ "limit dns 192.0.2.0/24 --above 10/sec --srcmask 33", "33" },
	{ "limit dns 2001:db8::/64 --above 10/sec --srcmask 129", "129" },
	{ "limit dns 192.0.2.0/24 --above 10/sec --htable-max 99999999999", "99999999999" },
	{ "limit dns 192.0.2.0/24 --above 10/sec --htable-size many", "many" },
	{ "limit dns 192.0.2.0/24 --above 10/sec --htable-expire -1", "-1" },
	{ "limit dns -4 2001:db8::/64 --above 10/sec", "2001:db8::/64" },
	{ "limit no-such-service 192.0.2.0/24 --above 10/sec", "no-such-service" },
	{ "unlimit dns 192.0.2.1/24", "192.0.2.1/24" },
	{ "unlimit dns nonsense", "nonsense" },
	{ "-w soon add ntp", "soon" },
	{ "-w 0x10 add ntp", "0x10" },
	{ "-x4 show", "-x" },
	{ "--ports 53 add dns", "--ports" },		/* an option of one command, ahead of it */
	{ "del dns --ports 53", "--ports" },
	{ "add dns --above 1/sec", "--above" },
	{ "show --raw", "--raw" },
	{ "clear --dry-run", "--dry-run" },
	{ "top -w", "-w" },
	{ "add dns --backend pf", "--backend pf" },
	{ "--backend '' show", "must be auto" },
	{ "show --json=yes", "--json: takes" },
	{ "show --rules --json", "--rules" },
	{ "stats --prometheus --json", "--prometheus" },
	{ "stats --prometheus --raw", "--raw" }, { "stats --prometheus --noheadings", "--noheadings" },
	{ "stats --prometheus -o SERVICE", "--output" },
	{ "stats -o CLIENT,FAMILY", "CLIENT,FAMILY" },
	{ "stats -o NONE", "NONE" },
	{ "add dns --ports 53,,54", "53,,54" },
	{ "add dns --local 192.0.2.1", "IPv6" },		/* where it has clients */
	{ "add dns --role outbound", "limits off" },
	{ "--netns /dev/null show", "/dev/null" },
	{ "advise --times 0", "must be 1" },
	{ "apply 'a\033[2Jb'", "a?[2Jb" },
	{ "apply /no/such/file", "/no/such/file" },
};

enum { BAD_COMMANDS = sizeof(bad_commands) / sizeof(bad_commands[0]) };

/* A file's text, and the number of the line that is wrong. */
static const struct {
	const char *text;
	unsigned int line;
} bad_files[] = {
	{ "[service dns]\nports = 53\nprots = udp\n", 3 },
	{ "[service dns]\nports = 65536\n", 2 },
	{ "[service dns]\n\nports = 54:53\n", 3 },
	{ "[service dns]\nprotocols = udp, tpc\n", 2 },
	{ "[service dns]\nroles = sideways\n", 2 },
	{ "[service dns]\nremote = 192.0.2.1/24\n", 2 },
	{ "[service dns]\n# fine\n[gadget dns]\nports = 53\n", 3 },
	{ "[service dns]\nthis is no setting\n", 2 },
	{ "[service dns]\n[limit dns]\nclients = 192.0.2.1/24\nabove = 10/sec\n", 3 },
	{ "[service dns]\n[limit dns]\nclients = 192.0.2.0/24\nabove = 0/sec\n", 4 },
	{ "[service dns]\n[limit dns]\nclients = 192.0.2.0/24\nabove = 10/sec\nburst = 0\n", 5 },
	{ "[service dns]\nports = 53\n[limit dns]\nclients = 192.0.2.0/24\nabove = 1/sec\n"
	  "[limit dns]\nabove = 2/sec\nclients = 192.0.2.0/24\n", 8 },
};

enum { BAD_FILES = sizeof(bad_files) / sizeof(bad_files[0]) };

/* Something that a mistake could break. */
static char *given_a_configured_host(void)
{
	must("notrackctl add dns");
	must("notrackctl limit dns 192.0.2.10/31,2001:db8:1::/64 --above 10/sec --burst 20");
	return tables_save_all();
}

/* Ahead of the command, behind it, and behind its words. */
START_TEST(global_options_may_stand_anywhere)
{
	static const char *const commands[] = {
		"notrackctl -4 --json -w 2 add dns", "notrackctl add -4 --json -w 2 dns",
		"notrackctl add dns -4 --json -w 2", "notrackctl -4 add --json dns --wait=2",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		must("notrackctl clear");
		json_decref(must_json("%s", commands[i]));
		ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "families = ipv4"));
	}
}
END_TEST

static bool says(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

START_TEST(bad_input_is_named_and_changes_nothing)
{
	char *before = given_a_configured_host();

	struct run bad = run("notrackctl %s", bad_commands[_i].command);

	ck_assert_msg(bad.code == EXIT_BAD_INPUT, "%s: exit %d: %s", bad_commands[_i].command,
		      bad.code, bad.err);
	ck_assert_msg(says(bad.err, bad_commands[_i].names), "%s: names no '%s': %s",
		      bad_commands[_i].command, bad_commands[_i].names, bad.err);
	assert_same_text(tables_save_all(), before);
}
END_TEST

START_TEST(a_bad_file_is_named_by_line_and_changes_nothing)
{
	char *before = given_a_configured_host(), *path = format_text("/run/bad.conf");
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(bad_files[_i].text, file);
	fclose(file);

	struct run bad = run("notrackctl apply %s", path);

	ck_assert_msg(bad.code == EXIT_BAD_INPUT, "exit %d: %s\n%s", bad.code, bad.err,
		      bad_files[_i].text);
	ck_assert_msg(says(bad.err, format_text("%s:%u", path, bad_files[_i].line)) ||
		      says(bad.err, format_text("%s line %u", path, bad_files[_i].line)) ||
		      says(bad.err, format_text("%s, line %u", path, bad_files[_i].line)),
		      "names not line %u: %s\n%s", bad_files[_i].line, bad.err, bad_files[_i].text);
	assert_same_text(tables_save_all(), before);
}
END_TEST

START_TEST(a_bad_prefix_of_standard_input_is_named_by_line)
{
	static const char list[] = "\357\273\277192.0.2.1\n# 192.0.2.256\n\n192.0.2.2 192.0.2.3/24\n";
	char *before = given_a_configured_host();

	struct run bad = run_as(&(struct how){ .input = list },
				"notrackctl limit dns - --above 1/sec");

	ck_assert_int_eq(bad.code, EXIT_BAD_INPUT);
	ck_assert_msg(says(bad.err, "<stdin>:4: 192.0.2.3/24"), "%s", bad.err);
	assert_same_text(tables_save_all(), before);
}
END_TEST

/* Whoever reads the output finds all of it, or an exit code. */
START_TEST(output_that_cannot_be_written_is_a_failure)
{
	static const char *const commands[] = {
		"--help", "--version", "add --help", "show", "show --json", "show --rules", "stats",
		"stats --json", "--json add ntp", "apply --dry-run /run/one.conf",
		"apply --dry-run /run/many.conf",
	};

	given_a_configured_host();
	must("sh -c 'printf \"[service ntp]\\n\" >/run/one.conf'");
	must("sh -c '(cat /run/one.conf; for n in $(seq 100); do "
	     "printf \"[service s%%s]\\nports = %%s\\n\" $n $n; done) >/run/many.conf'");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct run full = run("sh -c 'exec \"$0\" %s >/dev/full' notrackctl", commands[i]);

		ck_assert_msg(full.code == EXIT_FAILED, "%s: exit %d", commands[i], full.code);
		ck_assert_msg(says(full.err, "No space left"), "%s: %s", commands[i], full.err);
	}
}
END_TEST

START_TEST(a_lock_file_that_cannot_be_had_is_no_bad_input)
{
	setenv("XTABLES_LOCKFILE", "/run/none/lock", 1);
	struct run failed = run("notrackctl add dns");

	ck_assert_int_eq(failed.code, EXIT_FAILED);
	ck_assert_msg(says(failed.err, "/run/none/lock"), "%s", failed.err);
}
END_TEST

/* Root without a capability to its name, now or after exec. */
static void drop_capabilities(void)
{
	for (unsigned long capability = 0; capability <= MAX_CAPABILITY; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		_exit(EXIT_NO_USER);
}

static const char *const needing_privilege[] = {
	"notrackctl add dns",
	"notrackctl -4 add dns",
	"notrackctl del dns",
	"notrackctl clear",
	"notrackctl show",
	"notrackctl stats",
	"notrackctl top",
	"notrackctl advise",
	"notrackctl flush-tracked",
	"notrackctl verify",
};

enum { NEEDING_PRIVILEGE = sizeof(needing_privilege) / sizeof(needing_privilege[0]) };

static void is_refused_to(void (*someone)(void), const char *command)
{
	char *before = given_a_configured_host();

	struct run refused = run_as(&(struct how){ .prepare = someone }, "%s", command);

	ck_assert_msg(refused.code == EXIT_FAILED, "%s: exit %d: %s", command, refused.code,
		      refused.err);
	ck_assert_msg(says(refused.err, "CAP_NET_ADMIN") || says(refused.err, "root"),
		      "%s: does not say why: %s", command, refused.err);
	assert_same_text(tables_save_all(), before);
}

START_TEST(without_capabilities_it_says_so)
{
	is_refused_to(drop_capabilities, needing_privilege[_i]);
}
END_TEST

/* Not where only one user is mapped, nor out of a home that others may not enter. */
static bool nobody_can_run_it(void)
{
	return run_as(&(struct how){ .prepare = become_nobody }, "test -x notrackctl").code == 0;
}

START_TEST(without_root_it_says_so)
{
	if (nobody_can_run_it())
		is_refused_to(become_nobody, needing_privilege[_i]);
	else
		skip_test("no user here to become");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, bad_input_is_named_and_changes_nothing, 0, BAD_COMMANDS);
	tcase_add_test(tcase, global_options_may_stand_anywhere);
	tcase_add_loop_test(tcase, a_bad_file_is_named_by_line_and_changes_nothing, 0, BAD_FILES);
	tcase_add_test(tcase, a_bad_prefix_of_standard_input_is_named_by_line);
	tcase_add_test(tcase, output_that_cannot_be_written_is_a_failure);
	tcase_add_test(tcase, a_lock_file_that_cannot_be_had_is_no_bad_input);
	tcase_add_loop_test(tcase, without_capabilities_it_says_so, 0, NEEDING_PRIVILEGE);
	tcase_add_loop_test(tcase, without_root_it_says_so, 0, NEEDING_PRIVILEGE);
}

int main(void)
{
	return netns_main("input", tests);
}
