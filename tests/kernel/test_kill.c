/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A commit that is killed between any two of its calls to the kernel: what the
 * tables untrack, they accept, and the next commit puts all right.
 */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "changes.h"
#include "inject.h"
#include "model.h"
#include "run.h"
#include "tables.h"

enum { KILLED = 128 + SIGKILL };

/* Where packets are untracked, and where they are accepted. */
static const char *const hooks[][2] = { { "PREROUTING", "INPUT" }, { "OUTPUT", "OUTPUT" } };

/* By a rule of ours, or by the host's, which accepts all that comes over lo. */
static bool has_path(const struct paths *paths, const char *selector)
{
	for (size_t i = 0; i < paths->count; i++)
		if (!strcmp(paths->path[i].selector, selector) ||
		    (!strcmp(paths->path[i].selector, "-i lo") && strstr(selector, "-i lo")))
			return true;
	return false;
}

/*
 * Raw picks by ports, and answers without a SYN; what a segment is, it asks then.  Cuts that out
 * of a selector; false: no packet is both, or it is one that nobody sends, a SYN with ACK from
 * whoever asks.
 */
static bool may_be_sent(char *selector)
{
	static const char not_first[] = "! --tcp-flags FIN,SYN,RST,ACK SYN ", *first = not_first + 2;
	char *of_answer = strstr(selector, not_first), *flags;

	if (of_answer)
		memmove(of_answer, of_answer + strlen(not_first),
			strlen(of_answer + strlen(not_first)) + 1);
	flags = strstr(selector, "--tcp-flags ");
	return !flags || (of_answer ? strncmp(flags, first, strlen(first)) != 0 :
				      !strstr(flags, " SYN,ACK"));
}

static bool is_ours(const struct path *path)
{
	return strstr(path->rule, "-A NOTRACK-") != NULL;
}

/* Returns how many of our rules untrack. */
static unsigned int assert_accepts_what_it_untracks(const char *when)
{
	unsigned int count = 0;

	for (int i = 0; i < 2 * FAMILY_COUNT; i++) {
		const struct family *family = &families[i / 2];
		struct paths untracked = table_walk(family, "raw", hooks[i % 2][0]);
		struct paths accepted = table_walk(family, "filter", hooks[i % 2][1]);

		untracked = paths_to(untracked, "NOTRACK");
		accepted = paths_to(accepted, "ACCEPT");
		for (size_t j = 0; j < untracked.count; j++) {
			if (!is_ours(&untracked.path[j]) || !may_be_sent(untracked.path[j].selector))
				continue;
			count++;
			ck_assert_msg(has_path(&accepted, untracked.path[j].selector),
				      "%s, %s: %s is untracked and not accepted", when, family->name,
				      untracked.path[j].rule);
		}
	}
	return count;
}

/* In a child; returns whether it was killed, or came to its end. */
static bool commit_until(const struct change *change, unsigned int nth)
{
	struct attempt attempt = { .change = change };
	pid_t child = fork_child();
	int code;

	if (!child) {
		attempt.nt = notrack_new();
		inject_kill(nth);
		_exit(attempt_it(&attempt) > 0 ? 0 : 1);
	}
	code = wait_for(child);
	ck_assert_msg(code == KILLED || !code, "%s, call %u: ended with %d", change->name, nth, code);
	return code == KILLED;
}

static void must_commit(struct notrack *nt, int (*edit)(struct notrack *))
{
	must_do(nt, edit(nt));
	must_do(nt, notrack_commit(nt, NULL));
	notrack_free(nt);
}

START_TEST(a_commit_that_is_killed_leaves_no_packet_untracked_and_not_accepted)
{
	const struct change *change = &changes[_i];
	struct saved before, after, last;
	unsigned int nth = 0, untracking = 0;
	struct notrack *nt;

	given_rules_of_others();
	must_commit(new_context(), change->given);
	before = tables_save_both();
	ck_assert(!commit_until(change, 0));
	after = tables_save_both();
	tables_restore(&before);
	last = before;

	while (commit_until(change, ++nth)) {
		const char *when = format_text("%s, killed ahead of call %u", change->name, nth);

		if (tables_are(&last)) {	/* that call was about to read */
			tables_restore(&before);
			continue;
		}
		last = tables_save_both();
		untracking += assert_accepts_what_it_untracks(when);
		nt = new_context();	/* as somebody who types the command again */
		must_do(nt, notrack_load(nt));
		must_do(nt, change->given(nt));
		must_commit(nt, change->edit);
		assert_same_rules(&after, when);
		tables_restore(&before);
	}
	ck_assert_uint_gt(nth, 20);
	ck_assert_uint_gt(untracking, 0);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_commit_that_is_killed_leaves_no_packet_untracked_and_not_accepted,
			    0, CHANGES);
}

int main(void)
{
	return netns_main("kill", tests);
}
