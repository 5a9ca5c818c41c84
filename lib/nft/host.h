/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of others: the chains of this host through which packets come in and go
 * out, and chains of ours that stand there.
 */
#ifndef LIB_NFT_HOST_H
#define LIB_NFT_HOST_H

#include "nft/read.h"
#include "rules/name.h"

struct nft_host_table {
	struct nft_place place;
	bool is_locked;			/* a program owns it, and would undo what we do there */
	struct nft_table table;		/* base chains of type filter at input and output, and
					   chains of ours */
};

struct nft_host {
	struct nft_host_table **list;
	size_t count;
	bool has_bodies;		/* as nft_sight_host() has them; else rules of ours alone */
	struct arena arena;
};

/*
 * Reads which chains there are, and the rules of those that are ours.  -EAGAIN, or -errno
 * with a sentence.
 */
int nft_host_read(struct nft_host *host, struct netlink *netlink, struct error *error);
void nft_host_free(struct nft_host *host);

struct nft_host_table *nft_host_find(const struct nft_host *host, const struct nft_place *place);

/* Whether a program writes the table anew whenever it likes. */
bool nft_table_is_rebuilt(const char *name);

bool nft_chain_is_ours(const struct nft_chain *chain);
/* At input or output: @direction says which. */
bool nft_chain_filters(const struct nft_chain *chain, enum direction *direction);

#endif
