/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public calls that keep the kernel's tables at what the model says.
 *
 * A watch does not know what was changed, only that something may have been, and
 * then lets notrack_commit() compute everything anew, which commits nothing where
 * nothing differs.  Its own commits are such changes as well: one more look follows
 * each of them, finds nothing to do, and so it ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "context.h"
#include "legacy/table_info.h"
#include "nft/events.h"
#include "support/forwarding.h"
#include "support/instance.h"

#define PAUSE_MS 100		/* from one commit to the next */
#define PAUSE_ELEMENTS_MS 1000	/* where only elements of sets have changed */
#define PAUSE_UNSIGNED_MS 10	/* until the end of a change, which says who made it, has come */
#define PAUSE_FAILED_MS 1000	/* where the lock was held, or memory was short */
#define LOOK_MS 1000		/* at the legacy tables */
#define LOOKS_WHOLE 10		/* every so often at all of them */

#define NEVER UINT64_MAX

/* What was reported last. */
enum state {
	BEGINNING,
	IN_PLACE,
	WITHDRAWN,
	FAILED,
};

struct notrack_watch {
	struct notrack *nt;
	struct instance instance;
	ino_t namespace;			/* that it watches */
	struct nft_events events;
	struct netlink switches;	/* news of forwarding; fd -1: the kernel has none */
	int poll_fd, timer_fd;
	bool listens;			/* @poll_fd has the events' descriptor */
	uint64_t checked_ms;		/* when the last commit ended */
	uint64_t due_ms;		/* when the next one is; NEVER */
	bool gently;			/* no sign of a change: take the lock only if there is one */
	uint64_t look_ms;		/* when to look at the legacy tables */
	unsigned int looks;
	uint64_t mark;			/* of the legacy tables, before the last commit */
	bool forwards;			/* so it was, before the last commit */
	enum state state;
	char cause[100];		/* who changed something */
	char said[sizeof(struct error)];
};

/* Whom to report to, and what that returned. */
struct listener {
	int (*visit)(const struct notrack_watch_event *event, void *data);
	void *data;
	int result;
};

/* Of no tables: the next look finds another one. */
#define UNKNOWN_MARK UINT64_MAX

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- reports ---------------------------------------------------------- */

static void report(struct notrack_watch *watch, struct listener *listener,
		   const struct notrack_watch_event *event)
{
	snprintf(watch->said, sizeof(watch->said), "%s", event->text);
	if (listener->visit)
		listener->result = listener->visit(event, listener->data);
}

static void report_done(struct notrack_watch *watch, struct listener *listener,
			const struct notrack_changes *changes)
{
	bool again = watch->state == IN_PLACE;
	struct notrack_watch_event event = {
		.size = sizeof(event),
		.kind = again ? NOTRACK_WATCH_REPAIRED : NOTRACK_WATCH_IN_PLACE,
		.added = changes->added, .removed = changes->removed,
	};
	struct error text;

	if (again && !changes->added && !changes->removed)
		return;
	error_set(&text, 0, "%s: %u rules added, %u removed%s%s", again ? "put right" :
		  "the rules are in force", changes->added, changes->removed,
		  again ? "; " : "", again ? watch->cause : "");
	event.text = text.text;
	watch->state = IN_PLACE;
	report(watch, listener, &event);
}

/* Once, and again where it is another failure. */
static void report_failure(struct notrack_watch *watch, struct listener *listener,
			   enum state state, const struct notrack_watch_event *event)
{
	bool known = watch->state == state && !event->removed && !event->added &&
		     !strcmp(watch->said, event->text);

	watch->state = state;
	if (!known)
		report(watch, listener, event);
}

/* --- commits ---------------------------------------------------------- */

static void request(struct notrack_watch *watch, uint64_t at_ms)
{
	if (at_ms < watch->due_ms)
		watch->due_ms = at_ms;
}

/* What goes by itself; the rules that are there are as good as they were. */
static bool is_passing(int err)
{
	return err == -EBUSY || err == -ENOMEM || err == -EAGAIN || err == -EINTR;
}

static void fail(struct notrack_watch *watch, struct listener *listener, int err)
{
	struct notrack_watch_event event = { .size = sizeof(event), .kind = NOTRACK_WATCH_FAILED,
					     .err = err, .text = watch->nt->error.text };

	request(watch, watch->checked_ms + PAUSE_FAILED_MS);
	report_failure(watch, listener, FAILED, &event);
}

/* A commit of the empty model, and the model is kept for the next attempt. */
static int commit_nothing(struct notrack *nt, struct notrack_changes *changes)
{
	struct model kept = nt->model;
	int result;

	for (enum family family = IPV4; family < FAMILIES; family++)
		if (context_has(nt, family))
			nt->model.families[family] = (struct family_model){ 0 };
	nt->clients_only = false;
	result = notrack_commit(nt, changes);
	nt->model = kept;
	return result;
}

/* Tracked is better than deaf. */
static void withdraw(struct notrack_watch *watch, struct listener *listener, int err)
{
	struct notrack_changes changes = { .size = sizeof(changes) };
	struct notrack_watch_event event = { .size = sizeof(event), .kind = NOTRACK_WATCH_WITHDRAWN,
					     .err = err };
	struct error why = watch->nt->error, text;
	int result = commit_nothing(watch->nt, &changes);

	watch->checked_ms = now_ms();
	if (result < 0) {
		error_set(&text, 0, "%.450s; and what is there of our rules cannot be taken away: "
			  "%.450s", why.text, watch->nt->error.text);
		watch->nt->error = text;
		fail(watch, listener, err);
		return;
	}
	error_set(&text, 0, "%.850s; so no rule of ours is there now, and all services are tracked, "
		  "until something changes", why.text);
	event.text = text.text;
	event.removed = changes.removed;
	report_failure(watch, listener, WITHDRAWN, &event);
}

static void note_use(struct notrack *nt)
{
	nt->choice.used = true;
	nt->choice.last = nt->choice.backend;
}

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
	*(bool *)data = forwarding_is_on();
	return 0;
}

static bool ask_forwarding(struct notrack_watch *watch)
{
	bool is_on = watch->forwards;

	context_in_kernel(watch->nt, ask_forwarding_in_kernel, &is_on);
	return is_on;
}

/*
 * It is the host that has changed, and not the model: all services are looked at as if they
 * had just been added, and refused where they would no longer be answered.
 */
static void judge_anew(struct notrack *nt)
{
	nt->clients_only = false;
	nt->insists = true;
}

static void check(struct notrack_watch *watch, struct listener *listener)
{
	struct notrack_changes changes = { .size = sizeof(changes) };
	int result;

	watch->due_ms = NEVER;
	judge_anew(watch->nt);
	if (watch->gently && watch->state == IN_PLACE && !notrack_diff(watch->nt, NULL, NULL)) {
		watch->checked_ms = now_ms();
		return;
	}
	watch->mark = ask_mark(watch);	/* what comes after it is seen, our own commit included */
	watch->forwards = ask_forwarding(watch);
	judge_anew(watch->nt);
	result = notrack_commit(watch->nt, &changes);
	watch->checked_ms = now_ms();
	if (is_passing(result)) {
		fail(watch, listener, result);
	} else if (result < 0) {
		withdraw(watch, listener, result);
	} else {
		note_use(watch->nt);
		/* somebody may put back at once what was there before, which has the same mark */
		if (changes.added || changes.removed)
			watch->mark = UNKNOWN_MARK;
		report_done(watch, listener, &changes);
	}
}

/* --- signs of a change ------------------------------------------------ */

static void blame(struct notrack_watch *watch, const char *what)
{
	const struct nft_events *events = &watch->events;

	if (*events->program)
		snprintf(watch->cause, sizeof(watch->cause), "%s (process %u) had changed %s",
			 events->program, events->process, what);
	else
		snprintf(watch->cause, sizeof(watch->cause), "somebody had changed %s", what);
}

static void hear(struct notrack_watch *watch)
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
	watch->gently = false;
	at_ms = watch->checked_ms + (news & NFT_RULES_CHANGED ? PAUSE_MS : PAUSE_ELEMENTS_MS);
	if (!is_signed && at_ms < now_ms() + PAUSE_UNSIGNED_MS)
		at_ms = now_ms() + PAUSE_UNSIGNED_MS;
	request(watch, at_ms);
}

/* On a host that forwards, ours take packets for the host itself only. */
static void hear_switches(struct notrack_watch *watch)
{
	if (!forwarding_heard(&watch->switches) || ask_forwarding(watch) == watch->forwards)
		return;
	snprintf(watch->cause, sizeof(watch->cause), "somebody had changed whether this host forwards");
	watch->gently = false;
	request(watch, watch->checked_ms + PAUSE_MS);
}

static void look(struct notrack_watch *watch, uint64_t now)
{
	uint64_t mark = ask_mark(watch);

	watch->look_ms = now + LOOK_MS;
	watch->looks++;
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
	request(watch, watch->checked_ms + PAUSE_MS);
}

/* --- one descriptor --------------------------------------------------- */

/* In a storm of changes nobody listens until the next commit is due. */
static int listen_to_events(struct notrack_watch *watch, bool listens)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (watch->events.netlink.fd < 0 || listens == watch->listens)
		return 0;
	if (epoll_ctl(watch->poll_fd, listens ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		      watch->events.netlink.fd, &event))
		return -errno;
	watch->listens = listens;
	return 0;
}

static int arm(struct notrack_watch *watch)
{
	uint64_t at = watch->due_ms < watch->look_ms ? watch->due_ms : watch->look_ms;
	struct itimerspec time = { .it_value = { (time_t)(at / 1000), (long)(at % 1000) * 1000000 } };

	if (!at)	/* which would stop the timer */
		time.it_value.tv_nsec = 1;
	if (timerfd_settime(watch->timer_fd, TFD_TIMER_ABSTIME, &time, NULL))
		return -errno;
	return listen_to_events(watch, watch->due_ms == NEVER);
}

static int arm_or_say(struct notrack_watch *watch, struct notrack *nt)
{
	int err = arm(watch);

	errno = -err;
	return err ? error_set(&nt->error, error_of_system(err), "the watch cannot wait: %m") : 0;
}

static int open_descriptors(struct notrack_watch *watch)
{
	struct epoll_event event = { .events = EPOLLIN };

	watch->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch->poll_fd < 0 || watch->timer_fd < 0 ||
	    epoll_ctl(watch->poll_fd, EPOLL_CTL_ADD, watch->timer_fd, &event) ||
	    (watch->switches.fd >= 0 &&
	     epoll_ctl(watch->poll_fd, EPOLL_CTL_ADD, watch->switches.fd, &event)))
		return -errno;
	return arm(watch);
}

/* --- public calls ----------------------------------------------------- */

/* The number of the network namespace that a context works in. */
static int find_namespace(struct notrack *nt, void *data)
{
	struct stat namespace;

	if (stat("/proc/thread-self/ns/net", &namespace))
		return error_set(&nt->error, -EIO, "/proc/thread-self/ns/net: %m");
	*(ino_t *)data = namespace.st_ino;
	return 0;
}

static int start_in_kernel(struct notrack *nt, void *data)
{
	struct notrack_watch *watch = data;
	int err = find_namespace(nt, &watch->namespace);

	if (!err)
		err = instance_take(&watch->instance, "watch", &nt->error);
	if (err)
		return err;
	err = nft_events_open(&watch->events);
	if (!err && forwarding_listen(&watch->switches) == -ENOMEM)
		err = -ENOMEM;
	errno = -err;
	return err ? error_set(&nt->error, err == -EPERM ? err : error_of_system(err),
			       "changes of nftables cannot be listened to: %m%s", err == -EPERM ?
			       "; run as root, or with CAP_NET_ADMIN in this network namespace" :
			       "") : 0;
}

int notrack_watch_start(struct notrack *nt, struct notrack_watch **watch)
{
	struct notrack_watch *made;
	int err = context_begin(nt, ARGUMENT(watch));

	if (err)
		return err;
	*watch = NULL;
	err = context_complete(nt);	/* what somebody flushes cannot be read any more */
	if (err)
		return err;
	made = calloc(1, sizeof(*made));
	if (!made)
		return error_set(&nt->error, -ENOMEM, "out of memory");
	*made = (struct notrack_watch){ .nt = nt, .instance = INSTANCE_FREE, .poll_fd = -1,
					.timer_fd = -1, .events.netlink.fd = -1,
					.switches.fd = -1 };
	made->look_ms = now_ms() + LOOK_MS;
	err = context_in_kernel(nt, start_in_kernel, made);
	if (!err) {
		err = open_descriptors(made);
		errno = -err;
		if (err)
			err = error_set(&nt->error, error_of_system(err), "no descriptor to watch by: %m");
	}
	if (err)
		notrack_watch_stop(made);
	else
		*watch = made;
	return err;
}

int notrack_watch_fd(const struct notrack_watch *watch)
{
	return watch ? watch->poll_fd : -EINVAL;
}

int notrack_watch_run(struct notrack_watch *watch,
		      int (*visit)(const struct notrack_watch_event *event, void *data),
		      void *data)
{
	struct listener listener = { visit, data, 0 };
	uint64_t now = now_ms();
	int err;

	if (!watch)
		return -EINVAL;
	hear(watch);
	hear_switches(watch);
	if (now >= watch->look_ms)
		look(watch, now);
	if (now >= watch->due_ms)
		check(watch, &listener);
	err = arm_or_say(watch, watch->nt);
	return listener.result ? listener.result : err;
}

int notrack_watch_replace(struct notrack_watch *watch, struct notrack *nt)
{
	int err = context_begin(nt, ARGUMENT(watch));
	struct notrack_watch before;
	ino_t namespace = 0;

	if (!err)
		err = context_in_kernel(nt, find_namespace, &namespace);
	if (!err)
		err = context_complete(nt);
	if (err)
		return err;
	if (namespace != watch->namespace)
		return error_set(&nt->error, -EINVAL, "the watch is for another network namespace than this "
				 "context; stop it, and start one with this context");
	before = *watch;
	nt->choice.used = watch->nt->choice.used;
	nt->choice.last = watch->nt->choice.last;
	watch->nt = nt;
	watch->state = BEGINNING;
	watch->gently = false;
	watch->due_ms = 0;
	err = arm_or_say(watch, nt);
	if (err) {
		before.listens = watch->listens;
		*watch = before;
	}
	return err;
}

void notrack_watch_stop(struct notrack_watch *watch)
{
	if (!watch)
		return;
	nft_events_close(&watch->events);
	netlink_close(&watch->switches);
	if (watch->timer_fd >= 0)
		close(watch->timer_fd);
	if (watch->poll_fd >= 0)
		close(watch->poll_fd);
	instance_release(&watch->instance);
	free(watch);
}
