/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signs that somebody has changed what a watch keeps, and who it was. */
#include "watch.h"

#include <stdio.h>
#include <string.h>

#include "legacy/table_info.h"
#include "support/clock.h"
#include "support/forwarding.h"

/* Of no tables: the next look finds another one. */
#define UNKNOWN_MARK UINT64_MAX

static int mark_in_kernel(struct notrack *nt, void *data)
{
	(void)nt;
	*(uint64_t *)data = tables_mark();
	return 0;
}

static uint64_t ask_mark(struct notrack_watch *watch)
{
	uint64_t mark = 0;

	context_in_kernel(watch->nt, mark_in_kernel, &mark);
	return mark;
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

void watch_note_signs(struct notrack_watch *watch)
{
	watch->mark = ask_mark(watch);
	watch->forwards = ask_forwarding(watch);
	watch->bridges = ask_bridges(watch);
	nft_events_sign(&watch->events);
}

void watch_expect_change(struct notrack_watch *watch)
{
	watch->mark = UNKNOWN_MARK;
}

static void blame(struct notrack_watch *watch, const char *what)
{
	const struct nft_events *events = &watch->events;

	if (*events->program)
		snprintf(watch->cause, sizeof(watch->cause), "%s (process %u) had changed %s",
			 events->program, events->process, what);
	else
		snprintf(watch->cause, sizeof(watch->cause), "somebody had changed %s", what);
}

/*
 * Some programs change elements all the time, and few rules depend on these: they are looked at
 * without the lock, for at most half of the time, and are no sign of rules being loaded.
 */
static uint64_t hear_elements(struct notrack_watch *watch)
{
	if (watch->due_ms == NEVER)
		watch->gently = true;
	return watch->checked_ms + (watch->took_ms > PAUSE_ELEMENTS_MS ? watch->took_ms :
				    PAUSE_ELEMENTS_MS);
}

static void hear_rules(struct notrack_watch *watch)
{
	unsigned int news = nft_events_take(&watch->events);
	const bool is_signed = watch->events.is_signed;
	uint64_t at_ms;

	if (!news && watch->due_ms == NEVER)
		return;
	if (*watch->events.program || watch->due_ms == NEVER)
		blame(watch, "nftables");
	if (!news)
		return;
	if (news & NFT_RULES_CHANGED) {
		watch->gently = false;
		watch->changed_ms = now_ms();
		at_ms = watch->checked_ms + PAUSE_MS;
	} else {
		at_ms = hear_elements(watch);
	}
	if (!is_signed && at_ms < now_ms() + PAUSE_UNSIGNED_MS)
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
	if (forwarding_heard(&watch->switches))
		compare_forwarding(watch);
}

/* Of these the kernel tells nothing. */
static void look_at_bridges(struct notrack_watch *watch)
{
	if (ask_bridges(watch) != watch->bridges)
		compare_forwarding(watch);
}

void watch_hear(struct notrack_watch *watch)
{
	hear_rules(watch);
	hear_switches(watch);
}

void watch_look(struct notrack_watch *watch, uint64_t now)
{
	uint64_t mark = ask_mark(watch);

	watch->look_ms = now + LOOK_MS;
	watch->looks++;
	look_at_bridges(watch);
	if (mark != watch->mark && watch->mark != UNKNOWN_MARK)
		watch->changed_ms = now;
	/* what keeps a commit from working may be nothing that a rule says */
	if (mark == watch->mark && (watch->looks % LOOKS_WHOLE || (!mark && watch->state == IN_PLACE)))
		return;
	if (watch->due_ms == NEVER) {
		memset(watch->events.program, 0, sizeof(watch->events.program));
		blame(watch, "the legacy tables");
		watch->gently = mark == watch->mark;
	} else if (mark != watch->mark) {
		watch->gently = false;
	}
	watch_request(watch, watch->checked_ms + PAUSE_MS);
}
