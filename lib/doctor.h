/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of notrack_doctor() share. */
#ifndef LIB_DOCTOR_H
#define LIB_DOCTOR_H

#include "context.h"
#include "rules/view.h"
#include "support/arena.h"

struct told_check {
	struct told_check *next;
	struct notrack_check check;
};

/* All is looked at first, and then told: the kernel may be asked by a thread of its own. */
struct doctor {
	struct notrack *nt;
	struct arena arena;
	struct told_check *first, *last;
	bool failed;			/* no memory for one of them */
};

/* Tells @doctor, a struct doctor, of one thing that was looked at, as struct check_visitor has it. */
void doctor_report(void *doctor, const char *name, enum notrack_status status, int err,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * To be called in the kernel's time: who else filters, and what untracked packets miss; and
 * the lines for firewall managers, for the services of @model.
 */
void doctor_check_rules(struct doctor *doctor, const struct view *view);
void doctor_check_managers(struct doctor *doctor, const struct view *view,
			   const struct model *model);

#endif
