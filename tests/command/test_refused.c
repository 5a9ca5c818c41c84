/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands for which memory ends, wherever it does: the kernel has what it had, or what it was
 * to have, and the exit code says that it failed. One request is refused at a time, of the
 * program or of any of its libraries; see also kernel/test_memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

enum {
	BUSY = 4,		/* exit code */
	EACH = 60,		/* at first each request: reading words; */
	STRIDE = 83,		/* then one of so many: kernel/test_memory has them all */
	REQUESTS_MAX = 20000,
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

static void begin(int story)
{
	must("notrackctl -4 clear");
	must("notrackctl --backend %s -4 add dns", stories[story].backend);
}

START_TEST(a_command_without_memory_does_all_or_nothing)
{
	unsigned int harmless = 0;
	bool refused = true;
	char *before, *after;

	netns_enter();
	ck_assert_ptr_nonnull(getenv("NOTRACK_PRELOAD"));
	begin(_i);
	before = state();
	must_as(&(struct how){ .where = HOST, .input = config }, "notrackctl -4 %s",
		stories[_i].command);
	after = state();
	begin(_i);
	for (nth = 1; refused && nth < REQUESTS_MAX; nth += nth < EACH ? 1 : STRIDE) {
		struct run told = run_refused(_i);
		char *now = state();

		refused = *read_file(mark()) != '\0';
		harmless += refused && !told.code;
		ck_assert_msg(told.code == BUSY || !told.code, "%s, %s, request %u: exit %d: %s",
			      stories[_i].backend, stories[_i].command, nth, told.code, told.err);
		ck_assert_msg(harmless <= HARMLESS, "%s, %s, request %u: nobody noticed",
			      stories[_i].backend, stories[_i].command, nth);
		ck_assert_msg(!difference(now, told.code ? before : after) ||
			      (told.code && !difference(now, after)), "%s, %s, request %u: exit %d: %.2000s",
			      stories[_i].backend, stories[_i].command, nth, told.code, now);
		if (difference(now, before))
			begin(_i);
	}
	ck_assert_uint_gt(nth, EACH);
	ck_assert_uint_lt(nth, REQUESTS_MAX);
	if (getenv("NOTRACK_FIGURES"))
		printf("%s, %s: %u requests, %u harmless\n", stories[_i].backend, stories[_i].command, nth,
		       harmless);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_command_without_memory_does_all_or_nothing, 0, STORIES);
}

int main(void)
{
	return netns_main("refused", tests);
}
