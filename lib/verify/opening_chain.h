/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chain that accepts what the host is opened for. */
#ifndef LIB_OPENING_CHAIN_H
#define LIB_OPENING_CHAIN_H

#include "model/model.h"
#include "rules/graft.h"
#include "rules/selector.h"
#include "verify/picks.h"

struct opening_content {
	const struct model *model;
	const struct pick_options *picks;
	const flow_set *flows[FAMILIES];	/* of each service */
	bool errors[FAMILIES];			/* ICMP errors */
	enum direction direction;
	const char *builtin;			/* after which the chain is named */
};

/* Adds it to the table.  0, or -ENOMEM. */
int opening_add_chain(struct grafts *grafts, struct view_table *table,
		      const struct opening_content *content, struct graft_chain **to);

/* Whether one that stands accepts the usual packet. */
bool opening_accepts(const struct view_chain *opening, const struct probe *probe);

/* Whether nothing is left in it that is about ports, as when somebody emptied its chains. */
bool opening_is_empty(const struct view_chain *opening);

#endif
