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

/* A match by its name, with the revisions that we know, and the size of what belongs to each. */
#define MATCH_REVISIONS_MAX 4

struct match_kind {
	const char *name;
	bool asks_conntrack;		/* whatever its revision */
	struct match_revision {
		uint8_t revision;
		size_t size;
		match_decode *decode;	/* NULL: no more of them */
	} revisions[MATCH_REVISIONS_MAX];
};

extern const struct match_kind match_kinds[];
extern const size_t match_kind_count;

/* match_packet.c: what the packet says of itself */
match_decode match_tcp, match_udp, match_sctp, match_multiport, match_icmp, match_iprange,
	     match_mark, match_addrtype, match_addrtype0, match_pkttype, match_rpfilter;
/* match_conntrack.c: what conntrack says of it */
match_decode match_conntrack1, match_conntrack2, match_state, match_connmark, match_helper,
	match_of_entry, match_connlabel;
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
