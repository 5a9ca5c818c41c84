/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What there is to say about a host: a code of struct notrack_finding, and a sentence. */
#ifndef LIB_FINDING_H
#define LIB_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/service.h"
#include "notrack.h"

struct finding {
	const char *code;
	enum notrack_status severity;
	/* by a comparison with the host as it is without us: of which service; else "" */
	char compared[SERVICE_NAME_MAX + 1];
	char text[512];
};

struct findings {
	struct finding *list;
	size_t count;
	uint32_t *slots;		/* hash table: numbers in the list, from 1 on; 0: free */
	size_t slot_count;
};

/* Adds one, unless it is there already; 0, or -ENOMEM. */
int findings_add(struct findings *findings, const char *code, enum notrack_status severity,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same of what a comparison with the host as it is without us found of a service. */
int findings_add_compared(struct findings *findings, const char *service, const char *code,
			  enum notrack_status severity, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The first that is a failure; NULL if there is none. */
const struct finding *findings_failure(const struct findings *findings);
size_t findings_count_failures(const struct findings *findings);
/* Adds those of another list; 0, or -ENOMEM. */
int findings_join(struct findings *to, const struct findings *from);
/* Failures that are among @others as well, and not among @own, become warnings. */
void findings_excuse(struct findings *findings, const struct findings *others,
		     const struct findings *own);
/* Those of a code go. */
void findings_remove(struct findings *findings, const char *code);
void findings_free(struct findings *findings);

#endif
