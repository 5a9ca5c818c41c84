/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a map of theirs leads in a copy of ours. */
#ifndef LIB_NFT_BODY_LEAD_H
#define LIB_NFT_BODY_LEAD_H

#include "nft/body.h"
#include "nft/view_attribute.h"
#include "rules/graft.h"

/* Makes elements of a set lead where @rule has them lead. -ENOMEM */
int nft_body_lead(struct nft_body_part *part, const struct graft_rule *rule, struct arena *arena);

#endif
