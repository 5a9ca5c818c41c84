/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interfaces that rules tell apart: packets that come, or go, by others fare alike. */
#ifndef LIB_ENTRANCES_H
#define LIB_ENTRANCES_H

#include "rules/view.h"
#include "verify/host.h"
#include "verify/probe.h"

/* More are taken for alike: hosts of containers have hundreds. */
#define ENTRANCES_MAX 32

struct entrances {
	char list[ENTRANCES_MAX][IFNAMSIZ];
	size_t count;			/* at least one */
	bool others;			/* sets that are asked by key may name others */
	bool more;			/* rules name more than are listed */
};

/*
 * Those that are up, but lo, and where there is none, a name that no rule asks for; and those that
 * rules name and that are not there, or not up: at boot, none is, and a tunnel may be down.
 */
void entrances_find(struct entrances *entrances, const struct view *view, const struct host *host);

/*
 * Calls @visit with the probe on each of them, where it is on any interface; else once,
 * as it is.  0, or what @visit returned.
 */
int entrances_each(const struct entrances *entrances, const struct probe *probe,
		   int (*visit)(const struct probe *probe, void *data), void *data);

/* Whether a rule asks for an interface, be it in a set, and not for lo alone. */
bool entrances_are_named(const struct view_rule *rule);

/* The same as entrances_each(), by an interface of which nobody knows whether such a set has it; if there is one. */
int entrances_other(const struct entrances *entrances, const struct probe *probe,
		    int (*visit)(const struct probe *probe, void *data), void *data);

#endif
