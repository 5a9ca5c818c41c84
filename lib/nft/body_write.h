/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A rule of ours in a table of others, as a message of a batch. */
#ifndef LIB_NFT_BODY_WRITE_H
#define LIB_NFT_BODY_WRITE_H

#include "nft/batch.h"
#include "nft/body.h"

/* Its sets, and the rule: ahead of the one that has the handle @before; 0: at the end. */
void nft_body_put(const struct nft_body *body, struct batch *batch,
		  const struct nft_subject *subject, uint64_t before);

#endif
