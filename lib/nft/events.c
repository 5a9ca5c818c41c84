/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/events.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nft/question.h"
#include "support/attribute.h"

/* In a storm of changes more come in while we read: what is left is read the next time. */
#define MESSAGES_MAX 4096

/* Bytes of what the kernel tells until it is read, where some program changes sets all the time. */
#define ROOM (1 << 20)

struct reading {
	struct news_queue *queue;
	unsigned int news;
	unsigned int count;
};

/* News that find no room are lost, and then all there is has to be looked at. */
static void make_room(const struct netlink *netlink)
{
	const int room = ROOM;

	if (setsockopt(netlink->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(netlink->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

int nft_listen(struct news_queue *queue)
{
	static const unsigned int group = NFNLGRP_NFTABLES;
	int err;

	*queue = (struct news_queue){ .netlink.fd = -1 };
	err = netlink_listen(&queue->netlink, NETLINK_NETFILTER, &group, 1);
	if (!err)
		make_room(&queue->netlink);
	return err == -EPROTONOSUPPORT ? 0 : err;
}

/* Who asks is told what others are told of whom it was that changed something. */
void nft_sign(struct news_queue *queue)
{
	struct netlink netlink;
	struct generation asked;

	if (netlink_open(&netlink, NETLINK_NETFILTER))
		return;
	if (!generation_ask(&netlink, &asked))
		queue->own = asked.process;
	netlink_close(&netlink);
}

/* Each change ends with its generation, which says who made it. */
static void take_generation(const struct nlmsghdr *message, struct news_queue *queue)
{
	struct generation generation = generation_in(message);

	if (!generation.program)
		return;
	queue->is_signed = true;
	if (generation.process == (queue->own ? queue->own : (uint32_t)getpid()))
		return;		/* we have put something right */
	strncpy(queue->program, generation.program, sizeof(queue->program) - 1);
	queue->process = generation.process;
}

static int take(const struct nlmsghdr *message, void *data)
{
	struct reading *reading = data;
	bool has_header = mnl_nlmsg_get_payload_len(message) >= sizeof(struct nfgenmsg);

	if (message->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES && has_header) {
		switch (message->nlmsg_type & 0xff) {
		case NFT_MSG_NEWGEN:
			take_generation(message, reading->queue);
			break;
		case NFT_MSG_NEWSETELEM:
		case NFT_MSG_DELSETELEM:
			reading->news |= NEWS_OF_ELEMENTS;
			break;
		default:
			reading->news |= NEWS_OF_RULES;
		}
	}
	return ++reading->count >= MESSAGES_MAX;
}

unsigned int nft_hear(struct news_queue *queue)
{
	struct reading reading = { .queue = queue };

	memset(queue->program, 0, sizeof(queue->program));
	queue->process = 0;
	queue->is_signed = false;
	/* where the queue was full, or a message is not to be read, something was changed */
	if (queue->netlink.fd >= 0 && netlink_receive(&queue->netlink, take, &reading) < 0)
		reading.news |= NEWS_OF_RULES;
	return reading.news;
}
