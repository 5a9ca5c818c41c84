/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a rule means, as bytes that can be compared. */
#ifndef LIB_NFT_BODY_ESSENCE_H
#define LIB_NFT_BODY_ESSENCE_H

#include "nft/body.h"
#include "nft/view_reader.h"

/*
 * Of the steps that reader_run() left in the view, @from these expressions; and the text
 * for people as well.  -ENOMEM
 */
int nft_body_describe(struct nft_body *body, struct view_reader *reader,
		      const struct view_table *table, const uint8_t *from, struct arena *arena);

#endif
