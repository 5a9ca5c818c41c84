/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: apply, and keep it applied. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "changes.h"
#include "config.h"
#include "context.h"
#include "heap.h"
#include "json.h"
#include "notify.h"
#include "support/clock.h"
#include "support/stream.h"

static bool force;

static const struct option_row rows[] = {
	FORCE_ROW(force),
	{ .name = NULL },
};

enum { AGAIN_MS = 1000 };		/* as notrack_watch_run() asks for, where it fails */

struct watcher {
	const struct options *options;
	struct notrack *nt;
	struct notrack_watch *watch;
	int signal_fd, watchdog_fd;
	bool started;			/* it was in force, or withdrawn, once */
	bool ready;			/* so it is since the configuration was read */
	bool looked;			/* at what was found about the host since then */
	char *warnings;			/* of those told last */
	bool ended;
	int code;
};

/* --- what it did ------------------------------------------------------ */

static const char *const kinds[] = {
	[NOTRACK_WATCH_IN_PLACE] = "in-place", [NOTRACK_WATCH_REPAIRED] = "repaired",
	[NOTRACK_WATCH_WITHDRAWN] = "withdrawn", [NOTRACK_WATCH_FAILED] = "failed",
};

static void print_event(const struct watcher *watcher, const struct notrack_watch_event *event)
{
	bool good = event->kind <= NOTRACK_WATCH_REPAIRED;

	if (watcher->options->json)
		json_print(json_pack("{s:s, s:i, s:i, s:o}", "event", kinds[event->kind], "added",
				     (int)event->added, "removed", (int)event->removed, "text",
				     json_text(event->text)), JSON_ONE_LINE);
	else if (good)
		report_line(event->kind == NOTRACK_WATCH_IN_PLACE ? LOG_INFO : LOG_NOTICE, "%s",
			    event->text);
	else
		complain(EXIT_FAILED, "%s", event->text);
	fflush(stdout);
}

/* At the start; later, it can only be a matter of what others do. */
static bool is_hopeless(const struct watcher *watcher, const struct notrack_watch_event *event)
{
	return !watcher->started && event->kind == NOTRACK_WATCH_FAILED &&
	       (event->err == -EPERM || event->err == -EPROTONOSUPPORT);
}

static int take_event(const struct notrack_watch_event *event, void *data)
{
	struct watcher *watcher = data;

	if (is_hopeless(watcher, event)) {
		watcher->code = complain_error(event->err, event->text);
		watcher->ended = true;
		return 0;
	}
	if ((size_t)event->kind < sizeof(kinds) / sizeof(kinds[0]))
		print_event(watcher, event);
	/* what waits for us may begin once packets fare as they are meant to, or as before */
	if (!watcher->ready && event->kind != NOTRACK_WATCH_FAILED) {
		watcher->started = watcher->ready = true;
		notify("READY=1\nSTATUS=%s\n", event->text);
	} else {
		notify("STATUS=%s\n", event->text);
	}
	return 0;
}

static int write_warning(const struct notrack_finding *finding, void *data)
{
	fprintf(data, "%s: %s\n", finding->code, finding->text);
	return 0;
}

/* NULL without memory. */
static char *read_warnings(struct notrack *nt)
{
	struct stream stream;

	if (stream_open(&stream))
		return NULL;
	notrack_each_finding(nt, write_warning, stream.out);
	stream_close(&stream);
	return stream.text;
}

static int warn(const struct notrack_finding *finding, void *data)
{
	(void)data;
	complain(0, "warning: %s: %s", finding->code, finding->text);
	return 0;
}

/*
 * Once for each configuration: what is so at each commit is no news.  Nor is it where the same
 * configuration was read again, as happens with each reload of the host's firewall.
 */
static void warn_once(struct watcher *watcher)
{
	char *warnings;

	if (watcher->looked || !watcher->ready)
		return;
	watcher->looked = true;
	warnings = read_warnings(watcher->nt);
	if (!warnings || !watcher->warnings || strcmp(warnings, watcher->warnings))
		notrack_each_finding(watcher->nt, warn, NULL);
	free(watcher->warnings);
	watcher->warnings = warnings;
}

/* --- the configuration ------------------------------------------------ */

static struct notrack *read_model(const struct options *options, int *code)
{
	struct config *config = config_new();
	struct notrack *nt = NULL;

	if (!config) {
		*code = out_of_memory();
		return NULL;
	}
	*code = config_read_files(config, options);
	if (!*code)
		heap_prepare(config_clients(config) * HEAP_CLIENT_BYTES);
	if (!*code)
		nt = open_context(options, code);
	if (nt && force)
		notrack_set_force(nt, NOTRACK_FORCE);
	if (nt)
		*code = config_build(config, options, nt);
	config_free(config);
	if (!nt || !*code)
		return nt;
	notrack_free(nt);
	return NULL;
}

/* A file that cannot be used, or would be refused, leaves what is in force as it is. */
static void reload(struct watcher *watcher)
{
	struct notrack *nt;
	int code, err;

	notify("RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reading the configuration again\n",
	       now_us());
	nt = read_model(watcher->options, &code);
	err = nt ? notrack_watch_replace(watcher->watch, nt) : 0;
	if (err) {
		code = complain_notrack(nt, err);
		notrack_free(nt);
		nt = NULL;
	}
	if (nt) {
		notrack_free(watcher->nt);
		watcher->nt = nt;
		watcher->ready = watcher->looked = false;
	} else {
		complain(code, "the configuration from before stays in force");
		notify("READY=1\nSTATUS=the configuration cannot be used; the one from before stays in "
		       "force\n");
	}
}

/* --- what to wait for ------------------------------------------------- */

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);	/* nobody reads what we print: go on */
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Twice as often as the manager asks for. */
static int open_watchdog(void)
{
	uint64_t us = notify_watchdog_us() / 2;
	const struct timespec each = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
	int fd = us ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) : -1;

	if (fd >= 0)
		timerfd_settime(fd, 0, &(struct itimerspec){ each, each }, NULL);
	return fd;
}

static void take_signals(struct watcher *watcher)
{
	struct signalfd_siginfo info;

	while (!watcher->ended && read(watcher->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(watcher);
		else
			watcher->ended = true;
	}
}

static void keep_watchdog_quiet(const struct watcher *watcher)
{
	uint64_t times;

	if (read(watcher->watchdog_fd, &times, sizeof(times)) == sizeof(times))
		notify("WATCHDOG=1");
}

/* What is over in a second is told once, and the rules are kept all the same: returns it. */
static int run(struct watcher *watcher, int before)
{
	int err = notrack_watch_run(watcher->watch, take_event, watcher), code;

	if (!err) {
		warn_once(watcher);
		return 0;
	}
	code = err == before ? 0 : complain_notrack(watcher->nt, err);
	if (err == -EINVAL || err == -ESTALE) {	/* not from here, or there is nothing to keep any more */
		watcher->code = code;
		watcher->ended = true;
	}
	return err;
}

static void loop(struct watcher *watcher)
{
	const int watch_fd = notrack_watch_fd(watcher->watch);
	int err = 0;
	struct pollfd fds[] = {
		{ .fd = watch_fd, .events = POLLIN },
		{ .fd = watcher->signal_fd, .events = POLLIN },
		{ .fd = watcher->watchdog_fd, .events = POLLIN },
	};

	while (!watcher->ended) {
		fds[0].fd = err ? -1 : watch_fd;
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), err ? AGAIN_MS : -1) < 0 && errno != EINTR) {
			watcher->code = complain(EXIT_FAILED, "poll: %m");
			return;
		}
		if (fds[2].revents)
			keep_watchdog_quiet(watcher);
		if (fds[1].revents)
			take_signals(watcher);
		if ((fds[0].revents || err) && !watcher->ended)
			err = run(watcher, err);
	}
}

/* --- all of it -------------------------------------------------------- */

static int watch(struct watcher *watcher)
{
	int err = notrack_watch_start(watcher->nt, &watcher->watch);

	if (err)
		return complain_notrack(watcher->nt, err);
	loop(watcher);
	notify("STOPPING=1\nSTATUS=the rules stay as they are\n");
	notrack_watch_stop(watcher->watch);
	return watcher->code;
}

static int run_watch(const struct options *options)
{
	struct watcher watcher = { .options = options, .signal_fd = open_signals(),
				   .watchdog_fd = open_watchdog() };
	int code;

	if (options->word_count && !strcmp(options->words[0], "-"))
		return complain(EXIT_BAD_INPUT, "-: standard input cannot be read again; name a file");
	if (watcher.signal_fd < 0)
		return complain(EXIT_FAILED, "signalfd: %m");
	complain_to_journal();
	watcher.nt = read_model(options, &code);
	if (watcher.nt)
		code = watch(&watcher);
	notrack_free(watcher.nt);
	free(watcher.warnings);
	if (watcher.watchdog_fd >= 0)
		close(watcher.watchdog_fd);
	close(watcher.signal_fd);
	return code;
}

const struct command command_watch = {
	.name = "watch",
	.arguments = "[FILE]",
	.summary = "apply, and put it right whenever others change the rules",
	.help = "Make the kernel exactly what FILE says, without it\n"
		CONFIG_FILE " and then " CONFIG_PARTS ", and stay:\n"
		"when somebody changes the rules of the host or removes ours, do it again, at most\n"
		"once in 100 ms. Where that is not possible, remove all rules of ours, so that no\n"
		"service is untracked and dropped, and try again after the next change.\n\n"
		"SIGHUP: read the files again. SIGTERM, SIGINT: end; the rules stay.\n",
	.rows = rows,
	.words_max = 1,
	.run = run_watch,
};
