/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is read: to its end and no further, of a size that fits, from files that nobody else may
 * write.  Whatever is wrong with it, the kernel stays as it was.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"
#include "tables.h"

enum { EXIT_BAD_INPUT = 2, EXIT_LACKS = 3, EXIT_BUSY = 4, NOBODY = 65534 };

static char *given_a_configured_host(void)
{
	must("notrackctl add dns");
	must("notrackctl limit dns 192.0.2.10/31 --above 10/sec --burst 20");
	return tables_save_all();
}

static const char *given_a_file(const char *text, mode_t mode)
{
	static const char path[] = "/run/some.conf";
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static void is_refused(struct run refused, int code, const char *says, const char *before)
{
	ck_assert_msg(refused.code == code, "%s: exit %d: %s", refused.command, refused.code,
		      refused.err);
	ck_assert_msg(strstr(refused.err, says) != NULL, "%s: no '%s' in: %s", refused.command, says,
		      refused.err);
	assert_same_text(tables_save_all(), before);
}

/* --- empty input ------------------------------------------------------ */

/* A pipe whose other end failed, say: that must not remove everything. */
START_TEST(an_empty_input_is_an_error)
{
	static const char *const inputs[] = { "", "\n\n", "# nothing\n", "\357\273\277", "  ; nothing" };
	char *before = given_a_configured_host();

	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		is_refused(run_as(&(struct how){ .input = inputs[i] }, "notrackctl apply -"),
			   EXIT_BAD_INPUT, "<stdin>: has no section", before);
	is_refused(run("notrackctl apply -"), EXIT_BAD_INPUT, "<stdin>: has no section", before);
	is_refused(run("notrackctl apply %s", given_a_file("", 0600)), EXIT_BAD_INPUT,
		   "/run/some.conf: has no section", before);
}
END_TEST

/* What shows nothing can be applied all the same: it is not empty. */
START_TEST(a_host_section_alone_removes_everything)
{
	char *shown = must("notrackctl show").out;

	ck_assert_str_eq(strchr(shown, '['), "[host]\nbackend = auto\ntwins = auto\n");
	given_a_configured_host();
	must_as(&(struct how){ .input = shown }, "notrackctl apply -");
	ck_assert_str_eq(must("notrackctl show").out, shown);
}
END_TEST

START_TEST(advice_for_an_empty_host_can_be_applied)
{
	char *advice = must("notrackctl advise").out;

	must_as(&(struct how){ .input = advice }, "notrackctl apply -");
	ck_assert_ptr_nonnull(strstr(advice, "\n[host]\n"));
}
END_TEST

/* --- [host] ----------------------------------------------------------- */

static const struct {
	const char *text;
	int code;
	const char *says;
} hosts[] = {
	{ "[host]\nbackend = auto\ntwins = none\n", 0, "" },
	{ "[service dns]\n[host]\nbackend = legacy\n", 0, "" },
	{ "[host]\nbackend = pf\n", EXIT_BAD_INPUT, "<stdin>:2: backend: pf: must be auto, legacy or nft" },
	{ "[host]\ntwins = both\n", EXIT_BAD_INPUT, "<stdin>:2: twins: both: must be auto, none" },
	{ "[host]\nbackend =\n", EXIT_BAD_INPUT, "<stdin>:2: backend: " },
	{ "[host]\nports = 53\n", EXIT_BAD_INPUT, "<stdin>:2: ports: not a key of [host]" },
	{ "[host]\ntwins = auto\ntwins = auto\n", EXIT_BAD_INPUT, "<stdin>:3: twins: is given twice" },
	{ "[host]\n[host]\n", EXIT_BAD_INPUT, "<stdin>:2: [host]: is there twice" },
	{ "[host x]\n", EXIT_BAD_INPUT, "<stdin>:1: [host x]: a section is" },
	{ "[service dns]\nbackend = auto\n", EXIT_BAD_INPUT, "<stdin>:2: backend: not a key" },
};

START_TEST(a_host_section_takes_its_keys_only)
{
	char *before = given_a_configured_host();
	struct run done = run_as(&(struct how){ .input = hosts[_i].text }, "notrackctl apply --dry-run -");

	is_refused(done, hosts[_i].code, hosts[_i].says, before);
}
END_TEST

/* --- lines ------------------------------------------------------------ */

START_TEST(the_last_line_needs_no_end)
{
	must_as(&(struct how){ .input = "[service ntp]\nroles = inbound" }, "notrackctl apply -");
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "roles = inbound\n"));
}
END_TEST

START_TEST(a_list_goes_on_behind_comments_and_empty_lines)
{
	must_as(&(struct how){ .input = "[service mine]\nports: 7, ; first\n# more\n\n\t8 ; second\n 9\n" },
		"notrackctl apply -");
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "ports = 7, 8, 9\n"));
}
END_TEST

/* The shell makes it: text that no test would want to hold. */
static const struct {
	const char *shell;
	int code;
	const char *says;
} sizes[] = {
	/* a line of 198 characters, and of one more */
	{ "(echo '[service dns]'; printf 'local = %0190d\\n' 0) | $NOTRACKCTL apply -", EXIT_BAD_INPUT,
	  "<stdin>:2: local: " },
	{ "(echo '[service dns]'; printf 'local = %0191d\\n' 0) | $NOTRACKCTL apply -", EXIT_BAD_INPUT,
	  "<stdin>:2: is longer than 198 characters" },
	/* as Windows ends lines: also a list's first and longest line, whose end comes later */
	{ "(echo '[service dns]'; printf 'local = %0190d\\r\\n' 0) | $NOTRACKCTL apply -", EXIT_BAD_INPUT,
	  "<stdin>:2: local: " },
	{ "(echo '[service dns]'; printf 'local = %0191d\\r\\n' 0) | $NOTRACKCTL apply -", EXIT_BAD_INPUT,
	  "<stdin>:2: is longer than 198 characters" },
	{ "(printf '\\357\\273\\277%065535d\\r' 0; echo) | $NOTRACKCTL limit dns - --above 1/sec",
	  EXIT_BAD_INPUT, "<stdin>:1: 0000" },
	{ "(printf '%065535d\\r' 0; echo 1) | $NOTRACKCTL limit dns - --above 1/sec",
	  EXIT_BAD_INPUT, "<stdin>:1: is longer than 65535 characters" },
	/* a comment of any length, which ends where its line does */
	{ "(printf '#%0300000d\\n[x]\\n' 0) | $NOTRACKCTL apply -", EXIT_BAD_INPUT, "<stdin>:2: [x]" },
	{ "(printf '\\t; %065532d\\n[x]\\n' 0) | $NOTRACKCTL apply -", EXIT_BAD_INPUT, "<stdin>:2: [x]" },
	/* and where it has a NUL byte */
	{ "(printf '#%0100000d'  0; head -c 1 /dev/zero; printf '\\n[x]\\n') | $NOTRACKCTL apply -",
	  EXIT_BAD_INPUT, "<stdin>:1: has a NUL byte" },
	/* lines without an end, files without an end */
	{ "ulimit -v 300000; (echo '[service ntp]'; head -c 900000000 /dev/zero | tr '\\0' a) | "
	  "$NOTRACKCTL apply -", EXIT_BAD_INPUT, "<stdin>:2: is longer" },
	{ "$NOTRACKCTL apply - </dev/zero", EXIT_BAD_INPUT, "<stdin>:1: has a NUL byte" },
	{ "yes '# comment' | $NOTRACKCTL apply -", EXIT_BAD_INPUT, "<stdin>: is more than 64 MiB" },
	{ "(echo '[service mine]'; echo 'ports = 1'; yes ' 2') | $NOTRACKCTL apply -", EXIT_BAD_INPUT,
	  "ports: is longer than 65536 characters" },
	/* the same of lists; a prefix too many in a line is none too many in the next */
	{ "yes '# comment' | $NOTRACKCTL limit dns - --above 1/sec", EXIT_BAD_INPUT,
	  "<stdin>: is more than 64 MiB" },
	{ "(echo; printf '%065536d' 0) | $NOTRACKCTL limit dns - --above 1/sec", EXIT_BAD_INPUT,
	  "<stdin>:2: is longer than 65535 characters" },
	{ "(echo; printf '%065535d' 0) | $NOTRACKCTL limit dns - --above 1/sec", EXIT_BAD_INPUT,
	  "<stdin>:2: 0000" },
	{ "(echo 192.0.2.1; head -c 1 /dev/zero) | $NOTRACKCTL unlimit dns -", EXIT_BAD_INPUT,
	  "<stdin>:2: has a NUL byte" },
	{ "$NOTRACKCTL limit dns - --above 1/sec </dev/zero", EXIT_BAD_INPUT, "<stdin>:1: has a NUL byte" },
	{ "$NOTRACKCTL limit dns - --above 1/sec <&-", EXIT_BAD_INPUT, "<stdin>: Bad file descriptor" },
	/* where memory ends, the input does not */
	{ "ulimit -v 150000; (echo '[service dns]'; yes '[limit dns]' | head -c 50000000) | "
	  "$NOTRACKCTL apply -", EXIT_BUSY, "out of memory" },
	{ "ulimit -v 150000; yes 192.0.2.1 | head -c 60000000 | $NOTRACKCTL unlimit dns -", EXIT_BUSY,
	  "out of memory" },
};

/* Left out where AddressSanitizer watches, which is slow, and has no room below a limit. */
static bool is_large(const char *shell)
{
	return strstr(shell, "ulimit") || strstr(shell, "yes ");
}

START_TEST(input_ends_at_its_end_or_at_a_limit)
{
	const char *script;
	char *before;

	if (SANITIZED && is_large(sizes[_i].shell)) {
		skip_test("%s: too large for AddressSanitizer", sizes[_i].shell);
		return;
	}
	before = given_a_configured_host();
	script = given_a_file(sizes[_i].shell, 0600);
	is_refused(run("timeout 60 sh %s", script), sizes[_i].code, sizes[_i].says, before);
}
END_TEST

/* --- files ------------------------------------------------------------ */

START_TEST(what_is_no_regular_file_is_not_read)
{
	static const char *const paths[] = { "/run/fifo", "/dev/zero", "/dev/null", "/dev/tty" };
	char *before = given_a_configured_host();

	ck_assert_int_eq(mkfifo("/run/fifo", 0600), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct run refused = run("timeout 20 notrackctl apply %s", paths[i]);

		is_refused(refused, EXIT_BAD_INPUT, paths[i], before);
	}
	/* not even a line of what somebody holds ready there */
	is_refused(run("timeout 20 sh -c 'exec 3<>/run/fifo; echo \"[service ntp]\" >&3; \"$0\" apply "
		       "/run/fifo' notrackctl"), EXIT_BAD_INPUT, "is no regular file", before);
}
END_TEST

START_TEST(a_pipe_that_was_passed_is_read)
{
	must("sh -c 'echo \"[service ntp]\" | \"$0\" apply /dev/stdin' notrackctl");
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service ntp]"));
	must("bash -c '\"$0\" apply <(echo \"[service doq]\")' notrackctl");
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service doq]"));
}
END_TEST

START_TEST(a_file_that_others_may_write_is_refused)
{
	static const mode_t bad[] = { 0602, 0620, 0666 }, good[] = { 0400, 0600, 0644, 0755 };
	static const char text[] = "[service ntp]\n";
	char *before = given_a_configured_host();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_refused(run("notrackctl apply %s", given_a_file(text, bad[i])), EXIT_BAD_INPUT,
			   "/run/some.conf: others than its owner may write it", before);
	/* who passes it on standard input has chosen it */
	must("sh -c '\"$0\" apply --dry-run - </run/some.conf' notrackctl");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		must("notrackctl apply --dry-run %s", given_a_file(text, good[i]));
	if (chown("/run/some.conf", NOBODY, NOBODY)) {
		skip_test("only one user is mapped here");
		return;
	}
	is_refused(run("notrackctl apply /run/some.conf"), EXIT_BAD_INPUT, "belongs to user 65534",
		   before);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, an_empty_input_is_an_error);
	tcase_add_test(tcase, a_host_section_alone_removes_everything);
	tcase_add_test(tcase, advice_for_an_empty_host_can_be_applied);
	tcase_add_loop_test(tcase, a_host_section_takes_its_keys_only, 0,
			    SANITIZED ? 3 : sizeof(hosts) / sizeof(hosts[0]));
	tcase_add_test(tcase, the_last_line_needs_no_end);
	tcase_add_test(tcase, a_list_goes_on_behind_comments_and_empty_lines);
	tcase_add_loop_test(tcase, input_ends_at_its_end_or_at_a_limit, 0,
			    sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tcase, what_is_no_regular_file_is_not_read);
	tcase_add_test(tcase, a_pipe_that_was_passed_is_read);
	tcase_add_test(tcase, a_file_that_others_may_write_is_refused);
}

int main(void)
{
	return netns_main("reading", tests);
}
