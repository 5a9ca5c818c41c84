/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* News of a packet filter: that somebody changed something, and who it was. */
#ifndef LIB_NEWS_H
#define LIB_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "support/netlink.h"

/* What has been changed, by others or by us, as the kernel tells whoever listens. */
enum news {
	NEWS_OF_RULES = 1 << 0,		/* tables, chains, rules, sets; or news were lost */
	NEWS_OF_ELEMENTS = 1 << 1,	/* elements of sets alone */
};

struct news_queue {
	struct netlink netlink;		/* closed with it; fd -1: the kernel tells nothing */
	uint32_t own;			/* who we are to the kernel; 0: as to ourselves */
	bool is_signed;			/* the kernel has said who made a change, be it we */
	/* who else made the latest change, "" and 0 where that is not known */
	char program[16];
	uint32_t process;
};

#endif
