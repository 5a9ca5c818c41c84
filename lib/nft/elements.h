/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elements of sets that have a name, by the hundred thousand: their messages are written
 * and read here and not by libnftnl, which allocates several blocks for each.
 */
#ifndef LIB_NFT_ELEMENTS_H
#define LIB_NFT_ELEMENTS_H

#include "nft/message.h"

struct nft_element {
	uint8_t key[NFT_FIELD_MAX];
	struct notrack_count count;
	uint64_t expires_ms;		/* as read: how long it is to live; 0: for ever */
};

struct nft_elements {
	struct nft_element *list;
	size_t count;
};

/* -ENOMEM */
int elements_append(struct nft_elements *elements, const struct nft_element *element);
void elements_sort(struct nft_elements *elements);
/* In a sorted list; NULL: it is not there. */
const struct nft_element *elements_lookup(const struct nft_elements *elements,
					  const uint8_t key[NFT_FIELD_MAX]);
void elements_free(struct nft_elements *elements);

/* @counted: with their counters, in a set whose elements have some. */
void elements_add(struct batch *batch, const struct nft_place *place, const struct nft_set *set,
		  const struct nft_elements *elements, bool counted);
void elements_remove(struct batch *batch, const struct nft_place *place,
		     const struct nft_set *set, const struct nft_elements *elements);

/* All elements, in the order of their keys.  Returns 0 or -errno as netlink_ask(). */
int elements_read(struct netlink *netlink, const struct nft_place *place,
		  const struct nft_set *set, struct nft_elements *elements);

/*
 * The same of a set that has no more than @max; returns whether it has.  A dump that was
 * given up keeps its socket from others, so that this one takes a socket of its own.
 */
int elements_read_few(const struct nft_place *place, const struct nft_set *set, size_t max,
		      struct nft_elements *elements);

/* Fills in the element that has @element->key.  Returns whether there is one, or -errno. */
int elements_find(struct netlink *netlink, const struct nft_place *place,
		  const struct nft_set *set, struct nft_element *element);

#endif
