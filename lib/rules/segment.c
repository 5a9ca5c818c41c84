/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/segment.h"

/* RFC 9293, section 3.1 */
#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define URG 0x20

const struct segment segments[SEGMENTS] = {
	{ FIN | SYN | RST | ACK, ACK, SENT_LATER | SENT_IN_ANSWER },
	{ FIN | SYN | RST | ACK, SYN, SENT_FIRST },
	{ FIN | SYN | RST | ACK | URG, SYN | ACK, SENT_IN_ANSWER },
	{ FIN | SYN | RST | ACK, FIN | ACK, SENT_LATER | SENT_IN_ANSWER },
	[SEGMENT_RESET] = { FIN | SYN | RST | URG, RST, SENT_LATER | SENT_IN_ANSWER },
};

void segment_match(struct match *match, const struct segment *segment)
{
	const bool first = segment->senders == SENT_FIRST;	/* iptables' --syn */

	match->syn = first ? SYN_ONLY : SYN_ANY;
	match->tcp_mask = first ? 0 : segment->mask;
	match->tcp_flags = first ? 0 : segment->flags;
}
