/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule as its expressions: what rules of ours in chains of others are made of, as they
 * repeat expressions of others that nobody here has to understand.  Two are compared by
 * what they mean, since nft(8) and iptables-nft write the same in more than one way.
 */
#ifndef LIB_NFT_BODY_H
#define LIB_NFT_BODY_H

#include "nft/expressions.h"
#include "nft/message.h"
#include "nft/view_reader.h"

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
	/* the rest by nft_body_complete() */
	struct nft_body_set *sets;
	uint8_t protocol;		/* what matches of xtables are told; 0: any */
	const void *essence;
	size_t essence_size;
	const char *text;
};

/*
 * Reads the sets that the expressions look up, and finds what they mean in @chain.  No
 * conversation may be under way on the reader's netlink.  0, or -errno.
 */
int nft_body_complete(struct nft_body *body, struct view_reader *reader, struct view_chain *chain,
		      struct arena *arena);

/* Whether both do the same with the same packets, whatever they have counted. */
bool nft_body_same(const struct nft_body *a, const struct nft_body *b);

/* body_essence.c: of the steps that reader_run() left in the view.  -ENOMEM */
int nft_body_describe(struct nft_body *body, struct view_reader *reader,
		      const struct view_table *table, const uint8_t *from, struct arena *arena);

/* body_set.c: reads a set that has no name.  -errno */
int nft_body_read_set(struct nft_body *body, struct view_reader *reader,
		      const struct view_table *table, const char *name, struct arena *arena);
/* Makes the sets anew; each gets the number behind the last one of the batch. */
void nft_body_put_sets(const struct nft_body *body, struct batch *batch,
		       const struct nft_subject *subject);

/* body_write.c: as message_add_rule(). */
void nft_body_put(const struct nft_body *body, struct batch *batch,
		  const struct nft_subject *subject, uint64_t before);

#endif
