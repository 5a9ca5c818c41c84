/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Segments of TCP by their flags: those that conntrack takes for possible (tcp_valid_flags in the
 * kernel's nf_conntrack_proto_tcp.c).  All others are INVALID to it.
 */
#ifndef LIB_SEGMENT_H
#define LIB_SEGMENT_H

#include "rules/rule.h"

/* Who sends a segment, and when: bits. */
enum segment_senders {
	SENT_FIRST = 1 << 0,		/* by whoever asks, to begin a connection */
	SENT_LATER = 1 << 1,		/* ... and behind that */
	SENT_IN_ANSWER = 1 << 2,
};

struct segment {
	uint8_t mask, flags;		/* of the header: the bits that are looked at, and those set */
	uint8_t senders;
};

/* The most frequent ones first. */
#define SEGMENTS 5
#define SEGMENT_RESET 4
extern const struct segment segments[SEGMENTS];

/* Asks for the segment, and in no other way: two rules that ask for it are the same. */
void segment_match(struct match *match, const struct segment *segment);

#endif
