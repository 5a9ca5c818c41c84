/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is answered at port 53, and who is not, with real packets: clients of HOST, HOST's own
 * questions to PEER, and HOST asking itself.  Nobody waits for what never comes: a frame of
 * no protocol that anybody filters follows the packets over each link, and what has not
 * arrived before it was dropped.
 */
#ifndef NOTRACK_TESTS_EXCHANGES_H
#define NOTRACK_TESTS_EXCHANGES_H

#include "netns.h"

/* Who asks, as bits. */
enum asker {
	OTHER = 1 << 0,			/* families[].other asks HOST */
	LIMITED = 1 << 1,		/* families[].limited asks HOST */
	OWN = 1 << 2,			/* HOST asks PEER */
	SELF = 1 << 3,			/* HOST asks itself, over lo and by its own address */
	EVERYBODY = OTHER | LIMITED | OWN | SELF,
};

/* Servers at HOST and PEER, over UDP and TCP; after netns_add_peer(). */
void exchanges_begin(void);

/* A line each: "ipv4 udp other: answered". */
char *exchanges(void);

/* The same, if these are answered over all protocols of IPv4 and of IPv6, and nobody else. */
char *exchanges_expected(unsigned int ipv4, unsigned int ipv6);

/* How many of so many questions over UDP are answered. */
unsigned int exchanges_answered(const struct family *family, const char *client,
				unsigned int questions);

#endif
