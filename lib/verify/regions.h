/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports between which no rule of the host tells: packets that differ in them alone go the same
 * way, so that one of them is walked for all.  A service may have many ports.
 */
#ifndef LIB_REGIONS_H
#define LIB_REGIONS_H

#include "model/service.h"
#include "rules/view.h"

/* Ports below are those of services, of which a client asks from none. */
#define CLIENT_PORT_MIN 1024

#define REGION_WORDS ((UINT16_MAX + 1) / 64)

struct port_regions {
	uint64_t begins[REGION_WORDS];	/* a bit for each port: a region begins there */
	uint16_t before[REGION_WORDS];	/* how many begin ahead of the word */
	bool unknown;		/* a set, or a part of a port, is asked for: each port is one of its own */
};

/* What is of ours tells between ports as well, but treats those of one service alike. */
void regions_find(struct port_regions *regions, const struct view *view);

/* Whether both ranges begin, and end, in the same region. */
bool regions_alike(const struct port_regions *regions, const struct port_range *one,
		   const struct port_range *other);

#endif
