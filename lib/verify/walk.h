/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets of a flow on their way through the hooks, as the kernel has them. */
#ifndef LIB_WALK_H
#define LIB_WALK_H

#include "verify/walk_task.h"

/* A traveller with all the packets of a probe, on @sides (bits). */
struct traveller walk_begin(const struct walk *walk, const struct probe *probe, unsigned int sides);

/*
 * Takes travellers through the chains of a hook, and leaves those that go on.
 * 0, or -ENOMEM; @company is to be freed also on error.
 */
int walk_hook(struct walk *walk, enum hook hook, struct company *company);

/*
 * The whole way of @probe: in, out, or, where this host asks itself, out and in
 * again.  Fills the journeys, and @walk->parted.
 */
enum whole_way { WAY_IN, WAY_OUT, WAY_LOOPBACK };
int walk_all(struct walk *walk, const struct probe *probe, enum whole_way way);

/* Through one base chain alone, behind conntrack: fills the journeys. */
int walk_chain(struct walk *walk, const struct view_chain *base, const struct probe *probe);

/*
 * Of what was decided on a walk, what holds for later packets of the same connection as well, as
 * that their address is in a set.  A later walk knows it by the same numbers: see walk.begin.
 */
struct decisions walk_lasting(const struct walk *walk, const struct traveller *traveller);

void walk_free(struct walk *walk);

/* Where conntrack looks at packets, among the chains of prerouting and output. */
#define CONNTRACK_PRIORITY (-200)

#endif
