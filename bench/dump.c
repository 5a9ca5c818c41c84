/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor of all that reads from the kernel: asks it for what it has, and throws that away
 * unread.  Beside it, what reading by the libraries made for that takes, which look at
 * each rule once and know nothing of any other.
 *
 *	dump conntrack	the entries of the connection tracking table
 *	dump nft	all rules of nftables
 *	dump nftnl	... each taken apart by libnftnl
 *	dump legacy	the table filter of IPv4
 *	dump iptc	... by libiptc
 */
#include <libiptc/libiptc.h>
#include <libmnl/libmnl.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static char buffer[64 * 1024];

/* Whether libnftnl understood it. */
static int take_apart(const struct nlmsghdr *message)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	int err = rule ? nftnl_rule_nlmsg_parse(message, rule) : -1;

	if (rule)
		nftnl_rule_free(rule);
	return !err;
}

/* Goes through a datagram; whether it is the last one, or not to be understood. */
static int is_last(ssize_t size, int (*take)(const struct nlmsghdr *message))
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
	int left = (int)size;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR ||
		    (take && !take(message)))
			return 1;
	return 0;
}

static int dump(int type, int (*take)(const struct nlmsghdr *message))
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	ssize_t size;

	message->nlmsg_type = (uint16_t)type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -1;
	do
		size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	while (size > 0 && !is_last(size, take));
	mnl_socket_close(socket);
	return size <= 0;
}

static int get_entries(void)
{
	int sockfd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = { .name = "filter" };
	struct ipt_get_entries *entries;
	socklen_t size = sizeof(info);

	if (sockfd < 0 || getsockopt(sockfd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size))
		return -1;
	size = (socklen_t)(sizeof(*entries) + info.size);
	entries = malloc(size);
	if (!entries)
		return -1;
	strcpy(entries->name, info.name);
	entries->size = info.size;
	return getsockopt(sockfd, IPPROTO_IP, IPT_SO_GET_ENTRIES, entries, &size);
}

static int read_entries(void)
{
	struct xtc_handle *handle = iptc_init("filter");
	const char *chain = handle ? iptc_first_chain(handle) : NULL;
	size_t targets = 0;

	for (; chain; chain = iptc_next_chain(handle)) {
		const struct ipt_entry *entry = iptc_first_rule(chain, handle);

		for (; entry; entry = iptc_next_rule(entry, handle))
			targets += iptc_get_target(entry, handle) != NULL;
	}
	if (handle)
		iptc_free(handle);
	return handle && targets ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "conntrack";
	int rules = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE;
	int err = !strcmp(what, "legacy") ? get_entries() :
		  !strcmp(what, "iptc") ? read_entries() :
		  !strcmp(what, "nft") ? dump(rules, NULL) :
		  !strcmp(what, "nftnl") ? dump(rules, take_apart) :
		  dump(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NULL);

	if (err)
		perror("dump");
	return err != 0;
}
