/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules, sets and tables in the words of nft(8). */
#ifndef LIB_NFT_PRINT_H
#define LIB_NFT_PRINT_H

#include <stdio.h>

#include "nft/table.h"

/* "inet" of NFPROTO_INET */
const char *nft_family_name(uint8_t family);

/* As "nft list" prints it, without the end of line. */
void nft_rule_print(const struct nft_rule *rule, FILE *out);
/* The same, cut to what there is room for. */
void nft_rule_text(const struct nft_rule *rule, char *text, size_t size);

/* "INPUT udp dport 53 accept": the chain, and the rule, without what its counter has. */
void nft_line_print(const struct nft_chain *chain, const struct nft_rule *rule, FILE *out);

void nft_chain_print(const struct nft_chain *chain, FILE *out);
/* The key of an element of ours, which is an address. */
void nft_key_print(const struct nft_set *set, const uint8_t *key, FILE *out);
/* As far as its elements, which the caller prints, and a brace to close. */
void nft_set_print(const struct nft_set *set, FILE *out);

#endif
