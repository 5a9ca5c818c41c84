/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a rule, whoever made it, does with the packets that it does not single out. */
#ifndef LIB_NFT_RULE_SHAPE_H
#define LIB_NFT_RULE_SHAPE_H

#include <libnftnl/rule.h>

#include "nft/rule.h"

/* @chain becomes the chain that the rule leads to, by jump or goto; else it stays. */
enum nft_shape rule_shape(const struct nftnl_rule *rule, const char **chain);

#endif
