/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a commit needs, and whether this host has it. */
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "support/lock.h"

struct doctor {
	struct notrack *nt;
	int (*visit)(const struct notrack_check *check, void *data);
	void *data;
	int result;
};

static void report(struct doctor *doctor, const char *name, enum notrack_status status, int err,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

static void report(struct doctor *doctor, const char *name, enum notrack_status status, int err,
		 const char *format, ...)
{
	char text[1200];
	struct notrack_check check = { .size = sizeof(check), .name = name, .status = status,
				       .err = err, .text = text };
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!doctor->result)
		doctor->result = doctor->visit(&check, doctor->data);
}

/* --- what a backend needs --------------------------------------------- */

static int report_check(const char *name, enum notrack_status status, int err, const char *text,
			void *data)
{
	struct doctor *doctor = data;

	report(doctor, name, status, err, "%s", text);
	return doctor->result;
}

static int check_backend(struct notrack *nt, void *data)
{
	const struct check_visitor visitor = { report_check, data };
	struct session session = context_session(nt);
	int result = backends[context_chosen(nt)]->check(&session, &visitor);

	/* what a visitor returned is in @data */
	return result < 0 && !((struct doctor *)data)->result ? result : 0;
}

/* --- the lock --------------------------------------------------------- */

static void check_lock(struct doctor *doctor)
{
	struct lock lock = LOCK_FREE;
	struct error error;
	int err;

	if (lock_is_held(&doctor->nt->lock)) {
		report(doctor, "lock", NOTRACK_OK, 0, "held by this very program");
		return;
	}
	err = lock_take(&lock, 0, &error);
	if (!err) {
		lock_release(&lock);
		report(doctor, "lock", NOTRACK_OK, 0, "free");
	} else {
		report(doctor, "lock", err == -EBUSY ? NOTRACK_WARNING : NOTRACK_FAILED,
		     err == -EBUSY ? 0 : err, "%s", error.text);
	}
}

int notrack_doctor(struct notrack *nt,
		   int (*visit)(const struct notrack_check *check, void *data), void *data)
{
	struct doctor doctor = { .nt = nt, .visit = visit, .data = data };
	int err = context_begin(nt, ARGUMENT(visit));

	if (err)
		return err;
	err = context_in_kernel(nt, check_backend, &doctor);
	if (!err)
		check_lock(&doctor);
	return err ? err : doctor.result;
}
