/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor of all that reads the connection tracking table: asks the kernel
 * for its entries, and throws them away unread.
 */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <sys/socket.h>

static char buffer[64 * 1024];

static int is_last(ssize_t size)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
	int left = (int)size;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
			return 1;
	return 0;
}

int main(void)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	ssize_t size;

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(socket, message, message->nlmsg_len) < 0) {
		perror("dump");
		return 1;
	}
	do
		size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	while (size > 0 && !is_last(size));
	mnl_socket_close(socket);
	return size <= 0;
}
