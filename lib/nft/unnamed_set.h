/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets without a name of their own: several values that one rule asks for, and no other. */
#ifndef LIB_NFT_UNNAMED_SET_H
#define LIB_NFT_UNNAMED_SET_H

#include "nft/message.h"
#include "support/netlink.h"

/* In a batch, before the kernel gives it a number. */
#define UNNAMED_SET "__set%d"

/* A set of the test's intervals, with the next number of the batch: two messages. */
void unnamed_set_write(struct batch *batch, const struct nft_subject *subject,
		       const struct nft_test *test);

/* What the kernel's set holds; it stays empty where it has what no set of ours has. */
int unnamed_set_read(struct netlink *netlink, const struct nft_place *place,
		     struct nft_table *table, struct nft_unnamed *set);

#endif
