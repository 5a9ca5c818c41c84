/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel has of a table. */
#ifndef LIB_NFT_READ_H
#define LIB_NFT_READ_H

#include "nft/message.h"
#include "support/error.h"
#include "support/netlink.h"

/*
 * Reads the chains, rules and sets of a table, but for the elements of sets that have
 * a name; a table that is not there is empty.  What is read may be of two moments
 * where read_generation() says other things before and after; -EAGAIN where the kernel
 * says so.
 */
int read_table(struct netlink *netlink, const struct nft_place *place, struct nft_table *table,
	       struct error *error);

/* The rules of one chain, of those of @table; unnamed sets are not read. */
int read_chain_rules(struct netlink *netlink, const struct nft_place *place,
		     struct nft_table *table, struct nft_chain *chain);

struct nftnl_chain;

/* What is told of a chain, but for its name. */
void read_chain(struct nft_chain *chain, const struct nftnl_chain *from);
/* The same, as a new chain of a table.  0, or -ENOMEM */
int read_chain_into(struct nft_table *table, const struct nftnl_chain *from, const char *name);
/* Hands on the chain that a message is about. */
int read_chain_message(const struct nlmsghdr *message,
		       int (*take)(void *data, const struct nftnl_chain *chain), void *data);

#endif
