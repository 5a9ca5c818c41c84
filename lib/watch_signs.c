/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signs that somebody has changed what a watch keeps, and who it was. */
#include "watch.h"

#include <stdio.h>
#include <string.h>

#include "support/clock.h"
#include "support/forwarding.h"
#include "support/interfaces.h"

/* Of no tables: the next look finds another one. */
#define UNKNOWN_MARK UINT64_MAX

/* Of the tables of each backend of which the kernel tells no news. */
struct marks {
	uint64_t of[BACKENDS];
};

static int ask_in_kernel(struct notrack *nt, void *data)
{
	struct marks *marks = data;

	(void)nt;
	for (size_t i = 0; i < BACKENDS; i++)
		marks->of[i] = backends[i]->mark ? backends[i]->mark() : 0;
	return 0;
}

static struct marks ask_marks(struct notrack_watch *watch)
{
	struct marks marks = { { 0 } };

	context_in_kernel(watch->nt, ask_in_kernel, &marks);
	return marks;
}

static int ask_forwarding_in_kernel(struct notrack *nt, void *data)
{
	(void)nt;
	int is_on = forwarding_is_on();

	if (is_on >= 0)
		*(bool *)data = is_on;
	return 0;
}

static bool ask_forwarding(struct notrack_watch *watch)
{
	bool is_on = watch->forwards;

	context_in_kernel(watch->nt, ask_forwarding_in_kernel, &is_on);
	return is_on;
}

static int ask_bridges_in_kernel(struct notrack *nt, void *data)
{
	(void)nt;
	*(bool *)data = forwarding_of_bridges();
	return 0;
}

static bool ask_bridges(struct notrack_watch *watch)
{
	bool are_on = watch->bridges;

	context_in_kernel(watch->nt, ask_bridges_in_kernel, &are_on);
	return are_on;
}

static int ask_interfaces_in_kernel(struct notrack *nt, void *data)
{
	uint64_t mark;

	(void)nt;
	if (!interfaces_mark(&mark))
		*(uint64_t *)data = mark;
	return 0;
}

static uint64_t ask_interfaces(struct notrack *nt)
{
	uint64_t mark = UNKNOWN_MARK;

	context_in_kernel(nt, ask_interfaces_in_kernel, &mark);
	return mark;
}

void watch_note_signs(struct notrack_watch *watch)
{
	const struct marks marks = ask_marks(watch);

	memcpy(watch->marks, marks.of, sizeof(watch->marks));
	watch->forwards = ask_forwarding(watch);
	watch->bridges = ask_bridges(watch);
	for (size_t i = 0; i < BACKENDS; i++)
		if (backends[i]->sign)
			backends[i]->sign(&watch->news[i]);
}

void watch_expect_change(struct notrack_watch *watch)
{
	for (size_t i = 0; i < BACKENDS; i++)
		if (backends[i]->mark)
			watch->marks[i] = UNKNOWN_MARK;
}

static void blame(struct notrack_watch *watch, size_t backend)
{
	const struct news_queue *news = &watch->news[backend];

	if (*news->program)
		snprintf(watch->cause, sizeof(watch->cause), "%s (process %u) had changed %s",
			 news->program, news->process, backends[backend]->tables);
	else
		snprintf(watch->cause, sizeof(watch->cause), "somebody had changed %s",
			 backends[backend]->tables);
}

/*
 * Some programs change elements all the time, and few rules depend on these: they are looked at
 * without the lock, for at most half of the time, and are no sign of rules being loaded.
 */
static uint64_t check_gently(struct notrack_watch *watch, unsigned int rest)
{
	const uint64_t pause_ms = rest * watch->took_ms;

	if (watch->due_ms == NEVER)
		watch->gently = true;
	return watch->checked_ms + (pause_ms > PAUSE_ELEMENTS_MS ? pause_ms : PAUSE_ELEMENTS_MS);
}

static void hear_rules(struct notrack_watch *watch, size_t backend)
{
	struct news_queue *queue = &watch->news[backend];
	unsigned int news = backends[backend]->hear(queue);
	uint64_t at_ms;

	if (!news && watch->due_ms == NEVER)
		return;
	if (*queue->program || watch->due_ms == NEVER)
		blame(watch, backend);
	if (!news)
		return;
	if (news & NEWS_OF_RULES) {
		watch->gently = false;
		watch->changed_ms = now_ms();
		at_ms = watch->checked_ms + PAUSE_MS;
	} else {
		at_ms = check_gently(watch, REST_ELEMENTS);
	}
	if (!queue->is_signed && at_ms < now_ms() + PAUSE_UNSIGNED_MS)
		at_ms = now_ms() + PAUSE_UNSIGNED_MS;
	watch_request(watch, at_ms);
}

/* On a host that forwards, ours take packets for the host itself only. */
static void compare_forwarding(struct notrack_watch *watch)
{
	if (ask_forwarding(watch) == watch->forwards)
		return;
	snprintf(watch->cause, sizeof(watch->cause), "somebody had changed whether this host forwards");
	watch->gently = false;
	watch_request(watch, watch->checked_ms + PAUSE_MS);
}

static void hear_switches(struct notrack_watch *watch)
{
	if (netlink_heard(&watch->switches))
		compare_forwarding(watch);
}

/* Of these the kernel tells nothing. */
static void look_at_bridges(struct notrack_watch *watch)
{
	if (ask_bridges(watch) != watch->bridges)
		compare_forwarding(watch);
}

/*
 * Which rules fit this host depends on its addresses: at boot they come last.  News come also where
 * nothing changes, as with each advertisement of a router, and many at once where containers do.
 */
static void look_at_interfaces(struct notrack_watch *watch)
{
	uint64_t mark;

	if (!netlink_heard(&watch->interfaces))
		return;
	mark = ask_interfaces(watch->nt);
	if (mark == watch->interfaces_mark && mark != UNKNOWN_MARK)
		return;
	watch->interfaces_mark = mark;
	if (watch->due_ms == NEVER)
		snprintf(watch->cause, sizeof(watch->cause),
			 "somebody had changed interfaces or addresses of this host");
	watch_request(watch, check_gently(watch, REST_INTERFACES));
}

void watch_hear(struct notrack_watch *watch)
{
	for (size_t i = 0; i < BACKENDS; i++)
		if (backends[i]->hear)
			hear_rules(watch, i);
	hear_switches(watch);
}

static void look_at_tables(struct notrack_watch *watch, size_t backend, uint64_t mark, uint64_t now)
{
	const uint64_t before = watch->marks[backend];

	if (mark == before)
		return;
	if (before != UNKNOWN_MARK)
		watch->changed_ms = now;
	if (watch->due_ms == NEVER) {
		memset(watch->news[backend].program, 0, sizeof(watch->news[backend].program));
		blame(watch, backend);
	}
	watch->gently = false;
	watch_request(watch, watch->checked_ms + PAUSE_MS);
}

/*
 * What keeps a commit from working may be nothing that a rule says, and what ours depend on may
 * change without any news.
 */
static void look_at_all(struct notrack_watch *watch, uint64_t now)
{
	if (watch->looks % LOOKS_WHOLE || watch->due_ms != NEVER ||
	    (watch->state == IN_PLACE && now < watch->checked_ms + LOOKS_SHARE * watch->took_ms))
		return;
	snprintf(watch->cause, sizeof(watch->cause), "somebody had changed what no news tell of");
	watch->gently = true;
	watch_request(watch, watch->checked_ms + PAUSE_MS);
}

void watch_look(struct notrack_watch *watch, uint64_t now)
{
	const struct marks marks = ask_marks(watch);

	watch->look_ms = now + LOOK_MS;
	watch->looks++;
	look_at_bridges(watch);
	for (size_t i = 0; i < BACKENDS; i++)
		if (backends[i]->mark)
			look_at_tables(watch, i, marks.of[i], now);
	look_at_interfaces(watch);
	look_at_all(watch, now);
}
