/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports of one end of a flow, cut up into as many as one rule holds. */
#ifndef LIB_PORT_LIST_H
#define LIB_PORT_LIST_H

#include "model/service.h"
#include "rules/rule.h"

struct port_list {
	const struct port_range *ranges;	/* in order, apart from each other */
	size_t count;
	bool inverted;				/* all ports but these */
};

/* Ranges in any order become a list: sorts and merges them in place. */
struct port_list port_list_merge(struct port_range *ranges, size_t count);

/* What is left of a range without the ports of a list; -ENOMEM. */
int port_list_without(const struct port_range *range, const struct port_list *without,
		      struct arena *arena, struct port_list *left);

/*
 * As many of the ports as one rule holds, from *@next on, which begins at 0.  Returns
 * whether there were any: a list without ranges is one rule that asks for no port, if
 * it is inverted, and else none.
 */
bool port_list_take(const struct port_list *list, size_t *next, struct ports *ports);

#endif
