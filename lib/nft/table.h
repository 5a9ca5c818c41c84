/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table of nftables: the chains and sets that it has, or is to have. */
#ifndef LIB_NFT_TABLE_H
#define LIB_NFT_TABLE_H

#include "nft/rule.h"

/* Ours.  "notrack" alone is a keyword of nft(8), and no name for a table. */
#define NFT_TABLE "libnotrack"

/* Room for the names that we give; the kernel takes up to 255 characters. */
#define NFT_NAME_ROOM 96

/* Where a base chain is called from. */
struct nft_hook {
	uint32_t number;		/* NF_INET_* */
	int32_t priority;
	uint32_t policy;		/* NF_ACCEPT or NF_DROP */
	bool is_filter;			/* type filter: ours are */
};

struct nft_chain {
	const char *name;
	bool is_base;
	struct nft_hook hook;
	uint32_t use;			/* as read: how many rules it has, and rules that lead to it */
	struct nft_rule *rules;
	size_t count, room;
	struct nft_chain *next;		/* in the table's index */
};

/* A set that has a name. */
struct nft_set {
	const char *name;
	uint32_t key_type;		/* of nft(8): see set.h */
	uint32_t key_size;
	bool counts;			/* each element has a counter */
	bool is_dynamic;		/* rules add elements */
	bool is_foreign;		/* has what no set of ours has */
	uint32_t size;			/* elements at most; 0: no limit */
	uint64_t timeout_ms;		/* 0: elements stay */
};

/* What a set without a name holds, by the name that the kernel gave it. */
struct nft_unnamed {
	const char *name;
	bool has_intervals;		/* else each element is a single value */
	const struct nft_interval *list;
	size_t count;
};

struct nft_table {
	bool exists;
	bool is_dormant;
	struct nft_chain **chains;
	size_t chain_count;
	struct nft_chain **index;	/* of the chains, by name: a hash table */
	size_t index_size;		/* a power of two */
	struct nft_set **sets;
	size_t set_count;
	struct nft_unnamed *unnamed;
	size_t unnamed_count;
	struct arena arena;
};

/* NULL if out of memory. */
struct nft_chain *nft_table_add_chain(struct nft_table *table, const char *name);
struct nft_set *nft_table_add_set(struct nft_table *table, const char *name);
struct nft_unnamed *nft_table_add_unnamed(struct nft_table *table, const char *name);
struct nft_chain *nft_table_chain(const struct nft_table *table, const char *name);
struct nft_set *nft_table_set(const struct nft_table *table, const char *name);
const struct nft_unnamed *nft_table_unnamed(const struct nft_table *table, const char *name);
/* Makes room for so many rules in all, at once; 0 or -ENOMEM. */
int nft_chain_reserve(struct nft_table *table, struct nft_chain *chain, size_t room);
/* A rule more, to be filled in; NULL if out of memory. */
struct nft_rule *nft_chain_add_room(struct nft_table *table, struct nft_chain *chain);
/* -ENOMEM, -E2BIG */
int nft_chain_add(struct nft_table *table, struct nft_chain *chain, const struct nft_draft *draft);
void nft_table_free(struct nft_table *table);

bool nft_chain_same_hook(const struct nft_chain *a, const struct nft_chain *b);
bool nft_set_same(const struct nft_set *a, const struct nft_set *b);

#endif
