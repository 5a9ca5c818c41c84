/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of notrack_doctor() share. */
#ifndef LIB_DOCTOR_H
#define LIB_DOCTOR_H

#include "context.h"
#include "rules/view.h"

struct doctor {
	struct notrack *nt;
	int (*visit)(const struct notrack_check *check, void *data);
	void *data;
	int result;
};

/* Tells of one thing that was looked at. */
void doctor_report(struct doctor *doctor, const char *name, enum notrack_status status, int err,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * To be called in the kernel's time: who else filters, and what untracked packets miss; and
 * the lines for firewall managers, for the services of @model.
 */
void doctor_check_rules(struct doctor *doctor, const struct view *view);
void doctor_check_managers(struct doctor *doctor, const struct view *view,
			   const struct model *model);

#endif
