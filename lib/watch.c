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
#include <sys/timerfd.h>
#include <unistd.h>

#include "support/clock.h"
#include "support/forwarding.h"
#include "support/interfaces.h"
#include "watch.h"

/* Whom to report to, and what that returned. */
struct listener {
	int (*visit)(const struct notrack_watch_event *event, void *data);
	void *data;
	int result;
};

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

/* What goes by itself, or somebody has to mend; the rules that are there are as good as they were. */
static bool is_passing(int err)
{
	return err == -EBUSY || err == -ENOMEM || err == -EAGAIN || err == -EINTR || err == -EBADMSG;
}

static void fail(struct notrack_watch *watch, struct listener *listener, int err)
{
	struct notrack_watch_event event = { .size = sizeof(event), .kind = NOTRACK_WATCH_FAILED,
					     .err = err, .text = watch->nt->error.text };

	watch_request(watch, watch->checked_ms + PAUSE_FAILED_MS);
	report_failure(watch, listener, FAILED, &event);
}

/* A commit of the empty model, and the model is kept for the next attempt. */
static int commit_nothing(struct notrack *nt, struct notrack_changes *changes)
{
	const unsigned int force = nt->force;
	struct model kept = nt->model;
	int result;

	for (enum family family = IPV4; family < FAMILIES; family++)
		if (context_has(nt, family))
			nt->model.families[family] = (struct family_model){ 0 };
	nt->clients_only = false;
	nt->force |= NOTRACK_FORCE;	/* whatever is damaged */
	result = notrack_commit(nt, changes);
	nt->force = force;
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

/*
 * It is the host that has changed, and not the model: all services are looked at as if they
 * had just been added, and refused where they would no longer be answered.
 */
static void judge_anew(struct notrack *nt)
{
	nt->clients_only = false;
	nt->insists = true;
}

/* What a commit would do, with nothing of the context changed by looking. */
static int look_anew(struct notrack *nt, bool loading)
{
	const bool clients_only = nt->clients_only, insists = nt->insists;
	int result;

	judge_anew(nt);
	nt->loading = loading;
	result = notrack_diff(nt, NULL, NULL);
	nt->clients_only = clients_only;
	nt->insists = insists;
	nt->loading = false;
	return result;
}

/* Where all is as it is to be already, without the lock. */
static bool all_is_there(struct notrack_watch *watch, bool loading)
{
	return watch->gently && watch->state == IN_PLACE && !look_anew(watch->nt, loading);
}

/* What waits for the host's rules to be at rest is due then, whatever is looked at until then. */
static bool is_loading(const struct notrack_watch *watch, uint64_t now)
{
	return now < watch->changed_ms + SETTLE_MS &&
	       (!watch->deferred_ms || now < watch->deferred_ms + SETTLE_MAX_MS);
}

static void end_check(struct notrack_watch *watch, uint64_t begun_ms, int result)
{
	const bool waits = watch->nt->loading && watch->nt->deferred;

	watch->nt->loading = false;
	watch->checked_ms = now_ms();
	watch->took_ms = watch->checked_ms - begun_ms;
	if (result >= 0 && waits)
		watch_request(watch, watch->changed_ms + SETTLE_MS);
	watch->deferred_ms = !waits ? 0 : watch->deferred_ms ? watch->deferred_ms : begun_ms;
}

static void check(struct notrack_watch *watch, struct listener *listener)
{
	struct notrack_changes changes = { .size = sizeof(changes) };
	const uint64_t begun_ms = now_ms();
	const bool loading = is_loading(watch, begun_ms);
	int result;

	watch->due_ms = NEVER;
	if (all_is_there(watch, loading)) {
		end_check(watch, begun_ms, 0);
		if (loading)	/* which looks leave out, too */
			watch_request(watch, watch->changed_ms + SETTLE_MS);
		return;
	}
	watch_note_signs(watch);	/* what comes after it is seen, our own commit included */
	judge_anew(watch->nt);
	watch->nt->loading = loading;
	result = notrack_commit(watch->nt, &changes);
	end_check(watch, begun_ms, result);
	if (is_passing(result)) {
		fail(watch, listener, result);
	} else if (result < 0) {
		withdraw(watch, listener, result);
	} else {
		note_use(watch->nt);
		/* somebody may put back at once what was there before, which has the same mark */
		if (changes.added || changes.removed)
			watch_expect_change(watch);
		report_done(watch, listener, &changes);
	}
}

/* --- one descriptor --------------------------------------------------- */

/* In a storm of changes nobody listens until the next commit is due. */
static int wait_for_news(struct notrack_watch *watch, bool listens)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (listens == watch->listens)
		return 0;
	for (size_t i = 0; i < BACKENDS; i++)
		if (watch->news[i].netlink.fd >= 0 &&
		    epoll_ctl(watch->poll_fd, listens ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
			      watch->news[i].netlink.fd, &event) && errno != EEXIST && errno != ENOENT)
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
	return wait_for_news(watch, watch->due_ms == NEVER);
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

/* The network namespace that a context works in, from now on. */
static int find_namespace(struct notrack *nt, struct netns_id *namespace)
{
	*namespace = netns_identify(nt->netns_fd);
	return namespace->number ? 0 :
	       error_set(&nt->error, -EIO, "/proc/thread-self/ns/net: %m");
}

static int start_in_kernel(struct notrack *nt, void *data)
{
	struct notrack_watch *watch = data;
	int err = find_namespace(nt, &watch->namespace);

	if (!err)
		err = instance_take(&watch->instance, "watch", &nt->error);
	if (err)
		return err;
	for (size_t i = 0; i < BACKENDS && !err; i++)
		if (backends[i]->listen)
			err = backends[i]->listen(&watch->news[i]);
	if (!err && (forwarding_listen(&watch->switches) == -ENOMEM ||
		     interfaces_listen(&watch->interfaces) == -ENOMEM))
		err = -ENOMEM;
	return err ? netlink_explain(err, "changes of nftables cannot be listened to", &nt->error) : 0;
}

int notrack_watch_start(struct notrack *nt, struct notrack_watch **watch)
{
	UNCANCELLED;
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
					.timer_fd = -1, .switches.fd = -1, .interfaces.fd = -1 };
	for (size_t i = 0; i < BACKENDS; i++)
		made->news[i].netlink.fd = -1;
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

/* It lives on by our own descriptor, where nobody is any more. */
static int miss_namespace(const struct notrack_watch *watch)
{
	const struct notrack *nt = watch->nt;

	if (!nt->netns_path || !netns_has_gone(nt->netns_path, &watch->namespace))
		return 0;
	return error_set(&watch->nt->error, -ESTALE, "network namespace %.500s: it was deleted, or that is "
			 "another one by now: stop the watch, and start one there", nt->netns_path);
}

int notrack_watch_run(struct notrack_watch *watch,
		      int (*visit)(const struct notrack_watch_event *event, void *data),
		      void *data)
{
	UNCANCELLED;
	struct listener listener = { visit, data, 0 };
	uint64_t now = now_ms();
	struct netns_id namespace;
	bool looks;
	int err, gone;

	if (!watch)
		return -EINVAL;
	namespace = netns_identify(watch->nt->netns_fd);
	if (namespace.number && !netns_same(&namespace, &watch->namespace))
		return error_set(&watch->nt->error, -EINVAL, "the watch was started in another network "
				 "namespace than this thread is in now: go back there, or stop it");
	watch_hear(watch);
	looks = now >= watch->look_ms;
	if (looks)
		watch_look(watch, now);
	if (now >= watch->due_ms)
		check(watch, &listener);
	err = arm_or_say(watch, watch->nt);
	gone = looks && !err ? miss_namespace(watch) : 0;
	return listener.result ? listener.result : err ? err : gone;
}

/*
 * Where the new model is refused, what is in force need not go for it.  What may pass is no
 * refusal: it is tried again.
 */
static int judge_new(const struct notrack_watch *watch, struct notrack *nt)
{
	int result = look_anew(nt, is_loading(watch, now_ms()));

	return result < 0 && !is_passing(result) ? result : 0;
}

static int replace(struct notrack_watch *watch, struct notrack *nt)
{
	const struct notrack_watch before = *watch;
	const struct choice choice = nt->choice;
	int err = 0;

	nt->choice.used = watch->nt->choice.used;
	nt->choice.last = watch->nt->choice.last;
	if (nt != watch->nt && watch->state == IN_PLACE)
		err = judge_new(watch, nt);
	if (err) {
		nt->choice = choice;
		return err;
	}
	watch->nt = nt;
	watch->state = BEGINNING;
	watch->gently = false;
	watch->due_ms = 0;
	err = arm_or_say(watch, nt);
	if (err) {
		const bool listens = watch->listens;

		*watch = before;
		watch->listens = listens;
	}
	return err;
}

int notrack_watch_replace(struct notrack_watch *watch, struct notrack *nt)
{
	UNCANCELLED;
	int err = context_begin(nt, ARGUMENT(watch));
	struct netns_id namespace;

	if (!err)
		err = find_namespace(nt, &namespace);
	if (!err)
		err = context_complete(nt);
	if (err)
		return err;
	if (!netns_same(&namespace, &watch->namespace))
		return error_set(&nt->error, -EINVAL, "the watch is for another network namespace than this "
				 "context; stop it, and start one with this context");
	return replace(watch, nt);
}

void notrack_watch_stop(struct notrack_watch *watch)
{
	UNCANCELLED;
	if (!watch)
		return;
	for (size_t i = 0; i < BACKENDS; i++)
		netlink_close(&watch->news[i].netlink);
	netlink_close(&watch->switches);
	netlink_close(&watch->interfaces);
	if (watch->timer_fd >= 0)
		close(watch->timer_fd);
	if (watch->poll_fd >= 0)
		close(watch->poll_fd);
	instance_release(&watch->instance);
	free(watch);
}
