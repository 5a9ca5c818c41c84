/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a commit needs, and whether this host has it; and what else is in the way of packets. */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conntrack/conntrack.h"
#include "support/instance.h"
#include "support/lock.h"
#include "support/text.h"

static void report(struct doctor *doctor, const char *name, enum notrack_status status, int err,
		   const char *format, va_list args)
{
	struct told_check *told;
	char text[1200];

	vsnprintf(text, sizeof(text), format, args);	/* first, as it may tell of errno */
	text_make_plain(text);
	told = arena_alloc(&doctor->arena, sizeof(*told));
	if (told)
		told->check = (struct notrack_check){
			.size = sizeof(told->check), .status = status, .err = err,
			.name = arena_strdup(&doctor->arena, name),
			.text = arena_strdup(&doctor->arena, text),
		};
	if (!told || !told->check.name || !told->check.text) {
		doctor->failed = true;
		return;
	}
	*(doctor->last ? &doctor->last->next : &doctor->first) = told;
	doctor->last = told;
}

void doctor_report(void *doctor, const char *name, enum notrack_status status, int err,
		   const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(doctor, name, status, err, format, args);
	va_end(args);
}

/* --- what a backend needs --------------------------------------------- */

/* The chosen one; all of them, where none can be chosen. */
static void check_backends(struct notrack *nt, struct doctor *doctor)
{
	const struct check_visitor visitor = { doctor_report, doctor };
	struct session session = context_session(nt);
	int err = context_choose(nt);

	if (err)
		doctor_report(doctor, "backend", NOTRACK_FAILED, err, "%s", nt->error.text);
	else
		doctor_report(doctor, "backend", NOTRACK_OK, 0, "%s: %s",
		       backends[context_chosen(nt)]->name, nt->choice.why);
	for (size_t i = 0; i < BACKENDS; i++)
		if (err || i == context_chosen(nt))
			backends[i]->check(&session, &visitor);
}

/* --- the lock --------------------------------------------------------- */

static void check_lock(struct doctor *doctor)
{
	struct lock lock = LOCK_FREE;
	struct error error;
	int err;

	if (lock_is_held(&doctor->nt->lock)) {
		doctor_report(doctor, "lock", NOTRACK_OK, 0, "held by this very program");
		return;
	}
	err = lock_take(&lock, 0, &error);
	if (!err) {
		lock_release(&lock);
		doctor_report(doctor, "lock", NOTRACK_OK, 0, "free");
	} else {
		doctor_report(doctor, "lock", err == -EBUSY ? NOTRACK_WARNING : NOTRACK_FAILED,
		     err == -EBUSY ? 0 : err, "%s", error.text);
	}
}

/* --- the conntrack table ---------------------------------------------- */

static void check_conntrack(struct doctor *doctor)
{
	struct conntrack_totals totals;
	struct conntrack conntrack;
	struct error error;
	bool nearly_full, lost;
	int err = conntrack_open(&conntrack, &error);

	if (!err) {
		err = conntrack_read_totals(&conntrack, &totals, &error);
		conntrack_close(&conntrack);
	}
	if (err) {
		doctor_report(doctor, "conntrack table", NOTRACK_WARNING, 0, "%s", error.text);
		return;
	}
	nearly_full = totals.max && totals.count >= totals.max / 10 * 9;
	lost = totals.dropped || totals.early_dropped;
	doctor_report(doctor, "conntrack table", nearly_full || lost ? NOTRACK_WARNING : NOTRACK_OK, 0,
	       "%" PRIu64 " of %" PRIu64 " entries%s; so far, %" PRIu64 " packets dropped, %" PRIu64
	       " entries dropped early, %" PRIu64 " not inserted%s", totals.count, totals.max,
	       nearly_full ? ", nearly full" : "", totals.dropped, totals.early_dropped,
	       totals.insert_failed, nearly_full || lost ? ": no longer track the services that fill "
	       "it, or raise net.netfilter.nf_conntrack_max" : "");
}

/* One record a read: "priority,number,microseconds,flags;text". */
static void check_log(struct doctor *doctor)
{
	char record[8192];
	unsigned long lines = 0;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t size;

	if (fd < 0) {
		doctor_report(doctor, "kernel log", NOTRACK_WARNING, 0, "may not be read here");
		return;
	}
	while ((size = read(fd, record, sizeof(record) - 1)) > 0 || (size < 0 && errno == EPIPE)) {
		if (size < 0)	/* overwritten while we read: go on with what is there */
			continue;
		record[size] = '\0';
		if (strstr(record, "nf_conntrack") && strstr(record, "table full"))
			lines++;
	}
	close(fd);
	if (lines)
		doctor_report(doctor, "kernel log", NOTRACK_WARNING, 0, "%lu lines say that the conntrack "
		       "table was full", lines);
	else
		doctor_report(doctor, "kernel log", NOTRACK_OK, 0, "does not say that the conntrack table was "
		       "full");
}

/* --- who else filters ------------------------------------------------- */

/* What the kernel has of ours; nothing where it cannot be read. */
static void load_model(struct notrack *nt, struct model *model)
{
	struct image *image;

	if (!context_image(nt, context_chosen(nt), PART_RULES, &image) &&
	    !backends[context_chosen(nt)]->raise(image, PART_RULES, model))
		return;
	model_free(model);
	*model = (struct model){ 0 };
}

/* What cannot be read is told, and in force all the same; nothing is said of a part.  Whether all is. */
static bool read_chains(struct doctor *doctor, struct view *view)
{
	struct session session = context_session(doctor->nt);
	size_t count = 0;

	for (size_t i = 0; i < BACKENDS; i++) {
		struct error error = { "out of memory" };

		session.error = &error;
		if (!backends[i]->view(&session, NULL, view))
			count++;
		else
			doctor_report(doctor, "rules of others", NOTRACK_WARNING, 0, "%s; if there are "
				      "rules, they are in force beside ours", error.text);
	}
	if (count < BACKENDS)
		return false;
	doctor->failed |= view_reach(view) != 0;
	return !doctor->failed;
}

/* Everybody's chains: the checks of what is in them say nothing where they cannot be read. */
static void check_chains(struct doctor *doctor)
{
	struct notrack *nt = doctor->nt;
	struct model model = { 0 };
	struct view view = { 0 };

	if (read_chains(doctor, &view)) {
		load_model(nt, &model);
		doctor_check_rules(doctor, &view);
		doctor_check_managers(doctor, &view, &model);
	}
	view_free(&view);
	model_free(&model);
}

/* --- who puts right what others change -------------------------------- */

static void check_watch(struct doctor *doctor)
{
	static const char name[] = "watch";
	pid_t holder = instance_holder("watch");

	if (holder > 0)
		doctor_report(doctor, name, NOTRACK_OK, 0, "runs (process %d)", (int)holder);
	else if (!holder)
		doctor_report(doctor, name, NOTRACK_OK, 0, "does not run: where others change rules, or "
			      "remove ours, somebody has to commit again");
	else
		doctor_report(doctor, name, NOTRACK_WARNING, 0, "cannot be told: its lock may not be "
			      "read here");
}

/* --- all of it -------------------------------------------------------- */

static int check_kernel(struct notrack *nt, void *data)
{
	check_backends(nt, data);
	check_conntrack(data);
	check_chains(data);
	check_watch(data);
	return 0;
}

int notrack_doctor(struct notrack *nt,
		   int (*visit)(const struct notrack_check *check, void *data), void *data)
{
	UNCANCELLED;
	struct doctor doctor = { .nt = nt };
	int err = context_begin(nt, ARGUMENT(visit)), result = 0;

	if (!err)
		err = context_in_kernel(nt, check_kernel, &doctor);
	if (!err) {
		check_lock(&doctor);
		check_log(&doctor);
		context_begin(nt);	/* what the checks found is no error of this call */
		err = doctor.failed ? error_set(&nt->error, -ENOMEM, "out of memory") : 0;
	}
	for (const struct told_check *told = doctor.first; told && !result; told = told->next)
		result = visit(&told->check, data);
	arena_free(&doctor.arena);
	return err ? err : result;
}
