/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the expressions of a rule to all that belongs to it. */
#ifndef LIB_NFT_BODY_READ_H
#define LIB_NFT_BODY_READ_H

#include "nft/body.h"
#include "nft/view_reader.h"
#include "rules/graft.h"

/*
 * Reads the sets that the expressions look up, and finds what they mean in @chain.  Maps lead where
 * @rule, of which that is the body, has them lead; NULL: where they do.  No conversation may be
 * under way on the reader's netlink.  0, or -errno.
 */
int nft_body_complete(struct nft_body *body, struct view_reader *reader, struct view_chain *chain,
		      const struct graft_rule *rule, struct arena *arena);

#endif
