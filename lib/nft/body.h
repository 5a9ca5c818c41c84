/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule as its expressions: what rules of ours in chains of others are made of, as they
 * repeat expressions of others that nobody here has to understand.  Two are compared by
 * what they mean, since nft(8) and iptables-nft write the same in more than one way.
 */
#ifndef LIB_NFT_BODY_H
#define LIB_NFT_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Elements of a set, as many as one message has. */
struct nft_body_part {
	struct nft_body_part *next;
	const void *elements;
	size_t size;
};

/* A set without a name, which belongs to its rule. */
struct nft_body_set {
	struct nft_body_set *next;
	const char *name;		/* that the expressions have; the kernel gives another one */
	const void *head;		/* what it is, as attributes */
	size_t head_size;
	struct nft_body_part *parts, *last;
};

struct nft_body {
	const void *expressions;	/* one behind another */
	size_t size;
	const void *userdata;		/* has the comment */
	size_t userdata_size;
	/* the rest by nft_body_complete(), see body_read.h */
	struct nft_body_set *sets;
	uint8_t protocol;		/* what matches of xtables are told; 0: any */
	const void *essence;
	size_t essence_size;
	const char *text;
};

/* Whether both do the same with the same packets, whatever they have counted. */
static inline bool nft_body_same(const struct nft_body *a, const struct nft_body *b)
{
	return a->essence_size == b->essence_size &&
	       !memcmp(a->essence, b->essence, a->essence_size);
}

#endif
