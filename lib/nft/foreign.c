/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/foreign.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "support/netlink.h"

#define OUR_TABLE "libnotrack"

struct foreign {
	char *names;
	size_t size, used;
	int count;
	bool full;
};

static const char *family_word(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "?";
	}
}

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
	if (!name || (generic->nfgen_family == NFPROTO_INET && !strcmp(name, OUR_TABLE)))
		return 0;
	foreign->count++;
	append(foreign, family_word(generic->nfgen_family), name);
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

/* --- who filters ------------------------------------------------------ */

struct base_chain {
	const char *table;
	uint32_t hook, policy, uses;	/* the hook is NF_INET_NUMHOOKS where it has none */
};

static uint32_t number_of(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? 0 : ntohl(mnl_attr_get_u32(attr));
}

static uint32_t hook_of(const struct nlattr *nest)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
			return number_of(attr);
	return NF_INET_NUMHOOKS;
}

static void read_chain(struct base_chain *chain, const struct nlmsghdr *message)
{
	const struct nlattr *attr;

	*chain = (struct base_chain){ .table = "", .hook = NF_INET_NUMHOOKS, .policy = NF_ACCEPT };
	mnl_attr_for_each(attr, message, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_CHAIN_TABLE:
			if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
				chain->table = mnl_attr_get_str(attr);
			break;
		case NFTA_CHAIN_HOOK:
			if (mnl_attr_validate(attr, MNL_TYPE_NESTED) >= 0)
				chain->hook = hook_of(attr);
			break;
		case NFTA_CHAIN_POLICY:
			chain->policy = number_of(attr);
			break;
		case NFTA_CHAIN_USE:
			chain->uses = number_of(attr);
			break;
		}
	}
}

static int take_chain(const struct nlmsghdr *message, void *data)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	const unsigned int families = *(const unsigned int *)data;
	struct base_chain chain;

	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*generic))
		return 0;
	if (generic->nfgen_family != NFPROTO_INET &&
	    !(generic->nfgen_family == NFPROTO_IPV4 && families & 1u << IPV4) &&
	    !(generic->nfgen_family == NFPROTO_IPV6 && families & 1u << IPV6))
		return 0;
	read_chain(&chain, message);
	if (generic->nfgen_family == NFPROTO_INET && !strcmp(chain.table, OUR_TABLE))
		return 0;
	return (chain.hook == NF_INET_LOCAL_IN || chain.hook == NF_INET_LOCAL_OUT) &&
	       (chain.uses || chain.policy != NF_ACCEPT);
}

int nft_filters(const struct session *session)
{
	unsigned int families = session->families;
	int result = dump(NFT_MSG_GETCHAIN, take_chain, &families);

	if (result >= 0 || result == -EPROTONOSUPPORT)
		return result > 0;
	errno = -result;
	return error_set(session->error, result == -EPERM ? -EPERM : -EIO, "nftables: its chains "
			 "cannot be read: %m%s", result == -EPERM ? "; run as root, or with "
			 "CAP_NET_ADMIN in this network namespace" : "");
}
