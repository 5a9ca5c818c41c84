/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/batch.h"

#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "nft/print.h"
#include "support/memory.h"

/* Netlink attributes are of up to 64 KiB; a message of ours has one such at most. */
#define MESSAGE_MAX ((size_t)128 * 1024)
/* The messages that begin and end a batch, and what the kernel keeps of a socket's queue. */
#define BRACKET_MAX 256

void batch_begin(struct batch *batch, struct netlink *netlink)
{
	*batch = (struct batch){ .netlink = netlink, .sequence = netlink_next(netlink) };
}

void batch_free(struct batch *batch)
{
	memory_put(batch->data, batch->room);
	free(batch->messages);
	*batch = (struct batch){ 0 };
}

/* The message under way has got its length by now. */
static void close_message(struct batch *batch)
{
	const struct nlmsghdr *last;

	if (!batch->count)
		return;
	last = (const void *)(batch->data + batch->messages[batch->count - 1].offset);
	batch->size = batch->messages[batch->count - 1].offset + MNL_ALIGN(last->nlmsg_len);
}

static int reserve(struct batch *batch)
{
	size_t room = batch->room ? 2 * batch->room : 2 * MESSAGE_MAX;
	char *grown;

	if (batch->room >= batch->size + MESSAGE_MAX)
		return 0;
	grown = memory_enlarge(batch->data, batch->room, room);
	if (!grown)
		return -ENOMEM;
	batch->data = grown;
	batch->room = room;
	return 0;
}

struct nlmsghdr *batch_message(struct batch *batch, uint16_t type, uint16_t flags,
			       const struct nft_subject *subject)
{
	struct batch_message *grown;
	struct nlmsghdr *message;

	close_message(batch);
	grown = memory_grow(batch->messages, batch->count, sizeof(*grown));
	if (grown)
		batch->messages = grown;
	if (!grown || reserve(batch)) {
		batch->failed = true;
		return NULL;
	}
	grown[batch->count] = (struct batch_message){
		.offset = batch->size,
		.sequence = netlink_next(batch->netlink),
		.subject = *subject,
	};
	message = netlink_message(batch->data + batch->size, NFNL_SUBSYS_NFTABLES << 8 | type, flags,
				  subject->family);
	message->nlmsg_seq = grown[batch->count++].sequence;
	return message;
}

/* --- what the kernel answers -------------------------------------------- */

struct answers {
	const struct batch *batch;
	int err;			/* the first refusal */
	const struct batch_message *refused;	/* NULL: the batch as a whole */
};

static int take_answer(const struct nlmsghdr *message, void *data)
{
	struct answers *answers = data;
	int err = message->nlmsg_type == NLMSG_ERROR ? netlink_status(message) : 0;

	if (!err || answers->err)
		return 0;
	answers->err = err;
	for (size_t i = 0; i < answers->batch->count; i++)
		if (answers->batch->messages[i].sequence == message->nlmsg_seq)
			answers->refused = &answers->batch->messages[i];
	return 0;
}

static void name_subject(const struct nft_subject *subject, char *text, size_t size)
{
	int used = snprintf(text, size, "table %s %s", nft_family_name(subject->family),
			    subject->table);
	char rule[512];

	if (subject->set)
		snprintf(text + used, size - (size_t)used, ", set %s", subject->set);
	else if (subject->chain)
		used += snprintf(text + used, size - (size_t)used, ", chain %s", subject->chain);
	if (!subject->rule)
		return;
	nft_rule_text(subject->rule, rule, sizeof(rule));
	snprintf(text + used, size - (size_t)used, ", rule \"%s\"", rule);
}

static int explain(const struct answers *answers, struct error *error)
{
	char subject[800] = "the tables of nftables";
	int err = answers->err;

	if (answers->refused)
		name_subject(&answers->refused->subject, subject, sizeof(subject));
	switch (err) {
	case -ERESTART:
		return -EAGAIN;
	case -EMSGSIZE:
		return error_set(error, -EIO, "%s: the change is too large for the socket's queue, "
				 "which only a process with CAP_NET_ADMIN in the initial user "
				 "namespace may enlarge; see /proc/sys/net/core/wmem_max", subject);
	case -EPERM:
	case -EACCES:
	case -ENOMEM:
	case -ENOBUFS:
	case -ETIMEDOUT:
		return netlink_explain(err, subject, error);
	case -ENFILE:
		return error_set(error, -ENFILE, "%s: it is full", subject);
	case -ENOENT:
		if (!answers->refused || !answers->refused->subject.rule)
			break;
		__attribute__((fallthrough));	/* it lacks what the rule is made of */
	case -EOPNOTSUPP:
	case -EPROTONOSUPPORT:
	case -EAFNOSUPPORT:
		return error_set(error, -EPROTONOSUPPORT, "%s: the kernel lacks what it takes; build it "
				 "with CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, CONFIG_NFT_CT and "
				 "CONFIG_NFT_LIMIT, or load their modules", subject);
	}
	errno = -err;
	return error_set(error, -EIO, "%s: the kernel refuses it: %m", subject);
}

/* --- sending ------------------------------------------------------------ */

static const char *message_at(const struct batch *batch, size_t message)
{
	return batch->data + (message < batch->count ? batch->messages[message].offset :
						       batch->size);
}

/* What begins and ends a transaction, and the messages in between. */
struct piece {
	char *data;
	size_t size, room;
};

static void put_begin(struct piece *piece, uint32_t sequence, const uint32_t *generation)
{
	struct nlmsghdr *header = nftnl_batch_begin(piece->data, sequence);

	if (generation)
		mnl_attr_put_u32(header, NFNL_BATCH_GENID, htonl(*generation));
	piece->size = header->nlmsg_len;
}

/*
 * The last message asks for an acknowledgment: no answer at all might as well mean that
 * answers were lost.  Without its end, a batch is checked and not committed.
 */
static int make_piece(struct piece *piece, struct batch *batch, size_t from, size_t to,
		      const uint32_t *generation)
{
	const char *first = message_at(batch, from), *last = message_at(batch, to - 1);
	size_t size = (size_t)(message_at(batch, to) - first);
	struct nlmsghdr *acknowledged;

	piece->room = size + BRACKET_MAX;
	piece->data = memory_get(piece->room);
	if (!piece->data)
		return -ENOMEM;
	put_begin(piece, batch->sequence, generation);
	memcpy(piece->data + piece->size, first, size);
	acknowledged = (void *)(piece->data + piece->size + (last - first));
	acknowledged->nlmsg_flags |= NLM_F_ACK;
	piece->size += size;
	if (generation)
		piece->size += nftnl_batch_end(piece->data + piece->size,
					       netlink_next(batch->netlink))->nlmsg_len;
	return 0;
}

static int send_piece(struct batch *batch, size_t from, size_t to, uint32_t *generation,
		      struct answers *answers)
{
	struct piece piece = { .data = NULL };
	int err = make_piece(&piece, batch, from, to, generation);

	*answers = (struct answers){ .batch = batch };
	if (!err)
		err = netlink_talk(batch->netlink, piece.data, piece.size, 1, take_answer, answers);
	memory_put(piece.data, piece.room);
	/* no answer, or one that was lost: who knows what became of it */
	batch->is_partly_done |= err == -ENOBUFS || err == -ETIMEDOUT || err == -EBADMSG;
	if (err)
		answers->err = err;
	else if (!answers->err && generation && !++*generation)
		++*generation;		/* the kernel leaves out 0 as well */
	return answers->err;
}

/* What one datagram may hold, once the queue is as large as it may become. */
static size_t piece_max(const struct batch *batch)
{
	socklen_t length = sizeof(int);
	int room = 0;

	if (getsockopt(batch->netlink->fd, SOL_SOCKET, SO_SNDBUF, &room, &length) ||
	    room <= BRACKET_MAX)
		return 0;
	return (size_t)room - BRACKET_MAX;
}

/* Where the piece ends that begins at @from: as far as the queue and @end allow. */
static size_t piece_end(const struct batch *batch, size_t from, size_t end, size_t max)
{
	size_t to = from + 1;

	while (to < end && (size_t)(message_at(batch, to + 1) - message_at(batch, from)) <= max)
		to++;
	return to;
}

/* Prepares in as many transactions as it takes, then does the rest in one. */
static int send_pieces(struct batch *batch, uint32_t *generation, struct answers *answers)
{
	size_t max = piece_max(batch), from = 0;
	int err = 0;

	while (from < batch->count && !err) {
		size_t end = from < batch->live ? batch->live : batch->count;
		size_t to = from < batch->live ? piece_end(batch, from, end, max) : end;

		err = send_piece(batch, from, to, generation, answers);
		if (!err)
			batch->is_partly_done = true;
		from = to;
	}
	return err;
}

static int close_batch(struct batch *batch, struct error *error)
{
	close_message(batch);
	return batch->failed ? error_set(error, -ENOMEM, "out of memory") : 0;
}

int batch_send(struct batch *batch, uint32_t *generation, struct error *error)
{
	struct answers answers;
	int err = close_batch(batch, error);

	if (err || !batch->count)
		return err;
	err = send_piece(batch, 0, batch->count, generation, &answers);
	if (err == -EMSGSIZE && batch->live)
		err = send_pieces(batch, generation, &answers);
	return err ? explain(&answers, error) : 0;
}

int batch_try(struct batch *batch, struct error *error)
{
	struct answers answers;
	int err = close_batch(batch, error);

	if (err || !batch->count)
		return err;
	err = send_piece(batch, 0, batch->count, NULL, &answers);
	return err ? explain(&answers, error) : 0;
}
