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

/* Visits each that a verdict may have; what @visit returned where it was not 0, or 0. */
int outcomes_each(const struct step *verdict, enum family family,
		  int (*visit)(void *data, const struct outcome *outcome), void *data);

#endif
