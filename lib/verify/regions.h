/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports between which no rule of the host tells: packets that differ in them alone go the same
 * way, so that one of them is walked for all.  A service may have many ports.
 */
#ifndef LIB_REGIONS_H
#define LIB_REGIONS_H

#include "model/service.h"
#include "rules/view.h"

struct port_regions {
	uint16_t *of;		/* for each port, the number of its region */
	bool unknown;		/* a set, or a part of a port, is asked for: each port is one of its own */
};

/* What is of ours tells between ports as well, but treats those of one service alike.  -ENOMEM */
int regions_find(struct port_regions *regions, const struct view *view);
void regions_free(struct port_regions *regions);

/* Whether both ranges begin, and end, in the same region. */
bool regions_alike(const struct port_regions *regions, const struct port_range *one,
		   const struct port_range *other);

#endif
