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
	struct nft_events *events;
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

int nft_events_open(struct nft_events *events)
{
	int err;

	*events = (struct nft_events){ .netlink.fd = -1 };
	err = netlink_open(&events->netlink, NETLINK_NETFILTER);
	if (!err) {
		make_room(&events->netlink);
		err = netlink_join(&events->netlink, NFNLGRP_NFTABLES);
	}
	if (err)
		netlink_close(&events->netlink);
	return err == -EPROTONOSUPPORT ? 0 : err;
}

void nft_events_close(struct nft_events *events)
{
	netlink_close(&events->netlink);
}

/* Who asks is told what others are told of whom it was that changed something. */
void nft_events_sign(struct nft_events *events)
{
	struct netlink netlink;
	struct generation asked;

	if (netlink_open(&netlink, NETLINK_NETFILTER))
		return;
	if (!generation_ask(&netlink, &asked))
		events->own = asked.process;
	netlink_close(&netlink);
}

/* Each change ends with its generation, which says who made it. */
static void take_generation(const struct nlmsghdr *message, struct nft_events *events)
{
	struct generation generation = generation_in(message);

	if (!generation.program)
		return;
	events->is_signed = true;
	if (generation.process == (events->own ? events->own : (uint32_t)getpid()))
		return;		/* we have put something right */
	strncpy(events->program, generation.program, sizeof(events->program) - 1);
	events->process = generation.process;
}

static int take(const struct nlmsghdr *message, void *data)
{
	struct reading *reading = data;
	bool has_header = mnl_nlmsg_get_payload_len(message) >= sizeof(struct nfgenmsg);

	if (message->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES && has_header) {
		switch (message->nlmsg_type & 0xff) {
		case NFT_MSG_NEWGEN:
			take_generation(message, reading->events);
			break;
		case NFT_MSG_NEWSETELEM:
		case NFT_MSG_DELSETELEM:
			reading->news |= NFT_ELEMENTS_CHANGED;
			break;
		default:
			reading->news |= NFT_RULES_CHANGED;
		}
	}
	return ++reading->count >= MESSAGES_MAX;
}

unsigned int nft_events_take(struct nft_events *events)
{
	struct reading reading = { .events = events };

	memset(events->program, 0, sizeof(events->program));
	events->process = 0;
	events->is_signed = false;
	/* where the queue was full, or a message is not to be read, something was changed */
	if (events->netlink.fd >= 0 && netlink_receive(&events->netlink, take, &reading) < 0)
		reading.news |= NFT_RULES_CHANGED;
	return reading.news;
}
