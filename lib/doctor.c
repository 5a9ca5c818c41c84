/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a commit needs, and whether this host has it. */
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <unistd.h>

#include "support/lock.h"
#include "support/netns.h"

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

/* --- tables and what they hold ---------------------------------------- */

struct trial {
	const struct xt_family *kernel;
	enum table_id id;
	bool exists, foreign;
	bool tried;
	int err;
	struct error error;
};

/* A table is made by being read: where it is not there, elsewhere. */
static void *try_table(void *data)
{
	struct trial *trial = data;
	struct table table = { 0 };

	trial->tried = trial->exists || !unshare(CLONE_NEWNET);
	if (!trial->tried)
		return NULL;
	trial->err = table_open(&table, trial->kernel, trial->id, trial->foreign, &trial->error);
	table_close(&table);
	return NULL;
}

static void check_table(struct doctor *doctor, const struct xt_family *kernel, enum table_id id)
{
	struct trial trial = { .kernel = kernel, .id = id, .exists = table_exists(kernel, id),
			       .foreign = doctor->nt->netns_fd >= 0 };
	char name[32];

	snprintf(name, sizeof(name), "table %s (%s)", table_name(id), kernel->name);
	if (netns_thread(try_table, &trial)) {
		report(doctor, name, NOTRACK_WARNING, 0, "could not be tried: no thread");
		return;
	}
	if (!trial.tried)
		report(doctor, name, NOTRACK_WARNING, 0, "not in use yet, and not tried: a network "
		     "namespace to try it in needs CAP_SYS_ADMIN");
	else if (trial.err)
		report(doctor, name, NOTRACK_FAILED, trial.err, "%s", trial.error.text);
	else
		report(doctor, name, NOTRACK_OK, 0, "%s", trial.exists ? "in use" :
		     "not in use yet, and can be had");
}

static void check_extensions(struct doctor *doctor, const struct xt_family *kernel)
{
	struct features revisions = { 0 };
	struct error error;
	int err = features_ask(&revisions, kernel, &error);
	char name[40];

	snprintf(name, sizeof(name), "matches and targets (%s)", kernel->name);
	if (err)
		report(doctor, name, NOTRACK_FAILED, err, "%s", error.text);
	else
		report(doctor, name, NOTRACK_OK, 0, "multiport, comment, %s", revisions.notrack ?
		     "NOTRACK" : "CT --notrack in place of NOTRACK");
	snprintf(name, sizeof(name), "hashlimit (%s)", kernel->name);
	if (!err && !revisions.hashlimit)
		report(doctor, name, NOTRACK_FAILED, -EPROTONOSUPPORT, "not there: services work, "
		     "limits do not; load module xt_hashlimit");
	else if (!err && revisions.hashlimit == 1)
		report(doctor, name, NOTRACK_WARNING, 0, "revision 1: rates up to 10000/sec, in "
		     "coarse steps");
	else if (!err)
		report(doctor, name, NOTRACK_OK, 0, "revision %d", revisions.hashlimit);
}

static int check_families(struct notrack *nt, void *data)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		if (!context_has(nt, family))
			continue;
		check_table(data, &xt_families[family], RAW);
		check_table(data, &xt_families[family], FILTER);
		check_extensions(data, &xt_families[family]);
	}
	return 0;
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
	int err;

	context_begin(nt);
	err = context_in_kernel(nt, check_families, &doctor);
	if (!err)
		check_lock(&doctor);
	return err ? err : doctor.result;
}
