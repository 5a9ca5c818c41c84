/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one commit found out about base chains, for the next of the same context: a service that
 * was opened stays open while somebody loads the host's rules anew, and one whose sources the
 * host chose itself is not opened where those rules are gone for a moment, or for good.
 */
#ifndef LIB_OPENING_MEMORY_H
#define LIB_OPENING_MEMORY_H

#include "model/service.h"
#include "rules/selector.h"
#include "rules/view.h"

struct opening_note {
	uint64_t chain;			/* hash of its name, its table's, and the world's */
	enum family family;
	char service[SERVICE_NAME_MAX + 1];
	flow_set opened;		/* by us */
	flow_set decided;		/* by the host, which let some in, or everybody */
};

struct opening_memory {
	struct opening_note *list;
	size_t count;
	bool used;			/* a commit has gone by */
};

/* The note of a service, made where there is none; NULL: out of memory. */
struct opening_note *opening_memory_note(struct opening_memory *memory, const struct view_chain *base,
					 enum family family, const char *service);
/* The same, or one without any flows. */
const struct opening_note *opening_memory_find(const struct opening_memory *memory,
					       const struct view_chain *base, enum family family,
					       const char *service);
/* 0, or -ENOMEM. */
int opening_memory_copy(struct opening_memory *to, const struct opening_memory *from);
void opening_memory_free(struct opening_memory *memory);

#endif
