/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that decode matches share. */
#ifndef LIB_LEGACY_VIEW_MATCH_H
#define LIB_LEGACY_VIEW_MATCH_H

#include "rules/view.h"

/* One match that is being decoded. */
struct view_match {
	struct view *view;
	enum family family;
	const void *data;
};

/* Adds the steps of a match; 0, or -ENOMEM. */
typedef int view_match_decode(const struct view_match *match);

/* A name and revision that we know, with the size of what belongs to it. */
struct view_match_kind {
	const char *name;
	uint8_t revision;
	size_t size;
	view_match_decode *decode;
};

/* view_match_packet.c: what the packet says of itself */
view_match_decode view_match_tcp, view_match_udp, view_match_sctp, view_match_multiport,
		  view_match_icmp, view_match_iprange, view_match_mark, view_match_addrtype,
		  view_match_addrtype0, view_match_pkttype, view_match_rpfilter;
/* view_match_conntrack.c: what conntrack says of it */
view_match_decode view_match_conntrack1, view_match_conntrack2, view_match_state,
		  view_match_connmark, view_match_helper;
/* view_match_rate.c: what depends on the packets before it */
view_match_decode view_match_limit, view_match_hashlimit1, view_match_hashlimit2,
		  view_match_hashlimit3, view_match_connlimit, view_match_quota,
		  view_match_recent;

static inline void view_invert(struct step *step, bool inverted)
{
	if (inverted)
		step->flags ^= STEP_INVERTED;
}

#endif
