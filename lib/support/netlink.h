/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A netlink socket that hears the kernel, and nobody else.
 *
 * Whoever has CAP_NET_ADMIN in a network namespace may send to every netlink
 * socket there, and the owner of a container has it.  Such a sender must not be
 * taken for the kernel, and must not keep us from the kernel's answers:
 *
 *	- The socket is connected to the kernel.  The kernel then refuses what
 *	  others send to it (ECONNREFUSED), so that nobody can fill its queue.
 *	- The sender of each datagram is looked at all the same; only the kernel
 *	  has port 0.  What others sent before the socket was connected, or to a
 *	  multicast group, is thrown away.
 *	- Sequence numbers begin at random.
 *	- Lengths are checked before anything is read, and no call waits longer than
 *	  a few seconds, however much arrives.
 *
 * Three kinds of conversation:
 *
 *	netlink_ask()		one request: a dump, or a question with an answer
 *	netlink_talk()		many requests in one datagram, and their
 *				acknowledgments: removals, a batch of nftables
 *	netlink_listen(), netlink_receive() or netlink_heard()
 *				events; poll(2) @fd in between
 *
 * All calls return 0 or what @take returned, or -errno: the kernel's answer, or
 *
 *	-ENOBUFS	the socket's queue was full and answers are lost: what became of
 *			the requests is unknown
 *	-ETIMEDOUT	the kernel did not answer
 *	-EBADMSG	a message's length is wrong
 *	-EMSGSIZE	a request is larger than the socket takes, or an answer larger
 *			than the buffer
 *
 * After an error, or where @take ended a conversation, answers may be under way
 * still: they are not mistaken for those to later requests, but a dump that was
 * not read to its end keeps the socket from another one (-EBUSY).
 */
#ifndef LIB_NETLINK_H
#define LIB_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/error.h"
#include "support/tape.h"

struct netlink {
	int fd;
	uint32_t sequence;	/* of the latest request */
	char *buffer;		/* where answers lie while @take looks at them */
	struct tape *tape;	/* for those of dumps that may be asked for again; or NULL */
};

/*
 * Gets a message that lies wholly within its datagram; what its attributes claim
 * is for the callee to check.  Other than 0 ends the conversation.
 */
typedef int netlink_take(const struct nlmsghdr *message, void *data);

/* @protocol: NETLINK_NETFILTER, ...; in the network namespace of the calling thread. */
int netlink_open(struct netlink *netlink, int protocol);
/*
 * What -errno of any call here is to the caller of the library; @what cannot be done.  What the
 * kernel means by -ENOENT, -EINVAL, -EOPNOTSUPP and -EPROTONOSUPPORT the caller knows best.
 */
int netlink_explain(int err, const char *what, struct error *error);
/* Also after netlink_open() failed, and for a zeroed struct. */
void netlink_close(struct netlink *netlink);

/*
 * Has the kernel look at what a dump of routes or links asks for, and send nothing else.  false:
 * it is older than 4.20, and sends all there is.
 */
bool netlink_be_strict(const struct netlink *netlink);

/* The sequence number for a request that netlink_talk() is to send; never 0. */
uint32_t netlink_next(struct netlink *netlink);

/* A request of nfnetlink, NFNL_SUBSYS_* << 8 | NFT_MSG_* or the like, without attributes so far. */
struct nlmsghdr *netlink_message(void *buffer, int type, int flags, uint8_t family);

/*
 * Sends @request, whose sequence number is set here, and hands its answers to
 * @take, which may be NULL where only the acknowledgment is of interest.  A dump
 * (NLM_F_DUMP) goes to its end; -EINTR says that it did and that something was
 * changed meanwhile, so that a caller who needs all of one moment asks again.  What is on
 * @netlink->tape is not asked for.
 */
int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, netlink_take *take, void *data);

/*
 * As netlink_ask(), for a dump that is of use only where all of it is of one moment: asked again,
 * a few times, where something was changed meanwhile, and -EBUSY where it was each time.  @begin
 * is called ahead of each time, for @data to forget what it has taken.
 */
int netlink_ask_whole(struct netlink *netlink, struct nlmsghdr *request, netlink_take *take,
		      void (*begin)(void *data), void *data);

/*
 * Sends @size bytes of requests, numbered by netlink_next(), and hands all that
 * the kernel answers to @take, NLMSG_ERROR included: see netlink_status().
 * @acknowledged: how many of the requests ask for an acknowledgment (NLM_F_ACK):
 * so many are waited for.  The kernel works on requests while they are being sent;
 * refusals of those that ask for none are there when it is done, and are handed
 * over, too.
 */
int netlink_talk(struct netlink *netlink, const void *requests, size_t size,
		 unsigned int acknowledged, netlink_take *take, void *data);

/* The error that an NLMSG_ERROR or NLMSG_DONE brings; 0: an acknowledgment, a dump's end. */
int netlink_status(const struct nlmsghdr *message);

/* Opens, and takes part in multicast groups: NFNLGRP_NFTABLES, ...  Where it fails, it is closed. */
int netlink_listen(struct netlink *netlink, int protocol, const unsigned int *groups, size_t count);
/* Hands over the kernel's messages that are there; does not wait. */
int netlink_receive(struct netlink *netlink, netlink_take *take, void *data);
/* Whether there was any since the last call, or some were lost; never on one that is closed. */
bool netlink_heard(struct netlink *netlink);

/* --- answers, apart from the socket that brings them -------------------- */

struct netlink_answers {
	uint32_t first, last;	/* sequence numbers of the requests */
	bool events;		/* no requests: every message is of interest */
	bool dump;
	bool all;		/* hand over NLMSG_ERROR as well, and go on after it */
	netlink_take *take;
	void *data;
	unsigned int settled;	/* how many requests came to their end */
	bool interrupted;	/* a dump was, by a change */
};

/*
 * Hands on the messages of one datagram.  Returns 0, what take() returned, the error
 * that a request ended with, or -EBADMSG.
 */
int netlink_answers_take(struct netlink_answers *answers, const void *datagram, size_t size);

#endif
