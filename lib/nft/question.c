/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/question.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

struct nlmsghdr *question_begin(char question[QUESTION_MAX], uint16_t type, uint16_t flags,
				uint8_t family)
{
	memset(question, 0, QUESTION_MAX);	/* what pads attributes goes to the kernel, too */
	return nftnl_nlmsg_build_hdr(question, type, family, flags, 0);
}

int question_parsed(int result)
{
	return result >= 0 ? 0 : errno == ENOMEM ? -ENOMEM : -EBADMSG;
}

int question_explain(int err, const char *what, struct error *error)
{
	switch (err) {
	case -EINTR:
		return -EAGAIN;
	case -EPERM:
	case -EACCES:
		return error_set(error, -EPERM, "%s cannot be read: not permitted; run as root, or "
				 "with CAP_NET_ADMIN in this network namespace", what);
	case -ENOMEM:
	case -ENOBUFS:
		return error_set(error, -ENOMEM, "out of memory");
	default:
		errno = -err;
		return error_set(error, error_of_system(err), "%s cannot be read: %m", what);
	}
}

int question_give_up(int err, struct error *error)
{
	return err == -EAGAIN ? error_set(error, -EBUSY, "another program keeps changing the rules of "
					  "nftables; try again") : err;
}

static int take_generation(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attribute) == NFTA_GEN_ID &&
		    mnl_attr_get_payload_len(attribute) == sizeof(uint32_t))
			*(uint32_t *)data = ntohl(mnl_attr_get_u32(attribute));
	return 0;
}

int read_generation(struct netlink *netlink, uint32_t *generation, struct error *error)
{
	char question[QUESTION_MAX];
	int err = netlink_ask(netlink, question_begin(question, NFT_MSG_GETGEN, 0, AF_UNSPEC),
			      take_generation, generation);

	/* nfnetlink_rcv_msg() says EINVAL of a subsystem that is not there */
	if (err == -EINVAL || err == -EOPNOTSUPP)
		return error_set(error, -EPROTONOSUPPORT, "the kernel has no nftables: load module "
				 "nf_tables, or build it with CONFIG_NF_TABLES, "
				 "CONFIG_NF_TABLES_INET and CONFIG_NFT_CT");
	return err ? question_explain(err, "the generation of nftables' rules", error) : 0;
}
