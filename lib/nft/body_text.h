/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of ours in tables of others as text, in the words of nft(8). */
#ifndef LIB_NFT_BODY_TEXT_H
#define LIB_NFT_BODY_TEXT_H

#include "nft/body.h"
#include "rules/view.h"

/* Of the steps that are in the view; what it has no words for is named alone.  -ENOMEM */
int nft_body_text(struct nft_body *body, const struct view *view, const struct view_table *table,
		  struct arena *arena);

#endif
