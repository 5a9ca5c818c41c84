/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to nftables, and what answers and errors mean. */
#ifndef LIB_NFT_QUESTION_H
#define LIB_NFT_QUESTION_H

#include <stdint.h>

#include "support/error.h"
#include "support/netlink.h"
#include "support/retry.h"

#define QUESTION_MAX 1024
/* A question, to be completed with attributes. */
struct nlmsghdr *question_begin(char question[QUESTION_MAX], uint16_t type, uint16_t flags,
				uint8_t family);

/* What a nftnl_*_nlmsg_parse() that returned @result means: 0, -ENOMEM or -EBADMSG. */
int question_parsed(int result);

/*
 * What a failed question means; @what was to be read.  -EAGAIN, without a sentence: it was
 * changed meanwhile, or something that was there a moment ago is not.
 */
int question_explain(int err, const char *what, struct error *error);

/* -EBUSY, with a sentence, where somebody changed them at each of TRIES; any other @err as it is. */
int question_give_up(int err, struct error *error);

/* What the kernel says of its rules, and of who changed them last. */
struct generation {
	uint32_t id;
	uint32_t process;
	const char *program;		/* in the message; NULL: it does not say, as where it is asked */
};

struct generation generation_in(const struct nlmsghdr *message);
/* Without a sentence; who asks is told of itself as if it had made a change. */
int generation_ask(struct netlink *netlink, struct generation *generation);

/*
 * A number that the kernel changes with every change of its rules.
 * -EPROTONOSUPPORT: it has no nf_tables.
 */
int read_generation(struct netlink *netlink, uint32_t *generation, struct error *error);

#endif
