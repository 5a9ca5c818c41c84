/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that decode matches share. */
#ifndef LIB_LEGACY_EXTENSIONS_MATCH_H
#define LIB_LEGACY_EXTENSIONS_MATCH_H

#include "rules/view.h"

/* One match that is being decoded. */
struct match_data {
	struct view *view;
	enum family family;
	const void *data;
};

/* Adds the steps of a match; 0, or -ENOMEM. */
typedef int match_decode(const struct match_data *match);

/* A name and revision that we know, with the size of what belongs to it. */
struct match_kind {
	const char *name;
	uint8_t revision;
	size_t size;
	match_decode *decode;
};

/* match_packet.c: what the packet says of itself */
match_decode match_tcp, match_udp, match_sctp, match_multiport, match_icmp, match_iprange,
	     match_mark, match_addrtype, match_addrtype0, match_pkttype, match_rpfilter;
/* match_conntrack.c: what conntrack says of it */
match_decode match_conntrack1, match_conntrack2, match_state, match_connmark, match_helper,
	match_connbytes, match_connlabel, match_cluster;
/* match_rate.c: what depends on the packets before it */
match_decode match_limit, match_hashlimit1, match_hashlimit2, match_hashlimit3, match_connlimit,
	     match_quota, match_recent;
/* match_set.c: sets of ipset */
match_decode match_set, match_set3, match_set4;

static inline void view_invert(struct step *step, bool inverted)
{
	if (inverted)
		step->flags ^= STEP_INVERTED;
}

#endif
