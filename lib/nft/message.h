/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of a batch: tables, chains, sets and rules that come or go. */
#ifndef LIB_NFT_MESSAGE_H
#define LIB_NFT_MESSAGE_H

#include "nft/batch.h"
#include "nft/table.h"

/* Whose chains: a family (NFPROTO_*) and the name of a table. */
struct nft_place {
	uint8_t family;
	const char *table;
	/*
	 * iptables-nft must be able to read its rules.  It does not know all that nft(8) can
	 * say: several values at once, the type of an ICMP message other than as xtables has
	 * it; and it puts a counter into every rule.
	 */
	bool is_iptables;
};

/*
 * Each puts a message, or several, where the batch has memory for it; whether it had
 * says batch_send().  What is passed must outlive the batch.
 */
void message_add_table(struct batch *batch, const struct nft_place *place);
void message_delete_table(struct batch *batch, const struct nft_place *place);
void message_add_chain(struct batch *batch, const struct nft_place *place,
		       const struct nft_chain *chain);
void message_delete_chain(struct batch *batch, const struct nft_place *place, const char *chain);
void message_add_set(struct batch *batch, const struct nft_place *place,
		     const struct nft_set *set);
void message_delete_set(struct batch *batch, const struct nft_place *place, const char *set);

/* Ahead of the rule that has the handle @before; 0: at the end. */
void message_add_rule(struct batch *batch, const struct nft_place *place, const char *chain,
		      const struct nft_rule *rule, uint64_t before);
void message_delete_rule(struct batch *batch, const struct nft_place *place, const char *chain,
			 const struct nft_rule *rule);
void message_flush_chain(struct batch *batch, const struct nft_place *place, const char *chain);

#endif
