/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/question.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "support/attribute.h"

struct nlmsghdr *question_begin(char question[QUESTION_MAX], uint16_t type, uint16_t flags,
				uint8_t family)
{
	memset(question, 0, QUESTION_MAX);	/* what pads attributes goes to the kernel, too */
	return netlink_message(question, NFNL_SUBSYS_NFTABLES << 8 | type, flags, family);
}

int question_parsed(int result)
{
	return result >= 0 ? 0 : errno == ENOMEM ? -ENOMEM : -EBADMSG;
}

int question_explain(int err, const char *what, struct error *error)
{
	char reading[200];

	if (err == -EINTR || err == -ENOENT)
		return -EAGAIN;
	snprintf(reading, sizeof(reading), "%s cannot be read", what);
	return err ? netlink_explain(err, reading, error) : 0;
}

int question_give_up(int err, struct error *error)
{
	return err == -EAGAIN ? error_set(error, -EBUSY, "another program keeps changing the rules of "
					  "nftables; try again") : err;
}

struct generation generation_in(const struct nlmsghdr *message)
{
	struct generation generation = { .id = 0 };
	const struct nlattr *attr;

	each_attribute(attr, attributes(message), message_end(message)) {
		if (type_of(attr) == NFTA_GEN_ID)
			generation.id = number_in(attr);
		else if (type_of(attr) == NFTA_GEN_PROC_PID)
			generation.process = number_in(attr);
		else if (type_of(attr) == NFTA_GEN_PROC_NAME)
			generation.program = string_in(attr);
	}
	return generation;
}

static int take_generation(const struct nlmsghdr *message, void *data)
{
	struct generation *generation = data;

	*generation = generation_in(message);
	generation->program = NULL;		/* which goes with the message */
	return 0;
}

int generation_ask(struct netlink *netlink, struct generation *generation)
{
	char question[QUESTION_MAX];

	*generation = (struct generation){ .id = 0 };
	return netlink_ask(netlink, question_begin(question, NFT_MSG_GETGEN, 0, AF_UNSPEC),
			   take_generation, generation);
}

int read_generation(struct netlink *netlink, uint32_t *generation, struct error *error)
{
	struct generation now;
	int err = generation_ask(netlink, &now);

	*generation = now.id;
	/* nfnetlink_rcv_msg() says EINVAL of a subsystem that is not there */
	if (err == -EINVAL || err == -EOPNOTSUPP)
		return error_set(error, -EPROTONOSUPPORT, "the kernel has no nftables: load module "
				 "nf_tables, or build it with CONFIG_NF_TABLES, "
				 "CONFIG_NF_TABLES_INET and CONFIG_NFT_CT");
	return question_explain(err, "the generation of nftables' rules", error);
}
