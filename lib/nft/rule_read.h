/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules as the kernel has them, in whichever of the forms that nft(8) writes. */
#ifndef LIB_NFT_RULE_READ_H
#define LIB_NFT_RULE_READ_H

#include <libnftnl/rule.h>

#include "nft/table.h"

/*
 * Reads @rule into @draft, which refers to it and to the sets of @table; what it does
 * that no rule of ours does makes it TARGET_FOREIGN.
 */
void rule_read(struct nft_draft *draft, const struct nftnl_rule *rule,
	       const struct nft_table *table);

#endif
