/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service in comments, in the words of the configuration file, so that the model can
 * be read back from the kernel alone.  A comment of nft(8) has up to 128 characters, so
 * that a description takes several; each tells which of how many it is, and so does a
 * description of which a part is missing or was changed.
 */
#ifndef LIB_NFT_DESCRIBE_H
#define LIB_NFT_DESCRIBE_H

#include "model/service.h"
#include "nft/table.h"

/* Ends @chain, at rules that no packet gets to, with the description.  -ENOMEM */
int nft_describe(struct nft_table *table, struct nft_chain *chain, const struct service *service,
		 unsigned int families);

/*
 * Hands each description in @chain to @take, with the families that it is for (bits), until
 * one returns other than 0.
 * Returns: that; -EBADMSG where the comments describe nothing, or not all of it; -ENOMEM.
 */
int nft_description_read(const struct nft_chain *chain,
			 int (*take)(struct service *service, unsigned int families, void *data),
			 void *data);

#endif
