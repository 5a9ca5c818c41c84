/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes that the kernel makes all at once, or not at all.
 *
 * A batch is one datagram, whatever its size, since the kernel takes each datagram
 * for a transaction of its own.  It names the generation of the rules that it was
 * computed from, so that the kernel refuses it where somebody changed them since.
 */
#ifndef LIB_NFT_BATCH_H
#define LIB_NFT_BATCH_H

#include <libmnl/libmnl.h>

#include "nft/rule.h"
#include "support/error.h"
#include "support/netlink.h"

/* What a message is about, for the sentence of an error; it must outlive the batch. */
struct nft_subject {
	uint8_t family;			/* NFPROTO_* */
	const char *table;
	const char *chain;		/* NULL: the table itself, or @set */
	const char *set;
	const struct nft_rule *rule;	/* in @chain */
};

struct batch_message {
	size_t offset;
	uint32_t sequence;
	struct nft_subject subject;
};

struct batch {
	struct netlink *netlink;
	uint32_t sequence;		/* of the message that begins it */
	char *data;
	size_t size, room;
	struct batch_message *messages;
	size_t count;
	size_t live;			/* messages up to here change nothing that packets meet */
	uint32_t set_id;		/* of the latest set without a name of its own */
	bool failed;			/* out of memory: batch_send() says so */
	bool is_partly_done;		/* some of it may have been committed, for all we know */
};

void batch_begin(struct batch *batch, struct netlink *netlink);
void batch_free(struct batch *batch);

/*
 * A new message of @type (NFT_MSG_*), with room for more than any attribute holds;
 * to be completed before the next one begins.  NULL if out of memory.
 */
struct nlmsghdr *batch_message(struct batch *batch, uint16_t type, uint16_t flags,
			       const struct nft_subject *subject);

/* All that was put so far only prepares: a large batch may be sent in pieces up to here. */
static inline void batch_prepared(struct batch *batch)
{
	batch->live = batch->count;
}

/*
 * Makes the changes.  @generation is that of the rules they were computed from, and
 * becomes that which they made.
 * Returns: 0, -EAGAIN where the rules are of another generation by now, -ENFILE where a
 * set is full, or -errno.
 */
int batch_send(struct batch *batch, uint32_t *generation, struct error *error);

/* Whether the kernel would make the changes; it does not. */
int batch_try(struct batch *batch, struct error *error);

#endif
