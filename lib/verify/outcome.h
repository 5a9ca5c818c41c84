/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What packets become by a rule that translates. */
#ifndef LIB_OUTCOME_H
#define LIB_OUTCOME_H

#include "rules/view.h"

struct outcome {
	bool keeps_address, keeps_port;
	bool unsure;			/* by a map that others change: it may be any */
	struct address_range addresses;
	struct range ports;
	/* of these packets: those that an element has of each map; NULL: of none */
	struct {
		const struct view_lookup *map;
		size_t element;
	} of[2];
};

/* What @visit may return: no outcome with the same port is of interest. */
enum { OUTCOMES_NEXT_PORT = 1 };

/*
 * Visits each that a verdict may have; what @visit returned where it was an error, or 0.  Maps for
 * the address and the port may have thousands of elements each, and whoever visits them passes
 * over ports that it does not ask about.
 */
int outcomes_each(const struct step *verdict, enum family family,
		  int (*visit)(void *data, const struct outcome *outcome), void *data);

#endif
