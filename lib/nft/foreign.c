/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/foreign.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>	/* ahead of linux/in.h */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "nft/print.h"
#include "support/netlink.h"

struct foreign {
	char *names;
	size_t size, used;
	int count;
	bool full;
};

static const char *name_of_table(const struct nlmsghdr *message)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME)
			return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ? NULL :
			       mnl_attr_get_str(attr);
	return NULL;
}

/* A name that is cut short would be another one: three dots stand for those that do not fit. */
static void append(struct foreign *foreign, const char *family, const char *name)
{
	static const char dots[] = ", ...";
	char *end = foreign->names + foreign->used;
	size_t left = foreign->size - foreign->used - strlen(dots);
	int length;

	if (foreign->full)
		return;
	length = snprintf(end, left, "%s%s %s", foreign->used ? ", " : "", family, name);
	foreign->full = length < 0 || (size_t)length >= left;
	if (foreign->full)
		strcpy(end, foreign->used ? dots : "...");
	else
		foreign->used += (size_t)length;
}

static int take_table(const struct nlmsghdr *message, void *data)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	struct foreign *foreign = data;
	const char *name;

	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*generic))
		return 0;
	name = name_of_table(message);
	if (!name || (generic->nfgen_family == NFPROTO_INET && !strcmp(name, NFT_TABLE)))
		return 0;
	foreign->count++;
	append(foreign, nft_family_name(generic->nfgen_family), name);
	return 0;
}

/* Asks for all tables, or all chains. */
static int dump(uint16_t what, netlink_take *take, void *data)
{
	char request[MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(struct nfgenmsg))];
	struct nlmsghdr *header = mnl_nlmsg_put_header(request);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	struct netlink netlink;
	int err = netlink_open(&netlink, NETLINK_NETFILTER);

	header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | what;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	generic->nfgen_family = NFPROTO_UNSPEC;
	generic->version = NFNETLINK_V0;
	if (!err)
		err = netlink_ask(&netlink, header, take, data);
	netlink_close(&netlink);
	if (err == -EINVAL || err == -EOPNOTSUPP)	/* what nfnetlink says without nf_tables */
		return -EPROTONOSUPPORT;
	/* a change meanwhile is no reason to say nothing */
	return err == -EINTR ? 0 : err;
}

int nft_foreign_tables(char *names, size_t size)
{
	struct foreign foreign = { .names = names, .size = size };
	int err;

	names[0] = '\0';
	err = dump(NFT_MSG_GETTABLE, take_table, &foreign);
	return err ? err : foreign.count;
}
