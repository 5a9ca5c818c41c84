/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host that is asked at port 53, and asks there, and who of all is answered. */
#ifndef NOTRACK_TESTS_ASKED_DNS_H
#define NOTRACK_TESTS_ASKED_DNS_H

#include "packets.h"

struct backend_host;

struct backend_host *given_dns(void);

/* With handles. */
char *nft_ruleset(void);

/* Of conntrack, with that port at either end. */
unsigned int entries_of(const char *port);

/* Over UDP, and over TCP. */
void must_exchange(const struct family *family, struct end client, struct end server);

/* A ruleset of nftables; a filter table for the iptables-nft of both families. */
void given_text(const char *text);
void given_iptables_text(const char *text);

/* The peer who asks, this host that asks him, and this host that asks itself. */
void everybody_is_answered(const struct family *family);

/* Before the commit they are tracked; after it they are not, and those at the echo port are. */
void commit_untracks_who_is_answered(struct backend_host *host);

#endif
