/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands for which memory ends, wherever it does: the kernel has what it had, or what it was
 * to have; what was asked for is printed whole; or the exit code says that it failed. One
 * request is refused at a time, of the program or of any of its libraries; see also
 * kernel/test_memory.  And a kernel that is newer than what reads its rules.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fingerprint.h"
#include "run.h"

enum {
	BUSY = 4,		/* exit code */
	/* at first each request: reading words; then one of so many; NOTRACK_EACH=1: each to the end */
	EACH = 10, STRIDE = 797,
	REQUESTS_MAX = 50000,
	/*
	 * A heap that one can do without; and what libiptc has no memory for when it opens a table
	 * that has no chains but the built-in ones, which is counted anew, and found whole.
	 */
	HARMLESS = 25,
};

static const char config[] =
	"[service dns]\nlocal = 192.0.2.1,\n   192.0.2.2\n\n[service ntp]\n\n"
	"[limit ntp]\nclients = 198.51.100.0/24\nabove = 10/sec\n";

static const struct {
	const char *backend, *command;
} stories[] = {
	{ "legacy", "apply -" },
	{ "nft", "apply -" },
	{ "legacy", "limit dns 192.0.2.0/24 --above 10/sec" },
	{ "nft", "limit dns 192.0.2.0/24 --above 10/sec" },
};
#define STORIES (int)(sizeof(stories) / sizeof(stories[0]))

static unsigned int nth;

static const char *mark(void)
{
	return "/run/refused";
}

/* In the child: descriptor 3 is where the preloaded library says that it did. */
static void refuse_one(void)
{
	char number[16];
	int fd = open(mark(), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (fd != 3)
		dup2(fd, 3);
	snprintf(number, sizeof(number), "%u", nth);
	setenv("NOTRACK_REFUSE", number, 1);
	setenv("LD_PRELOAD", getenv("NOTRACK_PRELOAD"), 1);
}

static struct run run_refused(int story)
{
	return run_as(&(struct how){ .where = HOST, .input = config, .prepare = refuse_one },
		      "notrackctl -4 %s", stories[story].command);
}

static char *state(void)
{
	return format_text("%s%s%s", must("iptables-legacy-save -t raw").out,
			   must("iptables-legacy-save -t filter").out, must("nft list ruleset").out);
}

/* iptables-legacy-save says when. */
static const char *difference(const char *a, const char *b)
{
	while (*a && *b) {
		if (*a == '#' && *b == '#') {
			a += strcspn(a, "\n");
			b += strcspn(b, "\n");
		}
		if (*a != *b)
			return a;
		a++;
		b++;
	}
	return *a == *b ? NULL : a;
}

static unsigned int next_request(void)
{
	const char *stride = getenv("NOTRACK_EACH");

	return nth + (nth < EACH ? 1 : stride ? (unsigned int)atoi(stride) : STRIDE);
}

static void report(const char *backend, const char *command, unsigned int harmless)
{
	ck_assert_uint_gt(nth, EACH);
	ck_assert_uint_lt(nth, REQUESTS_MAX);
	if (getenv("NOTRACK_FIGURES"))
		printf("%s, %s: %u requests, %u harmless\n", backend, command, nth, harmless);
}

/* --- what changes the kernel ------------------------------------------ */

static void begin(int story)
{
	must("notrackctl -4 clear");
	must("notrackctl --backend %s -4 add dns", stories[story].backend);
}

/* Returns whether the kernel has something else now than @before, whose fingerprint is given. */
static bool check_change(int story, const struct run *told, uint64_t untouched, const char *before,
			 const char *after)
{
	bool same = fingerprint() == untouched;
	const char *now = same ? before : state();

	ck_assert_msg(told->code == BUSY || !told->code, "%s, %s, request %u: exit %d: %s",
		      stories[story].backend, stories[story].command, nth, told->code, told->err);
	ck_assert_msg(!difference(now, told->code ? before : after) ||
		      (told->code && !difference(now, after)), "%s, %s, request %u: exit %d: %.2000s",
		      stories[story].backend, stories[story].command, nth, told->code, now);
	return !same;
}

START_TEST(a_command_without_memory_does_all_or_nothing)
{
	unsigned int harmless = 0;
	bool refused = true;
	uint64_t untouched;
	char *before, *after;

	netns_enter();
	ck_assert_ptr_nonnull(getenv("NOTRACK_PRELOAD"));
	begin(_i);
	before = state();
	must_as(&(struct how){ .where = HOST, .input = config }, "notrackctl -4 %s",
		stories[_i].command);
	after = state();
	begin(_i);
	untouched = fingerprint();
	for (nth = 1; refused && nth < REQUESTS_MAX; nth = next_request()) {
		struct run told = run_refused(_i);

		refused = *read_file(mark()) != '\0';
		harmless += refused && !told.code;
		ck_assert_msg(harmless <= HARMLESS + nth / 50, "%s, %s, request %u: nobody noticed",
			      stories[_i].backend, stories[_i].command, nth);
		if (check_change(_i, &told, untouched, before, after)) {
			begin(_i);
			untouched = fingerprint();
		}
	}
	report(stories[_i].backend, stories[_i].command, harmless);
}
END_TEST

/* --- what prints -------------------------------------------------------- */

static const char *const backends[] = { "legacy", "nft" };
static const char *const questions[] = {
	"show", "show --rules", "--json show", "stats", "--json stats", "stats --prometheus", "verify",
	"--json verify", "verify --explain", "--json doctor", "top --by client dns", "apply --dry-run -",
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static const char config_of_questions[] =
	"[service dns]\nremote = 192.0.2.53\n\n[service ntp]\n\n"
	"[limit dns]\nclients = 198.51.100.0/24, 192.0.2.0/25\nabove = 10/sec\n";

/* A host whose rules ask for states, so that rules of ours stand beside them. */
static void given_an_answer(const char *backend)
{
	must("iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	must("iptables-legacy -A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	must("iptables-legacy -A INPUT -s 192.0.2.66 -j DROP");
	must_as(&(struct how){ .where = HOST, .input = config_of_questions },
		"notrackctl --backend %s -4 apply -", backend);
}

/* doctor goes on, and says so of what it could not look at. */
static bool tells_failure(const struct run *told)
{
	return told->code == BUSY || strstr(told->out, "memory");
}

START_TEST(a_command_without_memory_prints_all_or_fails)
{
	const char *question = questions[_i % QUESTIONS], *backend = backends[_i / QUESTIONS];
	const struct how how = { .where = HOST, .input = config, .prepare = refuse_one };
	unsigned int harmless = 0;
	bool refused = true;
	struct run whole;

	netns_enter();
	ck_assert_ptr_nonnull(getenv("NOTRACK_PRELOAD"));
	given_an_answer(backend);
	whole = run_as(&(struct how){ .where = HOST, .input = config }, "notrackctl -4 %s", question);
	ck_assert_int_le(whole.code, 1);
	for (nth = 1; refused && nth < REQUESTS_MAX; nth = next_request()) {
		struct run told = run_as(&how, "notrackctl -4 %s", question);

		refused = *read_file(mark()) != '\0';
		harmless += refused && !tells_failure(&told);
		ck_assert_msg(tells_failure(&told) ||
			      (told.code == whole.code && !strcmp(told.out, whole.out)),
			      "%s, %s, request %u: exit %d: %s%.2000s", backend, question, nth,
			      told.code, told.err, told.out);
	}
	report(backend, question, harmless);
}
END_TEST

/* Rules that ask conntrack what nobody can read, and what is said of the first that cuts off. */
static const struct {
	const char *policy, *rules[2], *says;
} unread[] = {
	{ "DROP", { "--ctstate ESTABLISHED -j ACCEPT", "--ctstate NEW -p udp --dport 53 -j ACCEPT" },
	  "filter INPUT policy (IPv4) would drop requests of service dns" },
	{ "ACCEPT", { "! --ctstate NEW,ESTABLISHED -j DROP" },
	  "filter INPUT 1 (IPv4) drops requests of service dns" },
};

/* It may let in who is tracked, and drop who is not, or the other way round. */
START_TEST(what_nobody_can_read_of_conntrack_is_refused)
{
	struct run refused;
	const char *before;

	must("iptables-legacy -P INPUT %s", unread[_i].policy);
	for (int i = 0; i < 2 && unread[_i].rules[i]; i++)
		must("iptables-legacy -A INPUT -m conntrack %s", unread[_i].rules[i]);
	before = state();
	setenv("LD_PRELOAD", getenv("NOTRACK_PRELOAD"), 1);
	setenv("NOTRACK_NEWER", "1", 1);
	refused = run("notrackctl -4 --backend legacy add dns --proto udp --role inbound");
	unsetenv("LD_PRELOAD");
	ck_assert_int_eq(refused.code, 1);
	ck_assert_msg(strstr(refused.err, unread[_i].says) != NULL, "%s", refused.err);
	ck_assert_str_eq(state(), before);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_nobody_can_read_of_conntrack_is_refused, 0,
			    sizeof(unread) / sizeof(unread[0]));
	tcase_add_loop_test(tcase, a_command_without_memory_does_all_or_nothing, 0, STORIES);
	tcase_add_loop_test(tcase, a_command_without_memory_prints_all_or_fails, 0, 2 * QUESTIONS);
}

int main(void)
{
	return netns_main("refused", tests);
}
