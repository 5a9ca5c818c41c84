/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others, and we, change in nftables, as the kernel tells it. */
#ifndef LIB_NFT_EVENTS_H
#define LIB_NFT_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "support/netlink.h"

enum nft_news {
	NFT_RULES_CHANGED = 1 << 0,	/* tables, chains, rules, sets; or news were lost */
	NFT_ELEMENTS_CHANGED = 1 << 1,	/* elements of sets alone */
};

struct nft_events {
	struct netlink netlink;		/* fd -1: the kernel has no such events */
	uint32_t own;			/* who we are to the kernel; 0: as to ourselves */
	bool is_signed;			/* the kernel has said who made a change, be it we */
	/* who else made the latest change, "" and 0 where that is not known */
	char program[16];
	uint32_t process;
};

/* In the network namespace of the calling thread; 0 also where there are no nftables. */
int nft_events_open(struct nft_events *events);
void nft_events_close(struct nft_events *events);

/*
 * Changes of the calling thread are ours from here on.  The kernel names it by its number in the
 * first of all PID namespaces, which is another one than ours in a container.
 */
void nft_events_sign(struct nft_events *events);

/* What has been told since the last call, enum nft_news; 0 where nothing was. */
unsigned int nft_events_take(struct nft_events *events);

#endif
