/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of others as they are when grafts are put there: which rules stand where,
 * whole what is ours, and whole those rules of theirs that ours repeat parts of.
 */
#ifndef LIB_NFT_SIGHT_H
#define LIB_NFT_SIGHT_H

#include "nft/body.h"
#include "nft/host.h"
#include "nft/view_reader.h"
#include "rules/graft.h"

/* A rule that was kept whole. */
struct nft_seen {
	const struct view_chain *chain;
	const struct view_rule *rule;
	const void *expressions, *userdata;
	size_t size, userdata_size;
};

struct nft_sight {
	struct view view;
	struct view_reader *reader;
	const struct grafts *grafts;	/* NULL: none */
	bool is_as_planned;		/* nobody has changed anything since grafts were made, or there
					   are none: rules are not decoded */
	uint64_t *handles;		/* of the rules that grafts repeat parts of, in order */
	size_t handle_count;
	struct nft_seen *list;		/* in the order of the rules */
	size_t count;
	const struct view_table **native;	/* tables with rules that iptables-nft never makes */
	size_t native_count;
	struct arena arena;
};

/* 0, -EAGAIN, or -errno with a sentence; nft_sight_close() also where it fails. */
int nft_sight_open(struct nft_sight *sight, struct netlink *netlink, const struct grafts *grafts,
		   struct error *error);
void nft_sight_close(struct nft_sight *sight);

/*
 * Makes the host of it: all tables of others, and those of their chains that are ours,
 * have something of ours, or are to have grafts, or that @also has, which may be NULL.
 * 0, -EAGAIN, or -errno with a sentence.
 */
int nft_sight_host(struct nft_sight *sight, struct nft_host *host,
		   const struct nft_host *also, struct error *error);

/* The table and the chain that a graft names in a view of its own; NULL: gone by now. */
struct view_table *nft_sight_table(const struct nft_sight *sight, const struct view_table *table);
struct view_table *nft_sight_place(const struct nft_sight *sight, const struct nft_place *place);
/* A rule of theirs that was kept whole; NULL: gone by now. */
const struct nft_seen *nft_sight_find(const struct nft_sight *sight,
				      const struct view_table *table, uint64_t handle);

#endif
